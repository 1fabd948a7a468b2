import { fill, GROUP, isSet, maskOf, powerFor } from './bits.ts'
import { hashWord, hashWords } from './hash.ts'

/** 4 MB for the largest table, 128 bytes for the smallest */
const MAX_POWER = 25
const MIN_POWER = 10

/** A bit for every so many is set at most, and a byte for every so many prefixes: otherwise too much is looked for in vain */
const SPACE = 8

/** Of these and shorter ones it is known by the first 16 bits of an address, in a table that takes 8 KB where there are any */
const LONGEST_SHORT = 24
const SHORT_POWER = 16

const NONE = new Int32Array(0)

/** How many lengths there are in a level */
const STRIDE = 8
const LEVELS = 16
const MIN_LEVEL = 6

/**
 * Which lengths there are below the prefixes of one length: a bit for each length from `from + 1` to `from + 8`. By hash
 * and without comparing: where two prefixes meet, which is for at most one in eight, a length may be tried in vain.
 */
interface Level {
  readonly from: number
  readonly bytes: Uint8Array
  /** How many prefixes were added */
  size: number
}

/**
 * Says of most IPv6 addresses that no prefix covers them, and of the others which lengths are to be tried. Prefixes are
 * known by one bit: from /48 on by that of the /48 that they are in, from /25 on by those of the /32 that they are in or
 * cover, shorter ones by the first 16 bits. Which lengths there are is known at every eighth, by the bits before it.
 *
 * It may name a length that is not there, never the other way round. What was removed stays, which costs a try.
 */
export class Front6 {
  /** What `findLengths` found, 32 in each word: bit 0 of the first one is /1 */
  readonly lengths = new Int32Array(4)
  readonly #bits: Int32Array
  #short = NONE
  readonly #factor: number
  readonly #shift: number
  readonly #most: number
  #set = 0
  readonly #seed: number
  readonly #levels: readonly Level[]
  /** Those with prefixes */
  #active: readonly Level[] = []
  #isFull = false

  /**
   * @param size - how many bits will be set
   * @param levels - how many prefixes each level will have
   * @param seed - so that nobody can prepare addresses that meet those of others
   */
  constructor (size: number, levels: readonly number[], seed: number) {
    const power = powerFor(size * SPACE * 2, MIN_POWER, MAX_POWER)
    this.#bits = new Int32Array(2 ** (power - 5))
    this.#factor = hashWord(seed, power) | 1
    this.#shift = 32 - power
    this.#most = power === MAX_POWER ? Infinity : 2 ** power / SPACE
    this.#seed = seed
    this.#levels = Array.from({ length: LEVELS }, (_, index) => {
      const from = index * STRIDE
      return { from, bytes: new Uint8Array(2 ** Math.min(from, powerFor((levels[index] ?? 0) * SPACE, MIN_LEVEL, 32))), size: 0 }
    })
  }

  get bytes (): number {
    return this.#levels.reduce((sum, { bytes }) => sum + bytes.byteLength, this.#bits.byteLength + this.#short.byteLength)
  }

  /** Whether a larger one would serve better */
  get isFull (): boolean {
    return this.#isFull || this.#set > this.#most
  }

  /** An empty one for as many prefixes as this one knows of, times `factor` */
  next (factor: number, seed: number): Front6 {
    return new Front6(this.#set * factor, this.#levels.map(({ size }) => size * factor), seed)
  }

  /** Finds which lengths are to be tried for an address; returns whether there are any */
  findLengths (a: number, b: number, c: number, d: number): boolean {
    if ((isSet(this.#bits, this.#place32(a)) | isSet(this.#bits, this.#place48(a, b))) === 0 && !this.#mayBeShort(a)) return false
    const found = this.lengths.fill(0)
    for (let i = 0; i < this.#active.length; i++) {
      const { from, bytes } = this.#active[i] as Level
      const word = from >>> 5
      found[word] = (found[word] ?? 0) | ((bytes[this.#hash(a, b, c, d, from) & (bytes.length - 1)] ?? 0) << (from & 31))
    }
    return true
  }

  /** There is a prefix of this length */
  add (a: number, b: number, c: number, d: number, length: number): void {
    if (length <= LONGEST_SHORT) this.#addShort(a, length)
    else if (length < 48) this.#set += fill(this.#bits, this.#place32(a), Math.max(0, 32 - length))
    else this.#set += fill(this.#bits, this.#place48(a, b), 0)
    const level = this.#levels[(length - 1) >>> 3] as Level
    const { from, bytes } = level
    const at = this.#hash(a, b, c, d, from) & (bytes.length - 1)
    bytes[at] = (bytes[at] ?? 0) | (1 << (length - from - 1))
    if (level.size++ === 0) this.#active = this.#levels.filter(({ size }) => size > 0)
    // a level cannot have more than all prefixes of its length
    if (level.size * SPACE > bytes.length && bytes.length < 2 ** from) this.#isFull = true
  }

  #addShort (word: number, length: number): void {
    if (this.#short.length === 0) this.#short = new Int32Array(2 ** (SHORT_POWER - 5))
    fill(this.#short, word >>> (32 - SHORT_POWER), Math.max(0, SHORT_POWER - length))
  }

  #mayBeShort (word: number): boolean {
    return this.#short.length !== 0 && isSet(this.#short, word >>> (32 - SHORT_POWER)) !== 0
  }

  /** Where a /32 has its bit: a group is the 128 of a /25. The exclusive or keeps apart those that end alike. */
  #place32 (word: number): number {
    const product = Math.imul(word & -GROUP, this.#factor)
    return ((product >>> this.#shift) & -GROUP) | ((word ^ (product >>> 7)) & (GROUP - 1))
  }

  #place48 (a: number, b: number): number {
    return Math.imul(Math.imul(a, this.#factor) ^ (b >>> 16), this.#factor) >>> this.#shift
  }

  #hash (a: number, b: number, c: number, d: number, bits: number): number {
    return hashWords(this.#seed, a & maskOf(bits, 0), b & maskOf(bits, 32), c & maskOf(bits, 64), d & maskOf(bits, 96))
  }
}
