import { normaliseAddress } from '@cordon/address'
import { limitsFrom } from '@cordon/bench-resource-manager-replay'
import { peerName } from '@cordon/bench-resource-manager-replay/peers'
import { replayScaled } from '@cordon/bench-resource-manager-replay/scaled'
import { createResourceManager, infiniteLimits } from '@cordon/resource-manager'
import type { ConnectionScope, LimitConfig, OpenConnectionOptions, PartialScopeLimits, ResourceManager, ResourceRefusal, StreamScope } from '@cordon/interface-resource-manager'
import type { Metrics } from '@libp2p/interface'

/** Large, and no short cut for "no limit", as in the Go program */
const BIG = 2 ** 40

const PROTOCOL = '/bench/1.0.0'
const SERVICE = 'bench.svc'

const LOOPBACK: OpenConnectionOptions = { usesDescriptor: true, address: normaliseAddress('/ip4/127.0.0.1/tcp/4001') }
const PUBLIC: OpenConnectionOptions = { usesDescriptor: true, address: normaliseAddress('/ip4/1.2.3.4/tcp/4001') }

/** One row: makes something to measure; what that returns is one operation */
export interface Workload {
  /** As the Go program calls it, without `Benchmark` and the variant */
  readonly go: string
  /** Whether the Go program has it with metrics as well */
  readonly variants: boolean
  /** The target for the ratio without metrics, and with */
  readonly target?: number
  readonly targetWithMetrics?: number
  readonly prepare: (metrics: Metrics | undefined) => (index: number) => void
  /** How many operations one call does */
  readonly unit?: number
}

function finite (limits: LimitConfig = {}): LimitConfig {
  const scope: PartialScopeLimits = { connections: BIG, connectionsInbound: BIG, connectionsOutbound: BIG, streams: BIG, streamsInbound: BIG, streamsOutbound: BIG, fileDescriptors: BIG, memory: BIG }
  const scopes = Object.keys({ ...infiniteLimits }).filter(name => name.endsWith('Default') || ['system', 'transient', 'allowlistedSystem', 'allowlistedTransient', 'connection', 'stream'].includes(name))
  const all = Object.fromEntries(scopes.map((name): [string, object] => [name, { ...scope, ...limits[name as keyof LimitConfig] }]))
  return { ...all, prefixes: { ipv4: [{ length: 32, connections: BIG }], ipv6: [{ length: 56, connections: BIG }] } }
}

function must<T> (result: T | ResourceRefusal): T {
  if (typeof result === 'object' && result !== null && 'code' in result) throw new Error(result.message)
  return result
}

function mustRefuse (result: unknown): void {
  if (typeof result !== 'object' || result === null || !('code' in result)) throw new Error('was admitted')
}

function lifecycle (manager: ResourceManager, peer: string, options: OpenConnectionOptions): void {
  const connection = must(manager.openConnection('inbound', options))
  connection.setPeer(peer)
  const stream = must(manager.openStream(peer, 'inbound'))
  stream.setProtocol(PROTOCOL)
  stream.setService(SERVICE)
  must(stream.reserveMemory(4096, 255)).release()
  stream.release()
  connection.release()
}

function populate (manager: ResourceManager, peers: number, streams: number): Array<ConnectionScope | StreamScope> {
  const held: Array<ConnectionScope | StreamScope> = []
  for (let i = 0; i < peers; i++) {
    const peer = peerName(i)
    const connection = must(manager.openConnection('inbound', LOOPBACK))
    connection.setPeer(peer)
    held.push(connection)
    for (let j = 0; j < streams; j++) held.push(serviceStream(manager, peer))
  }
  return held
}

function serviceStream (manager: ResourceManager, peer: string): StreamScope {
  const stream = must(manager.openStream(peer, 'inbound'))
  stream.setProtocol(PROTOCOL)
  stream.setService(SERVICE)
  return stream
}

const PEER = peerName(1)

const make = (metrics: Metrics | undefined, limits: LimitConfig = {}): ResourceManager => createResourceManager({ limits: finite(limits), metrics })

/** A lifecycle of a random one of so many peers that hold a connection */
function churn (peers: number, streams: number): Workload['prepare'] {
  return metrics => {
    const manager = make(metrics)
    const held = populate(manager, peers, streams)
    const ids = Array.from({ length: peers }, (_, i) => peerName(i))
    let x = 1
    return () => {
      x ^= x << 13
      x ^= x >>> 17
      x ^= x << 5
      lifecycle(manager, ids[(x >>> 0) % peers] ?? PEER, LOOPBACK)
      if (held.length === 0) throw new Error('nothing is held')
    }
  }
}

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  lifecycle: { go: 'Lifecycle', variants: true, target: 0.2, targetWithMetrics: 0.06, prepare: metrics => { const manager = make(metrics); return () => lifecycle(manager, PEER, LOOPBACK) } },
  lifecyclepublicip: { go: 'LifecyclePublicIP', variants: true, target: 0.3, prepare: metrics => { const manager = make(metrics); return () => lifecycle(manager, PEER, PUBLIC) } },
  conn: {
    go: 'Conn', variants: true, target: 0.2, prepare: metrics => {
      const manager = make(metrics)
      return () => {
        const connection = must(manager.openConnection('inbound', LOOPBACK))
        connection.setPeer(PEER)
        connection.release()
      }
    }
  },
  stream: { go: 'Stream', variants: true, target: 0.3, prepare: metrics => { const manager = make(metrics); return () => serviceStream(manager, PEER).release() } },
  memory: { go: 'Memory', variants: true, target: 0.15, prepare: metrics => { const stream = serviceStream(make(metrics), PEER); return () => must(stream.reserveMemory(4096, 152)).release() } },
  span: {
    go: 'Span', variants: true, prepare: metrics => {
      const peer = make(metrics).scope('peer', PEER)
      return () => {
        const span = peer.beginSpan()
        must(span.reserveMemory(256 * 1024, 255))
        span.release()
      }
    }
  },
  'blocked/conn-system': { go: 'Blocked/conn-system', variants: true, target: 0.1, prepare: metrics => { const manager = make(metrics, { system: { connectionsInbound: 0 } }); return () => mustRefuse(manager.openConnection('inbound', LOOPBACK)) } },
  'blocked/conn-setpeer': {
    go: 'Blocked/conn-setpeer', variants: true, target: 0.1, prepare: metrics => {
      const manager = make(metrics, { peerDefault: { connectionsInbound: 0 } })
      return () => {
        const connection = must(manager.openConnection('inbound', LOOPBACK))
        mustRefuse(connection.setPeer(PEER))
        connection.release()
      }
    }
  },
  'blocked/stream-transient': { go: 'Blocked/stream-transient', variants: true, target: 0.1, prepare: metrics => { const manager = make(metrics, { transient: { streamsInbound: 0 } }); return () => mustRefuse(manager.openStream(PEER, 'inbound')) } },
  'blocked/stream-protocol': {
    go: 'Blocked/stream-protocol', variants: true, target: 0.15, prepare: metrics => {
      const manager = make(metrics, { protocolDefault: { streamsInbound: 0 } })
      return () => {
        const stream = must(manager.openStream(PEER, 'inbound'))
        mustRefuse(stream.setProtocol(PROTOCOL))
        stream.release()
      }
    }
  },
  'blocked/memory-low-priority': { go: 'Blocked/memory-low-priority', variants: true, target: 0.1, prepare: metrics => { const system = make(metrics, { system: { memory: 2 ** 20 } }).scope('system'); return () => mustRefuse(system.reserveMemory(2 ** 19, 101)) } },
  allowlistfallback: {
    go: 'AllowlistFallback', variants: false, prepare: metrics => {
      const manager = createResourceManager({ limits: finite({ system: { connections: 0 } }), metrics, allowlist: ['/ip4/127.0.0.1'] })
      return () => {
        const connection = must(manager.openConnection('inbound', LOOPBACK))
        connection.setPeer(PEER)
        connection.release()
      }
    }
  },
  churn10kpeers: { go: 'Churn10kPeers', variants: true, target: 0.2, prepare: churn(10_000, 1) },
  churnfreshpeers: { go: 'ChurnFreshPeers', variants: true, prepare: metrics => { const manager = make(metrics); return index => lifecycle(manager, peerName(index), LOOPBACK) } },
  ...Object.fromEntries([10, 1_000, 10_000, 100_000, 1_000_000].map(peers => [`churnn/peers=${peers}`, { go: `ChurnN/peers=${peers}`, variants: false, target: 0.3, prepare: churn(peers, 0) }])),
  ...Object.fromEntries([100, 1_000, 10_000].map(peers => [`stat/peers=${peers}`, {
    go: `Stat/peers=${peers}`, variants: false, target: 1, prepare: (metrics: Metrics | undefined) => {
      const manager = make(metrics)
      const held = populate(manager, peers, 1)
      return () => { if (manager.stat().peers.size !== peers || held.length === 0) throw new Error('peers are missing') }
    }
  }])),
  replay: {
    go: 'Replay', variants: true, target: 0.2, unit: 100_000, prepare: metrics => {
      const limits = limitsFrom('scaled')
      const peers = Array.from({ length: 64 }, (_, i) => peerName(i))
      return () => { replayScaled(createResourceManager({ limits, metrics }), 42, 100_000, peers, false) }
    }
  }
}

/** Heap that is retained for each peer with its connection, and for each of four streams, in bytes */
export function footprint (): { readonly peer: number, readonly stream: number } {
  const peers = 10_000
  const perPeer = 4
  const names = Array.from({ length: peers }, (_, i) => peerName(i))
  const manager = make(undefined)
  const h0 = heap()
  const held: unknown[] = names.map(name => { const connection = must(manager.openConnection('inbound', LOOPBACK)); connection.setPeer(name); return connection })
  const h1 = heap()
  for (const name of names) for (let i = 0; i < perPeer; i++) held.push(serviceStream(manager, name))
  const h2 = heap()
  if (held.length !== peers * (1 + perPeer)) throw new Error('something is missing')
  return { peer: (h1 - h0) / peers, stream: (h2 - h1) / (peers * perPeer) }
}

function heap (): number {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
