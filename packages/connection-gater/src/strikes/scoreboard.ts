import { IndexHeap } from '../tables/index-heap.ts'
import { NameTable } from '../tables/name-table.ts'

/** How badly subjects have behaved lately: sums of strikes that are halved once per half-life. The least severe make room. */
export class Scoreboard {
  readonly #halfLife: number
  readonly #max: number
  /** At most `max` */
  readonly #subjects: NameTable

  /**
   * The logarithm of each score as it would have been at the clock's origin. All scores are halved together, so their
   * order never changes by itself, and none of them has to be touched for that.
   */
  #severities = new Float64Array(0)
  readonly #mildest = new IndexHeap(index => this.#severities[index] ?? 0)

  /**
   * @param halfLife - in ms
   * @param max - how many subjects are remembered
   * @param seed - of the hashes of its table
   */
  constructor (halfLife: number, max: number, seed: number) {
    this.#halfLife = halfLife
    this.#max = max
    this.#subjects = new NameTable(0, seed)
  }

  get size (): number {
    return this.#subjects.entries.size
  }

  /** Adds to a score, and returns what it is now */
  strike (subject: string, weight: number, now: number): number {
    const score = this.score(subject, now) + weight
    if (this.#subjects.find(subject) === -1 && this.size >= this.#max) this.#remove(this.#mildest.first)
    const index = this.#subjects.enter(subject)
    if (index >= this.#severities.length) this.#grow()
    this.#severities[index] = this.severity(score, now)
    this.#mildest.put(index)
    return score
  }

  /** What a score is now; 0 for who has none */
  score (subject: string, now: number): number {
    const index = this.#subjects.find(subject)
    return index === -1 ? 0 : 2 ** ((this.#severities[index] ?? 0) - now / this.#halfLife)
  }

  /** It is forgiven */
  forget (subject: string): void {
    const index = this.#subjects.find(subject)
    if (index !== -1) this.#remove(index)
  }

  /** A number by which scores of different moments can be compared */
  severity (score: number, now: number): number {
    return Math.log2(score) + now / this.#halfLife
  }

  #remove (index: number): void {
    this.#mildest.remove(index)
    this.#subjects.remove(index)
  }

  #grow (): void {
    const severities = new Float64Array(this.#subjects.entries.capacity)
    severities.set(this.#severities)
    this.#severities = severities
  }
}
