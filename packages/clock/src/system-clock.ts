import type { Clock, Timer } from '@cordon/interface-connection-lifecycle'

/** Longest delay of the platform's timers: a larger one would fire at once. See the HTML standard, section 8.7. */
const MAX_DELAY = 2 ** 31 - 1

class SystemTimer implements Timer {
  readonly #handle: ReturnType<typeof setTimeout>

  constructor (delay: number, task: () => void, ref: boolean) {
    this.#handle = setTimeout(task, Math.min(Math.max(delay, 0), MAX_DELAY))

    // Node's timers are objects and keep the process alive; browsers' are numbers and do not
    if (!ref && canUnref(this.#handle)) {
      this.#handle.unref()
    }
  }

  cancel (): void {
    clearTimeout(this.#handle)
  }
}

/** The monotonic clock of the machine. Its timers do not keep the process alive unless they are told to; delays are cut at 2^31 - 1 ms. */
export const systemClock: Clock = {
  now: () => performance.now(),
  schedule: (delay, task, { ref = false } = {}) => new SystemTimer(delay, task, ref)
}

function canUnref (handle: unknown): handle is { unref: () => void } {
  return typeof handle === 'object' && handle != null && 'unref' in handle
}
