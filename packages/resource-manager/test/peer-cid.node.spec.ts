import { PEER_ID_RANGES } from '@cordon/address'
import { seededRandom } from '@cordon/testing'
import { base32 } from 'multiformats/bases/base32'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { canonicalPeer } from '../src/limits/peer-cid.ts'

describe('a peer that is spelt as a CID', () => {
  it('may be any, in each base, and content is none', () => {
    const random = seededRandom(36)
    for (const { first, last } of PEER_ID_RANGES) {
      const [low, high] = [first, last].map(text => base58btc.decode(`z${text}`))
      for (let n = 0; n < 200; n++) {
        const bytes = Uint8Array.from(low ?? [], (byte, index) => byte === high?.[index] ? byte : random.int(byte, high?.[index] ?? byte))
        const peer = base58btc.encode(bytes).slice(1)
        for (const base of [base32, base36, base58btc]) {
          const encode = (codec: number): string => base.encode(Uint8Array.of(1, codec, ...bytes))
          const cid = encode(0x72)
          expect(canonicalPeer(cid)).toBe(peer)
          if (n === 0) expect(CID.parse(cid, base.decoder)).toMatchObject({ code: 0x72, version: 1, multihash: { bytes } })
          for (const codec of [0x55, 0x70, 0x71, 0x73]) expect(canonicalPeer(encode(codec))).toBe(encode(codec))
        }
      }
    }
  })
})
