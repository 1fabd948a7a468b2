import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { cordon } from '@cordon/cordon'
import { eventually } from '@cordon/testing/node'
import { withBitswap } from '@helia/bitswap'
import { withLibp2pLight } from '@helia/libp2p'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { createHeliaLight } from 'helia'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { describe, expect, it } from 'vitest'
import { Complaints, expectUnhindered, keepBusy, stopClean, TEST_TIMEOUT } from './support.ts'
import type { Guarded } from './support.ts'
import type { HeliaWithLibp2p } from '@helia/libp2p'
import type { ComponentLogger } from '@libp2p/interface'

const BLOCK_SIZE = 64 * 1_024

function build (logger: ComponentLogger): HeliaWithLibp2p<Guarded> {
  return withBitswap(withLibp2pLight(createHeliaLight(), cordon({
    logger,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() }
  })))
}

describe('Helia on guarded nodes', () => {
  it('exchanges blocks between two of them', async () => {
    using complaints = new Complaints()
    const helias = [build(complaints.logger), build(complaints.logger)] as const
    await Promise.all(helias.map(async helia => { await helia.start() }))
    const nodes = helias.map(({ libp2p }) => libp2p)

    try {
      await helias[0].libp2p.dial(helias[1].libp2p.getMultiaddrs())
      await eventually(() => nodes.every(node => node.getPeers().length === 1))

      const rounds = await Promise.all([[0, 1], [1, 0]].map(async ([from = 0, to = 0]) => keepBusy(async () => {
        const block = crypto.getRandomValues(new Uint8Array(BLOCK_SIZE))
        const cid = CID.createV1(raw.code, await sha256.digest(block))
        await helias[from]?.blockstore.put(cid, block)
        const chunks: Uint8Array[] = []
        for await (const chunk of helias[to]?.blockstore.get(cid, { signal: AbortSignal.timeout(15_000) }) ?? []) chunks.push(chunk)

        expect(Buffer.concat(chunks).equals(block)).toBe(true)
      })))

      expect(Math.min(...rounds)).toBeGreaterThan(0)
      expectUnhindered(nodes)
      await stopClean(nodes, async () => Promise.all(helias.map(async helia => { await helia.stop() })))
    } finally {
      await Promise.all(helias.map(async helia => { await helia.stop() }))
    }

    complaints.expectNone()
  }, TEST_TIMEOUT)
})
