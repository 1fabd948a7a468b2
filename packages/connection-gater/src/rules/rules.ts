import { TooManyRulesError } from '@cordon/interface-connection-gater'
import { FLUSH_HITS } from '../constants.ts'
import { encodeRule } from '../store/codec.ts'
import { Keeper } from '../store/keeper.ts'
import { AutoBlocks } from '../strikes/auto-blocks.ts'
import { actionOf, directionOf } from '../tables/entries.ts'
import { idOf, RuleBook } from './rule-book.ts'
import type { Options } from '../init.ts'
import type { Stored } from '../store/codec.ts'
import type { Details, Entries } from '../tables/entries.ts'
import type { Found, Layer } from './layer.ts'
import type { Parsed } from './subject.ts'
import type { GaterEvents, Rule, RuleAction, RuleDirection, RuleOptions } from '@cordon/interface-connection-gater'
import type { Timer } from '@cordon/interface-connection-lifecycle'

/** How many rules end in one go; the next are a moment later */
const MAX_ENDINGS = 1_000

export type Emit = <K extends keyof GaterEvents>(type: K, detail: GaterEvents[K]['detail']) => void

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
  /** What decided since counts were last written; never more than there are rules */
  readonly #hit = new Map<Entries, Map<number, Found>>()
  #running = false
  #endTimer: Timer | undefined
  #endsAt = Infinity
  #hitTimer: Timer | undefined
  #evicted = 0

  constructor (options: Options, emit: Emit) {
    const { datastore, clock, storeTimeout: timeout, strikes, random } = options
    this.#options = options
    this.#emit = emit
    const seed = Math.floor(random() * 2 ** 32) | 0
    this.book = new RuleBook(seed)
    this.#automatic = new AutoBlocks(this.book.automatic, { max: strikes.maxBlocks, aggregateAt: strikes.aggregateAt, seed })
    this.keeper = datastore === undefined
      ? undefined
      : new Keeper({ datastore, clock, timeout, onError: error => { emit('store:failed', { error }) }, onRule: (stored, subject) => { this.#restore(stored, subject) }, onLoaded: () => { emit('store:loaded', { rules: this.book.manual.size + this.book.automatic.size }) } })
  }

  /** How many automatic rules had to make room */
  get evicted (): number {
    return this.#evicted
  }

  async start (): Promise<void> {
    this.#running = true
    await this.keeper?.start()
    this.await()
  }

  async stop (): Promise<void> {
    this.#running = false
    this.#endTimer?.cancel()
    this.#endTimer = undefined
    this.#endsAt = Infinity
    this.#hitTimer?.cancel()
    this.#hitTimer = undefined
    this.#flushHits()
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
    manual.add(subject, action, direction, details, duration === undefined ? Infinity : clock.now() + duration)
    this.#leaving.delete(id)
    // one id is one rule: the operator's word stands for what strikes said
    if (action === 'block' && direction === 'any') this.#automatic.remove(subject)
    this.await()
    const rule = this.#describe(manual, subject, action, direction)
    this.#emit('rule:added', { rule, close })
    if (this.keeper !== undefined && subject.type !== 'predicate') {
      this.keeper.put(id, () => this.#encode(manual, subject, action, direction))
      await this.keeper.written(id)
    }
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
      await this.keeper?.loaded()
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
    if (!isBlocked || evicted === 0) for (const other of remove) this.#drop(automatic, other, 'block', 'any', 'rule:removed')
    if (isBlocked) return this.#describe(manual, add, 'block', 'any')
    this.#evicted += evicted
    const isNew = automatic.find(add, 'block', 'any') === undefined
    this.#automatic.put(add, { severity: worst, reason, expires: wallClock() + blockDuration, due: clock.now() + blockDuration })
    this.await()
    this.keeper?.put(idOf('block', 'any', add.text), () => this.#encode(automatic, add, 'block', 'any'), isNew)
    const rule = this.#describe(automatic, add, 'block', 'any')
    this.#emit('rule:added', { rule, close: true })
    return rule
  }

  /** Ends the rules whose time is over; to be called before any decision */
  sweep (): void {
    const next = this.book.nextEnding
    if (next === Infinity) return
    const now = this.#options.clock.now()
    if (next > now) return
    let ended = 0
    for (const [layer, { subject, action, direction }] of this.book.endings(now)) {
      this.#drop(layer, subject, action, direction, 'rule:expired')
      if (++ended === MAX_ENDINGS) break
    }
    this.await()
  }

  /** Waits for the rule whose time is over next */
  await (): void {
    const next = this.book.nextEnding
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
    let hit = this.#hit.get(entries)
    if (hit === undefined) this.#hit.set(entries, hit = new Map<number, Found>())
    hit.set(index * 8 + variant, found)
    if (this.#running) this.#hitTimer ??= this.#options.clock.schedule(FLUSH_HITS, () => { this.#flushHits() })
  }

  #flushHits (): void {
    this.#hitTimer = undefined
    for (const hit of this.#hit.values()) {
      for (const found of hit.values()) {
        const { layer, entries, index, variant } = found
        if ((entries.variants(index) & (1 << variant)) === 0) continue
        const subject = layer.textOf(found)
        this.keeper?.put(idOf(actionOf(variant), directionOf(variant), subject), () => (entries.variants(index) & (1 << variant)) === 0 || layer.textOf(found) !== subject ? undefined : this.#encodeFound(found))
      }
    }
    this.#hit.clear()
  }

  async #removeOne (layer: Layer, action: RuleAction, subject: Parsed, direction: RuleDirection, token: symbol): Promise<boolean> {
    const id = idOf(action, direction, subject.text)
    if (this.#leaving.get(id) !== token) return false
    if (this.keeper !== undefined && subject.type !== 'predicate') await this.keeper.remove(id, () => this.#encode(layer, subject, action, direction))
    return this.#leaving.get(id) === token && this.#end(layer, subject, action, direction, 'rule:removed')
  }

  /** Takes a rule out of force, and out of the datastore some time later */
  #drop (layer: Layer, subject: Parsed, action: RuleAction, direction: RuleDirection, event: 'rule:removed' | 'rule:expired'): void {
    const kept = (layer === this.book.manual || layer === this.book.automatic) && subject.type !== 'predicate'
    if (this.#end(layer, subject, action, direction, event) && kept) this.keeper?.drop(idOf(action, direction, subject.text))
  }

  #end (layer: Layer, subject: Parsed, action: RuleAction, direction: RuleDirection, event: 'rule:removed' | 'rule:expired'): boolean {
    if (layer.find(subject, action, direction) === undefined) return false
    const rule = this.#describe(layer, subject, action, direction)
    if (layer === this.book.automatic) this.#automatic.remove(subject)
    else layer.remove(subject, action, direction)
    this.#emit(event, { rule })
    return true
  }

  /** A rule was read from the datastore */
  #restore (stored: Stored, subject: Parsed): void {
    const { clock, wallClock, maxRules, strikes: { halfLife } } = this.#options
    const { action, direction, origin, expires, reason, note, lifts, hits = 0, last = 0, score = 1 } = stored
    const left = expires === undefined ? Infinity : expires - wallClock()
    const layer = this.book[origin]
    if (left <= 0) {
      this.keeper?.drop(idOf(action, direction, subject.text))
      return
    }
    if (origin === 'manual' && layer.size >= maxRules) throw new TooManyRulesError('rules', maxRules)
    if (origin === 'automatic') {
      this.#restoreBlock(subject, Math.log2(score) + clock.now() / halfLife, { reason, expires }, left)
      return
    }
    const details = expires === undefined && reason === undefined && note === undefined && lifts === undefined ? undefined : { reason, note, lifts, expires }
    layer.add(subject, action, direction, details, left === Infinity ? Infinity : clock.now() + left)
    const found = layer.find(subject, action, direction)
    found?.entries.restore(found.index, found.variant, { hits, last })
  }

  /** There may be less room than there was, or less is needed until neighbours are drawn together */
  #restoreBlock (subject: Parsed, severity: number, details: Details, left: number): void {
    const { automatic } = this.book
    const { add, severity: worst, remove } = this.#automatic.plan(subject, severity)
    for (const other of remove) this.#drop(automatic, other, 'block', 'any', 'rule:removed')
    this.#automatic.put(add, { severity: worst, ...details, due: this.#options.clock.now() + left })
    if (add.text === subject.text) return
    this.keeper?.drop(idOf('block', 'any', subject.text))
    this.keeper?.put(idOf('block', 'any', add.text), () => this.#encode(automatic, add, 'block', 'any'))
  }

  #describe (layer: Layer, subject: Parsed, action: RuleAction, direction: RuleDirection): Rule {
    const found = layer.find(subject, action, direction)
    if (found === undefined) throw new Error('a rule that was put in force is gone')
    return this.book.describe(found)
  }

  #encode (layer: Layer, subject: Parsed, action: RuleAction, direction: RuleDirection): Uint8Array | undefined {
    const found = layer.find(subject, action, direction)
    return found === undefined ? undefined : this.#encodeFound(found)
  }

  #encodeFound (found: Found): Uint8Array {
    const { layer, entries, index, variant } = found
    const { reason, note, lifts, expires } = entries.details(index, variant) ?? {}
    const { hits, last } = entries.hitsOf(index, variant)
    const severity = layer === this.book.automatic ? this.#automatic.severityOf(found) : undefined
    const score = severity === undefined ? undefined : 2 ** (severity - this.#options.clock.now() / this.#options.strikes.halfLife)
    return encodeRule({
      action: actionOf(variant), direction: directionOf(variant), subject: layer.textOf(found), origin: layer === this.book.automatic ? 'automatic' : 'manual',
      expires: expires === undefined ? undefined : Math.round(expires), reason, note, lifts, hits: hits === 0 ? undefined : hits, last: hits === 0 ? undefined : last, score
    })
  }
}
