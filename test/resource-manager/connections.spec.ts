import { isResourceRefusal } from '@cordon/interface-resource-manager'
import { eventually, hostilePeer, portOf, within } from '@cordon/testing/node'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf, findError } from '../composition/support.ts'
import { expectNothingHeld, managed, NOTHING, onLoopback, ready, refusals } from './support.ts'
import type { ManagedNode } from './support.ts'
import type { Participant } from '@cordon/interface-connection-lifecycle'
import type { HostilePeer, TransportName } from '@cordon/testing/node'

const hostile: HostilePeer[] = []

afterEach(async () => {
  await Promise.all(hostile.splice(0).map(async peer => { await peer.stop() }))
  await expectNothingHeld()
})

async function visitors (count: number, transport: TransportName = 'tcp'): Promise<ManagedNode[]> {
  return Promise.all(Array.from({ length: count }, async () => managed({ listen: false, transport })))
}

/** The first `count` of these connect, one after the other */
async function visit (host: ManagedNode, guests: ManagedNode[]): Promise<void> {
  for (const { node } of guests) await node.dial(host.node.getMultiaddrs())
  await ready(host, guests.length)
}

/** The refusal of a module of ours that a dial failed with */
function refusalIn (error: unknown): unknown {
  return findError(error, 'ConnectionRefusedError')?.cause
}

describe('connections of a node with go-libp2p\'s base limits', () => {
  it('116: three inbound connections allowed: three hosts connect, the fourth fails', async () => {
    const host = await managed({ limits: { system: { connectionsInbound: 3 } } })
    const [fourth, ...guests] = await visitors(4) as [ManagedNode, ...ManagedNode[]]
    await visit(host, guests)

    expect(await failureOf(fourth.node.dial(host.node.getMultiaddrs()))).toBeInstanceOf(Error)
    expect(refusals(host)).toMatchObject([{ module: 'resourceManager', scope: 'system', cause: 'connectionsInbound', direction: 'inbound', current: 3, limit: 3 }])
    expect(host.manager.snapshot().system.usage).toEqual({ ...NOTHING, connectionsInbound: 3, fileDescriptors: 3 })

    await guests[0]?.node.hangUp(host.node.peerId)
    await ready(host, 2)
    await fourth.node.dial(host.node.getMultiaddrs())
    await ready(host, 3)
  })

  it('117: three outbound connections allowed: the fourth dial fails, and nothing of it reaches the wire', async () => {
    const hosts = await Promise.all(Array.from({ length: 4 }, async () => managed()))
    const guest = await managed({ listen: false, limits: { system: { connectionsOutbound: 3 } } })
    for (const { node } of hosts.slice(1)) await guest.node.dial(node.getMultiaddrs())

    expect(await failureOf(guest.node.dial(hosts[0]?.node.getMultiaddrs() ?? []))).toMatchObject({ name: 'DialDeniedError' })
    expect(guest.lifecycle.stats()).toMatchObject({ opened: 3, refused: { resourceManager: 1 } })
    expect(guest.manager.snapshot().system.usage).toEqual({ ...NOTHING, connectionsOutbound: 3, fileDescriptors: 3 })
    await guest.node.hangUp(hosts[1]?.node.peerId ?? guest.node.peerId)
    await guest.node.dial(hosts[0]?.node.getMultiaddrs() ?? [])
  })

  // decided: over TCP and WebSocket, which are the transports with a descriptor that js-libp2p has in Node.js
  it.each(['tcp', 'ws'] as const)('121: a refused inbound connection over %s is closed: whoever dials gets an error at once', async transport => {
    const host = await managed({ transport, limits: { transient: { connectionsInbound: 0 } } })
    const [guest] = await visitors(1, transport) as [ManagedNode]
    const failure = await within(5_000, 'the refused dial', failureOf(guest.node.dial(host.node.getMultiaddrs())))

    expect(failure).toBeInstanceOf(Error)
    expect(failure).not.toMatchObject({ name: 'TimeoutError' })
    expect(refusals(host)).toMatchObject([{ scope: 'transient', cause: 'connectionsInbound', current: 0, limit: 0 }])
    expect(host.lifecycle.stats()).toMatchObject({ opened: 1, readied: 0 })

    const silent = hostilePeer({ kind: 'b', transport, port: portOf(host.node, transport) })
    hostile.push(silent)
    await silent.strike()
    await eventually(() => host.lifecycle.stats().opened === 2 && silent.live === 0)
  })

  // decided: js-libp2p knows no moment before the dial at which the peer could be set for good, so that comes after it;
  // what refuses is the `cause` of the error that the dial fails with
  describe('126: a dial fails with what the manager refused it with', () => {
    it('where no connection may be opened', async () => {
      const host = await managed()
      const guest: ManagedNode = await managed({
        listen: false,
        participant: {
          stage: 'observe',
          // the dry check, which is before this, has found room; now there is none
          dial: ({ multiaddr: target }) => {
            if (target !== undefined) guest.manager.setLimits(onLoopback({ system: { connectionsOutbound: 0 } }))
            return undefined
          }
        } satisfies Participant
      })
      const refusal = refusalIn(await failureOf(guest.node.dial(multiaddr(`/ip4/127.0.0.1/tcp/${portOf(host.node, 'tcp')}`))))

      expect(isResourceRefusal(refusal)).toBe(true)
      expect(refusal).toMatchObject({ scope: 'system', cause: 'connectionsOutbound', direction: 'outbound', current: 0, limit: 0, configPath: 'resourceManager.limits.system.connectionsOutbound' })
      expect(guest.lifecycle.stats().opened).toBe(1)
      expect(guest.manager.snapshot().system.usage).toEqual(NOTHING)
    })

    it('where its peer may have none, and nothing is held of it', async () => {
      const host = await managed()
      const guest = await managed({ listen: false, limits: { peerDefault: { connectionsOutbound: 0 } } })
      // nobody says which peer this is, so the dry check cannot tell
      const refusal = refusalIn(await failureOf(guest.node.dial(multiaddr(`/ip4/127.0.0.1/tcp/${portOf(host.node, 'tcp')}`))))

      expect(isResourceRefusal(refusal)).toBe(true)
      expect(refusal).toMatchObject({ scope: `peer:${host.node.peerId.toString()}`, cause: 'connectionsOutbound', current: 0, limit: 0 })
      expect(guest.reasons).toMatchObject([{ code: 'refused', by: 'local', refusal }])
      expect(guest.manager.snapshot().system.usage).toEqual(NOTHING)
      expect(guest.manager.snapshot().transient.peak.connections).toBe(1)
    })
  })

  it('127: what a listener refuses is dropped, and it keeps accepting', async () => {
    const host = await managed({ limits: { system: { connectionsInbound: 1 } } })
    const [first, second] = await visitors(2) as [ManagedNode, ManagedNode]
    await visit(host, [first])
    const silent = hostilePeer({ kind: 'b', port: portOf(host.node, 'tcp') })
    hostile.push(silent)
    await silent.strike(7)
    await eventually(() => refusals(host).length === 7 && silent.live === 0)

    expect(first.node.getConnections()).toHaveLength(1)
    await first.node.hangUp(host.node.peerId)
    await ready(host, 0)
    await visit(host, [second])
  })
})
