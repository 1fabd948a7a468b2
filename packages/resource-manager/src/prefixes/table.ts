import { Heap } from '@cordon/heap'
import { Ring } from '../graph/ring.ts'
import type { Linked } from '../graph/ring.ts'
import type { PrefixRule } from './rules.ts'
import type { Placed } from '@cordon/heap'

/** How many that nobody needs any more are looked for with each new one, so that a table shrinks again */
const SWEEP = 2

/** What rounding in sums of intervals may cost, in ms */
const TOLERANCE = 1e-3

/**
 * One prefix: how many connections come from it, and when its bucket is full again. That one number is the whole
 * bucket: every connection moves it by an interval, and it may not be more than a burst of them in the future.
 */
export class PrefixEntry implements Linked<PrefixEntry>, Placed {
  name: string
  rule: PrefixRule
  readonly table: PrefixTable | undefined
  connections = 0
  /** In ms of the clock */
  fullAt = -Infinity
  /** A place here and nowhere else; most addresses have one prefix */
  readonly alone: readonly PrefixEntry[]
  ring: Ring<PrefixEntry> | undefined
  older: PrefixEntry | undefined
  newer: PrefixEntry | undefined
  place = -1
  /** Its table does not know it, or not any more */
  isStray = false

  constructor (name: string, rule: PrefixRule, table: PrefixTable | undefined) {
    this.name = name
    this.rule = rule
    this.table = table
    this.alone = [this]
  }

  /** In how many ms its bucket grants one more; 0 is now, `Infinity` never */
  wait (now: number): number {
    const { interval, depth } = this.rule
    if (interval === 0) return 0
    const wait = this.fullAt - now - depth
    return depth < 0 || interval === Infinity ? Infinity : wait > TOLERANCE ? wait : 0
  }

  take (now: number): void {
    this.fullAt = Math.max(this.fullAt, now) + this.rule.interval
  }

  /** Another rule applies: what its bucket lacks in tokens it lacks still, up to all that it holds now */
  follow (rule: PrefixRule, now: number): void {
    const { interval, burst } = this.rule
    this.rule = rule
    if (rule.interval === interval && rule.burst === burst) return
    const lacks = isMetered(interval) ? Math.max(0, this.fullAt - now) / interval : 0
    this.fullAt = lacks > 0 && isMetered(rule.interval) ? now + Math.min(lacks, rule.burst) * rule.interval : -Infinity
  }

  refund (): void {
    if (isMetered(this.rule.interval)) this.fullAt -= this.rule.interval
  }
}

/** Whether there is a bucket that fills again */
function isMetered (interval: number): boolean {
  return interval > 0 && interval < Infinity
}

/** All prefixes of one length, or all relays */
export class PrefixTable {
  rule: PrefixRule
  readonly #max: number
  /** At most `max` */
  readonly #entries = new Map<string, PrefixEntry>()
  /** Those from which connections come, and those that are remembered until their buckets are full; each entry is in one */
  readonly #busy = new Ring<PrefixEntry>()
  readonly #idle = new Heap<PrefixEntry>(({ fullAt }) => fullAt)
  readonly #vacant: PrefixEntry
  #evicted = 0

  constructor (rule: PrefixRule, max: number) {
    this.rule = rule
    this.#max = max
    this.#vacant = new PrefixEntry('', rule, this)
    this.#vacant.isStray = true
  }

  get size (): number {
    return this.#entries.size
  }

  /** From how many nobody comes */
  get idle (): number {
    return this.#idle.size
  }

  /** How many were forgotten while it still mattered */
  get evicted (): number {
    return this.#evicted
  }

  /** The entry by this name, or one that stands in for it until the next call */
  find (name: string): PrefixEntry {
    const found = this.#entries.get(name)
    if (found !== undefined) return found
    this.#vacant.name = name
    return this.#vacant
  }

  /** What `find` returned is about to be used, and settled after that */
  enter (entry: PrefixEntry, now: number): PrefixEntry {
    if (entry !== this.#vacant) return entry
    this.#makeRoom(now)
    const made = new PrefixEntry(entry.name, this.rule, this)
    this.#entries.set(made.name, made)
    return made
  }

  /** Puts it where it belongs after its connections or its bucket changed */
  settle (entry: PrefixEntry): void {
    if (entry.isStray) return
    if (entry.connections === 0) {
      entry.ring?.remove(entry)
      this.#idle.put(entry)
    } else if (entry.ring === undefined) {
      this.#idle.remove(entry)
      this.#busy.push(entry)
    }
  }

  limit (rule: PrefixRule, now: number): void {
    this.rule = this.#vacant.rule = rule
    for (const entry of this.#entries.values()) {
      entry.follow(rule, now)
      this.settle(entry)
    }
  }

  values (): IterableIterator<PrefixEntry> {
    return this.#entries.values()
  }

  #makeRoom (now: number): void {
    // who has no bucket any more needs none to be full
    const due = this.rule.interval === 0 ? Infinity : now
    for (let looked = 0; looked < SWEEP && this.#idle.least <= due; looked++) this.#forget(this.#idle.first)
    if (this.#entries.size < this.#max) return
    this.#evicted++
    this.#forget(this.#idle.first ?? this.#busy.oldest)
  }

  #forget (entry: PrefixEntry | undefined): void {
    if (entry === undefined) return
    entry.isStray = true
    entry.ring?.remove(entry)
    this.#idle.remove(entry)
    this.#entries.delete(entry.name)
  }
}
