import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Randomness that is the same for the same seed, on every machine */
export interface SeededRandom {
  /** The seed, for the message of a test that failed */
  readonly seed: number

  /** From 0 to below 1; a drop-in for `Math.random` */
  readonly next: () => number

  /** A whole number; both bounds included */
  int (from: number, to: number): number

  /** True with this probability */
  chance (probability: number): boolean

  /** @throws {RangeError} when there is nothing to pick from */
  pick<T> (from: readonly T[]): T

  /** A copy in another order */
  shuffle<T> (from: readonly T[]): T[]

  bytes (length: number): Uint8Array<ArrayBuffer>
}

/**
 * A deterministic source of randomness.
 *
 * @param seed - a 32-bit whole number
 */
export function seededRandom (seed: number): SeededRandom {
  const generator = xoroshiro128plus(seed)
  const int = (from: number, to: number): number => uniformInt(generator, from, to)
  const next = (): number => uniformFloat64(generator)
  return {
    seed,
    next,
    int,
    chance: probability => next() < probability,
    pick: <T>(from: readonly T[]): T => {
      if (from.length === 0) throw new RangeError('cannot pick from nothing')
      return from[int(0, from.length - 1)] as T
    },
    shuffle: <T>(from: readonly T[]): T[] => {
      const out = [...from]
      for (let i = out.length - 1; i > 0; i--) {
        const j = int(0, i)
        const kept = out[i] as T
        out[i] = out[j] as T
        out[j] = kept
      }
      return out
    },
    bytes: length => Uint8Array.from({ length }, () => int(0, 255))
  }
}
