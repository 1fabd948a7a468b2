import { buildNode, countingClock, eventually, handleCounts, handlesSince, hostilePeer, portOf, stopAll } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { Audit } from './audit.ts'
import { guard } from './scene.ts'
import type { GuardedServices } from './scene.ts'
import type { RegistryInit } from '@cordon/component-registry'
import type { HostilePeer } from '@cordon/testing/node'
import type { Libp2p } from 'libp2p'

const SILENT = 50

describe('50 sockets on the WebSocket port that say nothing', () => {
  let peer: HostilePeer | undefined

  afterEach(async () => {
    await peer?.stop()
    await stopAll()
  })

  async function besiege (registry: RegistryInit): Promise<{ node: Libp2p<GuardedServices>, peer: HostilePeer }> {
    const node = await buildNode<GuardedServices>({ transport: 'ws', compose: guard({ registry }, countingClock(), new Audit()) })
    peer = hostilePeer({ kind: 'b', transport: 'ws', httpUpgrade: false, port: portOf(node, 'ws'), localAddress: n => `127.0.2.${1 + n % 5}` })
    await peer.strike(SILENT)
    await eventually(() => node.services.registry.status().sockets.pending === SILENT)
    return { node, peer }
  }

  it('are gone at the deadline, and never were connections', async () => {
    const before = handleCounts()
    const { node, peer } = await besiege({ socketTimeout: 1_500 })
    expect(peer.live).toBe(SILENT)
    await eventually(() => { expect(peer.live).toBe(0) })
    expect(node.services.registry.status().sockets).toEqual({ pending: 0, expired: SILENT, dropped: 0 })
    expect(node.services.lifecycle.stats().opened).toBe(0)
    await node.stop()
    await eventually(() => { expect(handlesSince(before)).toEqual({}) })
  })

  it('do not keep the node from stopping within a second', async () => {
    const before = handleCounts()
    const { node, peer } = await besiege({ socketTimeout: 60_000 })
    const began = performance.now()
    await node.stop()
    expect(performance.now() - began).toBeLessThan(1_000)
    await eventually(() => { expect(peer.live).toBe(0) })
    await eventually(() => { expect(handlesSince(before)).toEqual({}) })
  })
})
