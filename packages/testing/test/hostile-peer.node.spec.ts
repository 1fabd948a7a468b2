import { buildNode, closedPort, dialler, eventually, handleCounts, handlesSince, hostilePeer, portOf, RAW_PHASES, STACKS, stallingServer, stopAll, UPGRADED_PHASES } from '@cordon/testing/node'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BaseServices, HostileKind } from '@cordon/testing/node'
import type { HandleCounts, HostilePeer, HostilePeerInit } from '@cordon/testing/node'
import type { Libp2pOptions } from 'libp2p'

/** A stock node, but for the thresholds that would turn away what comes from one host too often */
function patient (options: Libp2pOptions<BaseServices>): Libp2pOptions<BaseServices> {
  return { ...options, connectionManager: { inboundConnectionThreshold: 1_000, maxIncomingPendingConnections: 100, inboundUpgradeTimeout: 700 } }
}

describe('hostile peers', () => {
  let before: HandleCounts
  const peers: HostilePeer[] = []

  beforeEach(() => { before = handleCounts() })

  afterEach(async () => {
    await Promise.all(peers.splice(0).map(async peer => { await peer.stop() }))
    await stopAll()
    await eventually(() => { expect(handlesSince(before)).toEqual({}) })
  })

  function make (init: HostilePeerInit): HostilePeer {
    const peer = hostilePeer(init)
    peers.push(peer)
    return peer
  }

  describe.each(['tcp', 'ws'] as const)('over %s', (transport) => {
    async function strike (kind: HostileKind, times: number): Promise<HostilePeer> {
      const victim = await buildNode({ transport, compose: patient })
      const peer = make({ kind, transport, port: portOf(victim, transport), victim })
      await peer.strike(times)
      expect(peer.lastError).toBeUndefined()
      expect(peer.counts).toEqual({ attempted: times, done: times, failed: 0 })
      return peer
    }

    it.each(RAW_PHASES)('does %s', async (kind) => {
      const peer = await strike(kind, 4)
      if (kind === 'b' || kind === 'c2') expect(peer.live).toBe(4)
      // a stock node closes a WebSocket in order and then waits 30 s for an answer that such a peer never gives
      const held = transport === 'ws' && !kind.startsWith('a')
      if (!held) await eventually(() => { expect(peer.live).toBe(0) })
    })

    // a stock node does not close the socket of a WebSocket that it aborts
    it.each(UPGRADED_PHASES.filter(kind => transport === 'tcp' || kind !== 'd4'))('does %s', async (kind) => {
      expect((await strike(kind, 10)).live).toBe(0)
    })
  })

  it('stays silent before the HTTP upgrade, until it is stopped', async () => {
    const victim = await buildNode({ transport: 'ws' })
    const peer = make({ kind: 'b', transport: 'ws', httpUpgrade: false, port: portOf(victim, 'ws') })
    await peer.strike(3)
    expect(peer.counts.done).toBe(3)
    expect(peer.live).toBe(3)
    await peer.stop()
    expect(peer.live).toBe(0)
  })

  it('comes from the addresses it is told to', async () => {
    const victim = await buildNode({ transport: 'tcp' })
    const seen: string[] = []
    const peer = make({ kind: 'd3', port: portOf(victim, 'tcp'), localAddress: lane => `127.0.7.${lane + 1}`, concurrency: 2 })
    victim.addEventListener('connection:open', ({ detail }) => { seen.push(detail.remoteAddr.toString().split('/')[2] ?? '') })
    await peer.strike(4)
    expect(new Set(seen)).toEqual(new Set(['127.0.7.1', '127.0.7.2']))
  })

  it('counts what could not be done', async () => {
    const peer = make({ kind: 'b', port: await closedPort() })
    await peer.strike(2)
    expect(peer.counts).toEqual({ attempted: 2, done: 0, failed: 2 })
    expect(peer.lastError?.message).toContain('ECONNREFUSED')
  })
})

describe('stallingServer', () => {
  afterEach(stopAll)

  it.each(['tcp', 'ws', 'http'] as const)('accepts at %s and says nothing', async (at) => {
    const before = handleCounts()
    const server = await stallingServer({ at })
    const node = await buildNode({ transport: ['tcp', 'ws'] })
    await expect(node.dial(multiaddr(server.address), { signal: AbortSignal.timeout(200) })).rejects.toThrow()
    expect(server.accepted).toBe(1)
    await server.stop()
    expect(server.live).toBe(0)
    await stopAll()
    await eventually(() => { expect(handlesSince(before)).toEqual({}) })
  })
})

describe('buildNode', () => {
  afterEach(stopAll)

  it.each(STACKS)('makes nodes that reach one another with the stack of %s', async (stack) => {
    for (const transport of ['tcp', 'ws', 'memory'] as const) {
      const [a, b] = [await buildNode({ transport, stack }), await buildNode({ transport, stack: 'libp2p', listen: false })]
      expect(b.getMultiaddrs()).toEqual([])
      expect(await b.services.ping.ping(a.getMultiaddrs())).toBeGreaterThanOrEqual(0)
    }
  })

  it('says so when a node does not listen over a transport', async () => {
    const node = await buildNode({ transport: 'tcp' })
    expect(portOf(node, 'tcp')).toBeGreaterThan(0)
    expect(() => portOf(node, 'ws')).toThrow('does not listen over ws')
  })
})

describe('dialler', () => {
  afterEach(stopAll)

  it('is refused as any other node', async () => {
    const victim = await buildNode({ transport: 'tcp', compose: options => ({ ...options, connectionGater: { denyInboundConnection: () => true } }) })
    const peer = await dialler({ port: portOf(victim, 'tcp') })
    await expect(peer.dial()).rejects.toThrow()
    await eventually(() => { expect(peer.live).toBe(0) })
    await peer.stop()
  })
})
