import { normaliseAddress } from '@cordon/address'
import { InvalidRuleError } from '@cordon/interface-connection-gater'
import { count, lazy, list, object, oneOf, optional, parseOptions, show, text } from '@cordon/options'
import { MAX_NOTE, MAX_REASON, MAX_SUBJECT } from '../constants.ts'
import { parseText } from '../rules/subject.ts'
import type { Parsed } from '../rules/subject.ts'
import type { LiftedLimit, RuleAction, RuleDirection } from '@cordon/interface-connection-gater'
import type { Schema } from '@cordon/options'

/** A rule as a list has it */
export interface Listed {
  readonly subject: Parsed
  readonly action: RuleAction
  readonly direction: RuleDirection
  /** In ms since the epoch */
  readonly expires?: number | undefined
  readonly reason?: string | undefined
  readonly note?: string | undefined
  readonly lifts?: readonly LiftedLimit[] | undefined
}

/** What rules of a list are where they do not say it themselves */
export interface ListDefaults {
  readonly action: RuleAction
  readonly direction: RuleDirection
}

const ACTIONS: ReadonlySet<string> = new Set(['allow', 'block'])
const DIRECTIONS: ReadonlySet<string> = new Set(['any', 'inbound', 'outbound'])

/** Names of a hosts file that mean the machine itself */
const LOCAL_NAMES: ReadonlySet<string> = new Set(['localhost', 'localhost.localdomain', 'local', 'broadcasthost', 'ip6-localhost', 'ip6-loopback', 'ip6-localnet', 'ip6-mcastprefix', 'ip6-allnodes', 'ip6-allrouters', 'ip6-allhosts', '0.0.0.0'])

/** More names than any line of a hosts file has */
const MAX_NAMES = 64

function words (line: string): string[] {
  const all: string[] = []
  for (const word of line.split(/\s+/)) {
    if (word.startsWith('#') || word.startsWith(';')) break
    if (word !== '') all.push(word)
  }
  return all
}

/**
 * Reads one line: `[allow|block] [any|inbound|outbound] <subject> [# comment]`.
 *
 * @throws {InvalidRuleError} when it is no rule
 */
export function readLine (line: string, defaults: ListDefaults): Listed[] {
  const all = words(line)
  if (all.length === 0) return []
  const action = ACTIONS.has(all[0] ?? '') ? all.shift() as RuleAction : defaults.action
  const direction = DIRECTIONS.has(all[0] ?? '') ? all.shift() as RuleDirection : defaults.direction
  const [subject = '', more] = all
  if (more !== undefined) throw new InvalidRuleError(`a line has one subject, got ${show(line)}`, show(line))
  return [{ subject: parseText(subject), action, direction }]
}

/**
 * Reads one line of a hosts file: `<address> <name>...`.
 *
 * @throws {InvalidRuleError} when it is none
 */
export function readHosts (line: string, defaults: ListDefaults): Listed[] {
  const [first, ...names] = words(line)
  if (first === undefined) return []
  const kind = classOf(first)
  if (kind === undefined) throw new InvalidRuleError(`a line begins with an IP address, got ${show(first)}`, show(first))
  if (kind !== 'unspecified' && kind !== 'loopback') return [{ ...defaults, subject: parseText(first) }]
  if (names.length === 0 || names.length > MAX_NAMES) throw new InvalidRuleError(`after ${first} there are 1 to ${MAX_NAMES} names, got ${names.length}`, show(line))
  return names.filter(name => !LOCAL_NAMES.has(name.toLowerCase())).map(name => {
    if (!/^[^\s/:*]+$/.test(name)) throw new InvalidRuleError(`a host has a name without slashes, colons and stars, got ${show(name)}`, show(name))
    return { ...defaults, subject: parseText(`/dns/${name}`) }
  })
}

function classOf (text: string): string | undefined {
  try {
    const address = normaliseAddress(text.includes('/') ? '' : text)
    return address.family === 0 ? undefined : address.class
  } catch {
    return undefined
  }
}

interface Element {
  readonly subject: string
  readonly action?: RuleAction | undefined
  readonly direction?: RuleDirection | undefined
  readonly expires?: number | undefined
  readonly reason?: string | undefined
  readonly note?: string | undefined
  readonly lifts?: readonly LiftedLimit[] | undefined
}

const schema: Schema<Element> = lazy(() => object({
  subject: text({ max: MAX_SUBJECT }),
  action: optional(oneOf(['allow', 'block'])),
  direction: optional(oneOf(['any', 'inbound', 'outbound'])),
  expires: optional(count({ min: 0 })),
  reason: optional(text({ min: 0, max: MAX_REASON })),
  note: optional(text({ min: 0, max: MAX_NOTE })),
  lifts: optional(list(oneOf(['lane', 'counts', 'buckets']), { max: 3 }))
}))

/**
 * Reads one element of a JSON list.
 *
 * @throws {InvalidRuleError} when it is no rule
 */
export function readElement (json: string, defaults: ListDefaults): Listed[] {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'string') return [{ ...defaults, subject: parseText(value) }]
    const { subject, ...rest } = parseOptions(schema, 'rule', value)
    const rule = { ...rest, subject: parseText(subject), action: rest.action ?? defaults.action, direction: rest.direction ?? defaults.direction }
    if (rule.lifts !== undefined && rule.action === 'block') throw new InvalidRuleError('only allow rules lift limits', show(json))
    return [rule]
  } catch (err) {
    throw err instanceof InvalidRuleError ? err : new InvalidRuleError(err instanceof Error ? err.message : 'it cannot be read', show(json), { cause: err })
  }
}
