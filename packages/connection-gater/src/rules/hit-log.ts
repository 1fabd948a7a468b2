import { FLUSH_HITS } from '../constants.ts'
import { Slices } from '../slices.ts'
import type { Entries, Variant } from '../tables/entries.ts'
import type { Found } from './layer.ts'
import type { Clock, Timer } from '@cordon/interface-connection-lifecycle'

/** After so many rules the time is looked at */
const STEP = 32

/** Which rules have decided since their counts were last written; every so often they are written again */
export class HitLog {
  readonly #clock: Clock
  readonly #write: (found: Found) => void
  /** Never more than there are rules, because a rule that ends is taken out */
  readonly #hit = new Map<Entries, Map<number, Found>>()
  #running = false
  #timer: Timer | undefined

  constructor (clock: Clock, write: (found: Found) => void) {
    this.#clock = clock
    this.#write = write
  }

  start (): void {
    this.#running = true
    if ([...this.#hit.values()].some(({ size }) => size > 0)) this.#await()
  }

  /** Writes what is left, at once */
  stop (): void {
    this.#running = false
    this.#timer?.cancel()
    this.#timer = undefined
    for (const found of this.#take()) this.#write(found)
  }

  /** A rule has decided */
  add (found: Found): void {
    const { entries, index, variant } = found
    let hit = this.#hit.get(entries)
    if (hit === undefined) this.#hit.set(entries, hit = new Map<number, Found>())
    hit.set(placeOf(index, variant), found)
    this.#await()
  }

  /** A rule is gone: its place may be another rule's from now on */
  forget ({ entries, index, variant }: Found): void {
    this.#hit.get(entries)?.delete(placeOf(index, variant))
  }

  #await (): void {
    if (this.#running) this.#timer ??= this.#clock.schedule(FLUSH_HITS, () => { void this.#flush() })
  }

  /** All rules may have decided within a minute, so nobody waits for this */
  async #flush (): Promise<void> {
    this.#timer = undefined
    const slices = new Slices(this.#clock)
    let written = 0
    for (const found of this.#take()) {
      this.#write(found)
      if (++written % STEP === 0 && slices.over) await slices.rest()
    }
  }

  /** What there is; a rule that decides again meanwhile is written the next time */
  * #take (): Generator<Found> {
    for (const hit of this.#hit.values()) {
      let left = hit.size
      for (const [place, found] of hit) {
        if (left-- === 0) break
        hit.delete(place)
        yield found
      }
    }
  }
}

/** One number for one rule of a table */
function placeOf (index: number, variant: Variant): number {
  return index * 8 + variant
}
