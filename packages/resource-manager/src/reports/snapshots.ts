import { scopeName } from '../graph/names.ts'
import { emptyPeak } from '../graph/peak.ts'
import { sharesOf } from '../graph/share.ts'
import { countsOf } from '../graph/tally.ts'
import { publicLimits } from '../limits/limits.ts'
import type { Graph } from '../graph/graph.ts'
import type { Kind } from '../graph/kind.ts'
import type { ScopeTable } from '../graph/scope-table.ts'
import type { Scope } from '../graph/scope.ts'
import type { Share } from '../graph/share.ts'
import type { ClassSnapshot, LimitKey, PeerSnapshot, ResourceSnapshot, ResourceStat, ScopeClass, ScopeSnapshot, ScopeUsage } from '@cordon/interface-resource-manager'

const CONNECTION_KEYS: readonly LimitKey[] = ['connections', 'connectionsInbound', 'connectionsOutbound', 'fileDescriptors']
const STREAM_KEYS: readonly LimitKey[] = ['streams', 'streamsInbound', 'streamsOutbound']

function snapshotOf (scope: Share): ScopeSnapshot {
  const peak = emptyPeak()
  scope.raise(peak)
  return {
    class: scope.kind.name,
    name: scopeName(scope.kind.name, scope.name, scope.peer),
    usage: scope.usage(),
    limits: publicLimits(scope.limits),
    peak,
    refusals: countsOf(scope.refusals)
  }
}

function snapshotPeer (peer: Scope): PeerSnapshot {
  return {
    ...snapshotOf(peer),
    protocols: [...sharesOf(peer.protocols)].map(snapshotOf),
    services: [...sharesOf(peer.services)].map(snapshotOf)
  }
}

const inUse = (table: ScopeTable): Scope[] => [...table.values()].filter(scope => !scope.unused)

function held (scope: Scope): number {
  return scope.connectionsInbound + scope.connectionsOutbound + scope.streamsInbound + scope.streamsOutbound
}

function classOf (kind: Kind, scopes: Iterable<Share>): ClassSnapshot {
  const peak = { ...kind.peak }
  let count = 0
  let idle = 0
  for (const scope of scopes) {
    scope.raise(peak)
    if (scope.unused) idle++
    else count++
  }
  return { count, idle, peak, refusals: countsOf(kind.refusals) }
}

/** One consistent tree: everything is synchronous, so nothing changes meanwhile */
export function takeSnapshot (graph: Graph, peers: number): ResourceSnapshot {
  return {
    system: snapshotOf(graph.system),
    transient: snapshotOf(graph.transient),
    allowlistedSystem: snapshotOf(graph.allowlistedSystem),
    allowlistedTransient: snapshotOf(graph.allowlistedTransient),
    services: inUse(graph.services).map(snapshotOf),
    protocols: inUse(graph.protocols).map(snapshotOf),
    peers: inUse(graph.peers).sort((a, b) => held(b) - held(a)).slice(0, peers).map(snapshotPeer),
    prefixes: graph.prefixes.snapshot(peers),
    classes: takeClasses(graph)
  }
}

/** Of connections or streams: no table has them, but each counts in one of the two roots */
function leavesOf ({ allowlistedSystem, system }: Graph, kind: Kind, keys: readonly LimitKey[], count: number): ClassSnapshot {
  const peak = emptyPeak()
  for (const root of [system, allowlistedSystem]) {
    const most = emptyPeak()
    root.raise(most)
    for (const key of keys) peak[key] = Math.max(peak[key], Math.min(1, most[key]))
  }
  return { count, idle: 0, peak, refusals: countsOf(kind.refusals) }
}

function takeClasses (graph: Graph): Readonly<Record<ScopeClass, ClassSnapshot>> {
  const { kinds, prefixes } = graph
  const roots = [graph.system, graph.allowlistedSystem]
  const shares = (of: 'protocols' | 'services'): Share[] => [...graph.peers.values()].flatMap(peer => [...sharesOf(peer[of])])
  const single = (scope: Scope): ClassSnapshot => ({ ...classOf(scope.kind, [scope]), count: 1, idle: 0 })
  return {
    system: single(graph.system),
    transient: single(graph.transient),
    allowlistedSystem: single(graph.allowlistedSystem),
    allowlistedTransient: single(graph.allowlistedTransient),
    service: classOf(kinds.service, graph.services.values()),
    'service-peer': classOf(kinds['service-peer'], shares('services')),
    protocol: classOf(kinds.protocol, graph.protocols.values()),
    'protocol-peer': classOf(kinds['protocol-peer'], shares('protocols')),
    peer: classOf(kinds.peer, graph.peers.values()),
    connection: leavesOf(graph, kinds.connection, CONNECTION_KEYS, roots.reduce((sum, { connectionsInbound, connectionsOutbound }) => sum + connectionsInbound + connectionsOutbound, 0)),
    stream: leavesOf(graph, kinds.stream, STREAM_KEYS, roots.reduce((sum, { streamsInbound, streamsOutbound }) => sum + streamsInbound + streamsOutbound, 0)),
    span: { ...classOf(kinds.span, []), count: graph.spans },
    prefix: { count: prefixes.inUse, idle: prefixes.idle, peak: { ...emptyPeak(), connections: prefixes.most, connectionsInbound: prefixes.most }, refusals: countsOf(kinds.prefix.refusals) }
  }
}

/** What go-libp2p's `Stat()` tells, and nothing more */
export function takeStat (graph: Graph): ResourceStat {
  const usages = (table: ScopeTable): ReadonlyMap<string, ScopeUsage> => {
    const map = new Map<string, ScopeUsage>()
    for (const scope of table.values()) {
      if (!scope.unused) map.set(scope.name, scope.usage())
    }
    return map
  }
  return {
    system: graph.system.usage(),
    transient: graph.transient.usage(),
    services: usages(graph.services),
    protocols: usages(graph.protocols),
    peers: usages(graph.peers)
  }
}
