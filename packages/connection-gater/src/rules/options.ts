import { InvalidRuleError } from '@cordon/interface-connection-gater'
import { duration, flag, list, object, oneOf, optional, parseOptions, show, text } from '@cordon/options'
import { MAX_DURATION } from '../constants.ts'
import { MAX_NOTE, MAX_REASON } from '../store/codec.ts'
import type { LiftedLimit, RuleAction, RuleDirection, RuleOptions } from '@cordon/interface-connection-gater'
import type { Schema } from '@cordon/options'

interface Options {
  readonly direction: RuleDirection
  readonly duration?: number | undefined
  readonly reason?: string | undefined
  readonly note?: string | undefined
  readonly lifts?: readonly LiftedLimit[] | undefined
  readonly close: boolean
}

const schema: Schema<Options> = object({
  direction: optional(oneOf(['any', 'inbound', 'outbound']), 'any'),
  duration: optional(duration({ max: MAX_DURATION })),
  reason: optional(text({ min: 0, max: MAX_REASON })),
  note: optional(text({ min: 0, max: MAX_NOTE })),
  lifts: optional(list(oneOf(['lane', 'counts', 'buckets']), { min: 1, max: 3 })),
  close: optional(flag(), true)
})

/** @throws {InvalidRuleError} with the option and its value */
export function readOptions (action: RuleAction, options: RuleOptions | undefined): Options {
  let read: Options
  try {
    read = parseOptions(schema, action, options)
  } catch (err) {
    throw new InvalidRuleError(err instanceof Error ? err.message : 'the options cannot be read', show(options), { cause: err })
  }
  if (action === 'block' && read.lifts !== undefined) throw new InvalidRuleError('only allow rules lift limits', show(options))
  return read
}
