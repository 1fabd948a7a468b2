export interface EventuallyOptions {
  /**
   * Give up after this long, in ms.
   *
   * @default 5_000
   */
  deadline?: number

  /**
   * How long to wait between two tries, in ms.
   *
   * @default 5
   */
  interval?: number
}

/**
 * Tries until the function neither throws nor answers `false`, and returns its answer. For what real sockets do
 * in their own time; what can be awaited is awaited.
 *
 * @throws {Error} at the deadline, with the last error as its cause
 */
export async function eventually<T> (fn: () => T | Promise<T>, { deadline = 5_000, interval = 5 }: EventuallyOptions = {}): Promise<T> {
  const end = performance.now() + deadline
  let cause: unknown
  do {
    try {
      const value = await fn()
      if (value !== false) return value
      cause = new Error('the condition stayed false')
    } catch (err) {
      cause = err
    }
    await new Promise(resolve => { setTimeout(resolve, interval) })
  } while (performance.now() < end)
  throw new Error(`not within ${deadline} ms: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
}

/**
 * Waits for a promise no longer than this.
 *
 * @param what - what is waited for, for the message
 * @throws {Error} at the deadline
 */
export async function within<T> (ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Error(`${what}: not within ${ms} ms`)) }, ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
