import type { Clock, ScheduleOptions, Timer } from '@cordon/interface-connection-lifecycle'

/** How many tasks one `tick` or `jump` may run: a timer that re-arms itself without delay would otherwise hang the test */
const MAX_TASKS = 1_000_000

/** A clock that stands still until it is told to move */
export interface FakeClock extends Clock {
  /** How many timers are armed */
  readonly pending: number

  /** How many of them keep the process alive */
  readonly pendingRef: number

  /** In how many ms the next timer is due; absent while none is armed */
  readonly nextIn?: number

  /**
   * Lets `ms` pass: every timer that falls due fires at its own moment, in the order of those moments, and in
   * the order of arming where two are equal. Timers armed meanwhile take part.
   */
  tick (ms: number): void

  /**
   * Moves time by `ms` at once, as a machine does that slept or whose event loop was blocked: whatever fell due in
   * between fires afterwards in one go, and all of it sees the same late `now()`.
   */
  jump (ms: number): void
}

interface Armed {
  readonly due: number
  readonly task: () => void
  readonly ref: boolean
}

class FakeClockClass implements FakeClock {
  #now: number
  /** Ordered by `due`, then by arming; bounded by what the test arms */
  readonly #timers: Armed[] = []

  constructor (start: number) {
    this.#now = start
  }

  get pending (): number {
    return this.#timers.length
  }

  get pendingRef (): number {
    return this.#timers.filter(({ ref }) => ref).length
  }

  get nextIn (): number | undefined {
    const first = this.#timers[0]
    return first == null ? undefined : Math.max(0, first.due - this.#now)
  }

  now (): number {
    return this.#now
  }

  schedule (delay: number, task: () => void, { ref = false }: ScheduleOptions = {}): Timer {
    // a real timer turns such delays into 1 ms, which has hidden many a bug
    if (!Number.isFinite(delay)) throw new RangeError(`delay must be a finite number of ms, got ${delay}`)
    const armed: Armed = { due: this.#now + Math.max(0, delay), task, ref }
    this.#timers.splice(this.#after(armed.due), 0, armed)
    return {
      cancel: () => {
        const at = this.#timers.indexOf(armed)
        if (at >= 0) this.#timers.splice(at, 1)
      }
    }
  }

  tick (ms: number): void {
    const end = this.#until(ms)
    for (let ran = 0; ; ran++) {
      const armed = this.#take(end, ran)
      if (armed == null) break
      this.#now = Math.max(this.#now, armed.due)
      armed.task()
    }
    this.#now = Math.max(this.#now, end)
  }

  jump (ms: number): void {
    this.#now = this.#until(ms)
    for (let ran = 0; ; ran++) {
      const armed = this.#take(this.#now, ran)
      if (armed == null) break
      armed.task()
    }
  }

  #until (ms: number): number {
    if (!(ms >= 0) || ms === Infinity) throw new RangeError(`time passes by 0 ms or more, got ${ms}`)
    return this.#now + ms
  }

  /** Takes the next timer that is due at `end`, so that it counts as fired before its task runs */
  #take (end: number, ran: number): Armed | undefined {
    const first = this.#timers[0]
    if (first == null || first.due > end) return undefined
    if (ran >= MAX_TASKS) throw new Error(`more than ${MAX_TASKS} timers fell due at once: one of them re-arms itself without delay`)
    return this.#timers.shift()
  }

  /** Where a timer with this moment belongs: after all that are not later */
  #after (due: number): number {
    let low = 0
    let high = this.#timers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#timers[middle]?.due ?? Infinity) <= due) low = middle + 1
      else high = middle
    }
    return low
  }
}

/**
 * Time that moves only when the test says so.
 *
 * @param start - what `now()` says at first, in ms; not 0 by default, so that a mix-up of moments and durations shows
 */
export function fakeClock (start = 1_000_000): FakeClock {
  return new FakeClockClass(start)
}
