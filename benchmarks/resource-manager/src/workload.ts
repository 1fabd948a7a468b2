import { limitsFrom } from '@cordon/bench-resource-manager-replay'
import { peerName, peerNames } from '@cordon/bench-resource-manager-replay/peers'
import { replayScaled } from '@cordon/bench-resource-manager-replay/scaled'
import { createResourceManager } from '@cordon/resource-manager'
import { LIFECYCLE, lifecycle, limitsWith, LOOPBACK, make, must, mustRefuse, PEER, populate, PROTOCOL, PUBLIC, SERVICE, serviceStream } from './operations.ts'
import type { Counts, Sink } from './scrape.ts'
import type { LimitConfig, OpenConnectionOptions, ResourceManager } from '@cordon/interface-resource-manager'

/** Both ways, where the Go program has both */
const BOTH = ['off', 'on'] as const

/** Whether counts are shown to somebody */
export type Variant = typeof BOTH[number]

/** What is measured */
export interface Subject {
  /** One operation, or as many as the `unit` of the workload says. Everything that it takes it gives back. */
  readonly operation: (index: number) => void
  /** What it adds to the counters */
  readonly counts: Counts
}

/** One row */
export interface Workload {
  /** As the Go program calls it, without `Benchmark` and the variant */
  readonly go: string
  readonly variants: readonly Variant[]
  /** The most that it may take, in what go-libp2p takes; with metrics, where that has a target of its own */
  readonly target?: number
  readonly targetWithMetrics?: number
  readonly prepare: (sink?: Sink) => Subject
  /** How many operations of the Go program one call does */
  readonly unit?: number
}

function lifecycles (go: string, options: OpenConnectionOptions): Workload {
  return {
    go,
    variants: BOTH,
    prepare: sink => {
      const manager = make(sink)
      return { counts: LIFECYCLE, operation: () => { lifecycle(manager, PEER, options) } }
    }
  }
}

/** A lifecycle of a random one of so many peers that hold a connection */
function churn (peers: number, streams: number): Workload['prepare'] {
  return sink => {
    const manager = make(sink)
    const held = populate(manager, peers, streams)
    // other strings than those that the manager knows, as those of another connection are
    const names = peerNames(peers)
    let x = 1
    return {
      counts: LIFECYCLE,
      operation: () => {
        x ^= x << 13
        x ^= x >>> 17
        x ^= x << 5
        lifecycle(manager, names[(x >>> 0) % peers] ?? PEER, LOOPBACK)
        if (held.length === 0) throw new Error('nothing is held')
      }
    }
  }
}

const connections: Workload = {
  go: 'Conn',
  variants: BOTH,
  target: 0.2,
  prepare: sink => {
    const manager = make(sink)
    return {
      counts: { connection: 1, peer: 1 },
      operation: () => {
        const connection = must(manager.openConnection('inbound', LOOPBACK))
        connection.setPeer(PEER)
        connection.release()
      }
    }
  }
}

const streams: Workload = {
  go: 'Stream',
  variants: BOTH,
  target: 0.3,
  prepare: sink => {
    const manager = make(sink)
    return { counts: { stream: 1, protocol: 1, service: 1 }, operation: () => { serviceStream(manager, PEER).release() } }
  }
}

/** Memory through six scopes, or through five where the stream has no service, as in the Go program */
function memory (go: string, service: boolean): Workload {
  return {
    go,
    variants: BOTH,
    prepare: sink => {
      const stream = must(make(sink).openStream(PEER, 'inbound'))
      stream.setProtocol(PROTOCOL)
      if (service) stream.setService(SERVICE)
      return { counts: { all: 1 }, operation: () => { must(stream.reserveMemory(4096, 152)).release() } }
    }
  }
}

/** What a muxer does for each stream */
const spans: Workload = {
  go: 'Span',
  variants: BOTH,
  prepare: sink => {
    const peer = make(sink).scope('peer', PEER)
    return {
      counts: { all: 1 },
      operation: () => {
        const span = peer.beginSpan()
        must(span.reserveMemory(256 * 1024, 255))
        span.release()
      }
    }
  }
}

/** Something that is refused each time */
function blocked (name: string, target: number, limits: LimitConfig, counts: Counts, ask: (manager: ResourceManager) => void): Record<string, Workload> {
  return {
    [`blocked/${name}`]: {
      go: `Blocked/${name}`,
      variants: BOTH,
      target,
      prepare: sink => {
        const manager = make(sink, limits)
        return { counts: { ...counts, refused: 1 }, operation: () => { ask(manager) } }
      }
    }
  }
}

const refusals: Readonly<Record<string, Workload>> = {
  ...blocked('conn-system', 0.1, { system: { connectionsInbound: 0 } }, {}, manager => { mustRefuse(manager.openConnection('inbound', LOOPBACK)) }),
  ...blocked('conn-setpeer', 0.1, { peerDefault: { connectionsInbound: 0 } }, { connection: 1 }, manager => {
    const connection = must(manager.openConnection('inbound', LOOPBACK))
    mustRefuse(connection.setPeer(PEER))
    connection.release()
  }),
  ...blocked('stream-transient', 0.1, { transient: { streamsInbound: 0 } }, {}, manager => { mustRefuse(manager.openStream(PEER, 'inbound')) }),
  ...blocked('stream-protocol', 0.15, { protocolDefault: { streamsInbound: 0 } }, { stream: 1 }, manager => {
    const stream = must(manager.openStream(PEER, 'inbound'))
    mustRefuse(stream.setProtocol(PROTOCOL))
    stream.release()
  }),
  ...blocked('memory-low-priority', 0.1, { system: { memory: 2 ** 20 } }, {}, manager => {
    const system = manager.scope('system')
    mustRefuse(system.reserveMemory(2 ** 19, 101))
    system.release()
  })
}

const allowlistFallback: Workload = {
  go: 'AllowlistFallback',
  variants: ['off'],
  prepare: () => {
    const manager = createResourceManager({ limits: limitsWith({ system: { connections: 0 } }), allowlist: ['/ip4/127.0.0.1'] })
    return {
      counts: { connection: 1, peer: 1 },
      operation: () => {
        const connection = must(manager.openConnection('inbound', LOOPBACK))
        connection.setPeer(PEER)
        connection.release()
      }
    }
  }
}

/** A peer that was never seen before, each time */
const freshPeers: Workload = {
  go: 'ChurnFreshPeers',
  variants: BOTH,
  prepare: sink => {
    const manager = make(sink)
    return { counts: LIFECYCLE, operation: index => { lifecycle(manager, peerName(index), LOOPBACK) } }
  }
}

const scopeStat: Workload = {
  go: 'ScopeStat',
  variants: BOTH,
  prepare: sink => {
    const manager = make(sink)
    return {
      counts: {},
      operation: () => {
        const system = manager.scope('system')
        if (system.usage().memory !== 0) throw new Error('something is held')
        system.release()
      }
    }
  }
}

function stat (peers: number): Workload {
  return {
    go: `Stat/peers=${peers}`,
    variants: ['off'],
    target: 1,
    prepare: () => {
      const manager = make(undefined)
      const held = populate(manager, peers, 1)
      return { counts: {}, operation: () => { if (manager.stat().peers.size !== peers || held.length === 0) throw new Error('peers are missing') } }
    }
  }
}

/** How many peers there are when it is scraped, as in the Go program */
const SCRAPED = 10_000

const scrape: Workload = {
  go: 'Scrape',
  variants: ['on'],
  prepare: sink => {
    const held = populate(make(sink), SCRAPED, 1)
    return { counts: {}, operation: () => { if (sink?.scrape().size !== 4 || held.length === 0) throw new Error('metrics are missing') } }
  }
}

const REPLAYED = 100_000

const replay: Workload = {
  go: 'Replay',
  variants: BOTH,
  target: 0.2,
  unit: REPLAYED,
  prepare: sink => {
    const limits = limitsFrom('scaled')
    const peers = peerNames(64)
    const run = (): ReturnType<typeof replayScaled> => replayScaled(createResourceManager({ limits, metrics: sink?.metrics }), 42, REPLAYED, peers, false)
    const print = run()
    sink?.replace()
    return {
      counts: {
        connection: print.ConnOK + print.PeerBlocked,
        peer: print.ConnOK,
        stream: print.StreamOK,
        protocol: print.ProtoOK,
        service: print.SvcOK,
        all: print.MemOK,
        refused: print.ConnBlocked + print.PeerBlocked + print.StreamBlocked + print.ProtoBlocked + print.SvcBlocked + print.MemBlocked
      },
      operation: () => {
        run()
        sink?.replace()
      }
    }
  }
}

/** Every benchmark of the Go program that takes time, by its name in lower case */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  lifecycle: { ...lifecycles('Lifecycle', LOOPBACK), target: 0.2, targetWithMetrics: 0.06 },
  lifecyclepublicip: { ...lifecycles('LifecyclePublicIP', PUBLIC), target: 0.3 },
  lifecycleparallel: lifecycles('LifecycleParallel', LOOPBACK),
  conn: connections,
  stream: streams,
  memory: { ...memory('Memory', true), target: 0.15 },
  memoryparallel: memory('MemoryParallel', false),
  span: spans,
  ...refusals,
  allowlistfallback: allowlistFallback,
  churn10kpeers: { go: 'Churn10kPeers', variants: BOTH, target: 0.2, prepare: churn(10_000, 1) },
  churnfreshpeers: freshPeers,
  ...Object.fromEntries([10, 1_000, 10_000, 100_000, 1_000_000].map((peers): [string, Workload] => [`churnn/peers=${peers}`, { go: `ChurnN/peers=${peers}`, variants: ['off'], target: 0.3, prepare: churn(peers, 0) }])),
  ...Object.fromEntries([100, 1_000, 10_000].map((peers): [string, Workload] => [`stat/peers=${peers}`, stat(peers)])),
  scopestat: scopeStat,
  scrape,
  replay
}
