import { setTimeout as delay } from 'node:timers/promises'

/**
 * Calls `task` on a fixed timetable that does not wait for what the task does: when the process falls behind,
 * the missed calls are made up at once, so that the rate holds.
 *
 * @param rate - calls in a second
 * @param seconds - for how long
 * @returns how many calls were made
 */
export async function every (rate: number, seconds: number, task: (index: number) => void): Promise<number> {
  const calls = Math.floor(rate * seconds)
  const startedAt = performance.now()

  for (let i = 0; i < calls; i++) {
    const wait = startedAt + i * 1_000 / rate - performance.now()

    if (wait > 0) {
      await delay(wait)
    }

    task(i)
  }

  return calls
}
