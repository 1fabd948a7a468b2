import { systemClock } from '@cordon/clock'
import { count, flag, func, methods, object, optional, parseOptions, rule } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'
import { createAllowlist } from './allowlist.ts'
import { MAX_IDLE_SCOPES, MAX_PREFIXES, NAME } from './constants.ts'
import { findContradictions } from './contradictions.ts'
import { limitSchema, parseLimits } from './limit-schema.ts'
import { LimitTable } from './limit-table.ts'
import { autoscale, thisMachine } from './machine.ts'
import type { LimitWarning } from './contradictions.ts'
import type { CompleteLimits } from './defaults.ts'
import type { ResourceManagerInit } from './index.ts'
import type { Machine } from './machine.ts'
import type { Clock } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource, LimitConfig } from '@cordon/interface-resource-manager'
import type { Schema } from '@cordon/options'
import type { Metrics } from '@libp2p/interface'

interface Options {
  readonly limits?: LimitConfig | undefined
  readonly machine?: Machine | undefined
  readonly strict: boolean
  readonly allowlist?: AllowlistSource | readonly string[] | undefined
  readonly maxIdleScopes: number
  readonly maxPrefixes: number
  readonly clock: Clock
  readonly metrics?: Metrics | undefined
  readonly onWarning?: ((warning: LimitWarning) => void) | undefined
}

const machine: Schema<Machine> = object({ memory: count(), fileDescriptors: count({ min: 0, unbounded: true }) })

const schema: Schema<Options> = object({
  limits: optional(limitSchema),
  machine: optional(machine),
  strict: optional(flag(), false),
  allowlist: optional(rule<AllowlistSource | readonly string[]>('a list of entries, or an object with the method lifts', isAllowlist)),
  maxIdleScopes: optional(count({ min: 0 }), MAX_IDLE_SCOPES),
  maxPrefixes: optional(count(), MAX_PREFIXES),
  clock: optional(methods<Clock>('now', 'schedule'), systemClock),
  metrics: optional(methods<Metrics>('registerMetricGroup', 'registerCounterGroup')),
  onWarning: optional(func<(warning: LimitWarning) => void>())
})

function isAllowlist (value: unknown): boolean {
  return Array.isArray(value) ? value.every(entry => typeof entry === 'string') : typeof value === 'object' && value !== null && typeof (value as Partial<AllowlistSource>).lifts === 'function'
}

/** What a manager is made from */
export interface Parsed extends Options {
  readonly table: LimitTable
  /** Reads limits that are set later on, under the same rules */
  readonly read: (limits: unknown) => LimitTable
  readonly source: AllowlistSource
  /** Whether anybody can be trusted: an empty list that nobody sees any more need not be asked */
  readonly defaults: CompleteLimits
}

/**
 * Validates the options of a manager.
 *
 * @throws {InvalidParametersError} with the path of the first option that is wrong
 */
export function parseInit (init: ResourceManagerInit): Parsed {
  const options = parseOptions(schema, NAME, init)
  const defaults = autoscale(options.machine ?? thisMachine())
  const build = (limits: LimitConfig): LimitTable => {
    for (const warning of findContradictions(limits, defaults)) {
      if (options.strict) throw new InvalidParametersError(warning.message)
      options.onWarning?.(warning)
    }
    return new LimitTable(limits, defaults)
  }
  return {
    ...options,
    defaults,
    table: build(options.limits ?? {}),
    read: limits => build(parseLimits(limits)),
    source: Array.isArray(options.allowlist) ? createAllowlist(options.allowlist as string[]) : (options.allowlist as AllowlistSource | undefined) ?? createAllowlist()
  }
}
