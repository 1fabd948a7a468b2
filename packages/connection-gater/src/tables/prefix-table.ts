import { maskOf } from './bits.ts'
import { Entries } from './entries.ts'
import { Front4 } from './front4.ts'
import { Front6 } from './front6.ts'
import { hashWord, hashWords } from './hash.ts'
import { indexOf, Slots, stored, tagOf } from './slots.ts'
import type { Prefix } from '@cordon/address'

/** How many prefixes are noted anew with each that is added or removed, while the front is made anew */
const STEP = 16

/** How much larger it then is, where nobody knows how large it will have to be */
const GROWTH = 2

/** So many can be removed, and as many as there are, before it is made anew without them */
const MAX_REMOVED = 64

/**
 * Prefixes of one family with the rules of each, and the longest of them that covers an address.
 *
 * ```
 *  address ──► front ──────────► slots ────► entries
 *              which lengths     is there    which rules
 *              can there be?     one?        has it?
 * ```
 *
 * Most addresses end at the front, after one read, or two where they are IPv6. When too many prefixes were added or
 * removed for it to be of use, it is made anew, a few prefixes at a time, and the one before serves until that is done.
 */
export class PrefixTable {
  readonly entries: Entries
  readonly #family: 4 | 6
  readonly #slots: Slots
  readonly #seed: number
  readonly #expected: number
  #front: Front4 | Front6
  /** What will take its place once it knows of every entry; of those before `#noted` it does */
  #next: Front4 | Front6 | undefined
  #noted = 0
  /** Since the front was made */
  #removed = 0
  /** The index of the prefix that covers everything; -1 without it */
  #root = -1

  /**
   * @param family - of its addresses
   * @param expected - how many prefixes to make room for
   * @param seed - of the hashes, so that nobody can prepare addresses that meet
   */
  constructor (family: 4 | 6, expected: number, seed: number) {
    this.entries = new Entries(family === 4 ? 1 : 4)
    this.#family = family
    this.#expected = expected
    this.#slots = new Slots(expected)
    this.#seed = seed
    this.#front = family === 4 ? new Front4(expected, seed) : new Front6(expected, [], seed)
  }

  get bytes (): number {
    return this.entries.bytes + this.#slots.bytes + this.#front.bytes + (this.#next?.bytes ?? 0)
  }

  /** The index of this prefix; -1 where it is not there */
  find ({ words, length }: Prefix): number {
    if (length === 0) return this.#root
    const [a = 0, b = 0, c = 0, d = 0] = words
    return indexOf(this.#family === 4 ? this.#probe4(a | 0, length) : this.#probe6(a | 0, b | 0, c | 0, d | 0, length))
  }

  /** The index of this prefix, which is put in where it was not there, and then has to get a rule at once */
  enter ({ words, length }: Prefix): number {
    const [a = 0, b = 0, c = 0, d = 0] = words
    if (length === 0) return this.#enterRoot()
    return this.#family === 4 ? this.enter4(a | 0, length) : this.enter6(a | 0, b | 0, c | 0, d | 0, length)
  }

  /** As `enter`, for an IPv4 prefix of at least one bit; its other bits are 0 */
  enter4 (word: number, length: number): number {
    const found = this.#probe4(word, length)
    if (found !== 0) return indexOf(found)
    const index = this.entries.take(length)
    this.entries.setWord(index, 0, word)
    this.#slots.add(this.#hash4(word, length), length, index)
    this.#announce(word, 0, 0, 0, length)
    return index
  }

  /** The same for an IPv6 prefix */
  enter6 (a: number, b: number, c: number, d: number, length: number): number {
    const found = this.#probe6(a, b, c, d, length)
    if (found !== 0) return indexOf(found)
    const index = this.entries.take(length)
    this.entries.setWord(index, 0, a)
    this.entries.setWord(index, 1, b)
    this.entries.setWord(index, 2, c)
    this.entries.setWord(index, 3, d)
    this.#slots.add(this.#hash6(a, b, c, d, length), length, index)
    this.#announce(a, b, c, d, length)
    return index
  }

  /** Takes out a prefix that has no rule any more */
  remove (index: number): void {
    if (index === this.#root) {
      this.#root = -1
    } else {
      const length = this.lengthAt(index)
      const [a = 0, b = 0, c = 0, d = 0] = this.#wordsAt(index)
      const hash = this.#family === 4 ? this.#hash4(a, length) : this.#hash6(a, b, c, d, length)
      let slot = this.#slots.first(hash, length)
      while (slot !== -1 && indexOf(this.#slots.at(slot)) !== index) slot = this.#slots.next(slot, hash, length)
      if (slot !== -1) this.#slots.remove(slot)
      this.#removed++
      this.settle(STEP)
    }
    this.entries.drop(index)
  }

  prefixAt (index: number): Prefix {
    return { family: this.#family, words: this.#wordsAt(index).map(word => word >>> 0), length: this.lengthAt(index) }
  }

  lengthAt (index: number): number {
    return this.entries.noteOf(index)
  }

  /**
   * The longest prefix that covers an address and has a rule of a kind.
   *
   * @param words - of the address
   * @param variants - which kinds, as a set of bits
   * @param below - only prefixes that are shorter than this
   * @returns its index and its length, as `rangeIndex` and `rangeLength` have them; 0 where there is none
   */
  longest (words: readonly number[], variants: number, below = 129): number {
    const a = (words[0] ?? 0) | 0
    const found = this.#family === 4 ? this.#longest4(a, variants, below) : this.#longest6(a, (words[1] ?? 0) | 0, (words[2] ?? 0) | 0, (words[3] ?? 0) | 0, variants, below)
    return found !== 0 || this.#root === -1 ? found : this.#rootFor(variants, below)
  }

  /**
   * Does some of what is left to do since it has grown or shrunk.
   *
   * @param entries - how many are looked at
   * @returns whether that was all
   */
  settle (entries: number): boolean {
    this.#begin()
    this.#renew(entries)
    return this.#slots.settle(entries) && this.#next === undefined
  }

  #longest4 (word: number, variants: number, below: number): number {
    let lengths = (this.#front as Front4).lengths(word)
    while (lengths !== 0) {
      const bit = 31 - Math.clz32(lengths)
      lengths ^= 1 << bit
      const length = bit + 1
      const found = length < below ? this.#probe4(word & (-1 << (32 - length)), length) : 0
      if (found !== 0 && this.entries.among(indexOf(found), variants) !== 0) return found
    }
    return 0
  }

  #longest6 (a: number, b: number, c: number, d: number, variants: number, below: number): number {
    const front = this.#front as Front6
    if (!front.findLengths(a, b, c, d)) return 0
    for (let word = 3; word >= 0; word--) {
      let lengths = front.lengths[word] ?? 0
      while (lengths !== 0) {
        const bit = 31 - Math.clz32(lengths)
        lengths ^= 1 << bit
        const length = word * 32 + bit + 1
        const found = length < below ? this.#probe6(a & maskOf(length, 0), b & maskOf(length, 32), c & maskOf(length, 64), d & maskOf(length, 96), length) : 0
        if (found !== 0 && this.entries.among(indexOf(found), variants) !== 0) return found
      }
    }
    return 0
  }

  #rootFor (variants: number, below: number): number {
    return below > 0 && this.entries.among(this.#root, variants) !== 0 ? stored(this.#root, 0) : 0
  }

  /**
   * What the slots have of a prefix; 0 where it is not there. The hash of one word is another one for each, so that
   * nothing has to be compared with the word itself.
   */
  #probe4 (word: number, length: number): number {
    const slot = this.#slots.first(this.#hash4(word, length), length)
    return slot === -1 ? 0 : this.#slots.at(slot)
  }

  #probe6 (a: number, b: number, c: number, d: number, length: number): number {
    const hash = this.#hash6(a, b, c, d, length)
    for (let slot = this.#slots.first(hash, length); slot !== -1; slot = this.#slots.next(slot, hash, length)) {
      const found = this.#slots.at(slot)
      if (this.entries.hasWords(indexOf(found), a, b, c, d)) return found
    }
    return 0
  }

  #enterRoot (): number {
    if (this.#root === -1) this.#root = this.entries.take(0)
    return this.#root
  }

  #hash4 (word: number, length: number): number {
    return hashWord(this.#seed + length, word)
  }

  #hash6 (a: number, b: number, c: number, d: number, length: number): number {
    return hashWords(this.#seed + length, a, b, c, d)
  }

  #wordsAt (index: number): number[] {
    const { entries } = this
    return this.#family === 4 ? [entries.word(index, 0)] : [entries.word(index, 0), entries.word(index, 1), entries.word(index, 2), entries.word(index, 3)]
  }

  /** Notes that there is a prefix. It has no rule yet, so a front that begins here has to be told of it here. */
  #announce (a: number, b: number, c: number, d: number, length: number): void {
    this.#begin()
    note(this.#front, a, b, c, d, length)
    if (this.#next !== undefined) note(this.#next, a, b, c, d, length)
    this.#renew(STEP)
  }

  /** Begins to make the front anew, where that is due */
  #begin (): void {
    const { size } = this.entries
    if (this.#next !== undefined || (!this.#front.isFull && this.#removed <= size + MAX_REMOVED)) return
    // where prefixes go, it is no list that is being loaded
    const growth = this.#removed > 0 ? GROWTH : Math.max(GROWTH, this.#expected / Math.max(1, size))
    this.#next = this.#front.next(growth * size / (size + this.#removed), this.#seed)
    this.#noted = 0
    this.#removed = 0
  }

  /** Tells the front that is being made of some of the entries */
  #renew (entries: number): void {
    if (this.#next === undefined) return
    const end = Math.min(this.#noted + entries, this.entries.end)
    for (let index = this.#noted; index < end; index++) {
      if (this.entries.variants(index) === 0 || index === this.#root) continue
      const [a = 0, b = 0, c = 0, d = 0] = this.#wordsAt(index)
      note(this.#next, a, b, c, d, this.lengthAt(index))
    }
    this.#noted = end
    if (end < this.entries.end) return
    this.#front = this.#next
    this.#next = undefined
  }
}

/** Which prefix `longest` has found */
export function rangeIndex (range: number): number {
  return indexOf(range)
}

/** How long it is, in bits */
export function rangeLength (range: number): number {
  return tagOf(range)
}

function note (front: Front4 | Front6, a: number, b: number, c: number, d: number, length: number): void {
  if (front instanceof Front4) front.add(a, length)
  else front.add(a, b, c, d, length)
}
