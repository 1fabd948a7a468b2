import type { GateCause, GateTarget } from '@cordon/interface-connection-gater'
import type { Clock, Timer } from '@cordon/interface-connection-lifecycle'

/** How many lines a second a flood can cause, that about those which are missing included */
const MAX_LINES = 20

const SECOND = 1_000

export interface RefusalLogInit {
  readonly clock: Clock
  readonly wallClock: () => number
  readonly write: (line: string) => unknown
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
 * are missing is told in the next one, or when the gater stops.
 */
export class RefusalLog {
  readonly #init: RefusalLogInit
  #running = false
  #second = -Infinity
  #lines = 0
  #missing = 0
  #timer: Timer | undefined

  constructor (init: RefusalLogInit) {
    this.#init = init
  }

  /** From now on what is missing is told also when nothing else is to be told */
  start (): void {
    this.#running = true
    this.#await()
  }

  stop (): void {
    this.#running = false
    this.#timer?.cancel()
    this.#timer = undefined
    // nobody comes later to tell it, so it may be one line more
    this.#tell()
  }

  refused ({ direction, address }: GateTarget, cause: GateCause): void {
    if (address?.class !== 'public') return
    if (this.#isFull()) {
      this.#missing++
      this.#await()
      return
    }
    this.#tell()
    if (!this.#write(`refused ${direction} ${address.key} ${cause}`)) this.#missing++
  }

  #isFull (): boolean {
    const second = Math.floor(this.#init.clock.now() / SECOND)
    if (second !== this.#second) {
      this.#second = second
      this.#lines = 0
    }
    return this.#lines >= MAX_LINES
  }

  /** Waits for the next second to tell in */
  #await (): void {
    if (!this.#running || this.#missing === 0 || this.#timer !== undefined) return
    const { clock } = this.#init
    this.#timer = clock.schedule((this.#second + 1) * SECOND - clock.now(), () => {
      this.#timer = undefined
      if (this.#isFull()) this.#await()
      else this.#tell()
    })
  }

  #tell (): void {
    const missing = this.#missing
    if (missing > 0 && this.#write(`${missing} more refusals were not written`)) this.#missing -= missing
  }

  /** Whether it was written: a disk may be full */
  #write (text: string): boolean {
    this.#lines++
    try {
      const written = this.#init.write(`${new Date(this.#init.wallClock()).toISOString()} cordon-gater: ${text}`)
      if (written instanceof Promise) written.catch(() => { this.#missing++ })
      return true
    } catch {
      return false
    }
  }
}
