import { InvalidRuleError } from '@cordon/interface-connection-gater'
import type { ForeignSubject } from './foreign-subject.ts'
import type { GateTarget, LiftedLimit, Rule, RuleAction, RuleDirection, RuleFilter, RuleOptions, RuleOrigin, SubjectKind } from '@cordon/interface-connection-gater'

/** How rules are told of, the most specific kind first */
const KINDS: readonly SubjectKind[] = ['peer', 'ip', 'pattern', 'cidr', 'relay', 'transport', 'relayed', 'predicate']

/** One rule, and what it has done */
export interface ForeignRule {
  readonly id: string
  readonly action: RuleAction
  readonly direction: RuleDirection
  readonly origin: RuleOrigin
  readonly subject: ForeignSubject
  readonly list?: string | undefined
  /** In ms of the clock */
  readonly due: number
  /** In ms since the epoch */
  readonly expires?: number | undefined
  readonly reason?: string | undefined
  readonly note?: string | undefined
  readonly lifts?: readonly LiftedLimit[] | undefined
  /** How bad it was, for those that strikes led to */
  readonly severity: number
  hits: number
  last: number
}

/** What a rule says when it is asked; one that cannot answer blocks */
export interface Answer {
  readonly rule: ForeignRule
  readonly action: RuleAction
  readonly faulty: boolean
}

const LIMITS: readonly unknown[] = ['lane', 'counts', 'buckets']

/** How often a rule is told of, in ms */
const SECOND = 1_000

export function checkOptions (action: RuleAction, options: RuleOptions = {}): RuleOptions {
  const fail = (name: string, value: unknown): never => { throw new InvalidRuleError(`${name} of a rule cannot be ${String(value)}`, String(value)) }
  if (typeof options !== 'object') fail('the options', options)
  const { direction, duration, reason, note, lifts, close, ...others } = options
  for (const name of Object.keys(others)) fail(name, 'set')
  if (direction !== undefined && !['any', 'inbound', 'outbound'].includes(direction)) fail('the direction', direction)
  if (duration !== undefined && !(Number.isFinite(duration) && duration > 0)) fail('the duration', duration)
  if (reason !== undefined && !(typeof reason === 'string' && reason.length <= 256)) fail('the reason', reason)
  if (note !== undefined && !(typeof note === 'string' && note.length <= 1_024)) fail('the note', note)
  if (close !== undefined && typeof close !== 'boolean') fail('close', close)
  if (lifts !== undefined && (action === 'block' || !Array.isArray(lifts) || lifts.some(limit => !LIMITS.includes(limit)))) fail('lifts', lifts)
  return options
}

/** A copy, as it stands now */
export function describe ({ id, action, direction, origin, subject, list, expires, reason, note, lifts, hits, last }: ForeignRule): Rule {
  return {
    id, action, direction, origin, kind: subject.kind, subject: subject.text, hits,
    ...(list === undefined ? {} : { list }),
    ...(expires === undefined ? {} : { expires }),
    ...(reason === undefined ? {} : { reason }),
    ...(note === undefined ? {} : { note }),
    ...(lifts === undefined ? {} : { lifts: [...lifts] }),
    ...(hits === 0 ? {} : { lastHit: Math.floor(last / SECOND) * SECOND })
  }
}

/** Every rule in one list, each of which is asked about everybody */
export class Rules {
  #rules: ForeignRule[] = []

  get all (): readonly ForeignRule[] {
    return this.#rules
  }

  count (origin: RuleOrigin): number {
    return this.#rules.filter(rule => rule.origin === origin).length
  }

  /** One id is one rule of the operator or of strikes; lists are on their own */
  put (rule: ForeignRule): void {
    this.#rules = [...this.#rules.filter(({ id, list }) => id !== rule.id || list !== rule.list), rule]
  }

  /** Removes those, and tells which they were */
  take (which: (rule: ForeignRule) => boolean): ForeignRule[] {
    const taken = new Set(this.#rules.filter(which))
    this.#rules = this.#rules.filter(rule => !taken.has(rule))
    return [...taken]
  }

  /** All rules of a list at once */
  replace (list: string, rules: readonly ForeignRule[]): void {
    this.#rules = [...this.#rules.filter(rule => rule.list !== list), ...rules]
  }

  matching ({ action, direction, origin }: RuleFilter): ForeignRule[] {
    return this.#rules.filter(rule => (action === undefined || rule.action === action) && (direction === undefined || rule.direction === direction) && (origin === undefined || rule.origin === origin))
  }

  has (action: RuleAction, kinds: readonly SubjectKind[]): boolean {
    return this.#rules.some(rule => rule.action === action && kinds.includes(rule.subject.kind))
  }

  /** Those that decide about somebody, the most specific first; every one of them is asked */
  answers (target: GateTarget): Answer[] {
    const answers = this.#rules.filter(({ direction }) => direction === 'any' || direction === target.direction).flatMap(rule => {
      try {
        return rule.subject.covers(target) ? [{ rule, action: rule.action, faulty: false }] : []
      } catch {
        return [{ rule, action: 'block' as const, faulty: true }]
      }
    })
    const isAllowed = answers.some(({ action }) => action === 'allow')
    const isFirm = ({ action, rule }: Answer): boolean => action === 'block' && rule.origin !== 'automatic'
    // what strikes led to gives way to whom the operator allows
    const blocks = isAllowed && !answers.some(isFirm) ? [] : answers.filter(({ action }) => action === 'block')
    if (blocks.length === 0 && isAllowed) return answers.filter(({ action }) => action === 'allow').sort((a, b) => compare(a.rule.subject, b.rule.subject))
    return (blocks.length > 0 ? blocks : answers).sort((a, b) => compare(a.rule.subject, b.rule.subject))
  }
}

function compare (a: ForeignSubject, b: ForeignSubject): number {
  const difference = KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind)
  return difference !== 0 || a.kind !== 'cidr' ? difference : (b.prefix?.length ?? 0) - (a.prefix?.length ?? 0)
}
