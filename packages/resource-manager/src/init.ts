import { systemClock } from '@cordon/clock'
import { count, flag, func, lazy, methods, object, optional, parseOptions, rule, show } from '@cordon/options'
import { ALLOWLIST, allowlistOf, findIgnoredPorts, isAllowlist, NOBODY } from './allowlist.ts'
import { MAX_IDLE_SCOPES, MAX_PREFIXES, MAX_UNNEGOTIATED_STREAMS, NAME } from './constants.ts'
import { Graph } from './graph/graph.ts'
import { findContradictions } from './limits/contradictions.ts'
import { autoscale, thisMachine } from './limits/machine.ts'
import { checkPeers, limitSchema, parseLimits } from './limits/schema.ts'
import { LimitTable } from './limits/table.ts'
import { forNodes } from './node/defaults.ts'
import { findPrefixContradictions } from './prefixes/contradictions.ts'
import { registerMetrics } from './reports/metrics.ts'
import { Warnings } from './reports/warnings.ts'
import type { ResourceManagerComponents, ResourceManagerInit, ResourceManagerServiceInit } from './index.ts'
import type { CompleteLimits } from './limits/defaults.ts'
import type { Machine } from './limits/machine.ts'
import type { Parts } from './manager.ts'
import type { NodeParts } from './node/module.ts'
import type { About } from './reports/warnings.ts'
import type { Clock } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource, LimitConfig, LimitWarning } from '@cordon/interface-resource-manager'
import type { EntriesOf, Schema } from '@cordon/options'
import type { Metrics } from '@libp2p/interface'

/** Every option of the core and of the module, as far as it was given */
interface Options {
  readonly limits?: LimitConfig | undefined
  readonly machine?: Machine | undefined
  readonly strict: boolean
  readonly allowlist?: AllowlistSource | readonly string[] | undefined
  readonly maxIdleScopes: number
  readonly maxPrefixes: number
  readonly clock: Clock
  readonly onWarning?: ((warning: LimitWarning) => void) | undefined
}

interface CoreOptions extends Options {
  readonly metrics?: Metrics | undefined
}

interface ModuleOptions extends Options {
  readonly maxUnnegotiatedStreams: number
}

const entries = (): EntriesOf<Options> => ({
  limits: optional(limitSchema),
  machine: optional<Machine>(object({ memory: count(), fileDescriptors: count({ min: 0, unbounded: true }) })),
  strict: optional(flag(), false),
  allowlist: optional(rule<AllowlistSource | readonly string[]>(ALLOWLIST, isAllowlist)),
  maxIdleScopes: optional(count({ min: 0 }), MAX_IDLE_SCOPES),
  maxPrefixes: optional(count(), MAX_PREFIXES),
  clock: optional(methods<Clock>('now', 'schedule'), systemClock),
  onWarning: optional(func<(warning: LimitWarning) => void>())
})

const coreSchema: Schema<CoreOptions> = lazy(() => object({ ...entries(), metrics: optional(methods<Metrics>('registerMetricGroup', 'registerCounterGroup')) }))
const moduleSchema: Schema<ModuleOptions> = lazy(() => object({ ...entries(), maxUnnegotiatedStreams: optional(count(), MAX_UNNEGOTIATED_STREAMS) }))

/**
 * What a manager is made of, for these options.
 *
 * @throws {InvalidParametersError} with the path of the first option that is wrong
 */
export function partsOf (init: ResourceManagerInit): Parts {
  const options = parseOptions(coreSchema, NAME, init)
  return build(options, defaultsOf(options), options)
}

/**
 * What the module of a node is made of, for these options.
 *
 * @throws {InvalidParametersError} with the path of the first option that is wrong
 */
export function modulePartsOf (init: ResourceManagerServiceInit, { logger, metrics }: ResourceManagerComponents): NodeParts {
  const options = parseOptions(moduleSchema, NAME, init)
  const log = logger.forComponent('cordon:resource-manager')
  const onWarning = options.onWarning ?? (({ message }) => { log.error('%s', message) })
  const parts = build(options, forNodes(defaultsOf(options)), { metrics, onWarning, check: checkPeers, trusts: true })
  return { ...parts, maxUnnegotiatedStreams: options.maxUnnegotiatedStreams, hasAllowlist: options.allowlist !== undefined, log }
}

function defaultsOf ({ machine = thisMachine() }: Options): CompleteLimits {
  return autoscale(machine)
}

/** What differs between the core and the module */
interface Surroundings {
  readonly metrics?: Metrics | undefined
  readonly onWarning?: Options['onWarning']
  /** What else limits have to be; throws */
  readonly check?: (limits: LimitConfig) => void
  /** Somebody may be trusted although nothing is said here: others may say it once the node starts */
  readonly trusts?: boolean
}

function build (options: Options, defaults: CompleteLimits, { metrics, onWarning, check, trusts = options.allowlist !== undefined }: Surroundings): Parts & Pick<NodeParts, 'onFault'> {
  const { strict, clock, maxIdleScopes, maxPrefixes, allowlist } = options
  const warnings = new Warnings(strict, onWarning)
  let mayTrust = trusts
  const tableOf = (limits: LimitConfig): LimitTable => {
    check?.(limits)
    const table = new LimitTable(limits, defaults)
    const { system, allowlistedSystem } = table.complete
    const trusted = mayTrust ? allowlistedSystem.connectionsInbound : 0
    warnings.replace('limits', [...findContradictions(limits, defaults), ...findPrefixContradictions(limits.prefixes ?? {}, system.connectionsInbound, trusted)])
    return table
  }
  const trust = (allowlist: AllowlistSource | readonly string[]): AllowlistSource => {
    const source = allowlistOf(allowlist)
    warnings.replace('allowlist', findIgnoredPorts(allowlist))
    mayTrust = true
    return source
  }
  const faultOf = (what: About, then: string) => (error: unknown): void => {
    warnings.add(what, { path: `${NAME}.${what}`, message: `${NAME}.${what} threw, and ${then}: ${error instanceof Error ? error.message : show(error)}` })
  }
  const onFault = faultOf('allowlist', 'nobody is taken to be trusted where it does')
  const source = allowlist === undefined ? NOBODY : trust(allowlist)
  // nobody need not be asked
  const graph = new Graph({ limits: tableOf(options.limits ?? {}), clock, maxIdleScopes, maxPrefixes, allowlist: allowlist === undefined ? undefined : source, onFault })
  if (metrics != null) registerMetrics(metrics, graph, faultOf('metrics', 'shows less'))
  return { graph, source, warnings, trust, onFault, read: limits => tableOf(parseLimits(limits)) }
}
