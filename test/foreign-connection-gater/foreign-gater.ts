import { contains } from '@cordon/address'
import { connectionGaterSymbol, InvalidRuleError, ListLoadError, TooManyRulesError } from '@cordon/interface-connection-gater'
import { TypedEventEmitter } from 'main-event'
import { readList, writeRules } from './foreign-lists.ts'
import { checkOptions, describe, Rules } from './foreign-rules.ts'
import { Scores, struck, together } from './foreign-strikes.ts'
import { readSubject } from './foreign-subject.ts'
import type { Answer, ForeignRule } from './foreign-rules.ts'
import type { ForeignSubject } from './foreign-subject.ts'
import type { ConnectionGater, GateCause, GateRefusal, GaterEvents, GaterStatus, GateTarget, ListReport, ListSource, Offender, Rule, RuleAction, RuleDirection, RuleFilter, RuleOptions, Strike, Subject, SubjectKind, Verdict } from '@cordon/interface-connection-gater'
import type { Clock } from '@cordon/interface-connection-lifecycle'

const MAX_RULES = 100_000
const MAX_LISTS = 16

/** Every one of them is asked about everybody */
const MAX_BLOCKS = 1_000

const DISCONNECT_AT = 50
const BLOCK_AT = 100
const BLOCK_DURATION = 3_600_000

const BY_PEER: readonly SubjectKind[] = ['peer', 'predicate']
const BY_ADDRESS: readonly SubjectKind[] = ['ip', 'cidr', 'pattern', 'relay', 'transport', 'relayed', 'predicate']

export interface ForeignGaterInit {
  /** What is done with whom no rule covers. @default 'allow' */
  readonly default?: RuleAction

  /** What is done with whom a relay hides, while addresses are blocked. @default 'refuse' */
  readonly relayedUnknown?: 'refuse' | 'allow'

  /** What durations are measured with */
  readonly clock?: Pick<Clock, 'now'>
}

type New = Pick<ForeignRule, 'action' | 'subject'> & Partial<ForeignRule>

/**
 * Another gater, written from `@cordon/interface-connection-gater` and the leaf `@cordon/address`. Its rules are in one
 * list, each is asked about everybody, and nothing of it outlives the process.
 */
export class ForeignGater extends TypedEventEmitter<GaterEvents> implements ConnectionGater {
  readonly [connectionGaterSymbol] = true
  readonly #rules = new Rules()
  readonly #scores = new Scores()
  readonly #reports = new Map<string, ListReport>()
  readonly #refusals: Partial<Record<GateCause, number>> = {}
  readonly #changes = { added: 0, removed: 0, expired: 0 }
  readonly #init: Required<ForeignGaterInit>
  #evicted = 0

  constructor ({ default: byDefault = 'allow', relayedUnknown = 'refuse', clock = performance }: ForeignGaterInit = {}) {
    super()
    this.#init = { default: byDefault, relayedUnknown, clock }
  }

  async block (subject: Subject, options?: RuleOptions): Promise<Rule> {
    return this.#put('block', subject, options)
  }

  async allow (subject: Subject, options?: RuleOptions): Promise<Rule> {
    return this.#put('allow', subject, options)
  }

  async unblock (subject: Subject, options?: { readonly direction?: RuleDirection | undefined }): Promise<number> {
    const removed = this.#takeBack('block', subject, options)
    this.#scores.forget(readSubject(subject).text)
    return removed
  }

  async disallow (subject: Subject, options?: { readonly direction?: RuleDirection | undefined }): Promise<number> {
    return this.#takeBack('allow', subject, options)
  }

  rules (filter: RuleFilter = {}): IterableIterator<Rule> {
    this.#sweep()
    return this.#rules.matching(filter).map(describe).values()
  }

  verdict (target: GateTarget): Verdict {
    check(target)
    const [first] = this.#ask(target)
    return { decision: first?.action ?? 'unknown', rule: first === undefined ? undefined : describe(first.rule), faulty: first?.faulty ?? false }
  }

  decide (target: GateTarget): GateRefusal | undefined {
    check(target)
    const [first] = this.#ask(target)
    if (first !== undefined) this.#hit(first.rule, target)
    const refusal = this.#refusal(target, first)
    if (refusal !== undefined) this.#refusals[refusal.cause] = (this.#refusals[refusal.cause] ?? 0) + 1
    return refusal
  }

  /** What `decide` would say; counts nothing */
  preview (target: GateTarget): GateRefusal | undefined {
    return this.#refusal(target, this.#ask(target)[0])
  }

  strike (offender: Offender, weight: number, reason: string): Strike {
    if (!(weight > 0 && weight < Infinity)) throw new InvalidRuleError('a strike has a weight', String(weight))
    check({ direction: 'inbound', ...offender })
    const { text, subject, share } = struck(offender)
    const score = this.#scores.add(text, weight * share, this.#init.clock.now())
    const { peer, address } = offender
    const isAllowed = this.verdict({ direction: 'inbound', ...(peer === undefined ? {} : { peer }), ...(address === undefined ? {} : { address }) }).decision === 'allow'
    if (score < BLOCK_AT || subject === undefined || isAllowed) return { subject: text, score, outcome: score >= DISCONNECT_AT ? 'disconnect' : 'noted' }
    return { subject: text, score, outcome: 'blocked', rule: this.#blockFor(subject, score, reason.slice(0, 256)) }
  }

  async loadList (name: string, source: ListSource): Promise<ListReport> {
    if (!/^[\w.-]{1,64}$/.test(name)) throw new ListLoadError(name, 'its name is none')
    if (!this.#reports.has(name) && this.#reports.size >= MAX_LISTS) throw new ListLoadError(name, 'there are too many', { cause: new TooManyRulesError('lists', MAX_LISTS) })
    const { entries, errors, invalid } = await readList(name, source).catch((err: unknown) => { throw new ListLoadError(name, 'it cannot be read', { cause: err }) })
    const all = entries.filter(({ expires = Infinity }) => expires > Date.now()).map(entry => this.#make({ ...entry, origin: 'list', list: name, due: entry.expires === undefined ? Infinity : this.#init.clock.now() + entry.expires - Date.now() }))
    const rules = [...new Map(all.map(rule => [rule.id, rule])).values()]
    if (source.signal?.aborted === true || (rules.length === 0 && invalid > 0) || rules.length > MAX_RULES) throw new ListLoadError(name, 'nothing of it is in force')
    this.#rules.replace(name, rules)
    const report: ListReport = { name, rules: rules.length, invalid, errors, bytes: 0 }
    this.#reports.set(name, report)
    this.safeDispatchEvent('list:loaded', { detail: report })
    return report
  }

  dropList (name: string): boolean {
    const known = this.#reports.delete(name)
    this.#rules.replace(name, [])
    if (known) this.safeDispatchEvent('list:dropped', { detail: { name } })
    return known
  }

  export (format: 'text' | 'json', filter: RuleFilter = { origin: 'manual' }): IterableIterator<string> {
    return writeRules(this.rules(filter), format)
  }

  status (): GaterStatus {
    this.#sweep()
    return {
      rules: { manual: this.#rules.count('manual'), automatic: this.#rules.count('automatic'), list: this.#rules.count('list') },
      changes: { ...this.#changes },
      refusals: { ...this.#refusals },
      store: 'none',
      unwritten: 0,
      struck: this.#scores.size,
      evicted: this.#evicted,
      lists: [...this.#reports.values()],
      missing: ['there is no datastore: rules are gone when the process ends']
    }
  }

  #put (action: RuleAction, given: Subject, options: RuleOptions | undefined): Rule {
    const subject = readSubject(given)
    const { direction, duration, close = true, reason, note, lifts } = checkOptions(action, options)
    const rule = this.#make({ action, subject, direction: direction ?? 'any', reason, note, lifts, ...(duration === undefined ? {} : { due: this.#init.clock.now() + duration, expires: Date.now() + duration }) })
    if (this.#rules.count('manual') >= MAX_RULES) throw new TooManyRulesError('rules', MAX_RULES)
    this.#rules.put(rule)
    this.#changes.added++
    this.safeDispatchEvent('rule:added', { detail: { rule: describe(rule), close } })
    return describe(rule)
  }

  #takeBack (action: RuleAction, given: Subject, { direction }: { readonly direction?: RuleDirection | undefined } = {}): number {
    this.#sweep()
    const { text } = readSubject(given)
    return this.#remove('rule:removed', rule => rule.list === undefined && rule.action === action && rule.subject.text === text && (direction === undefined || rule.direction === direction))
  }

  /** Blocks of strikes never take the place of anything else */
  #blockFor (subject: ForeignSubject, severity: number, reason: string): Rule {
    const { clock } = this.#init
    const automatic = this.#rules.matching({ origin: 'automatic' })
    const wider = together(subject, automatic.map(rule => rule.subject))
    const rule = this.#make({ action: 'block', subject: wider ?? subject, origin: 'automatic', severity, reason, due: clock.now() + BLOCK_DURATION, expires: Date.now() + BLOCK_DURATION })
    const range = wider?.prefix
    if (range !== undefined) this.#remove('rule:removed', ({ origin, subject: { prefix } }) => origin === 'automatic' && prefix !== undefined && contains(range, prefix))
    const known = this.#rules.all.find(({ id, origin }) => id === rule.id && origin === 'manual')
    if (known !== undefined) return describe(known)
    if (range === undefined && automatic.length >= MAX_BLOCKS && !automatic.some(({ id }) => id === rule.id)) this.#evict(automatic)
    this.#rules.put(rule)
    this.#changes.added++
    this.safeDispatchEvent('rule:added', { detail: { rule: describe(rule), close: true } })
    return describe(rule)
  }

  #evict (automatic: readonly ForeignRule[]): void {
    const mildest = automatic.reduce((least, rule) => rule.severity < least.severity ? rule : least)
    this.#evicted += this.#remove('rule:removed', rule => rule === mildest)
  }

  #make ({ action, subject, direction = 'any', ...more }: New): ForeignRule {
    return { origin: 'manual', due: Infinity, severity: 0, ...more, action, subject, direction, id: `${action} ${direction} ${subject.text}`, hits: 0, last: -Infinity }
  }

  #remove (event: 'rule:removed' | 'rule:expired', which: (rule: ForeignRule) => boolean): number {
    const gone = this.#rules.take(which)
    this.#changes[event === 'rule:removed' ? 'removed' : 'expired'] += gone.length
    for (const rule of gone) this.safeDispatchEvent(event, { detail: { rule: describe(rule) } })
    return gone.length
  }

  #sweep (): void {
    const now = this.#init.clock.now()
    this.#remove('rule:expired', ({ due }) => due <= now)
  }

  #ask (target: GateTarget): Answer[] {
    this.#sweep()
    return this.#rules.answers(target)
  }

  #hit (rule: ForeignRule, target: GateTarget): void {
    const second = Math.floor(Date.now() / 1_000)
    const isFirst = Math.floor(rule.last / 1_000) !== second
    rule.hits++
    rule.last = Date.now()
    if (isFirst) this.safeDispatchEvent('rule:hit', { detail: { rule: describe(rule), target } })
  }

  #refusal (target: GateTarget, answer: Answer | undefined): GateRefusal | undefined {
    if (answer?.action === 'allow') return undefined
    const cause = answer?.rule.subject.kind ?? this.#unknown(target)
    if (cause === undefined) return undefined
    const rule = answer === undefined ? undefined : describe(answer.rule)
    const why = rule === undefined ? `nothing allows ${target.peer ?? target.address?.key ?? 'it'}` : `${rule.id} blocks it${rule.reason === undefined ? '' : `: ${rule.reason}`}`
    return { code: 'blocked', module: 'foreign-gater', cause, rule, message: why, direction: target.direction, permanent: answer?.rule.due === Infinity && !answer.faulty }
  }

  /** What refuses somebody whom no rule covers; nothing while more of it may become known that a rule allows */
  #unknown ({ direction, peer, address }: GateTarget): GateCause | undefined {
    if (peer === undefined && this.#rules.has('allow', BY_PEER)) return undefined
    if (address === undefined && this.#rules.has('allow', BY_ADDRESS)) return undefined
    if (this.#init.default === 'block') return 'default'
    const blocksAddresses = this.#rules.all.some(({ action, origin, subject }) => action === 'block' && origin !== 'automatic' && subject.prefix !== undefined)
    return direction === 'inbound' && address?.class === 'relayed' && this.#init.relayedUnknown === 'refuse' && blocksAddresses ? 'unproven' : undefined
  }
}

function check (target: { readonly direction?: unknown, readonly address?: unknown } | undefined): void {
  const isAddress = target?.address === undefined || (typeof target.address === 'object' && target.address !== null && 'key' in target.address)
  if ((target?.direction !== 'inbound' && target?.direction !== 'outbound') || !isAddress) throw new InvalidRuleError('a target has a direction, and an address that is normalised', String(target?.address))
}
