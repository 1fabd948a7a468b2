import { isRefusal, participantSymbol } from '@cordon/interface-connection-lifecycle'
import { defaultLogger } from '@libp2p/logger'
import { describe, expect, it } from 'vitest'
import { resourceManager } from '../src/index.ts'
import { Bench, held, peerId, recordAt, streamOf } from './participant-bench.ts'
import { NOTHING, use } from './support.ts'
import type { ConnectionRecord, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { Stream } from '@libp2p/interface'

describe('a stream', () => {
  it('is without a protocol, then with it and its service, then gone', () => {
    const bench = new Bench()
    const connection = bench.connect('a')
    const stream = bench.admitted(connection)
    expect(bench.manager.snapshot().transient.usage).toEqual(use({ streamsInbound: 1 }))
    expect(bench.negotiate(stream, '/x', 'x')).toBeUndefined()
    expect(bench.manager.snapshot().transient.usage).toEqual(NOTHING)
    const { protocols, services } = bench.manager.stat()
    expect([[...protocols.keys()], [...services.keys()]]).toEqual([['/x'], ['x']])
    bench.participant.streamClosed(stream)
    bench.participant.streamClosed(stream)
    bench.close(connection)
    expect(held(bench.manager)).toBe(0)
  })

  it.each<[string, string | undefined, string[]]>([
    ['/ipfs/ping/1.0.0', undefined, ['libp2p.ping']],
    ['/ipfs/ping/1.0.0', 'mine', ['mine']],
    ['/ipfs/id/push/1.0.0', undefined, ['libp2p.identify']],
    ['/libp2p/circuit/relay/0.2.0/stop', undefined, ['libp2p.relay/v2']],
    ['/x', undefined, []]
  ])('of %s with the service %s belongs to %o', (protocol, service, services) => {
    const bench = new Bench()
    bench.negotiate(bench.admitted(bench.connect('a')), protocol, service)
    expect([...bench.manager.stat().services.keys()]).toEqual(services)
  })

  it('whose protocol has no room may try another, and stays without one until then', () => {
    const bench = new Bench({ protocol: { '/x': { streams: 0 } } })
    const stream = bench.admitted(bench.connect('a'))
    expect(bench.negotiate(stream, '/x')).toMatchObject({ scope: 'protocol:/x' })
    expect(bench.manager.snapshot().transient.usage.streamsInbound).toBe(1)
    expect(bench.negotiate(stream, '/y')).toBeUndefined()
  })

  it('whose service has no room is refused', () => {
    const bench = new Bench({ service: { x: { streams: 0 } } })
    const stream = bench.admitted(bench.connect('a'))
    expect(bench.negotiate(stream, '/x', 'x')).toMatchObject({ scope: 'service:x', cause: 'streams' })
    // it has its protocol all the same, and is in nobody's way among those without
    expect(bench.manager.snapshot().transient.usage.streamsInbound).toBe(0)
  })

  it.each([['protocol', `/${'x'.repeat(512)}`, undefined], ['protocol', '', undefined], ['service', '/x', 'x'.repeat(513)]])('with a name of a %s that cannot be one is refused, and no step throws', (kind, protocol, service) => {
    const bench = new Bench()
    const connection = bench.connect('a')
    const stream = bench.admitted(connection)
    const refusal = bench.negotiate(stream, protocol, service)
    expect(refusal).toMatchObject({ code: 'blocked', module: 'resourceManager', message: expect.stringContaining(`name of a ${kind}`) as string })
    bench.participant.streamClosed(stream)
    bench.close(connection)
    expect(held(bench.manager)).toBe(0)
  })

  it('beyond those of its connection that may be without a protocol is refused, and takes nothing', () => {
    const bench = new Bench({}, 2)
    const [one, other] = [bench.connect('a'), bench.connect('a')]
    const streams = [bench.admitted(one), bench.admitted(one)]
    const refusal = bench.stream(one)
    expect(refusal).toMatchObject({
      code: 'limit', module: 'resourceManager', resource: 'streams', direction: 'inbound', current: 2, limit: 2, configPath: 'resourceManager.maxUnnegotiatedStreams'
    })
    expect(isRefusal(refusal) ? refusal.message : '').toMatch(/^conn-\d+ has 2 of 2 streams without a protocol; resourceManager.maxUnnegotiatedStreams changes that$/)
    expect(bench.manager.snapshot().system.usage.streamsInbound).toBe(2)
    expect(bench.unnegotiated).toBe(1)

    // another connection of the same peer, and our own streams, are counted apart
    bench.admitted(other)
    for (let n = 0; n < 5; n++) bench.admitted(one, 'outbound')
    // one that has closed, or has a protocol, makes room
    bench.participant.streamClosed(streams[0] as StreamRecord)
    bench.participant.streamClosed(streams[0] as StreamRecord)
    streams.push(bench.admitted(one))
    expect(isRefusal(bench.stream(one))).toBe(true)
    bench.negotiate(streams[1] as StreamRecord, '/x')
    bench.admitted(one)
    expect(isRefusal(bench.stream(one))).toBe(true)
    expect(bench.unnegotiated).toBe(3)
  })

  it('beyond those of its connection is counted by the module as a refusal of that connection', () => {
    const module = resourceManager({ maxUnnegotiatedStreams: 2 })({ logger: defaultLogger() })
    const participant = module[participantSymbol]
    const connection = recordAt('/ip4/192.0.2.1/tcp/1')
    expect(participant.opened?.(connection)).toBeUndefined()
    connection.remotePeer = peerId('a')
    expect(participant.identified?.(connection)).toBeUndefined()
    const answers = Array.from({ length: 5 }, () => participant.streamOpened?.(streamOf(connection, 'inbound')))
    expect(answers.map(isRefusal)).toEqual([false, false, true, true, true])
    const { connection: counted, stream, peer } = module.snapshot().classes
    expect([counted, stream, peer].map(({ refusals }) => refusals)).toEqual([{ streamsInbound: 3 }, {}, {}])
  })
})

describe('where streams without a protocol are too many', () => {
  it('the oldest of the peer that has most is reset, its slot is free at once, and is not given back twice', () => {
    const bench = new Bench({ transient: { streamsInbound: 3 } })
    const [a, b, c] = ['a', 'b', 'c'].map(name => bench.connect(name)) as [ConnectionRecord, ConnectionRecord, ConnectionRecord]
    bench.admitted(b)
    const oldest = bench.admitted(a)
    bench.admitted(a)
    bench.admitted(c)
    expect(bench.resets).toEqual([oldest])
    expect(bench.manager.snapshot().transient.usage.streamsInbound).toBe(3)
    bench.participant.streamClosed(oldest)
    expect(bench.manager.snapshot().transient.usage.streamsInbound).toBe(3)
    expect(bench.manager.snapshot().system.usage.streamsInbound).toBe(3)
  })

  it('one with a protocol is never reset', () => {
    const bench = new Bench({ transient: { streamsInbound: 1 } })
    const [a, b, c] = ['a', 'b', 'c'].map(name => bench.connect(name)) as [ConnectionRecord, ConnectionRecord, ConnectionRecord]
    bench.negotiate(bench.admitted(a), '/x')
    const second = bench.admitted(b)
    bench.admitted(c)
    expect(bench.resets).toEqual([second])
  })

  it('an outbound one that the muxer has not made yet cannot be reset: the newcomer is refused', () => {
    const bench = new Bench({ transient: { streamsOutbound: 1 } })
    const [a, b] = [bench.connect('a'), bench.connect('b')]
    const first = bench.admitted(a, 'outbound')
    delete first.stream
    expect(bench.stream(b, 'outbound')).toMatchObject({ scope: 'transient', cause: 'streamsOutbound' })
    expect(bench.manager.snapshot().transient.usage.streamsOutbound).toBe(1)
  })

  it('an outbound one that the muxer has made is reset though an older one of its peer cannot be', () => {
    const bench = new Bench({ transient: { streamsOutbound: 2 } })
    const [a, b] = [bench.connect('a'), bench.connect('b')]
    const first = bench.admitted(a, 'outbound')
    delete first.stream
    const second = bench.admitted(a, 'outbound')
    bench.admitted(b, 'outbound')
    expect(bench.resets).toEqual([second])
  })

  it('limits that were lowered take nothing away, and admit nobody', () => {
    const bench = new Bench({ transient: { streamsInbound: 4 } })
    const [a, b] = [bench.connect('a'), bench.connect('b')]
    for (let n = 0; n < 4; n++) bench.admitted(a)
    bench.manager.setLimits({ transient: { streamsInbound: 2 } })
    expect(bench.stream(b)).toMatchObject({ scope: 'transient', cause: 'streamsInbound', current: 4, limit: 2 })
    expect(bench.resets).toEqual([])
  })

  it('a muxer that throws costs nobody else anything', () => {
    const bench = new Bench({ transient: { streamsInbound: 1 } })
    const first = bench.admitted(bench.connect('a'))
    first.stream = { abort: () => { throw new Error('broken') } } as unknown as Stream
    bench.admitted(bench.connect('b'))
    expect(bench.log.at(-1)).toContain('broken')
    bench.participant.streamClosed(first)
    expect(bench.manager.snapshot().transient.usage.streamsInbound).toBe(1)
  })

  it('who is trusted is not reset for strangers, nor strangers for who is trusted', () => {
    const bench = new Bench({ transient: { streamsInbound: 2 }, allowlistedTransient: { streamsInbound: 3 } }, 32, {
      allowlist: { lifts: (_address, peer) => ({ lane: peer?.startsWith('friend') === true, counts: false, buckets: false }) }
    })
    const [stranger, friend, another, newcomer] = ['stranger', 'friend', 'friend2', 'newcomer'].map(name => bench.connect(name)) as [ConnectionRecord, ConnectionRecord, ConnectionRecord, ConnectionRecord]
    const strange = [bench.admitted(stranger), bench.admitted(stranger)]
    const friendly = [bench.admitted(friend), bench.admitted(friend), bench.admitted(friend)]
    bench.admitted(newcomer)
    expect(bench.resets).toEqual([strange[0]])
    bench.admitted(another)
    expect(bench.resets).toEqual([strange[0], friendly[0]])
  })

  it('nobody is reset if it is not they that are too many', () => {
    const bench = new Bench({ system: { streams: 2 } })
    const [a, b] = [bench.connect('a'), bench.connect('b')]
    bench.admitted(a)
    bench.admitted(a)
    expect(bench.stream(b)).toMatchObject({ scope: 'system' })
    expect(bench.resets).toEqual([])
  })

  it('logs the 1st, 2nd, 4th, 8th reset, ... however many there are', () => {
    const bench = new Bench({ transient: { streamsInbound: 2 } })
    // each comes with nothing, where another one has one already
    for (let n = 0; n < 102; n++) bench.admitted(bench.connect(`peer-${n}`))
    expect(bench.resets).toHaveLength(100)
    expect(bench.log).toHaveLength(7)
  })
})
