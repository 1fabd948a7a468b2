import type { Clock, Timer } from '@cordon/interface-connection-lifecycle'

/** A real clock that knows how many of its timers are armed */
export interface CountingClock extends Clock {
  readonly pending: number

  /** How many were armed since it was made */
  readonly scheduled: number
}

/** Real time, for tests with real sockets that want to see each timer disarmed or fired */
export function countingClock (): CountingClock {
  let pending = 0
  let scheduled = 0
  return {
    get pending () { return pending },
    get scheduled () { return scheduled },
    now: () => performance.now(),
    schedule: (delay, task, { ref = false } = {}): Timer => {
      pending++
      scheduled++
      let armed = true
      const done = (): void => {
        if (armed) pending--
        armed = false
      }
      const handle = setTimeout(() => {
        done()
        task()
      }, delay)
      // browsers answer with a number
      if (!ref && typeof handle === 'object') handle.unref()
      return {
        cancel: () => {
          clearTimeout(handle)
          done()
        }
      }
    }
  }
}
