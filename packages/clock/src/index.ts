/**
 * @packageDocumentation
 *
 * The monotonic clock of the machine, in the form that every Cordon module measures with, and deadlines of very
 * many things that share one timer. Tests give modules a clock that they turn by hand instead.
 *
 * @example Call something once, 100 ms from now at the earliest
 *
 * ```ts
 * import { systemClock } from '@cordon/clock'
 *
 * const timer = systemClock.schedule(100, () => { console.info('now') })
 * timer.cancel()
 * ```
 */

export { Deadlines } from './deadlines.ts'
export { systemClock } from './system-clock.ts'
export type { Deadline } from './deadlines.ts'
