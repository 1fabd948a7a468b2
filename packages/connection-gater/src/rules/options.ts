import { InvalidRuleError } from '@cordon/interface-connection-gater'
import { duration, flag, lazy, list, object, oneOf, optional, parseOptions, show, text } from '@cordon/options'
import { MAX_DURATION, MAX_NOTE, MAX_REASON } from '../constants.ts'
import type { LiftedLimit, RuleAction, RuleDirection, RuleFilter, RuleOptions, SubjectKind } from '@cordon/interface-connection-gater'
import type { Schema } from '@cordon/options'

interface Options {
  readonly direction: RuleDirection
  readonly duration?: number | undefined
  readonly reason?: string | undefined
  readonly note?: string | undefined
  readonly lifts?: readonly LiftedLimit[] | undefined
  readonly close: boolean
}

const schema: Schema<Options> = lazy(() => object({
  direction: optional(oneOf(['any', 'inbound', 'outbound']), 'any'),
  duration: optional(duration({ max: MAX_DURATION })),
  reason: optional(text({ min: 0, max: MAX_REASON })),
  note: optional(text({ min: 0, max: MAX_NOTE })),
  lifts: optional(list(oneOf(['lane', 'counts', 'buckets']), { min: 1, max: 3 })),
  close: optional(flag(), true)
}))

/** @throws {InvalidRuleError} with the option and its value */
export function readOptions (action: RuleAction, kind: SubjectKind, options: RuleOptions | undefined): Options {
  let read: Options
  try {
    read = parseOptions(schema, action, options)
  } catch (err) {
    throw new InvalidRuleError(err instanceof Error ? err.message : 'the options cannot be read', show(options), { cause: err })
  }
  if (read.lifts === undefined) return read
  if (action === 'block') throw new InvalidRuleError('only allow rules lift limits', show(options))
  if (read.direction === 'outbound') throw new InvalidRuleError('limits are lifted for those who connect to us, which a rule about outbound connections is not about', show(options))
  if (kind === 'predicate') throw new InvalidRuleError('a function lifts no limits: it is asked about connections, and limits are asked for streams as well', show(options))
  return read
}

const filterSchema: Schema<RuleFilter> = lazy(() => object({
  action: optional(oneOf(['allow', 'block'])),
  direction: optional(oneOf(['any', 'inbound', 'outbound'])),
  origin: optional(oneOf(['manual', 'automatic', 'list']))
}))

/** @throws {InvalidRuleError} with the option and its value */
export function readFilter (filter: RuleFilter | undefined): RuleFilter {
  try {
    return parseOptions(filterSchema, 'filter', filter)
  } catch (err) {
    throw new InvalidRuleError(err instanceof Error ? err.message : 'the filter cannot be read', show(filter), { cause: err })
  }
}
