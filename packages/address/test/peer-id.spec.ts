import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPeerIdText, PEER_ID_RANGES, peerOf } from '../src/index.ts'

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const character = fc.constantFrom(...Array.from(ALPHABET))

/** Whether libp2p reads it as a peer id, and would write it the same way */
function isKnown (text: string): boolean {
  try {
    return peerIdFromString(text).toString() === text
  } catch {
    return false
  }
}

describe('isPeerIdText', () => {
  it.each(['Ed25519', 'secp256k1', 'RSA'] as const)('takes those of %s keys, and none with a character too few, too many or another', async type => {
    for (let n = 0; n < (type === 'RSA' ? 2 : 30); n++) {
      const id = peerIdFromPrivateKey(await generateKeyPair(type)).toString()

      expect(isPeerIdText(id)).toBe(true)
      for (const other of [id.slice(1), id.slice(0, -1), `${id}a`, `1${id}`, ` ${id}`, `${id}\n`, `${id.slice(0, 20)}0${id.slice(21)}`, `${id.slice(0, 20)}l${id.slice(21)}`]) expect(isPeerIdText(other)).toBe(false)
    }
  })

  it('takes the first and the last of each kind, and libp2p knows those of hashes', () => {
    for (const { first, last } of PEER_ID_RANGES) {
      expect([first, last].map(isPeerIdText)).toEqual([true, true])
      expect(first).toHaveLength(last.length)
      expect(first < last).toBe(true)
    }
    expect(PEER_ID_RANGES.filter(({ first }) => first.startsWith('Qm')).flatMap(({ first, last }) => [first, last]).every(isKnown)).toBe(true)
  })

  it('takes no text that libp2p would not write', () => {
    const beginning = fc.constantFrom(...PEER_ID_RANGES.flatMap(({ first, last }) => [first, last]))
    const text = fc.tuple(beginning, fc.nat(53), fc.array(character, { maxLength: 53, size: 'max' })).map(([begins, at, rest]) => `${begins.slice(0, at)}${rest.join('')}`.slice(0, begins.length))

    fc.assert(fc.property(text, text => {
      // whether a key lies on its curve is more than a text shows
      if (isPeerIdText(text) && text.startsWith('Qm')) expect(isKnown(text)).toBe(true)
      if (isKnown(text)) expect(isPeerIdText(text)).toBe(true)
    }), { numRuns: 3_000 })
  })
})

describe('peerOf', () => {
  const [relay, peer] = ['QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC', '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9']
  const cid = peerIdFromString(peer).toCID().toString()

  it.each([
    ['/ip4/192.0.2.1/tcp/1', undefined],
    [`/ip4/192.0.2.1/tcp/1/p2p/${peer}`, peer],
    [`/ip4/192.0.2.1/tcp/1/p2p/${cid}`, peer],
    [`/ip4/192.0.2.1/tcp/1/p2p/${relay}/p2p-circuit`, undefined],
    [`/ip4/192.0.2.1/tcp/1/p2p/${relay}/p2p-circuit/p2p/${cid}`, peer],
    [`/p2p/${relay}/p2p-circuit/webrtc/p2p/${peer}`, peer],
    [`/memory/x/p2p/${relay}`, relay]
  ])('of %s is %s', (text, expected) => {
    expect(peerOf(multiaddr(text))).toBe(expected)
    expect(peerOf(multiaddr(multiaddr(text).bytes))).toBe(expected)
  })
})
