/**
 * One note of each object, on the object itself: a property by a symbol of this instance, which is not enumerable. An
 * object that cannot be extended has its note elsewhere.
 *
 * A `WeakMap` would say the same. But what one in V8's old space leads to survives every minor collection, and so does
 * what a `Map` led to before it was last rehashed (Node 24): a stream would be copied with all that belongs to it, and
 * stay until a full collection (12 to 20 kB of each stream instead of 7 to 11; see `benchmarks/overhead`).
 */
export class Notes<K extends object, V> {
  readonly #key = Symbol('@cordon/notes')
  readonly #elsewhere = new WeakMap<K, V>()

  /** What was noted; also of an object that has this one as its prototype, or is a proxy of it */
  get (object: K | undefined): V | undefined {
    if (object === undefined) return undefined
    return (object as { readonly [key: symbol]: V | undefined })[this.#key] ?? this.#elsewhere.get(object)
  }

  /** Takes the place of what was noted before */
  set (object: K, note: V): void {
    if (!Reflect.defineProperty(object, this.#key, { value: note, writable: true, configurable: true })) this.#elsewhere.set(object, note)
  }

  delete (object: K): void {
    // a property that is deleted would put V8's representation of the object into its slow form
    if (Object.hasOwn(object, this.#key)) Reflect.set(object, this.#key, undefined)
    this.#elsewhere.delete(object)
  }
}
