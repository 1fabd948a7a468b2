import type { Clock } from '@cordon/interface-connection-lifecycle'

/** How long a piece of long work may hold up everything else, in ms; the promise is 10, and one step may take some */
const SLICE = 7

/** Long work in slices: between them everything else has its turn */
export class Slices {
  readonly #clock: Clock
  #began: number

  constructor (clock: Clock) {
    this.#clock = clock
    this.#began = clock.now()
  }

  /** Whether this slice has lasted long enough */
  get over (): boolean {
    return this.#clock.now() - this.#began >= SLICE
  }

  /** Lets everything else have its turn */
  async rest (): Promise<void> {
    await new Promise<void>(resolve => { this.#clock.schedule(0, resolve, { ref: true }) })
    this.#began = this.#clock.now()
  }
}
