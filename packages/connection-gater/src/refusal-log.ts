import type { GateCause, GateTarget } from '@cordon/interface-connection-gater'
import type { Clock } from '@cordon/interface-connection-lifecycle'

/** How many lines a second a flood can cause */
export const MAX_LINES = 20

const SECOND = 1_000

export interface RefusalLogInit {
  readonly clock: Clock
  readonly wallClock: () => number
  readonly write: (line: string) => void
}

/**
 * A line for each refusal of a public address, for fail2ban and the like:
 *
 * ```
 * 2026-11-21T20:00:00.000Z cordon-gater: refused inbound 203.0.113.7 cidr
 * ```
 *
 * What a remote could choose is its address, and that in its canonical form: nothing else of it is written, so that
 * nobody can have a line say something about somebody else. Under a flood the lines of one second are bounded; how many
 * are missing is told by the next one.
 */
export class RefusalLog {
  readonly #init: RefusalLogInit
  #second = -Infinity
  #lines = 0
  #missing = 0

  constructor (init: RefusalLogInit) {
    this.#init = init
  }

  refused ({ direction, address }: GateTarget, cause: GateCause): void {
    if (address?.class !== 'public') return
    const { clock, wallClock, write } = this.#init
    const second = Math.floor(clock.now() / SECOND)
    if (second !== this.#second) {
      this.#second = second
      this.#lines = 0
    }
    if (++this.#lines > MAX_LINES) {
      this.#missing++
      return
    }
    const at = new Date(wallClock()).toISOString()
    if (this.#missing > 0) {
      write(`${at} cordon-gater: ${this.#missing} more refusals were not written`)
      this.#missing = 0
    }
    write(`${at} cordon-gater: refused ${direction} ${address.key} ${cause}`)
  }
}
