import { TooManyRulesError } from '@cordon/interface-connection-gater'
import { encodeRule } from '../store/codec.ts'
import { Keeper } from '../store/keeper.ts'
import { AutoBlocks } from '../strikes/auto-blocks.ts'
import { actionOf, directionOf } from '../tables/entries.ts'
import { HitLog } from './hit-log.ts'
import { idOf, RuleBook } from './rule-book.ts'
import { parseText } from './subject.ts'
import type { Options } from '../init.ts'
import type { Stored } from '../store/codec.ts'
import type { Details } from '../tables/entries.ts'
import type { Found, Layer } from './layer.ts'
import type { Parsed } from './subject.ts'
import type { GaterEvents, GaterStatus, Rule, RuleAction, RuleDirection, RuleOptions } from '@cordon/interface-connection-gater'
import type { Timer } from '@cordon/interface-connection-lifecycle'

/** How many rules end in one go; the next are a moment later */
const MAX_ENDINGS = 1_000

export type Emit = <K extends keyof GaterEvents>(type: K, detail: GaterEvents[K]['detail']) => void

/** What happened, to be told once everything is in place: whoever hears of it may make rules, or take them back */
type Told = readonly ['rule:removed' | 'rule:expired', { readonly rule: Rule }]

const DIRECTIONS: readonly RuleDirection[] = ['any', 'inbound', 'outbound']

/** The rules that are made here, as opposed to those of lists: puts them in force and takes them out, and keeps them */
export class Rules {
  readonly book: RuleBook
  readonly keeper: Keeper | undefined
  readonly #options: Options
  readonly #emit: Emit
  readonly #automatic: AutoBlocks
  /** What is being taken back, by id; a rule that is made anew meanwhile is no longer in it */
  readonly #leaving = new Map<string, symbol>()
  readonly #hits: HitLog
  #running = false
  #endTimer: Timer | undefined
  #endsAt = Infinity
  /** When a rule ends next, in ms of the clock, or earlier: whoever makes one that ends calls `await` */
  #nextEnding = Infinity
  #evicted = 0
  readonly #changes = { added: 0, removed: 0, expired: 0 }

  constructor (options: Options, emit: Emit) {
    const { datastore, clock, storeTimeout: timeout, strikes, random } = options
    this.#options = options
    this.#emit = emit
    const seed = Math.floor(random() * 2 ** 32) | 0
    this.book = new RuleBook(seed)
    this.#automatic = new AutoBlocks(this.book.automatic, { max: strikes.maxBlocks, aggregateAt: strikes.aggregateAt, seed })
    this.#hits = new HitLog(clock, found => { this.#refresh(found) })
    this.keeper = datastore === undefined
      ? undefined
      : new Keeper({
        datastore,
        clock,
        timeout,
        encode: id => this.#encode(id),
        onError: error => { emit('store:failed', { error }) },
        onRule: (stored, subject) => {
          this.#restore(stored, subject)
          if (stored.expires !== undefined) this.await()
        },
        onLoaded: () => { emit('store:loaded', { rules: this.book.manual.size + this.book.automatic.size }) }
      })
  }

  /** How many automatic rules had to make room */
  get evicted (): number {
    return this.#evicted
  }

  /** How many rules there are more and less than at the beginning, without those of lists and those that were read */
  get changes (): GaterStatus['changes'] {
    return { ...this.#changes }
  }

  async start (): Promise<void> {
    this.#running = true
    this.#hits.start()
    await this.keeper?.start()
    this.await()
  }

  async stop (): Promise<void> {
    this.#running = false
    this.#endTimer?.cancel()
    this.#endTimer = undefined
    this.#endsAt = Infinity
    this.#hits.stop()
    await this.keeper?.stop()
  }

  /**
   * Puts a rule of the operator in force, and tells the datastore.
   *
   * @returns once it is there
   */
  async put (action: RuleAction, subject: Parsed, { direction = 'any', duration, reason, note, lifts, close = true }: RuleOptions): Promise<Rule> {
    const { maxRules, clock, wallClock } = this.#options
    const { manual } = this.book
    if (manual.size >= maxRules && manual.find(subject, action, direction) === undefined) throw new TooManyRulesError('rules', maxRules)
    const id = idOf(action, direction, subject.text)
    const expires = duration === undefined ? undefined : wallClock() + duration
    const details = reason === undefined && note === undefined && lifts === undefined && expires === undefined ? undefined : { reason, note, lifts, expires }
    const isNew = manual.add(subject, action, direction, details, duration === undefined ? Infinity : clock.now() + duration)
    this.#leaving.delete(id)
    // one id is one rule: the operator's word stands for what strikes said
    const told = action === 'block' ? this.#end(this.book.automatic, subject, action, direction, 'removed') : []
    if (isNew) this.#changes.added++
    const keeper = subject.type === 'predicate' ? undefined : this.keeper
    keeper?.put(id)
    this.await()
    const rule = this.#describe(manual, subject, action, direction)
    this.#tell(told)
    this.#emit('rule:added', { rule, close })
    await keeper?.written(id)
    return rule
  }

  /**
   * Takes back the rules of one action about exactly one subject: in the datastore first.
   *
   * @returns how many there were
   */
  async remove (action: RuleAction, subject: Parsed, directions: readonly RuleDirection[] = DIRECTIONS): Promise<number> {
    // noted at once: whoever makes the rule anew while this waits has the last word
    const token = Symbol(subject.text)
    for (const direction of directions) this.#leaving.set(idOf(action, direction, subject.text), token)
    let removed = 0
    try {
      if (subject.type !== 'predicate') await this.keeper?.loaded()
      for (const layer of [this.book.manual, this.book.automatic]) {
        for (const direction of directions) {
          if (layer.find(subject, action, direction) !== undefined && await this.#removeOne(layer, action, subject, direction, token)) removed++
        }
      }
    } finally {
      for (const direction of directions) {
        const id = idOf(action, direction, subject.text)
        if (this.#leaving.get(id) === token) this.#leaving.delete(id)
      }
    }
    return removed
  }

  /** Blocks somebody because of strikes; in force at once, and nobody waits for the datastore */
  block (subject: Parsed, severity: number, reason: string): Rule {
    const { clock, wallClock, strikes: { blockDuration } } = this.#options
    const { automatic, manual } = this.book
    const { add, severity: worst, remove, evicted } = this.#automatic.plan(subject, severity)
    const isBlocked = manual.find(add, 'block', 'any') !== undefined
    // what the operator blocks already takes nobody's place
    const removed = isBlocked && evicted > 0 ? [] : remove
    const told = removed.flatMap(other => this.#end(automatic, other, 'block', 'any', 'removed'))
    if (!isBlocked) {
      const id = idOf('block', 'any', add.text)
      const isNew = automatic.find(add, 'block', 'any') === undefined
      this.#evicted += evicted
      if (isNew) this.#changes.added++
      this.#automatic.put(add, { severity: worst, reason, expires: wallClock() + blockDuration, due: clock.now() + blockDuration })
      // whoever is about to take it back did not know of this
      this.#leaving.delete(id)
      this.keeper?.putLater(id, isNew)
      this.await()
    }
    // only now: whoever reads what a crash has left is to find too much rather than too little
    for (const { text } of removed) this.keeper?.dropLater(idOf('block', 'any', text))
    const rule = this.#describe(isBlocked ? manual : automatic, add, 'block', 'any')
    this.#tell(told)
    if (!isBlocked) this.#emit('rule:added', { rule, close: true })
    return rule
  }

  /** Ends the rules whose time is over; to be called before any decision */
  sweep (): void {
    if (this.#nextEnding === Infinity) return
    const now = this.#options.clock.now()
    if (this.#nextEnding > now) return
    let ended = 0
    for (const [layer, { subject, action, direction }] of this.book.endings(now)) {
      this.#tell(this.#drop(layer, subject, action, direction, 'expired'))
      if (++ended === MAX_ENDINGS) break
    }
    this.await()
  }

  /** Ends a rule whose time is over and that was not swept yet; returns whether it was one */
  endsNow (found: Found): boolean {
    const { layer, entries, index, variant, kind } = found
    if (kind === 'predicate' || this.#nextEnding === Infinity || this.#nextEnding > this.#options.clock.now()) return false
    const expires = entries.details(index, variant)?.expires
    if (expires === undefined || expires > this.#options.wallClock()) return false
    this.#tell(this.#drop(layer, parseText(layer.textOf(found)), actionOf(variant), directionOf(variant), 'expired'))
    return true
  }

  /** Waits for the rule whose time is over next */
  await (): void {
    const next = this.#nextEnding = this.book.nextEnding
    if (!this.#running || next === this.#endsAt) return
    this.#endTimer?.cancel()
    this.#endTimer = undefined
    this.#endsAt = next
    if (next === Infinity) return
    this.#endTimer = this.#options.clock.schedule(Math.max(0, Math.ceil(next - this.#options.clock.now())), () => {
      this.#endsAt = Infinity
      this.sweep()
      this.await()
    })
  }

  /** A rule decided */
  hit (found: Found): void {
    const { layer, entries, index, variant, kind } = found
    entries.hit(index, variant, Math.floor(this.#options.wallClock() / 1_000))
    if (this.keeper === undefined || kind === 'predicate' || (layer !== this.book.manual && layer !== this.book.automatic)) return
    this.#hits.add(found)
  }

  /** How often a rule has decided is to be written */
  #refresh (found: Found): void {
    const { layer, variant } = found
    const id = idOf(actionOf(variant), directionOf(variant), layer.textOf(found))
    if (!this.#leaving.has(id)) this.keeper?.refresh(id)
  }

  async #removeOne (layer: Layer, action: RuleAction, subject: Parsed, direction: RuleDirection, token: symbol): Promise<boolean> {
    const id = idOf(action, direction, subject.text)
    if (this.#leaving.get(id) !== token) return false
    let isRemoved = false
    const gone = (): void => {
      if (this.#leaving.get(id) !== token) return
      const told = this.#end(layer, subject, action, direction, 'removed')
      isRemoved = told.length > 0
      this.#tell(told)
    }
    if (this.keeper === undefined || subject.type === 'predicate') gone()
    else await this.keeper.remove(id, gone)
    return isRemoved
  }

  /** Takes a rule out of force, and out of the datastore some time later */
  #drop (layer: Layer, subject: Parsed, action: RuleAction, direction: RuleDirection, how: 'removed' | 'expired'): Told[] {
    const told = this.#end(layer, subject, action, direction, how)
    if (told.length > 0 && this.#isOwn(layer) && subject.type !== 'predicate') this.keeper?.drop(idOf(action, direction, subject.text))
    return told
  }

  /** Takes a rule out of force; returns what is to be told of it */
  #end (layer: Layer, subject: Parsed, action: RuleAction, direction: RuleDirection, how: 'removed' | 'expired'): Told[] {
    const found = layer.find(subject, action, direction)
    if (found === undefined) return []
    const rule = this.book.describe(found)
    this.#hits.forget(found)
    if (layer === this.book.automatic) this.#automatic.remove(subject)
    else layer.remove(subject, action, direction)
    if (this.#isOwn(layer)) this.#changes[how]++
    return [[`rule:${how}`, { rule }]]
  }

  #tell (told: readonly Told[]): void {
    for (const [type, detail] of told) this.#emit(type, detail)
  }

  /** Whether its rules are made here, as opposed to those of lists */
  #isOwn (layer: Layer): boolean {
    return layer === this.book.manual || layer === this.book.automatic
  }

  /** A rule was read from the datastore */
  #restore (stored: Stored, subject: Parsed): void {
    const { clock, wallClock, maxRules, strikes: { blockDuration, halfLife } } = this.#options
    const { action, direction, origin, expires, reason, note, lifts, hits = 0, last = 0, score = 1 } = stored
    const left = expires === undefined ? Infinity : expires - wallClock()
    const layer = this.book[origin]
    if (left <= 0) {
      this.keeper?.drop(idOf(action, direction, subject.text))
      return
    }
    // what is in force is newer, except that what the operator says stands above strikes
    if (this.book.manual.find(subject, action, direction) !== undefined || layer.find(subject, action, direction) !== undefined) return
    if (origin === 'manual' && layer.size >= maxRules) throw new TooManyRulesError('rules', maxRules)
    if (origin === 'automatic') {
      // no longer than a new one, whatever the wall clock says at the moment
      this.#restoreBlock(subject, Math.log2(score) + clock.now() / halfLife, { reason, expires }, Math.min(left, blockDuration))
      return
    }
    // strikes may have said the same in the meantime
    const told = action === 'block' ? this.#end(this.book.automatic, subject, action, direction, 'removed') : []
    const details = expires === undefined && reason === undefined && note === undefined && lifts === undefined ? undefined : { reason, note, lifts, expires }
    layer.add(subject, action, direction, details, left === Infinity ? Infinity : clock.now() + left)
    const found = layer.find(subject, action, direction)
    found?.entries.restore(found.index, found.variant, { hits, last })
    this.#tell(told)
  }

  /** There may be less room than there was, or less is needed until neighbours are drawn together */
  #restoreBlock (subject: Parsed, severity: number, { expires, reason }: Details, left: number): void {
    const { automatic, manual } = this.book
    const { add, severity: worst, remove, evicted } = this.#automatic.plan(subject, severity)
    const isDrawn = add.text !== subject.text
    // what is drawn together stays in the datastore until all is read: what it has of the wider range may be the operator's
    const told = remove.flatMap(other => isDrawn ? this.#end(automatic, other, 'block', 'any', 'removed') : this.#drop(automatic, other, 'block', 'any', 'removed'))
    this.#evicted += evicted
    if (isDrawn) for (const { text } of [add, subject, ...remove]) this.keeper?.rewrite(idOf('block', 'any', text))
    if (manual.find(add, 'block', 'any') === undefined) this.#automatic.put(add, { severity: worst, expires, reason, due: this.#options.clock.now() + left })
    this.#tell(told)
  }

  #describe (layer: Layer, subject: Parsed, action: RuleAction, direction: RuleDirection): Rule {
    const found = layer.find(subject, action, direction)
    if (found === undefined) throw new Error('a rule that was put in force is gone')
    return this.book.describe(found)
  }

  /** What the datastore is to have of a rule; nothing where it is not in force */
  #encode (id: string): Uint8Array | undefined {
    const [action, direction] = id.split(' ', 2) as [RuleAction, RuleDirection]
    const subject = parseText(id.slice(action.length + direction.length + 2))
    const found = this.book.manual.find(subject, action, direction) ?? this.book.automatic.find(subject, action, direction)
    if (found === undefined) return undefined
    const { layer, entries, index, variant } = found
    const { reason, note, lifts, expires } = entries.details(index, variant) ?? {}
    const { hits, last } = entries.hitsOf(index, variant)
    const severity = layer === this.book.automatic ? this.#automatic.severityOf(found) : undefined
    return encodeRule({
      action, direction, subject: subject.text, origin: severity === undefined ? 'manual' : 'automatic',
      expires: expires === undefined ? undefined : Math.round(expires), reason, note, lifts, hits: hits === 0 ? undefined : hits, last: hits === 0 ? undefined : last, score: severity === undefined ? undefined : this.#scoreOf(severity)
    })
  }

  /** What a severity comes to now: numbers only, because others cannot be written down */
  #scoreOf (severity: number): number {
    const { clock, strikes: { halfLife } } = this.#options
    return Math.min(Number.MAX_VALUE, 2 ** (severity - clock.now() / halfLife))
  }
}
