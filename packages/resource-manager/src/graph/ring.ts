/** A link of a ring */
export interface Linked<T extends Linked<T>> {
  /** The ring that it is in, if any */
  ring: Ring<T> | undefined
  older: T | undefined
  newer: T | undefined
}

/** Things in the order in which they were put in; each is in one ring at most. Everything takes constant time. */
export class Ring<T extends Linked<T>> {
  oldest: T | undefined
  #youngest: T | undefined
  #size = 0

  get size (): number {
    return this.#size
  }

  push (item: T): void {
    item.ring = this
    item.older = this.#youngest
    if (this.#youngest === undefined) this.oldest = item
    else this.#youngest.newer = item
    this.#youngest = item
    this.#size++
  }

  remove (item: T): void {
    const { older, newer } = item
    if (older === undefined) this.oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#youngest = older
    else newer.older = older
    item.ring = item.older = item.newer = undefined
    this.#size--
  }
}
