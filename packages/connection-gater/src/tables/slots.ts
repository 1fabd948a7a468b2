/** How full it may be; above that, runs of neighbours grow long */
const MAX_LOAD = 0.7

const MIN_SLOTS = 16

/** For each slot, the hash, and in one word the tag and the index of its entry plus one; 0 is a slot that nothing is in */
const WIDTH = 2

/** What is left for the index beside a tag of 8 bits */
export const MAX_INDEX = 0xfffffe

/** No entry has this tag */
const NO_TAG = 0xff

/** How many slots of the table before are looked through with each entry that is added: it is empty long before there has to be another one */
const STEP = 8

/**
 * Finds entries by their hash and 8 more bits, the tag: open addressing over one typed array, 8 bytes a slot. What an
 * entry is and whether it is the right one is for its owner to know, who walks along `next` until -1. A lookup that
 * finds nothing touches one line of memory, which is what costs here: 40 to 180 ns where the table is in no cache.
 *
 * A table that is full is followed by one twice as large, into which its entries move a few at a time: moving a million
 * in one go stops everything for 50 ms. Until all have moved, a lookup that finds nothing looks into both.
 */
export class Slots {
  #table: Int32Array
  #mask: number
  #size = 0
  /** The table before, while it has entries. Its slots are numbered from the end of the other one on. */
  #old: Int32Array | undefined
  #oldMask = 0
  /** Of which slots on nothing has moved yet */
  #unmoved = 0

  constructor (expected = 0) {
    this.#table = new Int32Array(slotsFor(expected) * WIDTH)
    this.#mask = this.#table.length / WIDTH - 1
  }

  get bytes (): number {
    return this.#table.byteLength + (this.#old?.byteLength ?? 0)
  }

  /** The first slot that may hold something with this hash and tag, or -1 */
  first (hash: number, tag: number): number {
    const slot = search(this.#table, this.#mask, hash, hash, tag)
    return slot === -1 && this.#old !== undefined ? this.#inOld(this.#old, hash, hash, tag) : slot
  }

  /** The next one after it, or -1 */
  next (slot: number, hash: number, tag: number): number {
    const old = this.#old
    if (slot > this.#mask) return old === undefined ? -1 : this.#inOld(old, slot - this.#mask, hash, tag)
    const next = search(this.#table, this.#mask, slot + 1, hash, tag)
    return next === -1 && old !== undefined ? this.#inOld(old, hash, hash, tag) : next
  }

  /** What is in a slot that `first` or `next` returned: see `indexOf` and `tagOf` */
  at (slot: number): number {
    return (slot > this.#mask ? this.#old?.[(slot - this.#mask - 1) * WIDTH + 1] : this.#table[slot * WIDTH + 1]) ?? 0
  }

  /**
   * @param tag - below 255
   * @param index - at most `MAX_INDEX`
   */
  add (hash: number, tag: number, index: number): void {
    if (++this.#size > (this.#mask + 1) * MAX_LOAD) this.#grow()
    if (this.#old !== undefined) this.#move(STEP)
    this.#put(hash, stored(index, tag))
  }

  /** The entry of this slot is gone */
  remove (slot: number): void {
    this.#size--
    if (slot <= this.#mask) {
      this.#close(slot)
    } else if (this.#old !== undefined) {
      this.#old[(slot - this.#mask - 1) * WIDTH + 1] = NO_TAG << 24
    }
  }

  /**
   * Looks through some of the slots that entries still have to move from.
   *
   * @returns whether there are none
   */
  settle (slots: number): boolean {
    if (this.#old !== undefined) this.#move(slots)
    return this.#old === undefined
  }

  #inOld (old: Int32Array, from: number, hash: number, tag: number): number {
    const slot = search(old, this.#oldMask, from, hash, tag)
    return slot === -1 ? -1 : slot + this.#mask + 1
  }

  /** What was pushed further by the entry of this slot moves up */
  #close (slot: number): void {
    const table = this.#table
    let hole = slot
    for (let at = (slot + 1) & this.#mask; table[at * WIDTH + 1] !== 0; at = (at + 1) & this.#mask) {
      const home = (table[at * WIDTH] ?? 0) & this.#mask
      // it stays where its home lies between the hole and it
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue
      table.copyWithin(hole * WIDTH, at * WIDTH, at * WIDTH + WIDTH)
      hole = at
    }
    table.fill(0, hole * WIDTH, hole * WIDTH + WIDTH)
  }

  #put (hash: number, stored: number): void {
    const table = this.#table
    let at = hash & this.#mask
    while (table[at * WIDTH + 1] !== 0) at = (at + 1) & this.#mask
    table[at * WIDTH] = hash
    table[at * WIDTH + 1] = stored
  }

  #grow (): void {
    this.settle(Infinity)
    this.#old = this.#table
    this.#oldMask = this.#mask
    this.#unmoved = 0
    this.#table = new Int32Array(this.#old.length * 2)
    this.#mask = this.#mask * 2 + 1
  }

  /** What has moved is marked and not taken out: runs of neighbours have to stay whole for as long as anything looks here */
  #move (slots: number): void {
    const old = this.#old
    if (old === undefined) return
    const end = Math.min(this.#unmoved + slots, this.#oldMask + 1)
    for (let at = this.#unmoved; at < end; at++) {
      const stored = old[at * WIDTH + 1] ?? 0
      if (stored === 0 || stored >>> 24 === NO_TAG) continue
      this.#put(old[at * WIDTH] ?? 0, stored)
      old[at * WIDTH + 1] = NO_TAG << 24
    }
    this.#unmoved = end
    if (end > this.#oldMask) this.#old = undefined
  }
}

/** What a slot has of an entry */
export function stored (index: number, tag: number): number {
  return (tag << 24) | (index + 1)
}

/** Which entry is in a slot; -1 for what is in none, which is 0 */
export function indexOf (word: number): number {
  return (word & 0xffffff) - 1
}

/** Its tag */
export function tagOf (word: number): number {
  return word >>> 24
}

/** The first slot from `from` on, up to an empty one, that holds something with this hash and tag; -1 without one */
function search (table: Int32Array, mask: number, from: number, hash: number, tag: number): number {
  for (let at = from & mask; ; at = (at + 1) & mask) {
    const stored = table[at * WIDTH + 1] ?? 0
    if (stored === 0) return -1
    if (table[at * WIDTH] === hash && stored >>> 24 === tag) return at
  }
}

function slotsFor (expected: number): number {
  let slots = MIN_SLOTS
  while (expected > slots * MAX_LOAD) slots *= 2
  return slots
}
