import { cordon } from '@cordon/cordon'
import { participantSymbol, StreamRefusedError } from '@cordon/interface-connection-lifecycle'
import { allowlistSourceSymbol } from '@cordon/interface-resource-manager'
import { buildNode, eventually, stopAll } from '@cordon/testing/node'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest'
import { failureOf, findError, refusal } from '../composition/support.ts'
import { foreignResourceManager } from './foreign-resource-manager.ts'
import { NOTHING } from './foreign-usage.ts'
import type { ForeignResourceManager } from './foreign-resource-manager.ts'
import type { Registry } from '@cordon/interface-component-registry'
import type { ConnectionLifecycle } from '@cordon/interface-connection-lifecycle'
import type { LimitConfig, ScopeUsage } from '@cordon/interface-resource-manager'
import type { Connection, Stream } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'

const PROTOCOL = '/cordon-test/foreign/1.0.0'
const SERVICE = 'test.foreign'

type Node = Libp2p<{ lifecycle: ConnectionLifecycle, registry: Registry, resourceManager: ForeignResourceManager }>

/** A node without services of its own, which holds every stream of the protocol until it is cut */
async function guarded (limits: LimitConfig = {}, module: object = {}): Promise<Node> {
  const node = await buildNode({
    transport: 'tcp',
    compose: options => cordon({ ...options, services: undefined, connectionMonitor: { enabled: false } }, {
      resourceManager: foreignResourceManager({ limits }),
      another: () => module
    })
  })
  const hold = async (stream: Stream): Promise<void> => new Promise(resolve => { stream.addEventListener('close', () => { resolve() }, { once: true }) })
  await node.handle(PROTOCOL, hold, { service: SERVICE })
  return node
}

async function connect (from: Node, to: Node): Promise<Connection> {
  return from.dial(to.getMultiaddrs(), { force: true })
}

function use (usage: Partial<ScopeUsage>): ScopeUsage {
  return { ...NOTHING, ...usage }
}

function manager (node: Node): ForeignResourceManager {
  return node.services.resourceManager
}

/** Nothing is held, and nothing is counted */
async function expectEmpty (...nodes: Node[]): Promise<void> {
  await eventually(() => {
    for (const node of nodes) {
      const { system, transient, services, protocols, peers } = manager(node).stat()
      expect([system, transient]).toEqual([NOTHING, NOTHING])
      expect([services.size, protocols.size, peers.size, manager(node).held]).toEqual([0, 0, 0, 0])
    }
  })
}

describe('a node over TCP with a foreign resource manager', () => {
  afterEach(stopAll)

  it('has the one that was put in, by type and as the bound of libp2p\'s connections', async () => {
    const { services } = await createLibp2p({ ...cordon({}, { resourceManager: foreignResourceManager() }), start: false })

    expectTypeOf(services.resourceManager).toEqualTypeOf<ForeignResourceManager>()
    expect(services.resourceManager).toMatchObject({ [Symbol.toStringTag]: '@cordon/foreign-resource-manager' })
    expect(services.registry.adjustments).toContainEqual(expect.objectContaining({ option: 'connectionManager.maxConnections', to: 'Infinity' }))
  })

  it('counts connections and streams on both sides, until they are gone', async () => {
    const [here, there] = [await guarded(), await guarded()]
    const connection = await connect(here, there)
    const streams = [await connection.newStream(PROTOCOL), await connection.newStream(PROTOCOL)]

    const outbound = use({ connectionsOutbound: 1, fileDescriptors: 1, streamsOutbound: 2 })
    const inbound = use({ connectionsInbound: 1, fileDescriptors: 1, streamsInbound: 2 })
    await eventually(() => {
      expect(manager(here).stat()).toMatchObject({ system: outbound, transient: NOTHING, peers: new Map([[there.peerId.toString(), outbound]]) })
      expect(manager(there).stat()).toMatchObject({ system: inbound, transient: NOTHING, peers: new Map([[here.peerId.toString(), inbound]]) })
      expect(manager(there).stat().protocols.get(PROTOCOL)).toEqual(use({ streamsInbound: 2 }))
      expect(manager(there).stat().services.get(SERVICE)).toEqual(use({ streamsInbound: 2 }))
    })
    expect(manager(there).held).toBe(3)

    streams[0]?.abort(new Error('done'))
    await eventually(() => {
      expect(manager(here).stat().system.streamsOutbound).toBe(1)
      expect(manager(there).stat().services.get(SERVICE)).toEqual(use({ streamsInbound: 1 }))
    })
    await connection.close()
    await expectEmpty(here, there)
    expect(manager(there).snapshot().classes.connection.peak).toMatchObject({ connections: 1, connectionsInbound: 1, fileDescriptors: 1 })
  })

  it('refuses connections beyond a limit, and lets others in once there is room', async () => {
    const there = await guarded({ system: { connectionsInbound: 2 } })
    const others = [await guarded(), await guarded(), await guarded()]
    const dials = await Promise.allSettled(others.map(async other => connect(other, there)))
    await eventually(() => manager(there).stat().system.connectionsInbound === 2)
    await eventually(() => {
      expect(there.services.lifecycle.stats().refused).toEqual({ resourceManager: 1 })
    })
    expect(manager(there).snapshot().system.refusals).toEqual({ connectionsInbound: 1 })

    for (const dial of dials) if (dial.status === 'fulfilled') await dial.value.close()
    await expectEmpty(there, ...others)
    await connect(others[0] ?? there, there)
    await eventually(() => manager(there).stat().system.connectionsInbound === 1)
  })

  it('refuses a peer that has enough connections, and keeps those', async () => {
    const [here, there] = [await guarded(), await guarded({ peerDefault: { connections: 1 } })]
    const connection = await connect(here, there)
    await failureOf(connect(here, there))
    await eventually(() => { expect(manager(there).snapshot().classes.peer.refusals).toEqual({ connections: 1 }) })
    await eventually(() => { expect(manager(here).stat().system.connectionsOutbound).toBe(1) })
    expect(manager(there).stat().system).toEqual(use({ connectionsInbound: 1, fileDescriptors: 1 }))
    expect(connection.status).toBe('open')
  })

  it('does not dial what it would refuse', async () => {
    const [here, there] = [await guarded({ system: { connectionsOutbound: 0 } }), await guarded()]
    expect(findError(await failureOf(connect(here, there)), 'DialDeniedError')).toBeDefined()
    expect(manager(here).checkConnection('outbound')).toMatchObject({ scope: 'system', cause: 'connectionsOutbound' })
    expect(manager(here).snapshot().system.refusals).toEqual({})
    expect(there.services.lifecycle.stats().opened).toBe(0)
  })

  it('refuses inbound streams beyond a limit, and keeps the connection', async () => {
    const [here, there] = [await guarded(), await guarded({ protocol: { [PROTOCOL]: { streamsInbound: 1 } } })]
    const connection = await connect(here, there)
    const first = await connection.newStream(PROTOCOL)
    await failureOf(connection.newStream(PROTOCOL))
    await eventually(() => { expect(manager(there).snapshot().protocols[0]?.refusals).toEqual({ streamsInbound: 1 }) })
    await eventually(() => { expect(manager(there).stat().system).toEqual(use({ connectionsInbound: 1, fileDescriptors: 1, streamsInbound: 1 })) })
    expect([connection.status, first.status]).toEqual(['open', 'open'])

    manager(there).setLimits({})
    await connection.newStream(PROTOCOL)
    await eventually(() => { expect(manager(there).stat().protocols.get(PROTOCOL)).toEqual(use({ streamsInbound: 2 })) })
  })

  it('refuses outbound streams beyond a limit with the refusal as the cause of the error', async () => {
    const [here, there] = [await guarded({ peerDefault: { streamsOutbound: 1 } }), await guarded()]
    const connection = await connect(here, there)
    await connection.newStream(PROTOCOL)
    const failure = findError(await failureOf(connection.newStream(PROTOCOL)), StreamRefusedError.name)
    expect(failure).toMatchObject({ cause: { scope: `peer:${there.peerId.toString()}`, cause: 'streamsOutbound', current: 1, limit: 1 } })
  })

  it('lets in whom another module trusts, where there is no room for others', async () => {
    const friend = await guarded()
    const stranger = await guarded()
    const lifts = (_address: unknown, peer: string | undefined): object => ({ lane: peer == null || peer === friend.peerId.toString(), counts: false, buckets: false })
    const there = await guarded({ system: { connectionsInbound: 0, streamsInbound: 0 } }, { [allowlistSourceSymbol]: { lifts } })

    await failureOf(connect(stranger, there))
    await eventually(() => { expect(there.services.lifecycle.stats().refused).toEqual({ resourceManager: 1 }) })
    const connection = await connect(friend, there)
    await connection.newStream(PROTOCOL)
    await eventually(() => {
      expect(manager(there).snapshot().allowlistedSystem.usage).toEqual(use({ connectionsInbound: 1, fileDescriptors: 1, streamsInbound: 1 }))
    })
    expect(manager(there).stat().system).toEqual(NOTHING)
  })

  it('gives a token back where a later module refuses', async () => {
    let refuses = true
    const another = { [participantSymbol]: { stage: 'admit', opened: () => refuses ? refusal() : undefined } }
    const [here, there] = [await guarded(), await guarded({ prefixes: { entries: { '127.0.0.0/8': { rate: 0.001, burst: 1 } } } }, another)]

    for (let i = 0; i < 3; i++) await failureOf(connect(here, there))
    await eventually(() => { expect(there.services.lifecycle.stats().refused).toEqual({ another: 3 }) })
    refuses = false
    await connect(here, there)
    await failureOf(connect(here, there))
    await eventually(() => { expect(manager(there).snapshot().prefixes.refusals).toEqual({ rate: 1 }) })
  })

  it('holds nothing when the node has stopped', async () => {
    const [here, there] = [await guarded(), await guarded()]
    const connection = await connect(here, there)
    await connection.newStream(PROTOCOL)
    await there.stop()
    await expectEmpty(here, there)
  })
})
