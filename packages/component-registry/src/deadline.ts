import type { Clock } from '@cordon/interface-connection-lifecycle'

/** What `withDeadline` rejects with when time is up */
class DeadlineError extends Error {
  static override name = 'DeadlineError'
  override name = 'DeadlineError'

  constructor (what: string, deadline: number) {
    super(`${what} took longer than ${deadline} ms`)
  }
}

/** Settles as `promise` does, or rejects once `deadline` ms are over; what comes later is ignored, a rejection too */
export async function withDeadline<T> (promise: PromiseLike<T>, what: string, deadline: number, clock: Clock): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    // somebody waits for this, and is told even when nothing else keeps the process alive
    const timer = clock.schedule(deadline, () => { reject(new DeadlineError(what, deadline)) }, { ref: true })

    promise.then(
      value => {
        timer.cancel()
        resolve(value)
      },
      (error: unknown) => {
        timer.cancel()
        reject(error instanceof Error ? error : new Error(`${what} failed: ${String(error)}`))
      }
    )
  })
}

/** Whether a value is something to wait for */
export function isThenable (value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value != null && 'then' in value && typeof value.then === 'function'
}
