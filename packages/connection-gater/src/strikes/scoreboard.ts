import { Heap } from '../tables/heap.ts'
import type { Placed } from '../tables/heap.ts'

interface Score extends Placed {
  readonly subject: string

  /**
   * The logarithm of the score as it would have been at the clock's origin. All scores are halved together, so their
   * order never changes by itself, and none of them has to be touched for that.
   */
  severity: number
}

/** How badly subjects have behaved lately: sums of strikes that are halved once per half-life. The least severe make room. */
export class Scoreboard {
  readonly #halfLife: number
  readonly #max: number
  /** At most `max` */
  readonly #scores = new Map<string, Score>()
  readonly #mildest = new Heap<Score>(({ severity }) => severity)

  /**
   * @param halfLife - in ms
   * @param max - how many subjects are remembered
   */
  constructor (halfLife: number, max: number) {
    this.#halfLife = halfLife
    this.#max = max
  }

  get size (): number {
    return this.#scores.size
  }

  /** Adds to a score, and returns what it is now */
  strike (subject: string, weight: number, now: number): number {
    const known = this.#scores.get(subject)
    const score = (known === undefined ? 0 : this.#at(known.severity, now)) + weight
    if (known !== undefined) {
      this.#mildest.remove(known)
      known.severity = this.severity(score, now)
      this.#mildest.add(known)
      return score
    }
    if (this.#scores.size >= this.#max) this.#evict()
    const made: Score = { subject, severity: this.severity(score, now), place: -1 }
    this.#scores.set(subject, made)
    this.#mildest.add(made)
    return score
  }

  /** What a score is now; 0 for who has none */
  score (subject: string, now: number): number {
    const known = this.#scores.get(subject)
    return known === undefined ? 0 : this.#at(known.severity, now)
  }

  forget (subject: string): void {
    const known = this.#scores.get(subject)
    if (known === undefined) return
    this.#mildest.remove(known)
    this.#scores.delete(subject)
  }

  /** A number by which scores of different moments can be compared */
  severity (score: number, now: number): number {
    return Math.log2(score) + now / this.#halfLife
  }

  #at (severity: number, now: number): number {
    return 2 ** (severity - now / this.#halfLife)
  }

  #evict (): void {
    const { first } = this.#mildest
    if (first !== undefined) this.forget(first.subject)
  }
}
