const FIRST = 16

/** Indices of entries of a table, the one with the smallest key first. 8 bytes each, and nothing for the garbage collector to walk. */
export class IndexHeap {
  readonly #key: (index: number) => number
  #items = new Int32Array(FIRST)
  /** Where each index is, counted from 1; 0 where it is not in the heap */
  #places = new Int32Array(FIRST)
  #size = 0

  constructor (key: (index: number) => number) {
    this.#key = key
  }

  get size (): number {
    return this.#size
  }

  /** The index with the smallest key; -1 where there is none */
  get first (): number {
    return this.#size === 0 ? -1 : this.#items[0] ?? -1
  }

  /** Puts an index in, or where it belongs now that its key is another one */
  put (index: number): void {
    if (index >= this.#places.length) this.#places = grown(this.#places, index)
    let place = (this.#places[index] ?? 0) - 1
    if (place === -1) {
      place = this.#size++
      if (place >= this.#items.length) this.#items = grown(this.#items, place)
    }
    this.#rise(index, place)
    this.#sink(index, (this.#places[index] ?? 0) - 1)
  }

  /** Without effect on an index that is not there */
  remove (index: number): void {
    const place = (this.#places[index] ?? 0) - 1
    if (place === -1) return
    this.#places[index] = 0
    const last = this.#items[--this.#size] ?? -1
    if (last === index) return
    this.#rise(last, place)
    this.#sink(last, (this.#places[last] ?? 0) - 1)
  }

  #rise (index: number, place: number): void {
    const key = this.#key(index)
    while (place > 0) {
      const parent = this.#items[(place - 1) >> 1] ?? -1
      if (this.#key(parent) <= key) break
      this.#set(parent, place)
      place = (place - 1) >> 1
    }
    this.#set(index, place)
  }

  #sink (index: number, place: number): void {
    const key = this.#key(index)
    for (let child = place * 2 + 1; child < this.#size; child = place * 2 + 1) {
      if (child + 1 < this.#size && this.#key(this.#items[child + 1] ?? -1) < this.#key(this.#items[child] ?? -1)) child++
      const least = this.#items[child] ?? -1
      if (this.#key(least) >= key) break
      this.#set(least, place)
      place = child
    }
    this.#set(index, place)
  }

  #set (index: number, place: number): void {
    this.#items[place] = index
    this.#places[index] = place + 1
  }
}

function grown (array: Int32Array<ArrayBuffer>, index: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(index + 1, Math.ceil(array.length * 1.5)))
  larger.set(array)
  return larger
}
