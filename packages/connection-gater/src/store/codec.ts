import { StoredRuleError } from '@cordon/interface-connection-gater'
import { count, lazy, list, number, object, oneOf, optional, parseOptions, show, text } from '@cordon/options'
import { MAX_JSON, MAX_NOTE, MAX_REASON, MAX_SUBJECT } from '../constants.ts'
import { idOf } from '../rules/rule-book.ts'
import { parseText } from '../rules/subject.ts'
import type { Parsed } from '../rules/subject.ts'
import type { LiftedLimit, RuleAction, RuleDirection } from '@cordon/interface-connection-gater'
import type { Schema } from '@cordon/options'

/** The version is part of the prefix as well: another version of this package leaves these entries alone */
export const STORE_PREFIX = '/cordon/gater/1'

const VERSION = 1

/** File systems have names of at most 255 bytes, and datastores make a file of each part of a key */
const PART = 100

/** A rule as it is kept */
export interface Stored {
  readonly action: RuleAction
  readonly direction: RuleDirection
  readonly subject: string
  readonly origin: 'manual' | 'automatic'
  /** In ms since the epoch */
  readonly expires?: number | undefined
  readonly reason?: string | undefined
  readonly note?: string | undefined
  readonly lifts?: readonly LiftedLimit[] | undefined
  readonly hits?: number | undefined
  /** In s since the epoch */
  readonly last?: number | undefined
  /** What the strikes came to, for automatic rules */
  readonly score?: number | undefined
}

const schema: Schema<Stored & { readonly v: number }> = lazy(() => object({
  v: oneOf([VERSION]),
  action: oneOf(['allow', 'block']),
  direction: oneOf(['any', 'inbound', 'outbound']),
  subject: text({ max: MAX_SUBJECT }),
  origin: oneOf(['manual', 'automatic']),
  expires: optional(count({ min: 0 })),
  reason: optional(text({ min: 0, max: MAX_REASON })),
  note: optional(text({ min: 0, max: MAX_NOTE })),
  lifts: optional(list(oneOf(['lane', 'counts', 'buckets']), { max: 3 })),
  hits: optional(count({ min: 0 })),
  last: optional(count({ min: 0 })),
  score: optional(number({ min: 0 }))
}))

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export function encodeRule (rule: Stored): Uint8Array {
  return encoder.encode(JSON.stringify({ v: VERSION, ...rule }))
}

/** Where a rule is kept: its id, without what file systems cannot have in names, in parts of bounded length */
export function keyOf (id: string): string {
  const safe = encodeURIComponent(id).replace(/[!'()*.~]/g, char => `%${char.charCodeAt(0).toString(16)}`)
  return `${STORE_PREFIX}/${(safe.match(new RegExp(`.{1,${PART}}`, 'g')) ?? []).join('/')}`
}

/**
 * Reads a rule that was kept.
 *
 * @throws {StoredRuleError} when it is none, or lies under the key of another one
 */
export function decodeRule (key: string, bytes: Uint8Array): { readonly stored: Stored, readonly subject: Parsed } {
  let shown = `${bytes.byteLength} bytes`
  try {
    if (bytes.byteLength > MAX_JSON) throw new Error(`it is longer than ${MAX_JSON} bytes`)
    const json = decoder.decode(bytes)
    shown = show(json)
    const stored = parseOptions(schema, 'rule', JSON.parse(json))
    if (!isPossible(stored)) throw new Error('nobody makes such a rule')
    const subject = parseText(stored.subject)
    if (subject.text !== stored.subject || keyOf(idOf(stored.action, stored.direction, stored.subject)) !== key) throw new Error('it belongs to another key')
    return { stored, subject }
  } catch (err) {
    throw new StoredRuleError(key, shown, err instanceof Error ? err.message : 'it cannot be read', { cause: err })
  }
}

/** Strikes block for a while and in both directions, and only what allows lifts limits */
function isPossible ({ action, direction, origin, expires, lifts, score }: Stored): boolean {
  if (lifts !== undefined && action === 'block') return false
  return origin === 'automatic' ? action === 'block' && direction === 'any' && expires !== undefined : score === undefined
}
