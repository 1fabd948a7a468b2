import { Entries } from './entries.ts'
import { hashWord, hashWords } from './hash.ts'
import { Slots } from './slots.ts'
import type { Prefix } from '@cordon/address'

/**
 * Which lengths there are below the prefixes of one length, so that a lookup tries only those: a bit for each length
 * from `from + 1` to `from + stride`. By hash and without comparing: where two prefixes meet, which is for at most one in
 * four, a length may be tried in vain. What was removed stays, until the level grows; it also only costs a try.
 */
class Level {
  readonly from: number
  /** Of the first word */
  readonly mask: number
  size = 0
  masks: Uint8Array

  /** @param expected - how many prefixes there will be at all, of which this level may have half: growing takes longer than a slice */
  constructor (from: number, expected = 0) {
    this.from = from
    this.masks = new Uint8Array(Math.min(2 ** Math.max(6, Math.ceil(Math.log2(Math.max(1, expected * 4)))), 2 ** from))
    this.mask = maskOf(from, 0)
  }
}

/** IPv4 prefixes are looked for in steps of 4 lengths, IPv6 prefixes in steps of 8 */
const STRIDE4 = 4
const STRIDE6 = 8

/** Where most prefixes of lists are: addresses and /24 of IPv4, /32 to /64 of IPv6 */
function mostly (family: 4 | 6, from: number): boolean {
  return family === 4 ? from === 20 || from === 28 : from >= 40 && from < 64
}

/** The bits of a word that belong to the first `bits` bits of an address, where the word starts at bit `offset` */
function maskOf (bits: number, offset: number): number {
  const length = bits - offset
  return length <= 0 ? 0 : length >= 32 ? -1 : -1 << (32 - length)
}

/**
 * Prefixes of one family with the rules of each, and the longest of them that covers an address: a hash table over
 * typed arrays, in which a lookup tries only the lengths that can be there.
 *
 * ```
 *  address ─┬─ first 24 bits ─► which of /25 .. /32 exist below ─► try those, longest first
 *           ├─ first 16 bits ─► which of /17 .. /24 exist below ─► …
 *           ├─ first  8 bits ─► …
 *           └─ nothing       ─► which of  /1 ..  /8 exist, then /0
 * ```
 */
export class PrefixTable {
  readonly entries: Entries
  readonly #words: 1 | 4
  readonly #levels: readonly Level[]
  /** Those with prefixes, longest first */
  #active: readonly Level[] = []
  /** What the masks of the active levels say of the address that is being looked for */
  readonly #tries = new Uint8Array(16)
  readonly #slots: Slots
  readonly #stride: number
  readonly #seed: number
  #keys: Int32Array
  #lengths: Uint8Array
  /** The index of the prefix that covers everything; -1 without it */
  #root = -1

  /**
   * @param family - of its addresses
   * @param expected - how many prefixes to make room for
   * @param seed - of the hashes, so that nobody can prepare addresses that meet
   */
  constructor (family: 4 | 6, expected: number, seed: number) {
    this.entries = new Entries(expected)
    this.#words = family === 4 ? 1 : 4
    this.#stride = family === 4 ? STRIDE4 : STRIDE6
    this.#levels = Array.from({ length: family === 4 ? 8 : 16 }, (_, index) => new Level(index * this.#stride, mostly(family, index * this.#stride) ? expected : 0))
    this.#slots = new Slots(expected)
    this.#seed = seed
    this.#keys = new Int32Array(this.entries.capacity * this.#words)
    this.#lengths = new Uint8Array(this.entries.capacity)
  }

  get bytes (): number {
    return this.entries.bytes + this.#slots.bytes + this.#keys.byteLength + this.#lengths.byteLength +
      this.#levels.reduce((sum, { masks }) => sum + masks.byteLength, 0)
  }

  /** The index of this prefix; -1 where it is not there */
  find ({ words, length }: Prefix): number {
    if (length === 0) return this.#root
    const [a = 0, b = 0, c = 0, d = 0] = words
    return this.#words === 1 ? this.#probe4(a | 0, length) : this.#probe6(a | 0, b | 0, c | 0, d | 0, length)
  }

  /** The index of this prefix, which is put in where it was not there */
  enter (prefix: Prefix): number {
    const found = this.find(prefix)
    if (found !== -1) return found
    const index = this.entries.take()
    if (index >= this.#lengths.length) this.#grow()
    const { words, length } = prefix
    this.#lengths[index] = length
    this.#keys.set(words, index * this.#words)
    if (length === 0) {
      this.#root = index
    } else {
      this.#slots.add(this.#hashOf(index), length, index)
      this.#announce(index)
    }
    return index
  }

  /** Takes out a prefix that has no rule any more */
  remove (index: number): void {
    if (index === this.#root) {
      this.#root = -1
    } else {
      const hash = this.#hashOf(index)
      const length = this.lengthAt(index)
      let slot = this.#slots.first(hash, length)
      while (slot !== -1 && this.#slots.at(slot) !== index) slot = this.#slots.next(slot, hash, length)
      if (slot !== -1) this.#slots.remove(slot)
      const level = this.#levelOf(index)
      if (--level.size === 0) this.#activate()
    }
    this.entries.drop(index)
  }

  prefixAt (index: number): Prefix {
    const start = index * this.#words
    return { family: this.#words === 1 ? 4 : 6, words: Array.from(this.#keys.subarray(start, start + this.#words), word => word >>> 0), length: this.lengthAt(index) }
  }

  lengthAt (index: number): number {
    return this.#lengths[index] ?? 0
  }

  /**
   * The longest prefix that covers an address and has a rule of a kind.
   *
   * @param words - of the address
   * @param variants - which kinds, as a set of bits
   * @param below - only prefixes that are shorter than this
   * @returns its index, or -1
   */
  longest (words: readonly number[], variants: number, below = 129): number {
    const a = words[0] ?? 0
    const found = this.#words === 1 ? this.#longest4(a | 0, variants, below) : this.#longest6(a | 0, (words[1] ?? 0) | 0, (words[2] ?? 0) | 0, (words[3] ?? 0) | 0, variants, below)
    if (found !== -1) return found
    return this.#root !== -1 && below > 0 && (this.entries.variants(this.#root) & variants) !== 0 ? this.#root : -1
  }

  #longest4 (word: number, variants: number, below: number): number {
    const levels = this.#active
    const tries = this.#tries
    let any = 0
    // all are read before any is looked at, so that the processor waits for memory once and not once for each
    for (let i = 0; i < levels.length; i++) {
      const level = levels[i] as Level
      any |= tries[i] = level.masks[hashWord(this.#seed, word & level.mask) & (level.masks.length - 1)] ?? 0
    }
    if (any === 0) return -1
    for (let i = 0; i < levels.length; i++) {
      let lengths = tries[i] ?? 0
      while (lengths !== 0) {
        const bit = 31 - Math.clz32(lengths)
        const length = (levels[i] as Level).from + 1 + bit
        lengths ^= 1 << bit
        const index = length < below ? this.#probe4(word & (-1 << (32 - length)), length) : -1
        if (index !== -1 && (this.entries.variants(index) & variants) !== 0) return index
      }
    }
    return -1
  }

  #longest6 (a: number, b: number, c: number, d: number, variants: number, below: number): number {
    const levels = this.#active
    const tries = this.#tries
    let any = 0
    for (let i = 0; i < levels.length; i++) {
      const { masks, from } = levels[i] as Level
      any |= tries[i] = masks[hashWords(this.#seed, a & maskOf(from, 0), b & maskOf(from, 32), c & maskOf(from, 64), d & maskOf(from, 96)) & (masks.length - 1)] ?? 0
    }
    if (any === 0) return -1
    for (let i = 0; i < levels.length; i++) {
      let lengths = tries[i] ?? 0
      while (lengths !== 0) {
        const bit = 31 - Math.clz32(lengths)
        const length = (levels[i] as Level).from + 1 + bit
        lengths ^= 1 << bit
        const index = length < below ? this.#probe6(a & maskOf(length, 0), b & maskOf(length, 32), c & maskOf(length, 64), d & maskOf(length, 96), length) : -1
        if (index !== -1 && (this.entries.variants(index) & variants) !== 0) return index
      }
    }
    return -1
  }

  /** The hash of one word is another one for each, so that nothing has to be compared with the word itself */
  #probe4 (word: number, length: number): number {
    const slot = this.#slots.first(hashWord(this.#seed + length, word), length)
    return slot === -1 ? -1 : this.#slots.at(slot)
  }

  #probe6 (a: number, b: number, c: number, d: number, length: number): number {
    const hash = hashWords(this.#seed + length, a, b, c, d)
    for (let slot = this.#slots.first(hash, length); slot !== -1; slot = this.#slots.next(slot, hash, length)) {
      const index = this.#slots.at(slot)
      const start = index * 4
      if (this.#keys[start] === a && this.#keys[start + 1] === b && this.#keys[start + 2] === c && this.#keys[start + 3] === d) return index
    }
    return -1
  }

  #word (index: number, word: number): number {
    return this.#keys[index * this.#words + word] ?? 0
  }

  #hashOf (index: number): number {
    const seed = this.#seed + this.lengthAt(index)
    return this.#words === 1 ? hashWord(seed, this.#word(index, 0)) : hashWords(seed, this.#word(index, 0), this.#word(index, 1), this.#word(index, 2), this.#word(index, 3))
  }

  #levelOf (index: number): Level {
    return this.#levels[Math.floor((this.lengthAt(index) - 1) / this.#stride)] ?? new Level(0)
  }

  /** Notes that there is a prefix of this length */
  #announce (index: number): void {
    const level = this.#levelOf(index)
    if (level.size === 0) {
      level.size = 1
      this.#activate()
      level.size = 0
    }
    // a level cannot have more than all prefixes of its length
    if (++level.size > level.masks.length / 4 && level.masks.length < 2 ** level.from) {
      level.masks = new Uint8Array(level.masks.length * 4)
      level.size = 0
      for (let other = 0; other < this.entries.end; other++) {
        if (other !== this.#root && (other === index || this.entries.variants(other) !== 0) && this.#levelOf(other) === level) {
          level.size++
          this.#mark(level, other)
        }
      }
    } else {
      this.#mark(level, index)
    }
  }

  #activate (): void {
    this.#active = this.#levels.filter(({ size }) => size > 0).reverse()
  }

  #mark (level: Level, index: number): void {
    const { masks, from } = level
    const a = this.#word(index, 0) & maskOf(from, 0)
    const hash = this.#words === 1 ? hashWord(this.#seed, a) : hashWords(this.#seed, a, this.#word(index, 1) & maskOf(from, 32), this.#word(index, 2) & maskOf(from, 64), this.#word(index, 3) & maskOf(from, 96))
    const at = hash & (masks.length - 1)
    masks[at] = (masks[at] ?? 0) | (1 << (this.lengthAt(index) - from - 1))
  }

  #grow (): void {
    const keys = new Int32Array(this.entries.capacity * this.#words)
    keys.set(this.#keys)
    this.#keys = keys
    const lengths = new Uint8Array(this.entries.capacity)
    lengths.set(this.#lengths)
    this.#lengths = lengths
  }
}
