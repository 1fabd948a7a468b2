import { fill, GROUP, isSet, powerFor } from './bits.ts'
import { hashWord } from './hash.ts'

/** A /24 has a bit of its own in the largest table, which takes 2 MB; 128 bytes are the smallest */
const MAX_POWER = 24
const MIN_POWER = 10

/** A bit for every so many is set at most: otherwise too much is looked for in vain, which costs more than the memory (`bench -- gater`) */
const SPACE = 8

/** So many neighbours share what is known of lengths, which takes four times as much memory as the bits */
const SHARED_BITS = 2

/** Of these and shorter ones it is known by the first 16 bits of an address, in a table that takes 128 KB where there are any */
const LONGEST_SHORT = 16

const NONE = new Uint16Array(0)

/**
 * Says of most IPv4 addresses that no prefix covers them, and of the others which lengths are to be tried. Prefixes from
 * /17 on are known by the /24 that they cover or are in: one bit for each says whether there are any, and that is all that
 * has to be read for most addresses; 16 more for each four neighbours say of which lengths. In a small table many /24
 * share a place.
 *
 * It may name a length that is not there, never the other way round. What was removed stays, which costs a try.
 */
export class Front4 {
  readonly #bits: Int32Array
  /** For each four bits: bit 0 is /17 */
  readonly #lengths: Uint16Array
  /** By the first 16 bits of an address: bit 0 is /1 */
  #short = NONE
  /** Odd, so that multiplying by it can be undone: in the largest table no two groups meet */
  readonly #factor: number
  readonly #shift: number
  readonly #most: number
  #set = 0

  /**
   * @param size - how many bits will be set
   * @param seed - so that nobody can prepare addresses that meet those of others
   */
  constructor (size: number, seed: number) {
    const power = powerFor(size * SPACE * 2, MIN_POWER, MAX_POWER)
    this.#bits = new Int32Array(2 ** (power - 5))
    this.#lengths = new Uint16Array(2 ** (power - SHARED_BITS))
    this.#factor = hashWord(seed, power) | 1
    this.#shift = 32 - power
    this.#most = power === MAX_POWER ? Infinity : 2 ** power / SPACE
  }

  get bytes (): number {
    return this.#bits.byteLength + this.#lengths.byteLength + this.#short.byteLength
  }

  /** Whether a larger one would serve better */
  get isFull (): boolean {
    return this.#set > this.#most
  }

  /** An empty one for as many prefixes as this one knows of, times `factor` */
  next (factor: number, seed: number): Front4 {
    return new Front4(this.#set * factor, seed)
  }

  /** Which lengths are to be tried for an address: bit 0 is /1 */
  lengths (word: number): number {
    const at = this.#placeOf(word)
    const long = isSet(this.#bits, at) === 0 ? 0 : (this.#lengths[at >>> SHARED_BITS] ?? 0) << 16
    return this.#short.length === 0 ? long : long | (this.#short[word >>> 16] ?? 0)
  }

  /** There is a prefix of this length */
  add (word: number, length: number): void {
    if (length <= LONGEST_SHORT) {
      this.#addShort(word, length)
      return
    }
    const power = Math.max(0, 24 - length)
    const at = this.#placeOf(word)
    this.#set += fill(this.#bits, at, power)
    const bit = 1 << (length - 17)
    const first = ((at >>> power) << power) >>> SHARED_BITS
    for (let i = first; i <= (at | (2 ** power - 1)) >>> SHARED_BITS; i++) this.#lengths[i] = (this.#lengths[i] ?? 0) | bit
  }

  #addShort (word: number, length: number): void {
    if (this.#short.length === 0) this.#short = new Uint16Array(2 ** 16)
    const first = word >>> 16
    for (let i = first; i < first + 2 ** (16 - length); i++) this.#short[i] = (this.#short[i] ?? 0) | (1 << (length - 1))
  }

  /** Where a /24 has its bit: a group is the 128 of a /17. The exclusive or keeps apart those that end alike. */
  #placeOf (word: number): number {
    const product = Math.imul(word & 0xffff8000, this.#factor)
    return ((product >>> this.#shift) & -GROUP) | (((word >>> 8) ^ (product >>> 15)) & (GROUP - 1))
  }
}
