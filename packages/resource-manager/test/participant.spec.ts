import { normaliseAddress } from '@cordon/address'
import { participantSuite } from '@cordon/interface-compliance-tests'
import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { defaultLogger } from '@libp2p/logger'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { resourceManager } from '../src/index.ts'
import { Bench, held, peerId, recordAt } from './participant-bench.ts'
import { NOTHING, use } from './support.ts'
import type { TestRecord } from './participant-bench.ts'
import type { ConnectionRecord, Direction } from '@cordon/interface-connection-lifecycle'
import type { LimitConfig } from '@cordon/interface-resource-manager'
import type { ResourceManagerServiceInit } from '@cordon/resource-manager'

/** Everything there is one of, and a second one is refused */
const TIGHT: LimitConfig = {
  system: { connections: 20, streams: 5 },
  transient: { connectionsInbound: 3, streamsInbound: 1 },
  peerDefault: { connectionsInbound: 2, streams: 2 },
  protocolDefault: { streamsOutbound: 0 },
  prefixes: { ipv4: [{ length: 32, connections: 2, rate: 1_000, burst: 10 }], other: { connections: 1 }, relay: { connections: 1 } }
}

describe.each<[string, ResourceManagerServiceInit]>([
  ['with the defaults', {}],
  ['with limits that refuse', { limits: TIGHT }],
  ['where one stream may be without a protocol', { maxUnnegotiatedStreams: 1 }],
  ['where the normal scopes are full and everybody is trusted', { limits: { system: { connections: 0 } }, allowlist: ['0.0.0.0/0', '::/0'] }]
])('the participant %s', (_, init) => {
  participantSuite({
    setup: async () => {
      const module = resourceManager(init)({ logger: defaultLogger() })
      return { module, held: () => held(module) }
    },
    teardown: async () => {}
  })
})

describe('a connection', () => {
  it.each([
    ['/ip4/192.0.2.1/tcp/1', 1],
    ['/ip6/2001:db8::1/tcp/1', 1],
    ['/ip4/192.0.2.1/tcp/1/ws', 1],
    ['/dns4/example.org/tcp/443/wss', 1],
    ['/dns4/example.org/tcp/443/tls/ws', 1],
    ['/unix/%2Ftmp%2Fnode.sock', 1],
    ['/ip4/192.0.2.1/udp/1/quic-v1', 0],
    ['/ip4/192.0.2.1/udp/1/quic-v1/webtransport', 0],
    ['/ip4/192.0.2.1/udp/1/webrtc-direct', 0],
    ['/memory/1', 0],
    ['/ip4/192.0.2.1/tcp/1/p2p/12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8/p2p-circuit', 0],
    ['/ip4/192.0.2.1/tcp/1/p2p/12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8/p2p-circuit/webrtc', 0]
  ])('at %s takes %i descriptors, in both directions and in the dry check', (address, fileDescriptors) => {
    for (const direction of ['inbound', 'outbound'] as const) {
      const bench = new Bench()
      bench.open(direction, address)
      expect(bench.manager.snapshot().system.usage).toMatchObject({ fileDescriptors })
    }
    const target = { multiaddr: multiaddr(address), address: normaliseAddress(multiaddr(address)) }
    expect(new Bench({ system: { fileDescriptors: 0 } }).participant.dial(target) !== undefined).toBe(fileDescriptors === 1)
  })

  it('is nobody\'s, then its peer\'s, then gone', () => {
    const bench = new Bench()
    const record = bench.connect('a')
    expect(bench.manager.snapshot().transient.usage).toEqual(NOTHING)
    expect(bench.manager.stat().peers).toEqual(new Map([['a', use({ connectionsInbound: 1, fileDescriptors: 1 })]]))
    bench.close(record)
    expect(held(bench.manager)).toBe(0)
    bench.close(record)
    expect(held(bench.manager)).toBe(0)
  })

  it('that its peer has no room for stays nobody\'s until it is closed', () => {
    const bench = new Bench({ peerDefault: { connections: 0 } })
    const record = bench.open()
    if (isRefusal(record)) expect.fail(record.message)
    record.remotePeer = peerId('a')
    expect(bench.participant.identified(record)).toMatchObject({ scope: 'peer:a', cause: 'connections' })
    expect(bench.manager.snapshot().transient.usage.connectionsInbound).toBe(1)
    bench.close(record)
    expect(held(bench.manager)).toBe(0)
  })

  it.each([
    ['before every module had agreed gives back what it took of a rate', false, 1],
    ['after every module had agreed does not', true, 0]
  ])('that ends %s', (_, agreed, left) => {
    const bench = new Bench({ prefixes: { ipv4: [{ length: 32, rate: 0.001, burst: 1 }] } })
    const record = bench.open()
    if (isRefusal(record)) expect.fail(record.message)
    if (agreed) bench.participant.raw(record)
    bench.close(record)
    expect(isRefusal(bench.open())).toBe(left === 0)
  })
})

describe('where connections that are nobody\'s are too many', () => {
  /** A full bench, whose lifecycle drops the oldest */
  function besieged (limits: LimitConfig['transient'], count = 2, scope: 'transient' | 'system' = 'transient'): { bench: Bench, records: ConnectionRecord[] } {
    const bench = new Bench({ [scope]: limits })
    const records = Array.from({ length: count }, () => bench.open()).map(record => isRefusal(record) ? expect.fail(record.message) : record)
    bench.shed = ({ spares }) => {
      const oldest = records.find(record => spares?.(record) !== true)
      if (oldest !== undefined) {
        records.splice(records.indexOf(oldest), 1)
        bench.close(oldest)
      }
      return oldest
    }
    return { bench, records }
  }

  it.each((['transient', 'system'] as const).flatMap(scope => [
    ['inbound', scope, { connectionsInbound: 2 }],
    ['inbound', scope, { connections: 2 }],
    ['inbound', scope, { fileDescriptors: 2 }],
    ['outbound', scope, { connections: 2 }],
    ['outbound', scope, { fileDescriptors: 2 }]
  ] as const))('an %s one gets the place in %s of one that the lifecycle drops: %o', (direction, scope, limits) => {
    const { bench } = besieged(limits, 2, scope)
    const record = bench.open(direction)
    expect(isRefusal(record)).toBe(false)
    expect(bench.sheds).toMatchObject([['inbound', { except: record }]])
    expect(bench.manager.snapshot().system.usage).toMatchObject({ fileDescriptors: 2 })
  })

  it.each([['transient', 0, true], ['transient', 1, true], ['system', 500, true], ['system', 499, false]] as const)('in %s one that came %i ms before makes room: %j', (scope, age, makesRoom) => {
    const { bench, records } = besieged({ connections: 2 }, 2, scope)
    for (const record of records as TestRecord[]) record.openedAt = 1_000
    const newcomer = recordAt('/ip4/192.0.2.1/tcp/1')
    newcomer.openedAt = 1_000 + age
    expect(bench.participant.opened(newcomer) === undefined).toBe(makesRoom)
  })

  it('one is refused where nobody can be dropped, and with what it was refused first', () => {
    const { bench, records } = besieged({ connectionsInbound: 2 })
    bench.shed = () => undefined
    expect(bench.open()).toMatchObject({ scope: 'transient', cause: 'connectionsInbound', current: 2 })
    expect(bench.sheds).toHaveLength(1)
    expect(records).toHaveLength(2)
  })

  it.each<[string, LimitConfig]>([['lowered', { transient: { connectionsInbound: 1 } }], ['0', { transient: { connectionsInbound: 0 } }]])('one is refused where limits are %s, and nobody is dropped', (_, limits) => {
    const { bench } = besieged({ connectionsInbound: 2 })
    bench.manager.setLimits(limits)
    expect(bench.open()).toMatchObject({ scope: 'transient', cause: 'connectionsInbound', current: 2 })
    expect(bench.sheds).toEqual([])
  })

  it('one is refused where those who are known have all places, and a dial beforehand', () => {
    const bench = new Bench({ system: { connections: 2 } })
    for (const name of ['a', 'b']) bench.connect(name)
    expect(bench.open()).toMatchObject({ scope: 'system', cause: 'connections', current: 2 })
    expect(bench.participant.dial({ peer: peerId('c') })).toMatchObject({ scope: 'system', cause: 'connections' })
  })

  it('one is refused where dropping somebody made no room, and nobody else is dropped', () => {
    const { bench } = besieged({ connectionsInbound: 2 })
    bench.shed = () => recordAt('/ip4/192.0.2.9/tcp/1')
    expect(bench.open()).toMatchObject({ scope: 'transient', cause: 'connectionsInbound' })
    expect(bench.sheds).toHaveLength(1)
  })

  it('one gets the place of somebody that has one in the same scope, and what it lacks', () => {
    const bench = new Bench({ transient: { connections: 2, fileDescriptors: 1 } }, 32, { allowlist: ['198.51.100.1'] })
    const open = (address: string): TestRecord => {
      const record = bench.open('inbound', address)
      return isRefusal(record) ? expect.fail(record.message) : record
    }
    const [memory, tcp] = [open('/memory/1'), open('/ip4/192.0.2.1/tcp/1')]
    const trusted = open('/ip4/198.51.100.1/tcp/1')
    // one that a gater thinks about, for which nothing is reserved yet
    const thought = recordAt('/ip4/192.0.2.3/tcp/1')
    const spared = (from: string): string[] => {
      bench.open('inbound', from)
      const [, options] = bench.sheds.at(-1) ?? expect.fail('nobody was to be dropped')
      return Object.entries({ memory, tcp, trusted, thought }).filter(([, record]) => options.spares?.(record) === true).map(([name]) => name)
    }

    expect(spared('/memory/2')).toEqual(['trusted', 'thought'])
    bench.manager.setLimits({ transient: { connections: 9, fileDescriptors: 1 } })
    expect(spared('/ip4/192.0.2.2/tcp/1')).toEqual(['memory', 'trusted', 'thought'])
    bench.manager.setLimits({ transient: { connections: 2 }, allowlistedTransient: { connections: 1 } })
    expect(spared('/ip4/198.51.100.1/tcp/2')).toEqual(['memory', 'tcp', 'thought'])
  })

  it.each<[string, LimitConfig, Direction]>([
    ['our own dials are', { transient: { connectionsOutbound: 0 } }, 'outbound'],
    ['all connections together are', { system: { connections: 0 } }, 'inbound'],
    ['those of a prefix are', { prefixes: { ipv4: [{ length: 32, connections: 0 }] } }, 'inbound'],
    ['one is', { connection: { connections: 0 } }, 'inbound']
  ])('nobody is dropped if it is not they but %s', (_, limits, direction) => {
    const bench = new Bench(limits)
    expect(isRefusal(bench.open(direction))).toBe(true)
    expect(bench.sheds).toEqual([])
  })

  it.each((['transient', 'system'] as const).flatMap(scope => [[scope, { connections: 2 }], [scope, { fileDescriptors: 2 }]] as const))('a dial is not refused beforehand, because `opened` makes room in %s: %o', (scope, limits) => {
    const { bench } = besieged(limits, 2, scope)
    const target = { multiaddr: multiaddr('/ip4/192.0.2.1/tcp/1'), address: normaliseAddress(multiaddr('/ip4/192.0.2.1/tcp/1')) }
    expect(bench.participant.dial(target)).toBeUndefined()
    // it is dry
    expect(bench.sheds).toEqual([])
    const { usage, refusals } = bench.manager.snapshot().transient
    expect(usage).toMatchObject({ connectionsInbound: 2, connectionsOutbound: 0 })
    expect(refusals).toEqual({})
  })

  it('a dial is refused beforehand where it is our own dials that are too many', () => {
    const bench = new Bench({ transient: { connections: 1 } })
    bench.open('outbound')
    expect(bench.participant.dial({ peer: peerId('a') })).toMatchObject({ scope: 'transient', cause: 'connections', current: 1 })
    expect(held(bench.manager)).toBeGreaterThan(0)
  })

  it('a dial is refused beforehand where strangers have nothing to do with it', () => {
    const { bench } = besieged({ connectionsOutbound: 0 })
    expect(bench.participant.dial({ peer: peerId('a') })).toMatchObject({ scope: 'transient', cause: 'connectionsOutbound' })
  })
})
