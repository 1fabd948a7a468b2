import { systemClock } from '@cordon/clock'
import { count, duration, func, lazy, methods, number, object, oneOf, optional, parseOptions, section, where } from '@cordon/options'
import * as defaults from './constants.ts'
import { MAX_INDEX } from './tables/slots.ts'
import type { ConnectionGaterInit } from './index.ts'
import type { RuleAction } from '@cordon/interface-connection-gater'
import type { Clock } from '@cordon/interface-connection-lifecycle'
import type { Schema } from '@cordon/options'
import type { Datastore } from 'interface-datastore'

/** Every option, with the defaults filled in */
export interface Options {
  readonly default: RuleAction
  readonly relayedUnknown: 'refuse' | 'allow'
  readonly maxRules: number
  readonly maxListRules: number
  readonly maxLists: number
  readonly datastore?: Datastore | undefined
  readonly storeTimeout: number
  readonly refusalLog?: ((line: string) => void) | undefined
  readonly strikes: {
    readonly halfLife: number
    readonly disconnectAt: number
    readonly blockAt: number
    readonly blockDuration: number
    readonly maxStruck: number
    readonly maxBlocks: number
    readonly aggregateAt: number
  }
  readonly clock: Clock
  readonly wallClock: () => number
  readonly random: () => number
}

const schema: Schema<Options> = lazy(() => where(object({
  default: optional(oneOf(['allow', 'block']), 'allow'),
  relayedUnknown: optional(oneOf(['refuse', 'allow']), 'refuse'),
  maxRules: optional(count({ max: MAX_INDEX }), defaults.MAX_RULES),
  maxListRules: optional(count({ max: MAX_INDEX }), defaults.MAX_LIST_RULES),
  maxLists: optional(count({ max: 1_024 }), defaults.MAX_LISTS),
  datastore: optional(methods<Datastore>('batch', 'query')),
  storeTimeout: optional(duration(), defaults.STORE_TIMEOUT),
  refusalLog: optional(func<(line: string) => void>()),
  strikes: section({
    halfLife: optional(duration({ max: defaults.MAX_DURATION }), defaults.HALF_LIFE),
    disconnectAt: optional(number({ min: 0 }), defaults.DISCONNECT_AT),
    blockAt: optional(number({ min: 0 }), defaults.BLOCK_AT),
    blockDuration: optional(duration({ max: defaults.MAX_DURATION }), defaults.BLOCK_DURATION),
    maxStruck: optional(count({ max: MAX_INDEX }), defaults.MAX_STRUCK),
    maxBlocks: optional(count({ max: MAX_INDEX }), defaults.MAX_BLOCKS),
    aggregateAt: optional(count({ min: 2 }), defaults.AGGREGATE_AT)
  }),
  clock: optional(methods<Clock>('now', 'schedule'), systemClock),
  wallClock: optional(func<() => number>(), () => Date.now()),
  random: optional(func<() => number>(), () => Math.random())
}), ({ strikes: { disconnectAt, blockAt } }) => disconnectAt > blockAt ? `strikes.disconnectAt is ${disconnectAt}, above strikes.blockAt, which is ${blockAt}` : undefined))

/**
 * The options of a gater.
 *
 * @throws {InvalidParametersError} with the path and the value of the first option that is wrong
 */
export function parseInit (init: ConnectionGaterInit): Options {
  return parseOptions(schema, defaults.NAME, init)
}
