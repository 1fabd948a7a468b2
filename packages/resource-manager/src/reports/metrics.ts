import { CAUSES, RESOURCES } from '../graph/causes.ts'
import { publicLimits } from '../limits/limits.ts'
import type { Graph } from '../graph/graph.ts'
import type { LimitKey, ScopeClass, ScopeUsage } from '@cordon/interface-resource-manager'
import type { Metrics } from '@libp2p/interface'

/** The kinds of scopes that have gauges, and whose label sets are therefore closed */
const GAUGED: readonly ScopeClass[] = ['system', 'transient', 'allowlistedSystem', 'allowlistedTransient', 'service', 'service-peer', 'protocol', 'protocol-peer', 'peer']

const USAGES: ReadonlyArray<keyof ScopeUsage> = ['connectionsInbound', 'connectionsOutbound', 'streamsInbound', 'streamsOutbound', 'fileDescriptors', 'memory']

/** What use is called in a scrape, made once: there may be very many scopes, and a scrape adds them all up */
const USED_LABELS: ReadonlyArray<readonly [ScopeClass, ReadonlyArray<readonly [keyof ScopeUsage, string]>]> = GAUGED.map(kind => [kind, USAGES.map(key => [key, `${kind}/${key}`])])

/**
 * Shows what is counted anyway, when somebody reads it: admitting costs nothing more. libp2p's metrics have one label
 * each, so what is several things is written `scope/resource/direction/cause`, all of them from closed lists; memory
 * has no direction.
 *
 * @param onFault - told of a sink that throws; it shows less then, and decides nothing
 */
export function registerMetrics (metrics: Metrics, graph: Graph, onFault: (error: unknown) => void): void {
  const register = (attempt: () => void): void => {
    try {
      attempt()
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

  add (scope: ScopeUsage): void {
    this.connectionsInbound += scope.connectionsInbound
    this.connectionsOutbound += scope.connectionsOutbound
    this.streamsInbound += scope.streamsInbound
    this.streamsOutbound += scope.streamsOutbound
    this.fileDescriptors += scope.fileDescriptors
    this.memory += scope.memory
  }
}

function sumOf (graph: Graph, kind: ScopeClass): Sum {
  const sum = new Sum()
  switch (kind) {
    case 'service':
    case 'protocol':
    case 'peer':
      for (const scope of graph[`${kind}s`].values()) sum.add(scope)
      break
    case 'service-peer':
    case 'protocol-peer':
      for (const peer of graph.peers.values()) {
        for (const share of peer[kind === 'service-peer' ? 'services' : 'protocols'] ?? []) sum.add(share)
      }
      break
    case 'system':
    case 'transient':
    case 'allowlistedSystem':
    case 'allowlistedTransient':
      sum.add(graph[kind])
      break
    default:
  }
  return sum
}

function used (graph: Graph): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const [kind, labels] of USED_LABELS) {
    const sum = sumOf(graph, kind)
    for (const [key, label] of labels) sums[label] = sum[key]
  }
  return sums
}

function limits ({ kinds }: Graph): Record<string, number> {
  const values: Record<string, number> = {}
  for (const kind of GAUGED) {
    for (const [key, limit] of Object.entries(publicLimits(kinds[kind].limits.byDefault)) as Array<[LimitKey, number]>) values[`${kind}/${key}`] = limit === Infinity ? -1 : limit
  }
  return values
}
