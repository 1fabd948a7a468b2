/**
 * @packageDocumentation
 *
 * What the tests and benchmarks of Cordon share: time that stands still, randomness that repeats, real nodes and
 * hostile peers. Private to the repository; nothing that is published depends on it. This entry runs in browsers
 * too, what needs Node is in `@cordon/testing/node`.
 *
 * @example Let a deadline pass without waiting for it
 *
 * ```ts
 * import { fakeClock } from '@cordon/testing'
 *
 * const clock = fakeClock()
 * let late = false
 * clock.schedule(3_000, () => { late = true })
 * clock.tick(2_999)
 * console.info(late, clock.pending) // false 1
 * clock.tick(1)
 * console.info(late, clock.pending) // true 0
 * ```
 */

export { countingClock } from './counting-clock.ts'
export { eventually, within } from './eventually.ts'
export { fakeClock } from './fake-clock.ts'
export { buildMemoryNode, STACKS, stopAll } from './node-options.ts'
export { seededRandom } from './random.ts'
export type { CountingClock } from './counting-clock.ts'
export type { EventuallyOptions } from './eventually.ts'
export type { FakeClock } from './fake-clock.ts'
export type { BaseServices, CommonInit, Stack } from './node-options.ts'
export type { SeededRandom } from './random.ts'
