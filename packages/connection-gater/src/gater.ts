import { normaliseAddress } from '@cordon/address'
import { connectionGaterSymbol, InvalidRuleError, ListLoadError, TooManyRulesError } from '@cordon/interface-connection-gater'
import { show } from '@cordon/options'
import { TypedEventEmitter } from 'main-event'
import { MAX_REASON } from './constants.ts'
import { exportRules } from './lists/export.ts'
import { loadList } from './lists/loader.ts'
import { RefusalLog } from './refusal-log.ts'
import { readFilter, readOptions } from './rules/options.ts'
import { Refused } from './rules/refusal.ts'
import { UNKNOWN } from './rules/rule-book.ts'
import { Rules } from './rules/rules.ts'
import { parseSubject } from './rules/subject.ts'
import { checkTarget } from './rules/target.ts'
import { narrowest } from './strikes/offender.ts'
import { Scoreboard } from './strikes/scoreboard.ts'
import type { CoreConnectionGater } from './index.ts'
import type { Options } from './init.ts'
import type { Found } from './rules/layer.ts'
import type { Judgement, RuleBook } from './rules/rule-book.ts'
import type { ConnectionGater, GateCause, GateRefusal, GaterEvents, GaterStatus, GateTarget, ListReport, ListSource, Offender, Rule, RuleAction, RuleFilter, RuleOptions, Strike, Subject, Verdict } from '@cordon/interface-connection-gater'
import type { Direction, NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { Lifted } from '@cordon/interface-resource-manager'

const NOTHING: Lifted = { lane: false, counts: false, buckets: false }

const FORMATS: readonly string[] = ['text', 'json']

const LIST_NAME = /^[\w.-]{1,64}$/

class Said implements Verdict {
  readonly decision: 'allow' | 'block' | 'unknown'
  readonly faulty: boolean
  readonly #book: RuleBook
  readonly #found: Found | undefined
  #rule: Rule | undefined

  constructor (book: RuleBook, { decision, found, faulty = false }: Judgement) {
    this.decision = decision
    this.faulty = faulty
    this.#book = book
    this.#found = found
  }

  get rule (): Rule | undefined {
    return (this.#rule ??= this.#found === undefined ? undefined : this.#book.describe(this.#found))
  }
}

export class ConnectionGaterClass extends TypedEventEmitter<GaterEvents> implements CoreConnectionGater {
  readonly [connectionGaterSymbol] = true
  readonly #options: Options
  readonly #rules: Rules
  readonly #book: RuleBook
  readonly #scores: Scoreboard
  /** What is said of whom no rule covers: always the same */
  readonly #unknown: Said
  readonly #log: RefusalLog | undefined
  readonly #refusals: Partial<Record<GateCause, number>> = {}
  /** At most `maxLists` */
  readonly #reports = new Map<string, ListReport>()
  /** Of the newest attempt to load each list that is being loaded, and at most `maxLists` */
  readonly #loading = new Map<string, symbol>()

  constructor (options: Options) {
    super()
    this.#options = options
    this.#rules = new Rules(options, (type, detail) => { this.safeDispatchEvent(type, { detail }) })
    const { clock, wallClock, refusalLog: write } = options
    this.#log = write === undefined ? undefined : new RefusalLog({ clock, wallClock, write })
    this.#book = this.#rules.book
    this.#unknown = new Said(this.#book, UNKNOWN)
    this.#scores = new Scoreboard(options.strikes.halfLife, options.strikes.maxStruck, Math.floor(options.random() * 2 ** 32) | 0)
  }

  async start (): Promise<void> {
    this.#log?.start()
    await this.#rules.start()
  }

  async stop (): Promise<void> {
    this.#log?.stop()
    await this.#rules.stop()
  }

  async block (subject: Subject, options?: RuleOptions): Promise<Rule> {
    return this.#put('block', subject, options)
  }

  async allow (subject: Subject, options?: RuleOptions): Promise<Rule> {
    return this.#put('allow', subject, options)
  }

  async unblock (subject: Subject, options?: Parameters<ConnectionGater['unblock']>[1]): Promise<number> {
    return this.#remove('block', subject, options)
  }

  async disallow (subject: Subject, options?: Parameters<ConnectionGater['disallow']>[1]): Promise<number> {
    return this.#remove('allow', subject, options)
  }

  rules (filter?: RuleFilter): Generator<Rule> {
    return this.#list(readFilter(filter))
  }

  * #list ({ action, direction, origin }: RuleFilter): Generator<Rule> {
    this.#rules.sweep()
    for (const found of this.#book.rules(origin)) {
      const rule = this.#book.describe(found)
      if ((action === undefined || rule.action === action) && (direction === undefined || rule.direction === direction)) yield rule
    }
  }

  verdict (target: GateTarget): Verdict {
    checkTarget(target)
    const judgement = this.#judge(target)
    return judgement === UNKNOWN ? this.#unknown : new Said(this.#book, judgement)
  }

  decide (target: GateTarget): GateRefusal | undefined {
    checkTarget(target)
    const judgement = this.#judge(target)
    if (judgement.found !== undefined) this.#hit(judgement.found, target)
    return this.#counted(target, this.#refusal(target, judgement))
  }

  /** What `decide` would say; counts nothing */
  preview (target: GateTarget): GateRefusal | undefined {
    return this.#refusal(target, this.#judge(target))
  }

  /** Every rule that blocks it, also those that are less specific than the one that is reported; of predicates only that one */
  * blocking (target: GateTarget): Generator<Rule> {
    const { found } = this.#judge(target)
    const there = reached(target)
    if (found?.kind === 'predicate') yield this.#book.describe(found)
    for (const layer of [this.#book.manual, this.#book.automatic, ...this.#book.lists.values()]) {
      if (layer.isEmpty('block')) continue
      for (const one of layer.all(target, 'block')) yield this.#book.describe(one)
      if (there !== target) for (const one of layer.all(there, 'block')) yield this.#book.describe(one)
    }
  }

  /** Whether a rule blocks an IP address of which nothing else is known; only what is true counts as a decision, because the rest is decided once there is a connection */
  blocksAddress (direction: Direction, address: string): boolean {
    // asked about every connection, and most nodes block nobody
    if (!this.#book.blocks) return false
    const target: GateTarget = { direction, address: normaliseAddress(address) }
    const { decision, found } = this.#judge(target, false)
    if (decision !== 'block' || found === undefined) return false
    this.#hit(found, target)
    this.#count(target, found.kind)
    return true
  }

  lifts (address: NormalisedAddress | undefined, peer: string | undefined): Lifted {
    if (!this.#book.lifts) return NOTHING
    const target: GateTarget = { direction: 'inbound', address, peer }
    if (this.verdict(target).decision === 'block') return NOTHING
    const lifted = { ...NOTHING, lane: peer === undefined && this.#book.liftsLaneOfPeer }
    for (const { lifts = [] } of this.#book.lifting(target)) for (const limit of lifts) lifted[limit] = true
    return lifted
  }

  strike (offender: Offender, weight: number, reason: string): Strike {
    const { clock, strikes: { blockAt, disconnectAt } } = this.#options
    if (typeof reason !== 'string') throw new InvalidRuleError(`the reason of a strike must be a string, got ${show(reason)}`, show(reason))
    if (typeof weight !== 'number' || !(weight > 0 && weight < Infinity)) throw new InvalidRuleError(`the weight of a strike must be a number above 0, got ${show(weight)}`, show(weight))
    const { text, subject, share } = narrowest(offender)
    const now = clock.now()
    const score = this.#scores.strike(text, weight * share, now)
    if (score >= blockAt && subject !== undefined && !this.#isAllowed(offender)) {
      return { subject: text, score, outcome: 'blocked', rule: this.#rules.block(subject, this.#scores.severity(score, now), reason.slice(0, MAX_REASON)) }
    }
    return { subject: text, score, outcome: score >= disconnectAt ? 'disconnect' : 'noted' }
  }

  async loadList (name: string, source: ListSource): Promise<ListReport> {
    const { clock, wallClock: wall, maxListRules: maxRules, maxLists, random } = this.#options
    if (typeof name !== 'string' || !LIST_NAME.test(name)) throw new ListLoadError(show(name), 'its name must have 1 to 64 letters, digits, dots and dashes')
    const names = new Set([...this.#book.lists.keys(), ...this.#loading.keys(), name])
    if (names.size > maxLists) throw new ListLoadError(name, `there are ${maxLists} lists already`, { cause: new TooManyRulesError('lists', maxLists) })
    const attempt = Symbol(name)
    this.#loading.set(name, attempt)
    try {
      const { layer, report } = await loadList(name, source, { clock, wall, maxRules, seed: Math.floor(random() * 2 ** 32) | 0 })
      if (this.#loading.get(name) !== attempt) throw new ListLoadError(name, 'it was loaded anew, or dropped, in the meantime')
      this.#book.setList(name, layer)
      this.#reports.set(name, report)
      this.#rules.await()
      this.safeDispatchEvent('list:loaded', { detail: report })
      return report
    } finally {
      if (this.#loading.get(name) === attempt) this.#loading.delete(name)
    }
  }

  dropList (name: string): boolean {
    this.#loading.delete(name)
    this.#reports.delete(name)
    const known = this.#book.setList(name, undefined)
    if (known) this.safeDispatchEvent('list:dropped', { detail: { name } })
    return known
  }

  export (format: 'text' | 'json', filter: RuleFilter = { origin: 'manual' }): Generator<string> {
    if (!FORMATS.includes(format)) throw new InvalidRuleError(`rules are written as text or as json, got ${show(format)}`, show(format))
    return exportRules(this.rules(filter), format)
  }

  status (): GaterStatus {
    this.#rules.sweep()
    const { keeper, evicted } = this.#rules
    const { manual, automatic, lists } = this.#book
    let listed = 0
    for (const { size } of lists.values()) listed += size
    return {
      rules: { manual: manual.size, automatic: automatic.size, list: listed },
      changes: this.#rules.changes,
      refusals: { ...this.#refusals },
      store: keeper?.state ?? 'none',
      unwritten: keeper?.unwritten ?? 0,
      struck: this.#scores.size,
      evicted,
      lists: [...this.#reports.values()],
      missing: this.missing()
    }
  }

  /** What `status` says is missing */
  protected missing (): string[] {
    const { keeper } = this.#rules
    if (keeper === undefined) return ['there is no datastore: rules are gone when the process ends']
    if (keeper.state === 'stopped') return ['the gater is not started: rules are neither read nor kept']
    const failing = keeper.state === 'failing'
    if (!keeper.isRead) return [failing ? 'the rules could not be read from the datastore, which is tried again: those that are missing are not in force' : 'the rules are still being read from the datastore: those that are missing are not in force']
    return failing ? ['the datastore fails, which is tried again: what has changed since is gone when the process ends'] : []
  }

  async #put (action: RuleAction, subject: Subject, options: RuleOptions | undefined): Promise<Rule> {
    const parsed = parseSubject(subject)
    return this.#rules.put(action, parsed, readOptions(action, parsed.kind, options))
  }

  async #remove (action: RuleAction, subject: Subject, options: Parameters<ConnectionGater['unblock']>[1]): Promise<number> {
    const parsed = parseSubject(subject)
    const { direction } = readFilter(options)
    const removed = await this.#rules.remove(action, parsed, direction === undefined ? undefined : [direction])
    // whoever is let in again begins anew
    if (action === 'block') this.#scores.forget(parsed.text)
    return removed
  }

  /** @param asks - as that of `RuleBook.judge` */
  #judge (target: GateTarget, asks = true): Judgement {
    const judgement = this.#inForce(target, asks)
    if (judgement.decision === 'block') return judgement
    const other = reached(target)
    if (other === target) return judgement
    const there = this.#inForce(other, asks)
    return there.decision === 'block' ? there : judgement
  }

  /** More rules may be over than were swept: what decides is none of them */
  #inForce (target: GateTarget, asks: boolean): Judgement {
    this.#rules.sweep()
    let judgement = this.#book.judge(target, asks)
    while (judgement.found !== undefined && this.#rules.endsNow(judgement.found)) judgement = this.#book.judge(target, asks)
    return judgement
  }

  #hit (found: Found, target: GateTarget): void {
    const { last } = found.entries.hitsOf(found.index, found.variant)
    this.#rules.hit(found)
    if (this.listenerCount('rule:hit') === 0 || found.entries.hitsOf(found.index, found.variant).last === last) return
    this.safeDispatchEvent('rule:hit', { detail: { rule: this.#book.describe(found), target } })
  }

  #refusal (target: GateTarget, { decision, found, faulty = false }: Judgement): GateRefusal | undefined {
    if (isMalformed(target)) return new Refused(target, 'malformed')
    if (decision === 'block' && found !== undefined) return new Refused(target, found.kind, { faulty, rule: this.#book.describe(found), endsIn: this.#endsIn(found) })
    if (decision === 'allow') return undefined
    const cause = this.#book.unknown(target, this.#options)
    return cause === undefined ? undefined : new Refused(target, cause)
  }

  #counted (target: GateTarget, refusal: GateRefusal | undefined): GateRefusal | undefined {
    if (refusal !== undefined) this.#count(target, refusal.cause)
    return refusal
  }

  #count (target: GateTarget, cause: GateCause): void {
    this.#refusals[cause] = (this.#refusals[cause] ?? 0) + 1
    this.#log?.refused(target, cause)
  }

  #endsIn ({ entries, index, variant }: Found): number {
    const due = entries.details(index, variant)?.due
    return due === undefined ? Infinity : due - this.#options.clock.now()
  }

  /** For whom the operator allows no rule is made: it would not be in force */
  #isAllowed ({ peer, address }: Offender): boolean {
    return this.verdict({ direction: 'inbound', address, peer }).decision === 'allow'
  }
}

/** Where a connection to the unspecified address leads: to this machine */
const HERE = { 4: normaliseAddress('127.0.0.1'), 6: normaliseAddress('::1') } as const

/** Who is reached in the end, where that is somebody else than the one who is called */
function reached (target: GateTarget): GateTarget {
  const { direction, address } = target
  if (direction === 'inbound' || address?.class !== 'unspecified' || address.family === 0) return target
  return { ...target, address: { ...HERE[address.family], transport: address.transport } }
}

/** Letters, digits, dashes, underscores and dots: what anything else would be read as, in a URL for example, is another host */
const HOST_NAME = /^dns:[\w.-]+$/

function isMalformed ({ direction, address }: GateTarget): boolean {
  return direction === 'outbound' && address?.class === 'dns' && !HOST_NAME.test(address.key)
}
