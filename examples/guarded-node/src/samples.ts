/** Two quantiles of what was measured, in ms */
export interface Quantiles {
  readonly p50: number
  readonly p99: number
}

/** The newest measurements of a quantity, in ms; older ones make room for them */
export class Samples {
  readonly #size: number
  /** At most `size` */
  readonly #values: number[] = []
  #next = 0

  /** @param size - how many are kept: 1,000 is three minutes of five pings a second */
  constructor (size = 1_000) {
    this.#size = size
  }

  add (value: number): void {
    this.#values[this.#next] = value
    this.#next = (this.#next + 1) % this.#size
  }

  /** By the nearest rank: each is a value that was measured; undefined where there is none */
  quantiles (): Quantiles | undefined {
    const sorted = this.#values.toSorted((a, b) => a - b)
    const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN
    return sorted.length === 0 ? undefined : { p50: at(0.5), p99: at(0.99) }
  }
}
