import type { Placed } from '@cordon/heap'
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
  /** For people, in ms since the epoch */
  readonly expires?: number | undefined
  /** When its time is over, in ms of the clock; whatever becomes of the wall clock */
  readonly due?: number | undefined
  /** Where it waits for its end */
  readonly ending?: Placed | undefined
}

/** How often a rule decided, and when it last did, in seconds since the epoch */
export interface Hits {
  hits: number
  last: number
}

const NO_HITS: Readonly<Hits> = { hits: 0, last: 0 }

/** Rows lie in chunks of 16,384: growing takes another one, and copies at most one (300 KB, in less than 0.1 ms) */
const CHUNK_BITS = 14
const CHUNK = 1 << CHUNK_BITS
const FIRST_ROWS = 8

/** The words of a row: which rules there are in 8 bits and what the owner notes in 24, the hits, when, and those of the owner */
const HITS = 1
const LAST = 2
const OWN = 3

/**
 * What is known of each entry of a table, by its index: which rules there are, how often they decided, what the table
 * itself knows of it, and in maps what only few have. 12 bytes an entry, and 4 for each word of the owner.
 */
export class Entries {
  readonly #width: number
  readonly #chunks: Int32Array[]
  #used = 0
  #size = 0
  /** The rules that each entry has; 0 once any two differed, until one entry is left */
  #alike = 0
  /** The entry that was removed last; each of them has the one before in the place of its hits. -1 where there is none. */
  #free = -1
  /** By chunk, so that none grows large enough to stop everything; by `row * 8 + variant`, never more than there are rules */
  readonly #details: Array<Map<number, Details> | undefined> = []
  #elsewhere: ((index: number) => Details | undefined) | undefined
  /** The hits of entries that have or had several rules; otherwise as the details */
  readonly #several: Array<Map<number, Hits> | undefined> = []

  /** @param own - how many words of a row are its owner's */
  constructor (own = 0) {
    this.#width = OWN + own
    this.#chunks = [new Int32Array(FIRST_ROWS * this.#width)]
  }

  /** How many entries there are */
  get size (): number {
    return this.#size
  }

  /** How many indices have been handed out: all are below it */
  get end (): number {
    return this.#used
  }

  /** Room for what others keep by index: half as much again as there is now, so that they need not grow often */
  get capacity (): number {
    return Math.max(FIRST_ROWS, Math.ceil(this.#used * 1.5))
  }

  get bytes (): number {
    return this.#chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  /**
   * An index for a new entry, which has no rule yet.
   *
   * @param note - what the owner notes of it, below 2^24
   */
  take (note = 0): number {
    this.#size++
    const index = this.#free === -1 ? this.#append() : this.#free
    const chunk = this.#chunkOf(index)
    const at = this.#rowOf(index)
    if (index === this.#free) this.#free = chunk[at + HITS] ?? -1
    chunk.fill(0, at, at + this.#width)
    chunk[at] = note << 8
    return index
  }

  /** The entry has no rule any more */
  drop (index: number): void {
    this.#size--
    const at = this.#rowOf(index)
    this.#chunkOf(index)[at + HITS] = this.#free
    this.#free = index
  }

  variants (index: number): number {
    return (this.#chunkOf(index)[this.#rowOf(index)] ?? 0) & 0xff
  }

  /** Which of these rules an entry has. Where all entries have the same it is not looked at: it may be in no cache. */
  among (index: number, variants: number): number {
    return (this.#alike === 0 ? this.variants(index) : this.#alike) & variants
  }

  /** What the owner noted when it took the index */
  noteOf (index: number): number {
    return (this.#chunkOf(index)[this.#rowOf(index)] ?? 0) >>> 8
  }

  /** A word of the owner, as a signed number */
  word (index: number, word: number): number {
    return this.#chunkOf(index)[this.#rowOf(index) + OWN + word] ?? 0
  }

  setWord (index: number, word: number, value: number): void {
    this.#chunkOf(index)[this.#rowOf(index) + OWN + word] = value
  }

  /** Whether these are the four words of the owner */
  hasWords (index: number, a: number, b: number, c: number, d: number): boolean {
    const chunk = this.#chunkOf(index)
    const at = this.#rowOf(index) + OWN
    return chunk[at] === a && chunk[at + 1] === b && chunk[at + 2] === c && chunk[at + 3] === d
  }

  /** @returns whether there was none of this kind yet */
  set (index: number, variant: Variant, details: Details | undefined): boolean {
    const chunk = this.#chunkOf(index)
    const at = this.#rowOf(index)
    const row = chunk[at] ?? 0
    const before = row & 0xff
    const bit = 1 << variant
    if (before !== 0 && before !== bit) this.#split(index, before)
    chunk[at] = row | bit
    this.#noteAlike(before | bit)
    if (details !== undefined) (this.#details[index >>> CHUNK_BITS] ??= new Map<number, Details>()).set(keyOf(index, variant), details)
    else if (before !== 0) this.#details[index >>> CHUNK_BITS]?.delete(keyOf(index, variant))
    return (before & bit) === 0
  }

  /** @returns which rules are left */
  clear (index: number, variant: Variant): number {
    const before = this.variants(index)
    this.#split(index, before)
    const chunk = this.#chunkOf(index)
    const at = this.#rowOf(index)
    chunk[at] = (chunk[at] ?? 0) & ~(1 << variant)
    this.#details[index >>> CHUNK_BITS]?.delete(keyOf(index, variant))
    this.#several[index >>> CHUNK_BITS]?.delete(keyOf(index, variant))
    const left = before & ~(1 << variant)
    if (left !== 0) this.#noteAlike(left)
    return left
  }

  details (index: number, variant: Variant): Details | undefined {
    return this.#elsewhere === undefined ? this.#details[index >>> CHUNK_BITS]?.get(keyOf(index, variant)) : this.#elsewhere(index)
  }

  /** From now on details are asked for here */
  keepIn (elsewhere: (index: number) => Details | undefined): void {
    this.#elsewhere = elsewhere
  }

  hit (index: number, variant: Variant, second: number): void {
    const several = this.#several[index >>> CHUNK_BITS]?.get(keyOf(index, variant))
    if (several === undefined && this.variants(index) === 1 << variant) {
      const chunk = this.#chunkOf(index)
      const at = this.#rowOf(index)
      chunk[at + HITS] = Math.min(((chunk[at + HITS] ?? 0) >>> 0) + 1, 0xffffffff)
      chunk[at + LAST] = second
    } else {
      const { hits } = several ?? NO_HITS
      this.#keep(index, variant, { hits: hits + 1, last: second })
    }
  }

  hitsOf (index: number, variant: Variant): Readonly<Hits> {
    const several = this.#several[index >>> CHUNK_BITS]?.get(keyOf(index, variant))
    if (several !== undefined) return several
    const chunk = this.#chunkOf(index)
    const at = this.#rowOf(index)
    const hits = (chunk[at + HITS] ?? 0) >>> 0
    return hits === 0 || this.variants(index) !== 1 << variant ? NO_HITS : { hits, last: (chunk[at + LAST] ?? 0) >>> 0 }
  }

  /** What was counted in an earlier run */
  restore (index: number, variant: Variant, hits: Hits): void {
    if (hits.hits > 0) this.#keep(index, variant, { ...hits })
  }

  /** @param variants - what an entry has now */
  #noteAlike (variants: number): void {
    if (this.#size === 1) this.#alike = variants
    else if (this.#alike !== variants) this.#alike = 0
  }

  /** The one rule that the entry had keeps its hits when it gets another one */
  #split (index: number, before: number): void {
    const chunk = this.#chunkOf(index)
    const at = this.#rowOf(index)
    const hits = (chunk[at + HITS] ?? 0) >>> 0
    if (hits === 0) return
    this.#keep(index, 31 - Math.clz32(before), { hits, last: (chunk[at + LAST] ?? 0) >>> 0 })
    chunk[at + HITS] = 0
    chunk[at + LAST] = 0
  }

  #keep (index: number, variant: Variant, hits: Hits): void {
    (this.#several[index >>> CHUNK_BITS] ??= new Map<number, Hits>()).set(keyOf(index, variant), hits)
  }

  #append (): number {
    const index = this.#used++
    const rows = index & (CHUNK - 1)
    if (rows === 0 && index > 0) this.#chunks.push(new Int32Array(CHUNK * this.#width))
    const chunk = this.#chunkOf(index)
    if (rows * this.#width === chunk.length) {
      // only the first one begins small
      const larger = new Int32Array(chunk.length * 2)
      larger.set(chunk)
      this.#chunks[0] = larger
    }
    return index
  }

  #chunkOf (index: number): Int32Array {
    return this.#chunks[index >>> CHUNK_BITS] as Int32Array
  }

  #rowOf (index: number): number {
    return (index & (CHUNK - 1)) * this.#width
  }
}

function keyOf (index: number, variant: Variant): number {
  return (index & (CHUNK - 1)) * 8 + variant
}
