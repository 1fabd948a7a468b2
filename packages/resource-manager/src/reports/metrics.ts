import { CAUSES, RESOURCES } from '../graph/causes.ts'
import { publicLimits, shown } from '../limits/limits.ts'
import type { Graph } from '../graph/graph.ts'
import type { Scope } from '../graph/scope.ts'
import type { Share } from '../graph/share.ts'
import type { LimitKey, ScopeClass, ScopeUsage } from '@cordon/interface-resource-manager'
import type { Metrics } from '@libp2p/interface'

/** The kinds of scopes whose use is added up, scope by scope */
const GAUGED = ['system', 'transient', 'allowlistedSystem', 'allowlistedTransient', 'service', 'service-peer', 'protocol', 'protocol-peer', 'peer'] as const satisfies readonly ScopeClass[]

type Gauged = typeof GAUGED[number]

const USAGES: ReadonlyArray<keyof ScopeUsage> = ['connectionsInbound', 'connectionsOutbound', 'streamsInbound', 'streamsOutbound', 'fileDescriptors', 'memory']

/** What use is called in a scrape, made once: there may be very many scopes, and a scrape adds them all up */
const USED_LABELS: ReadonlyArray<readonly [Gauged, ReadonlyArray<readonly [keyof ScopeUsage, string]>]> = GAUGED.map(kind => [kind, USAGES.map(key => [key, `${kind}/${key}`])])

/**
 * Shows what is counted anyway, when somebody reads it: admitting costs nothing more. libp2p's metrics have one label
 * each, so what is several things is written `scope/resource/direction/cause`, all of them from closed lists; memory
 * has no direction.
 *
 * @param onFault - told of a sink that throws, at once or later; it shows less then, and decides nothing
 */
export function registerMetrics (metrics: Metrics, graph: Graph, onFault: (error: unknown) => void): void {
  const register = (attempt: () => unknown): void => {
    try {
      Promise.resolve(attempt()).catch(onFault)
    } catch (error) {
      onFault(error)
    }
  }
  register(() => metrics.registerCounterGroup('cordon_resource_manager_allowed_total', {
    label: 'admission',
    help: 'Admitted, as scope/resource/direction: the scope is what was entered',
    calculate: () => allowed(graph)
  }))
  register(() => metrics.registerCounterGroup('cordon_resource_manager_refused_total', {
    label: 'refusal',
    help: 'Refused, as scope/resource/direction/cause, or scope/memory/cause: the scope is what had no room, the cause the limit that was in the way',
    calculate: () => refused(graph)
  }))
  register(() => metrics.registerMetricGroup('cordon_resource_manager_used', {
    label: 'use',
    help: 'In use, as scope/resource, of all scopes of a kind together; memory in bytes',
    calculate: () => used(graph)
  }))
  register(() => metrics.registerMetricGroup('cordon_resource_manager_limit', {
    label: 'limit',
    help: 'Limits of one scope of each kind that is not named in the configuration, as scope/limit; -1 is none',
    calculate: () => limits(graph)
  }))
}

function allowed ({ admitted }: Graph): Record<string, number> {
  return {
    'all/memory': admitted.reservations,
    'connection/connections/inbound': admitted.connectionsOpenedInbound,
    'connection/connections/outbound': admitted.connectionsOpenedOutbound,
    'peer/connections/inbound': admitted.connectionsIdentifiedInbound,
    'peer/connections/outbound': admitted.connectionsIdentifiedOutbound,
    'stream/streams/inbound': admitted.streamsOpenedInbound,
    'stream/streams/outbound': admitted.streamsOpenedOutbound,
    'protocol/streams/inbound': admitted.streamsNegotiatedInbound,
    'protocol/streams/outbound': admitted.streamsNegotiatedOutbound,
    'service/streams/inbound': admitted.streamsServedInbound,
    'service/streams/outbound': admitted.streamsServedOutbound
  }
}

function refused ({ kinds }: Graph): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { name, refusals, outboundRefusals } of Object.values(kinds)) {
    for (const [index, cause] of CAUSES.entries()) {
      const count = refusals[index] ?? 0
      if (cause == null || count === 0) continue
      const resource = RESOURCES[index] ?? ''
      const outbound = outboundRefusals[index] ?? 0
      if (resource === 'memory') counts[`${name}/memory/${cause}`] = count
      if (resource !== 'memory' && outbound > 0) counts[`${name}/${resource}/outbound/${cause}`] = outbound
      if (resource !== 'memory' && count > outbound) counts[`${name}/${resource}/inbound/${cause}`] = count - outbound
    }
  }
  return counts
}

/** The use of all scopes of a kind together */
class Sum implements Record<keyof ScopeUsage, number> {
  connectionsInbound = 0
  connectionsOutbound = 0
  streamsInbound = 0
  streamsOutbound = 0
  fileDescriptors = 0
  memory = 0

  add (scope: Scope): void {
    this.connectionsInbound += scope.connectionsInbound
    this.connectionsOutbound += scope.connectionsOutbound
    this.fileDescriptors += scope.fileDescriptors
    this.addShare(scope)
  }

  addShare (share: Share): void {
    this.streamsInbound += share.streamsInbound
    this.streamsOutbound += share.streamsOutbound
    this.memory += share.memory
  }

  /** All shares of a peer, by the first of them */
  addShares (first: Share | undefined): void {
    if (first === undefined) return
    this.addShare(first)
    if (first.others === undefined) return
    for (const share of first.others.values()) this.addShare(share)
  }
}

function used (graph: Graph): Record<string, number> {
  const sums = Object.fromEntries(GAUGED.map(kind => [kind, new Sum()])) as Record<Gauged, Sum>
  for (const kind of ['system', 'transient', 'allowlistedSystem', 'allowlistedTransient'] as const) sums[kind].add(graph[kind])
  for (const service of graph.services.values()) sums.service.add(service)
  for (const protocol of graph.protocols.values()) sums.protocol.add(protocol)
  for (const peer of graph.peers.values()) {
    sums.peer.add(peer)
    sums['protocol-peer'].addShares(peer.protocols)
    sums['service-peer'].addShares(peer.services)
  }
  return { ...Object.fromEntries(USED_LABELS.flatMap(([kind, labels]) => labels.map(([key, label]) => [label, sums[kind][key]]))), ...usedBelow(graph) }
}

/** By what is in no table: each connection and each stream counts in one of the two roots, whose memory is not theirs alone */
function usedBelow ({ allowlistedSystem, memoryOfConnections, memoryOfSpans, memoryOfStreams, prefixes, spans, system }: Graph): Record<string, number> {
  const both = (key: Exclude<keyof ScopeUsage, 'memory'>): number => system[key] + allowlistedSystem[key]
  return {
    'connection/connectionsInbound': both('connectionsInbound'),
    'connection/connectionsOutbound': both('connectionsOutbound'),
    'connection/fileDescriptors': both('fileDescriptors'),
    'connection/memory': memoryOfConnections + 0,
    'stream/streamsInbound': both('streamsInbound'),
    'stream/streamsOutbound': both('streamsOutbound'),
    'stream/memory': memoryOfStreams + 0,
    'span/spans': spans,
    'span/memory': memoryOfSpans + 0,
    'prefix/connections': prefixes.counted,
    'prefix/prefixes': prefixes.inUse,
    'prefix/idle': prefixes.idle
  }
}

function limits ({ kinds, prefixes }: Graph): Record<string, number> {
  const values: Record<string, number> = {}
  for (const kind of [...GAUGED, 'connection', 'stream'] as const) {
    for (const [key, limit] of Object.entries(publicLimits(kinds[kind].limits.byDefault)) as Array<[LimitKey, number]>) values[`${kind}/${key}`] = bounded(limit)
  }
  for (const { path, connections } of prefixes.rules) values[`prefix/${path}/connections`] = bounded(shown(connections))
  return values
}

/** A gauge has no infinity */
function bounded (limit: number): number {
  return limit === Infinity ? -1 : limit
}
