import { Entries } from './entries.ts'
import { hashBytes, hashText } from './hash.ts'
import { indexOf, Slots } from './slots.ts'

/** Room is handed out in units of 8 bytes, so that what a name leaves behind fits the next one: peer ids take 6 to 8 of them */
const UNIT = 8

/** Text lies in blocks of 64 KB: growing takes another one, and copies at most one */
const BLOCK_BITS = 13
const UNITS = 2 ** BLOCK_BITS
const FIRST_BYTES = 1_024

/** The name that is being entered; there is one, because entering never yields */
const given = new Uint8Array(1_024)

/** The tag of all names: it tells nothing apart */
const TAG = 0

/**
 * Texts with the rules of each, such as peer ids. The texts lie one after the other in arrays of bytes, which take half
 * of what as many strings do and are not walked by the garbage collector.
 */
export class NameTable {
  readonly entries = new Entries(1)
  readonly #slots: Slots
  readonly #seed: number
  readonly #blocks: Uint8Array[] = [new Uint8Array(FIRST_BYTES)]
  /** Where the next name begins, in units */
  #end = 0
  /** Where names were that are gone, by how many units they had; never more than there were names */
  readonly #free = new Map<number, number[]>()

  /** @param expected - how many names to make room for */
  constructor (expected: number, seed: number) {
    this.#slots = new Slots(expected)
    this.#seed = seed
  }

  get bytes (): number {
    return this.#blocks.reduce((sum, { byteLength }) => sum + byteLength, this.entries.bytes + this.#slots.bytes)
  }

  /** The index of a name; -1 where it is not there */
  find (name: string): number {
    const hash = hashText(this.#seed, name)
    for (let slot = this.#slots.first(hash, TAG); slot !== -1; slot = this.#slots.next(slot, hash, TAG)) {
      const index = indexOf(this.#slots.at(slot))
      if (this.#is(index, name)) return index
    }
    return -1
  }

  /** The index of a name of printable ASCII of at most 1,024 characters, which is put in where it was not there */
  enter (name: string): number {
    for (let i = 0; i < name.length; i++) given[i] = name.charCodeAt(i)
    return this.enterBytes(given, 0, name.length)
  }

  /** As `enter`, for a name that lies in `bytes` */
  enterBytes (bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(this.#seed, bytes, start, end)
    for (let slot = this.#slots.first(hash, TAG); slot !== -1; slot = this.#slots.next(slot, hash, TAG)) {
      const index = indexOf(this.#slots.at(slot))
      if (this.#hasBytes(index, bytes, start, end)) return index
    }
    const size = end - start
    const index = this.entries.take(size)
    const place = this.#take(Math.ceil(size / UNIT))
    this.entries.setWord(index, 0, place)
    const block = this.#blockAt(place)
    const at = offsetOf(place)
    for (let i = 0; i < size; i++) block[at + i] = bytes[start + i] ?? 0
    this.#slots.add(hash, TAG, index)
    return index
  }

  /** Takes out a name that has no rule any more */
  remove (index: number): void {
    const name = this.nameAt(index)
    const hash = hashText(this.#seed, name)
    let slot = this.#slots.first(hash, TAG)
    while (slot !== -1 && indexOf(this.#slots.at(slot)) !== index) slot = this.#slots.next(slot, hash, TAG)
    if (slot !== -1) this.#slots.remove(slot)
    const units = Math.ceil(name.length / UNIT)
    const free = this.#free.get(units)
    if (free === undefined) this.#free.set(units, [this.entries.word(index, 0)])
    else free.push(this.entries.word(index, 0))
    this.entries.drop(index)
  }

  nameAt (index: number): string {
    const start = this.entries.word(index, 0)
    const block = this.#blockAt(start)
    const at = offsetOf(start)
    return String.fromCharCode(...block.subarray(at, at + this.entries.noteOf(index)))
  }

  /**
   * Does some of what is left to do since it has grown.
   *
   * @returns whether that was all
   */
  settle (entries: number): boolean {
    return this.#slots.settle(entries)
  }

  #is (index: number, name: string): boolean {
    if (this.entries.noteOf(index) !== name.length) return false
    const start = this.entries.word(index, 0)
    const block = this.#blockAt(start)
    const at = offsetOf(start)
    for (let i = 0; i < name.length; i++) {
      if (block[at + i] !== name.charCodeAt(i)) return false
    }
    return true
  }

  #hasBytes (index: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.entries.noteOf(index) !== end - start) return false
    const place = this.entries.word(index, 0)
    const block = this.#blockAt(place)
    const at = offsetOf(place) - start
    for (let i = start; i < end; i++) {
      if (block[at + i] !== bytes[i]) return false
    }
    return true
  }

  /** Room for a name: where one of this size was, or at the end */
  #take (units: number): number {
    const free = this.#free.get(units)?.pop()
    if (free !== undefined) return free
    // a name does not go on in the next block
    if ((this.#end & (UNITS - 1)) + units > UNITS) this.#end = (this.#end | (UNITS - 1)) + 1
    const start = this.#end
    this.#end += units
    const block = this.#blocks[start >>> BLOCK_BITS]
    if (block === undefined) {
      this.#blocks.push(new Uint8Array(UNITS * UNIT))
    } else if (offsetOf(start) + units * UNIT > block.length) {
      // only the first one begins small
      const larger = new Uint8Array(Math.min(UNITS * UNIT, Math.max(block.length * 2, offsetOf(start) + units * UNIT)))
      larger.set(block)
      this.#blocks[start >>> BLOCK_BITS] = larger
    }
    return start
  }

  #blockAt (start: number): Uint8Array {
    return this.#blocks[start >>> BLOCK_BITS] as Uint8Array
  }
}

/** Where a name is in its block */
function offsetOf (start: number): number {
  return (start & (UNITS - 1)) * UNIT
}
