import { cordon } from '@cordon/cordon'
import { buildNode, eventually, stopAll } from '@cordon/testing/node'
import { identify } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { afterEach, describe, expect, it } from 'vitest'
import { Complaints, expectUnhindered, keepBusy, stopClean, TEST_TIMEOUT } from './support.ts'
import type { Guarded } from './support.ts'
import type { ComponentLogger } from '@libp2p/interface'
import type { KadDHT, SingleKadDHT } from '@libp2p/kad-dht'
import type { Libp2p } from 'libp2p'

const NODES = 10

async function build (logger: ComponentLogger): Promise<Libp2p<Guarded & { dht: KadDHT }>> {
  const dht = kadDHT({
    protocol: '/cordon-test/kad/1.0.0',
    clientMode: false,
    // loopback addresses are no addresses to it otherwise
    peerInfoMapper: passthroughMapper,
    validators: { test: async () => {} },
    selectors: { test: () => 0 }
  })

  return buildNode({
    transport: 'tcp',
    stack: 'chainsafe',
    compose: options => cordon({ ...options, logger, services: { identify: identify(), ping: ping(), dht } })
  })
}

afterEach(stopAll)

describe('kad-dht on guarded nodes', () => {
  it('finds on any of 10 nodes what any other has put', async () => {
    using complaints = new Complaints()
    const nodes = await Promise.all(Array.from({ length: NODES }, async () => build(complaints.logger)))

    // everybody is told of some; the rest they have to find
    await Promise.all(nodes.map(async (node, at) => {
      for (const step of [1, 2, 3]) await node.dial(nodes[(at + step) % NODES]?.getMultiaddrs() ?? [])
    }))
    await eventually(() => nodes.every(({ services: { dht } }) => (dht as SingleKadDHT).routingTable.size >= NODES / 2), { deadline: 15_000 })

    const rounds = await Promise.all(nodes.slice(0, 3).map(async (_, lane) => keepBusy(async round => {
      const key = new TextEncoder().encode(`/test/${lane}-${round}`)
      const value = crypto.getRandomValues(new Uint8Array(256))
      const writer = nodes[(lane + round) % NODES]
      const reader = nodes[(lane + round * 3 + 5) % NODES]
      await writer?.contentRouting.put(key, value, { signal: AbortSignal.timeout(15_000) })
      const found = await reader?.contentRouting.get(key, { signal: AbortSignal.timeout(15_000) })

      // what a node has itself comes as a buffer
      expect(found != null && Buffer.from(found).equals(value)).toBe(true)
    })))

    expect(Math.min(...rounds)).toBeGreaterThan(0)
    expectUnhindered(nodes)
    await stopClean(nodes, stopAll)
    complaints.expectNone()
  }, TEST_TIMEOUT)
})
