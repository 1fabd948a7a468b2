import { CAUSES, RESOURCES } from './causes.ts'
import { publicLimits } from './limits.ts'
import { usageOf } from './scope.ts'
import type { Graph } from './graph.ts'
import type { Scope } from './scope.ts'
import type { LimitKey, ScopeClass, ScopeUsage } from '@cordon/interface-resource-manager'
import type { Metrics } from '@libp2p/interface'

/** The kinds of scopes that have gauges, and whose label sets are therefore closed */
const GAUGED: readonly ScopeClass[] = ['system', 'transient', 'allowlistedSystem', 'allowlistedTransient', 'service', 'service-peer', 'protocol', 'protocol-peer', 'peer']

const USAGES: ReadonlyArray<keyof ScopeUsage> = ['connectionsInbound', 'connectionsOutbound', 'streamsInbound', 'streamsOutbound', 'fileDescriptors', 'memory']

/**
 * Shows what is counted anyway, when somebody reads it: admitting costs nothing more. libp2p's metrics have one label
 * each, so what is several things is written `scope/resource/direction/cause`, all of them from closed lists.
 */
export function registerMetrics (metrics: Metrics, graph: Graph): void {
  const register = (attempt: () => void): void => {
    try {
      attempt()
    } catch {
      // a sink that is broken shows less; it decides nothing
    }
  }
  register(() => metrics.registerCounterGroup('cordon_resource_manager_allowed_total', {
    label: 'admission',
    help: 'Admitted, as scope/resource/direction: the scope is what was entered',
    calculate: () => allowed(graph)
  }))
  register(() => metrics.registerCounterGroup('cordon_resource_manager_refused_total', {
    label: 'refusal',
    help: 'Refused, as scope/resource/cause: the scope is what had no room, the cause the limit that was in the way',
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
  for (const { name, refusals } of Object.values(kinds)) {
    for (const [index, cause] of CAUSES.entries()) {
      const count = refusals[index] ?? 0
      if (cause != null && count > 0) counts[`${name}/${RESOURCES[index] ?? ''}/${cause}`] = count
    }
  }
  return counts
}

function scopesOf (graph: Graph, kind: ScopeClass): Iterable<Scope> {
  switch (kind) {
    case 'service': return graph.services.values()
    case 'protocol': return graph.protocols.values()
    case 'peer': return graph.peers.values()
    case 'service-peer': return [...graph.peers.values()].flatMap(({ services }) => [...services ?? []])
    case 'protocol-peer': return [...graph.peers.values()].flatMap(({ protocols }) => [...protocols ?? []])
    case 'transient': return [graph.transient]
    case 'allowlistedSystem': return [graph.allowlistedSystem]
    case 'allowlistedTransient': return [graph.allowlistedTransient]
    default: return [graph.system]
  }
}

function used (graph: Graph): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const kind of GAUGED) {
    for (const key of USAGES) sums[`${kind}/${key}`] = 0
    for (const scope of scopesOf(graph, kind)) {
      const usage = usageOf(scope)
      for (const key of USAGES) sums[`${kind}/${key}`] = (sums[`${kind}/${key}`] ?? 0) + usage[key]
    }
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
