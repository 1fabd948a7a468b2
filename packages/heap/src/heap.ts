/** What a heap holds: it knows its place, so that it can be taken out. An item is in one heap at most. */
export interface Placed {
  /** In the heap; -1 where it is in none. The heap's to write. */
  place: number
}

/** The item with the smallest key first; putting in and taking out take logarithmic time */
export class Heap<T extends Placed> {
  readonly #items: T[] = []
  readonly #key: (item: T) => number

  constructor (key: (item: T) => number) {
    this.#key = key
  }

  get size (): number {
    return this.#items.length
  }

  /** The smallest key; `Infinity` where there is none */
  get least (): number {
    return this.#items.length === 0 ? Infinity : this.#key(this.#items[0] as T)
  }

  /** The item with the smallest key */
  get first (): T | undefined {
    return this.#items[0]
  }

  /** Puts an item in, or where it belongs now that its key is another one */
  put (item: T): void {
    if (item.place === -1) {
      item.place = this.#items.length
      this.#items.push(item)
    }
    this.#rise(item, item.place)
    this.#sink(item, item.place)
  }

  /** Without effect on an item that is in no heap */
  remove (item: T): void {
    const { place } = item
    if (place === -1) return
    item.place = -1
    const last = this.#items.pop()
    if (last === undefined || last === item) return
    this.#rise(last, place)
    this.#sink(last, last.place)
  }

  #rise (item: T, place: number): void {
    const key = this.#key(item)
    while (place > 0) {
      const parent = this.#items[(place - 1) >> 1]
      if (parent === undefined || this.#key(parent) <= key) break
      this.#set(parent, place)
      place = (place - 1) >> 1
    }
    this.#set(item, place)
  }

  #sink (item: T, place: number): void {
    const key = this.#key(item)
    for (;;) {
      const left = this.#items[place * 2 + 1]
      const right = this.#items[place * 2 + 2]
      const child = right !== undefined && left !== undefined && this.#key(right) < this.#key(left) ? right : left
      if (child === undefined || this.#key(child) >= key) break
      const next = child.place
      this.#set(child, place)
      place = next
    }
    this.#set(item, place)
  }

  #set (item: T, place: number): void {
    this.#items[place] = item
    item.place = place
  }
}
