import type { Placed } from './heap.ts'
import type { LiftedLimit, RuleAction, RuleDirection } from '@cordon/interface-connection-gater'
import type { Direction } from '@cordon/interface-connection-lifecycle'

/** One of the six rules that one subject can have, as a number from 0 to 5; a set of them is six bits */
export type Variant = number

const ACTIONS: readonly RuleAction[] = ['allow', 'block']
const DIRECTIONS: readonly RuleDirection[] = ['any', 'inbound', 'outbound']

export const VARIANTS = 6

/** Sets of variants from here on have a block rule in them */
export const BLOCKS = 8

export function variantOf (action: RuleAction, direction: RuleDirection): Variant {
  return (action === 'block' ? 3 : 0) + (direction === 'any' ? 0 : direction === 'inbound' ? 1 : 2)
}

export function actionOf (variant: Variant): RuleAction {
  return ACTIONS[variant < 3 ? 0 : 1] ?? 'block'
}

export function directionOf (variant: Variant): RuleDirection {
  return DIRECTIONS[variant % 3] ?? 'any'
}

/** The variants of one action that cover connections of one direction */
export function covering (action: RuleAction, direction: Direction): number {
  const first = action === 'block' ? 3 : 0
  return (1 << first) | (1 << (first + (direction === 'inbound' ? 1 : 2)))
}

/** What only few rules have */
export interface Details {
  readonly reason?: string | undefined
  readonly note?: string | undefined
  readonly lifts?: readonly LiftedLimit[] | undefined
  /** In ms since the epoch */
  readonly expires?: number | undefined
  /** Where it waits for its end */
  readonly ending?: Placed | undefined
}

/** How often a rule decided, and when it last did, in seconds since the epoch */
export interface Hits {
  hits: number
  last: number
}

const NO_HITS: Readonly<Hits> = { hits: 0, last: 0 }

function grown<T extends Uint8Array | Uint32Array> (array: T, capacity: number, make: (length: number) => T): T {
  const larger = make(capacity)
  larger.set(array)
  return larger
}

/**
 * What is known of each entry of a table, by its index: which rules there are, how often they decided, and in maps what
 * only few have. 9 bytes an entry.
 */
export class Entries {
  #variants: Uint8Array
  #hits: Uint32Array
  #last: Uint32Array
  #used = 0
  #size = 0
  /** Indices of entries that were removed; at most as many as there ever were */
  readonly #free: number[] = []
  /** By `index * 8 + variant`; never more than there are rules */
  readonly #details = new Map<number, Details>()
  #elsewhere: ((index: number) => Details | undefined) | undefined
  /** The hits of entries that have or had several rules, by `index * 8 + variant`; never more than there are rules */
  readonly #several = new Map<number, Hits>()

  constructor (expected = 0) {
    const capacity = Math.max(8, expected)
    this.#variants = new Uint8Array(capacity)
    this.#hits = new Uint32Array(capacity)
    this.#last = new Uint32Array(capacity)
  }

  /** How many entries there are */
  get size (): number {
    return this.#size
  }

  /** How many indices have been handed out: all are below it */
  get end (): number {
    return this.#used
  }

  get capacity (): number {
    return this.#variants.length
  }

  get bytes (): number {
    return this.#variants.byteLength + this.#hits.byteLength + this.#last.byteLength
  }

  /** An index for a new entry, which has no rule yet. May be at `capacity`, which then has grown. */
  take (): number {
    this.#size++
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.#used === this.#variants.length) {
      const capacity = Math.ceil(this.#used * 1.5)
      this.#variants = grown(this.#variants, capacity, length => new Uint8Array(length))
      this.#hits = grown(this.#hits, capacity, length => new Uint32Array(length))
      this.#last = grown(this.#last, capacity, length => new Uint32Array(length))
    }
    return this.#used++
  }

  /** The entry has no rule any more */
  drop (index: number): void {
    this.#size--
    this.#free.push(index)
  }

  variants (index: number): number {
    return this.#variants[index] ?? 0
  }

  /** @returns whether there was none of this kind yet */
  set (index: number, variant: Variant, details: Details | undefined): boolean {
    const before = this.variants(index)
    const bit = 1 << variant
    if (before !== 0 && before !== bit) this.#split(index, before)
    this.#variants[index] = before | bit
    if (details === undefined) this.#details.delete(index * 8 + variant)
    else this.#details.set(index * 8 + variant, details)
    return (before & bit) === 0
  }

  /** @returns which rules are left */
  clear (index: number, variant: Variant): number {
    const before = this.variants(index)
    this.#split(index, before)
    const left = before & ~(1 << variant)
    this.#variants[index] = left
    this.#details.delete(index * 8 + variant)
    this.#several.delete(index * 8 + variant)
    return left
  }

  details (index: number, variant: Variant): Details | undefined {
    return this.#elsewhere === undefined ? this.#details.get(index * 8 + variant) : this.#elsewhere(index)
  }

  /** From now on details are asked for here */
  keepIn (elsewhere: (index: number) => Details | undefined): void {
    this.#elsewhere = elsewhere
  }

  hit (index: number, variant: Variant, second: number): void {
    const variants = this.variants(index)
    if (variants === 1 << variant && !this.#several.has(index * 8 + variant)) {
      this.#hits[index] = Math.min((this.#hits[index] ?? 0) + 1, 0xffffffff)
      this.#last[index] = second
    } else {
      const hits = this.#several.get(index * 8 + variant) ?? { hits: 0, last: 0 }
      hits.hits++
      hits.last = second
      this.#several.set(index * 8 + variant, hits)
    }
  }

  hitsOf (index: number, variant: Variant): Readonly<Hits> {
    const several = this.#several.get(index * 8 + variant)
    if (several !== undefined) return several
    const hits = this.#hits[index] ?? 0
    return hits === 0 || this.variants(index) !== 1 << variant ? NO_HITS : { hits, last: this.#last[index] ?? 0 }
  }

  /** What was counted in an earlier run */
  restore (index: number, variant: Variant, hits: Hits): void {
    if (hits.hits > 0) this.#several.set(index * 8 + variant, { ...hits })
  }

  /** The one rule that the entry had keeps its hits when it gets another one */
  #split (index: number, before: number): void {
    const hits = this.#hits[index] ?? 0
    if (hits === 0) return
    const variant = 31 - Math.clz32(before)
    this.#several.set(index * 8 + variant, { hits, last: this.#last[index] ?? 0 })
    this.#hits[index] = 0
    this.#last[index] = 0
  }
}
