import { systemClock } from '@cordon/clock'
import { count, flag, func, methods, object, optional, parseOptions, rule, show } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'
import { ALLOWLIST, allowlistOf, isAllowlist, NOBODY } from './allowlist.ts'
import { MAX_IDLE_SCOPES, MAX_PREFIXES, MAX_UNNEGOTIATED_STREAMS, NAME } from './constants.ts'
import { Graph } from './graph/graph.ts'
import { findContradictions } from './limits/contradictions.ts'
import { autoscale, thisMachine } from './limits/machine.ts'
import { limitSchema, parseLimits } from './limits/schema.ts'
import { LimitTable } from './limits/table.ts'
import { forNodes } from './node/defaults.ts'
import { registerMetrics } from './reports/metrics.ts'
import type { ResourceManagerComponents, ResourceManagerInit, ResourceManagerServiceInit } from './index.ts'
import type { LimitWarning } from './limits/contradictions.ts'
import type { CompleteLimits } from './limits/defaults.ts'
import type { Machine } from './limits/machine.ts'
import type { Parts } from './manager.ts'
import type { NodeParts } from './node/module.ts'
import type { Clock } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource, LimitConfig } from '@cordon/interface-resource-manager'
import type { Schema } from '@cordon/options'
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

const machine: Schema<Machine> = object({ memory: count(), fileDescriptors: count({ min: 0, unbounded: true }) })

const OPTIONS = {
  limits: optional(limitSchema),
  machine: optional(machine),
  strict: optional(flag(), false),
  allowlist: optional(rule<AllowlistSource | readonly string[]>(ALLOWLIST, isAllowlist)),
  maxIdleScopes: optional(count({ min: 0 }), MAX_IDLE_SCOPES),
  maxPrefixes: optional(count(), MAX_PREFIXES),
  clock: optional(methods<Clock>('now', 'schedule'), systemClock),
  onWarning: optional(func<(warning: LimitWarning) => void>())
}

const coreSchema: Schema<CoreOptions> = object({ ...OPTIONS, metrics: optional(methods<Metrics>('registerMetricGroup', 'registerCounterGroup')) })
const moduleSchema: Schema<ModuleOptions> = object({ ...OPTIONS, maxUnnegotiatedStreams: optional(count(), MAX_UNNEGOTIATED_STREAMS) })

/**
 * What a manager is made of, for these options.
 *
 * @throws {InvalidParametersError} with the path of the first option that is wrong
 */
export function partsOf (init: ResourceManagerInit): Parts {
  const options = parseOptions(coreSchema, NAME, init)
  return build(options, defaultsOf(options), options.metrics, options.onWarning)
}

/**
 * What the module of a node is made of, for these options.
 *
 * @throws {InvalidParametersError} with the path of the first option that is wrong
 */
export function modulePartsOf (init: ResourceManagerServiceInit, { logger, metrics }: ResourceManagerComponents): NodeParts {
  const options = parseOptions(moduleSchema, NAME, init)
  const log = logger.forComponent('cordon:resource-manager')
  const warn = options.onWarning ?? (({ message }) => { log.error('%s', message) })
  return { ...build(options, forNodes(defaultsOf(options)), metrics, warn), maxUnnegotiatedStreams: options.maxUnnegotiatedStreams, hasAllowlist: options.allowlist !== undefined, log }
}

function defaultsOf ({ machine = thisMachine() }: Options): CompleteLimits {
  return autoscale(machine)
}

function build (options: Options, defaults: CompleteLimits, metrics: Metrics | undefined, onWarning: Options['onWarning']): Parts {
  const { strict, clock, maxIdleScopes, maxPrefixes, allowlist } = options
  const tableOf = (limits: LimitConfig): LimitTable => {
    for (const warning of findContradictions(limits, defaults)) {
      if (strict) throw new InvalidParametersError(warning.message)
      onWarning?.(warning)
    }
    return new LimitTable(limits, defaults)
  }
  const source = allowlist === undefined ? NOBODY : allowlistOf(allowlist)
  const faultOf = (what: string, then: string) => (error: unknown): void => onWarning?.({ path: `${NAME}.${what}`, message: `${NAME}.${what} threw, and ${then}: ${error instanceof Error ? error.message : show(error)}` })
  const onFault = faultOf('allowlist', 'nobody is taken to be trusted where it does')
  // nobody need not be asked
  const graph = new Graph({ limits: tableOf(options.limits ?? {}), clock, maxIdleScopes, maxPrefixes, allowlist: allowlist === undefined ? undefined : source, onFault })
  if (metrics != null) registerMetrics(metrics, graph, faultOf('metrics', 'shows less'))
  return { graph, source, read: limits => tableOf(parseLimits(limits)) }
}
