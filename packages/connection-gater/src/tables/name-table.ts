import { Entries } from './entries.ts'
import { hashText } from './hash.ts'
import { Slots } from './slots.ts'

const FIRST_BYTES = 1_024

/** How much room there is made at once: what comes in until it is used up pays for what is copied then */
const GROWTH = 1.25

/** What a peer id takes, and a little: a table that knows how many will come need not be copied while they do */
const USUAL_BYTES = 54

/**
 * Texts with the rules of each, such as peer ids. The texts lie one after the other in one array of bytes, which
 * takes half of what as many strings do and is not walked by the garbage collector.
 */
export class NameTable {
  readonly entries: Entries
  readonly #slots: Slots
  readonly #seed: number
  #text: Uint8Array
  #end = 0
  /** How many bytes belong to entries that are gone */
  #wasted = 0
  #starts: Uint32Array
  #lengths: Uint16Array

  constructor (expected: number, seed: number) {
    this.entries = new Entries(expected)
    this.#slots = new Slots(expected)
    this.#seed = seed
    this.#text = new Uint8Array(Math.max(FIRST_BYTES, expected * USUAL_BYTES))
    this.#starts = new Uint32Array(this.entries.capacity)
    this.#lengths = new Uint16Array(this.entries.capacity)
  }

  get bytes (): number {
    return this.entries.bytes + this.#slots.bytes + this.#text.byteLength + this.#starts.byteLength + this.#lengths.byteLength
  }

  /** The index of a name; -1 where it is not there */
  find (name: string): number {
    const hash = hashText(this.#seed, name)
    for (let slot = this.#slots.first(hash, 0); slot !== -1; slot = this.#slots.next(slot, hash, 0)) {
      const index = this.#slots.at(slot)
      if (this.#is(index, name)) return index
    }
    return -1
  }

  /** The index of a name of printable ASCII, which is put in where it was not there */
  enter (name: string): number {
    const found = this.find(name)
    if (found !== -1) return found
    const index = this.entries.take()
    if (index >= this.#starts.length) this.#grow()
    if (this.#end + name.length > this.#text.length) this.#makeRoom(name.length)
    this.#starts[index] = this.#end
    this.#lengths[index] = name.length
    for (let i = 0; i < name.length; i++) this.#text[this.#end++] = name.charCodeAt(i)
    this.#slots.add(hashText(this.#seed, name), 0, index)
    return index
  }

  /** Takes out a name that has no rule any more */
  remove (index: number): void {
    const name = this.nameAt(index)
    const hash = hashText(this.#seed, name)
    let slot = this.#slots.first(hash, 0)
    while (slot !== -1 && this.#slots.at(slot) !== index) slot = this.#slots.next(slot, hash, 0)
    if (slot !== -1) this.#slots.remove(slot)
    this.#wasted += name.length
    this.#lengths[index] = 0
    this.entries.drop(index)
  }

  nameAt (index: number): string {
    const start = this.#starts[index] ?? 0
    let name = ''
    for (let i = start; i < start + (this.#lengths[index] ?? 0); i++) name += String.fromCharCode(this.#text[i] ?? 0)
    return name
  }

  #is (index: number, name: string): boolean {
    if (this.#lengths[index] !== name.length) return false
    const start = this.#starts[index] ?? 0
    for (let i = 0; i < name.length; i++) {
      if (this.#text[start + i] !== name.charCodeAt(i)) return false
    }
    return true
  }

  /** What belongs to entries that are gone is left behind, so that there is never more room than a quarter more than the names take */
  #makeRoom (length: number): void {
    const old = this.#text
    const text = new Uint8Array(Math.max(FIRST_BYTES, Math.ceil((this.#end - this.#wasted + length) * GROWTH)))
    if (this.#wasted === 0) {
      text.set(old.subarray(0, this.#end))
    } else {
      let end = 0
      for (let index = 0; index < this.entries.end; index++) {
        const size = this.#lengths[index] ?? 0
        const start = this.#starts[index] ?? 0
        this.#starts[index] = end
        // faster than a view of each
        for (let i = start; i < start + size; i++) text[end++] = old[i] ?? 0
      }
      this.#end = end
      this.#wasted = 0
    }
    this.#text = text
  }

  #grow (): void {
    const starts = new Uint32Array(this.entries.capacity)
    starts.set(this.#starts)
    this.#starts = starts
    const lengths = new Uint16Array(this.entries.capacity)
    lengths.set(this.#lengths)
    this.#lengths = lengths
  }
}
