import { normaliseAddress } from '@cordon/address'
import { fakeClock } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { createResourceManager, infiniteLimits } from '../src/index.ts'
import { admitted } from './support.ts'
import type { CoreResourceManager } from '../src/index.ts'
import type { Direction } from '@cordon/interface-connection-lifecycle'
import type { ConnectionScope, Span, StreamScope } from '@cordon/interface-resource-manager'
import type { Metrics } from '@libp2p/interface'

const RELAY = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'

interface Guest {
  readonly connection: ConnectionScope
  readonly stream: StreamScope
  readonly spans: readonly Span[]
}

type Scrape = () => Readonly<Record<string, number>>

function used (): { metrics: Metrics, scrape: Scrape } {
  let calculate: Scrape = () => ({})
  const registerMetricGroup = (name: string, options: { readonly calculate: Scrape }): void => {
    if (name === 'cordon_resource_manager_used') calculate = options.calculate
  }
  return { metrics: { registerMetricGroup, registerCounterGroup: () => {} } as unknown as Metrics, scrape: () => calculate() }
}

/** A manager in which a connection of each direction is in use, in both lanes, with a stream and spans in each */
function busy (): { manager: CoreResourceManager, scrape: Scrape, all: Guest[] } {
  const { metrics, scrape } = used()
  const manager = createResourceManager({ metrics, clock: fakeClock(), allowlist: ['192.0.2.9'], limits: { ...infiniteLimits, system: { connectionsOutbound: 1, streams: 2 }, prefixes: { ipv4: [{ length: 32, connections: 9, rate: 1 }], ipv6: [] } } })
  const open = (direction: Direction, address: string, usesDescriptor: boolean): Guest => {
    const connection = admitted(manager.openConnection(direction, { address: normaliseAddress(address), usesDescriptor }))
    connection.setPeer(`peer-${address}`)
    const stream = admitted(manager.openStream(`peer-${address}`, direction, { connection }))
    const span = stream.beginSpan()
    return { stream, connection, spans: [span, span.beginSpan()] }
  }
  const all = [open('inbound', '192.0.2.1', true), open('outbound', '192.0.2.2', false), open('outbound', '192.0.2.9', true)]
  return { manager, scrape, all }
}

describe('what is in no table', () => {
  it('is counted, in both lanes', () => {
    const { manager, all } = busy()
    const { classes } = manager.snapshot()
    expect(manager.snapshot().allowlistedSystem.usage).toMatchObject({ connectionsOutbound: 1, streamsOutbound: 1 })
    expect(classes.connection).toMatchObject({ count: 3, idle: 0, peak: { connections: 1, connectionsInbound: 1, connectionsOutbound: 1, fileDescriptors: 1, streams: 0 } })
    expect(classes.stream).toMatchObject({ count: 3, idle: 0, peak: { streams: 1, streamsInbound: 1, streamsOutbound: 1, connections: 0 } })
    expect(classes.span).toMatchObject({ count: 6, idle: 0 })
    expect(classes.prefix).toMatchObject({ count: 1, idle: 0, peak: { connections: 1, connectionsInbound: 1, connectionsOutbound: 0 } })

    for (const { connection, stream, spans } of all) {
      for (const span of [...spans, ...spans]) span.release()
      stream.release()
      connection.release()
    }
    const after = manager.snapshot().classes
    expect(['connection', 'stream', 'span', 'prefix'].map(name => after[name as 'span'].count)).toEqual([0, 0, 0, 0])
    expect(after.prefix.idle).toBe(1)
    expect([after.connection.peak, after.prefix.peak]).toEqual([classes.connection.peak, classes.prefix.peak])
  })

  it('is counted with prefixes that have a name of their own, and relays', () => {
    const manager = createResourceManager({ limits: { ...infiniteLimits, prefixes: { ipv4: [{ length: 32, connections: 9 }, { length: 24, connections: 9 }], ipv6: [], entries: { '198.51.100.0/24': { connections: 9 } }, relayed: { connections: 9 } } } })
    const relayed = `/ip4/192.0.2.9/tcp/1/p2p/${RELAY}/p2p-circuit`
    const all = ['192.0.2.1', '192.0.2.1', '198.51.100.1', '198.51.100.2', relayed].map(address => admitted(manager.openConnection('inbound', { address: normaliseAddress(address) })))
    // a /32, the /24 around it, the named one, the relay, and all relays
    expect(manager.snapshot().classes.prefix).toMatchObject({ count: 5, idle: 0, peak: { connections: 2 } })
    for (const connection of all) connection.release()
    expect(manager.snapshot().classes.prefix).toMatchObject({ count: 0, idle: 3 })
  })

  it('is shown in a scrape, and nothing of it once it has gone', () => {
    const { all, scrape } = busy()
    const of = (): object => Object.fromEntries(Object.entries(scrape()).filter(([label]) => /^(?:connection|stream|span|prefix)\//.test(label)))
    expect(of()).toEqual({
      'connection/connectionsInbound': 1, 'connection/connectionsOutbound': 2, 'connection/fileDescriptors': 2, 'connection/memory': 0,
      'stream/streamsInbound': 1, 'stream/streamsOutbound': 2, 'stream/memory': 0, 'span/spans': 6, 'span/memory': 0, 'prefix/connections': 1, 'prefix/prefixes': 1, 'prefix/idle': 0
    })
    for (const { connection, stream, spans } of all) {
      for (const span of spans) span.release()
      stream.release()
      connection.release()
    }
    expect(Object.entries(of()).filter(([, value]) => value !== 0)).toEqual([['prefix/idle', 1]])
  })

  it('shows whose memory it is, each byte once in each kind', () => {
    const { all, manager, scrape } = busy()
    const memory = (): Array<number | undefined> => ['connection', 'stream', 'span'].map(kind => scrape()[`${kind}/memory`])
    const { connection, stream, spans } = all[0] as Guest
    const [outer, inner] = spans as [Span, Span]
    admitted(connection.reserveMemory(1))
    const mine = admitted(stream.reserveMemory(20))
    admitted(outer.reserveMemory(300))
    const inmost = admitted(inner.reserveMemory(4_000))
    expect(memory()).toEqual([1, 4_320, 4_300])
    expect(manager.snapshot().system.usage.memory).toBe(4_321)

    // an own span of the connection, and one of nobody's
    const span = connection.beginSpan()
    admitted(span.reserveMemory(50_000))
    using peer = manager.scope('peer', 'p')
    admitted(peer.beginSpan().reserveMemory(600_000))
    expect(memory()).toEqual([50_001, 4_320, 654_300])
    span.release()
    expect(memory()).toEqual([1, 4_320, 604_300])

    inmost.resize(5_000)
    inmost.resize(1_000)
    mine.release()
    expect(memory()).toEqual([1, 1_300, 601_300])
    inner.release()
    expect(memory()).toEqual([1, 300, 600_300])
    // a span that outlives its stream has what it held in itself alone
    stream.release()
    expect(memory()).toEqual([1, 0, 600_300])
    outer.release()
    connection.release()
    expect(memory()).toEqual([0, 0, 600_000])
  })

  it('has no peak where there was none', () => {
    const { classes } = createResourceManager().snapshot()
    expect([classes.connection, classes.stream].map(({ peak }) => Object.values(peak).every(value => value === 0))).toEqual([true, true])
  })
})
