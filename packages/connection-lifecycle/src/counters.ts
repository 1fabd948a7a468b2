import { MAX_COUNTER_NAMES } from './constants.ts'

/** Where names beyond the bound are counted */
const OTHERS = 'others'

/** Counts by name; at most `MAX_COUNTER_NAMES` names, further ones share one */
export class Counters {
  readonly #counts = new Map<string, number>()

  /** @returns the new count */
  add (name: string): number {
    const known = this.#counts.get(name)
    if (known == null && this.#counts.size >= MAX_COUNTER_NAMES && name !== OTHERS) return this.add(OTHERS)
    const count = (known ?? 0) + 1
    this.#counts.set(name, count)
    return count
  }

  /** A copy, without prototype, because the names are those of modules */
  snapshot (): Record<string, number> {
    const copy = Object.create(null) as Record<string, number>
    for (const [name, count] of this.#counts) copy[name] = count
    return copy
  }
}
