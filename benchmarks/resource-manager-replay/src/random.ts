/** xorshift32, as in the Go program: the same seed gives the same operations */
export class Xorshift {
  #state: number

  /** @param seed - from 1 to 2^32 - 1 */
  constructor (seed: number) {
    this.#state = seed >>> 0
  }

  next (): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x >>> 0
    return this.#state
  }
}
