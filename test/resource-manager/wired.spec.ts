import { boundsConnectionsSymbol } from '@cordon/interface-connection-lifecycle'
import { createAllowlist } from '@cordon/resource-manager'
import { fakeClock } from '@cordon/testing'
import { eventually, hostilePeer, portOf } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf, guarded, released } from '../composition/support.ts'
import { echo, expectNothingHeld, managed, NOTHING, onLoopback, open, PROTOCOL, quiet, ready, refusals, talk, trusting } from './support.ts'
import type { GuardedNode } from '../composition/support.ts'
import type { ManagedInit, ManagedNode } from './support.ts'
import type { AllowlistSource } from '@cordon/interface-resource-manager'

afterEach(expectNothingHeld)

const MAX_CONNECTIONS = 'connectionManager.maxConnections'

async function guest (init: ManagedInit = {}): Promise<ManagedNode> {
  return managed({ listen: false, ...init })
}

/** Whether a new guest gets in */
async function visits (host: ManagedNode): Promise<boolean> {
  const { lifecycle } = host
  const { readied, closed } = lifecycle.stats()
  const ended = (counts: Partial<Record<string, number>>): number => Object.values(counts).reduce<number>((sum, count = 0) => sum + count, 0)
  const visitor = await guest()
  await failureOf(visitor.node.dial(host.node.getMultiaddrs()))
  // what the host has decided, whatever the guest has heard of it
  await eventually(() => lifecycle.stats().readied + ended(lifecycle.stats().closed) === readied + ended(closed) + 1)
  return lifecycle.stats().readied > readied
}

describe('a dial', () => {
  it.each([
    ['no connection', { system: { connections: 0 } }],
    ['no outbound connection', { transient: { connectionsOutbound: 0 } }],
    ['no descriptor', { connection: { fileDescriptors: 0 } }],
    ['no connection with any peer', { peerDefault: { connections: 0 } }]
  ])('is refused by libp2p before a socket is opened where %s is allowed', async (_, limits) => {
    const host = await managed()
    const visitor = await guest({ limits })

    expect(await failureOf(visitor.node.dial(host.node.getMultiaddrs()))).toMatchObject({ name: 'DialDeniedError' })
    expect(visitor.lifecycle.stats().opened).toBe(0)
    expect(visitor.lifecycle.stats().refused['resourceManager']).toBeGreaterThan(0)
    // a dry check is no admission that was refused
    expect(Object.values(visitor.manager.snapshot().classes).flatMap(({ refusals }) => Object.keys(refusals))).toEqual([])
  })

  it('counts nothing among the prefixes of where it goes', async () => {
    const host = await managed()
    const visitor = await guest({ limits: { prefixes: { ipv4: [{ length: 32, connections: 0, rate: 0 }] } } })
    await visitor.node.dial(host.node.getMultiaddrs())
    await ready(host, 1)

    expect(visitor.manager.snapshot().prefixes).toEqual({ largest: [], tracked: 0, evicted: 0, refusals: {} })
    expect(host.manager.snapshot().prefixes.largest).toEqual([{ name: '127.0.0.1/32', connections: 1, limit: 8 }])
  })
})

describe('maxConnections of libp2p', () => {
  it('is raised, and whoever asks is told', async () => {
    const { registry } = await managed()
    expect(registry.adjustments.find(({ option }) => option === MAX_CONNECTIONS)).toEqual({
      option: MAX_CONNECTIONS, from: '300', to: 'Infinity', reason: 'modules.resourceManager bounds how many connections there are instead'
    })
  })

  it('stays where the user set it, and is in force', async () => {
    const host = await managed({ options: options => ({ ...quiet(options), connectionManager: { maxConnections: 1 } }) })
    expect(host.registry.adjustments.map(({ option }) => option)).not.toContain(MAX_CONNECTIONS)

    expect(await visits(host)).toBe(true)
    expect(await visits(host)).toBe(false)
    expect(refusals(host)).toEqual([])
  })

  it('can be set later, and is in force from then on', async () => {
    let manager: { setMaxConnections: (max: number) => void } | undefined
    const peek = (components: { connectionManager: typeof manager }): object => {
      manager = components.connectionManager

      return {}
    }
    const host = await managed({ siblings: { peek } })
    expect(await visits(host)).toBe(true)
    manager?.setMaxConnections(1)

    expect(await visits(host)).toBe(false)
    expect(refusals(host)).toEqual([])
  })

  it('stays where nobody bounds connections instead', async () => {
    const { registry } = await guarded({ transport: 'tcp', options: quiet, modules: { resourceManager: false } })
    expect(registry.adjustments.map(({ option }) => option)).not.toContain(MAX_CONNECTIONS)
  })

  it('is raised by any module that says that it bounds connections', async () => {
    const { registry } = await guarded({ transport: 'tcp', options: quiet, module: { [boundsConnectionsSymbol]: true }, modules: { resourceManager: false } })
    expect(registry.adjustments.find(({ option }) => option === MAX_CONNECTIONS)).toMatchObject({ reason: expect.stringContaining('modules.mine') as string })
  })
})

describe('who is trusted', () => {
  const full = { limits: { system: { connectionsInbound: 0 } } }
  const everybody: AllowlistSource = { lifts: () => ({ lane: true, counts: true, buckets: true }) }

  it('is what a sibling says that shows itself by its symbol', async () => {
    const asked: string[] = []
    const gate = trusting({
      lifts: (address, peer) => {
        asked.push(`${address?.key} ${peer}`)
        return { lane: address?.key === '127.0.0.3', counts: false, buckets: false }
      }
    })
    const host = await managed({ ...full, siblings: { gate } })
    const stranger = hostilePeer({ kind: 'b', port: portOf(host.node, 'tcp'), localAddress: '127.0.0.2' })
    const friend = hostilePeer({ kind: 'b', port: portOf(host.node, 'tcp'), localAddress: '127.0.0.3' })

    try {
      await stranger.strike()
      await friend.strike()
      await eventually(() => host.manager.snapshot().allowlistedSystem.usage.connectionsInbound === 1 && stranger.live === 0)
      expect(friend.live).toBe(1)
      expect(asked).toContain('127.0.0.2 undefined')
      expect(refusals(host)).toMatchObject([{ scope: 'system', cause: 'connectionsInbound' }])
    } finally {
      await Promise.all([stranger.stop(), friend.stop()])
    }
  })

  it('is what the operator says, where there is a sibling as well', async () => {
    const nobody = createAllowlist()
    const host = await managed({ ...full, manager: { allowlist: nobody }, siblings: { gate: trusting(everybody) } })
    expect(host.manager.allowlist).toBe(nobody)
    expect(await visits(host)).toBe(false)
    nobody.add('127.0.0.1')
    expect(await visits(host)).toBe(true)
  })

  it('is still what a sibling says after the node has started again', async () => {
    const host = await managed({ ...full, siblings: { gate: trusting(everybody) } })
    await host.node.stop()
    await host.node.start()
    expect(await visits(host)).toBe(true)
  })

  it('is what the operator says later on, also once the node has started again', async () => {
    const host = await managed({ ...full, siblings: { gate: trusting(everybody) } })
    host.manager.setAllowlist(['192.0.2.1'])
    expect(await visits(host)).toBe(false)
    await host.node.stop()
    await host.node.start()
    expect(await visits(host)).toBe(false)
    host.manager.setAllowlist(everybody)
    expect(await visits(host)).toBe(true)
  })

  it('may be whom a sibling trusts, so limits that leave room for them are no contradiction', async () => {
    const limits = { prefixes: { entries: { '192.0.2.0/24': { connections: 12 } } }, system: { connectionsInbound: 10 }, allowlistedSystem: { connectionsInbound: 5 } }
    const host = await managed({ limits, manager: { strict: true }, siblings: { gate: trusting(everybody) } })
    expect(host.manager.warnings).toEqual([])
    expect(() => { host.manager.setLimits({ ...limits, allowlistedSystem: { connectionsInbound: 1 } }) }).toThrow('connections is 12, but the node admits only 11')
  })

  it('is whom any of several siblings trusts', async () => {
    const nobody: AllowlistSource = { lifts: () => ({ lane: false, counts: false, buckets: false }) }
    expect(await visits(await managed({ ...full, siblings: { gate: trusting(nobody), other: trusting(nobody) } }))).toBe(false)
    expect(await visits(await managed({ ...full, siblings: { gate: trusting(nobody), other: trusting(everybody) } }))).toBe(true)
  })

  it.each([
    ['throws', () => { throw new Error('who?') }],
    ['gives no answer', () => ({ lane: 'yes' })]
  ])('is not changed by a sibling that %s', async (_, lifts) => {
    const faulty = { lifts } as unknown as AllowlistSource
    const host = await managed({ ...full, siblings: { gate: trusting(faulty), other: trusting(everybody) } })
    expect([await visits(host), await visits(host)]).toEqual([true, true])
    // once, however often it was asked
    expect(host.manager.warnings).toMatchObject([{ path: 'resourceManager.allowlist' }])
    expect(await visits(await managed({ ...full, siblings: { gate: trusting(faulty) } }))).toBe(false)
  })
})

describe('the rate at which a prefix may connect', () => {
  const slow = { prefixes: { ipv4: [{ length: 32, rate: 0.001, burst: 2 }] } }

  /** A module behind the manager that says no this often */
  function refusing (step: 'opened' | 'identified', times: number): ManagedInit['participant'] {
    return { stage: 'admit', [step]: () => times-- > 0 ? { code: 'limit', module: 'mine', message: 'not today' } : undefined }
  }

  it('is not used up by who is refused by another module in the step that opened it', async () => {
    const host = await managed({ limits: slow, manager: { clock: fakeClock() }, participant: refusing('opened', 5) })
    for (let n = 1; n <= 5; n++) expect(await visits(host)).toBe(false)

    expect(await visits(host)).toBe(true)
    expect(await visits(host)).toBe(true)
    expect(await visits(host)).toBe(false)
    expect(refusals(host).map(({ module, code }) => `${module} ${code}`)).toEqual([...new Array<string>(5).fill('mine limit'), 'resourceManager rate'])
  })

  it('is used up by who is refused later', async () => {
    const host = await managed({ limits: slow, manager: { clock: fakeClock() }, participant: refusing('identified', 2) })
    for (let n = 1; n <= 3; n++) expect(await visits(host)).toBe(false)
    expect(refusals(host).map(({ module, code }) => `${module} ${code}`)).toEqual(['mine limit', 'mine limit', 'resourceManager rate'])
  })

  it('is used up by who is ended as soon as it is announced', async () => {
    const host = await managed({ limits: slow, manager: { clock: fakeClock() } })
    host.lifecycle.addEventListener('connection:opened', ({ detail }) => { void detail.record.close({ code: 'local-abort', by: 'local' }, { abort: true }) })
    for (let n = 1; n <= 4; n++) expect(await visits(host)).toBe(false)
    expect(host.lifecycle.stats().closed).toEqual({ 'local-abort': 2, refused: 2 })
  })

  it('is asked on loopback too, where it is not exempt', async () => {
    const host = await managed()
    for (let n = 1; n <= 8; n++) expect(await visits(host)).toBe(true)
    expect(await visits(host)).toBe(false)
    expect(refusals(host)).toMatchObject([{ code: 'limit', scope: 'prefix:127.0.0.1/32', scopeClass: 'prefix', current: 8, limit: 8 }])
  })
})

describe('a connection whose peer has no room', () => {
  it('is closed once the peer is known, with the refusal as the reason', async () => {
    const host = await managed({ limits: { peerDefault: { connectionsInbound: 1 } } })
    const visitor = await guest()
    const first = await visitor.node.dial(host.node.getMultiaddrs())
    await ready(host, 1)
    await failureOf(visitor.node.dial(host.node.getMultiaddrs(), { force: true }))
    await eventually(() => host.reasons.length === 1)

    const scope = `peer:${visitor.node.peerId.toString()}`
    expect(host.reasons).toMatchObject([{ code: 'refused', by: 'local', refusal: { module: 'resourceManager', scope, cause: 'connectionsInbound', current: 1, attempted: 1, limit: 1 } }])
    expect(host.events.map(({ type }) => type).slice(-2)).toEqual(['connection:refused', 'connection:closed'])
    expect(host.manager.snapshot().system.usage).toEqual({ ...NOTHING, connectionsInbound: 1, fileDescriptors: 1 })
    expect(first.status).toBe('open')
  })
})

describe('limits of a living node', () => {
  it('apply to what comes next, and take nothing away', async () => {
    const host = await managed()
    await host.node.handle(PROTOCOL, echo)
    const visitor = await guest()
    const connection = await visitor.node.dial(host.node.getMultiaddrs())
    await ready(host, 1)
    const stream = await open(connection)

    host.manager.setLimits(onLoopback({ system: { connectionsInbound: 0 }, protocol: { [PROTOCOL]: { streams: 0 } } }))
    expect(await visits(host)).toBe(false)
    expect(await open(connection).then(talk).catch(() => 0)).toBe(0)
    expect([connection.status, stream.status]).toEqual(['open', 'open'])
    expect(await talk(stream)).toBe(10)

    host.manager.setLimits(onLoopback())
    expect(await visits(host)).toBe(true)
    expect(await open(connection).then(talk)).toBe(10)
  })

  it('are all as they were where one of them is none', async () => {
    const host = await managed()
    expect(() => { host.manager.setLimits({ system: { connections: 0 }, transient: { connections: -1 } }) }).toThrow('resourceManager.limits.transient.connections')
    expect(await visits(host)).toBe(true)
  })
})

describe('a node whose resource manager was left out', () => {
  const without = async (listen: boolean): Promise<GuardedNode> => guarded({ transport: 'tcp', listen, options: quiet, modules: { resourceManager: false } })

  it('works as before', async () => {
    const [host, visitor] = [await without(true), await without(false)]
    await host.node.handle(PROTOCOL, echo, { service: 'echo' })
    const connection = await visitor.node.dial(host.node.getMultiaddrs())

    expect(await talk(await open(connection))).toBe(10)
    expect(host.node.services).not.toHaveProperty('resourceManager')
    for (const { lifecycle } of [host, visitor]) {
      const { refused, faults } = lifecycle.stats()
      expect([refused, faults]).toEqual([{}, {}])
    }
    await connection.close()
    await released(host, visitor)
  })

  it('meets one that has it', async () => {
    const [host, visitor] = [await without(true), await guest()]
    await host.node.handle(PROTOCOL, echo)
    expect(await visitor.node.dial(host.node.getMultiaddrs()).then(open).then(talk)).toBe(10)
  })
})
