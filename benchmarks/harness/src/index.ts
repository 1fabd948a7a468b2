/**
 * @packageDocumentation
 *
 * What the benchmarks of this repository share: processes that are always ended, statistics that are tested,
 * rows that a script can read, and meters. Not for applications; nodes are in `@cordon/bench-harness/node`.
 *
 * @example A benchmark
 *
 * ```ts
 * import { benchmark, median } from '@cordon/bench-harness'
 *
 * benchmark('sums', { maxSeconds: 10 }, async ({ report }) => {
 *   report.row({ row: 'three', value: median([1, 2, 3]) })
 * })
 * ```
 */

export { benchmark } from './benchmark.ts'
export { createLab } from './lab.ts'
export { interquartile, median, quantile, quartiles } from './statistics.ts'
export { Meter } from './meter.ts'
export { permutations, rotate, spread } from './order.ts'
export { every } from './every.ts'
export { serve } from './serve.ts'
export type { BenchmarkContext, BenchmarkOptions } from './benchmark.ts'
export type { MeterReading } from './meter.ts'
export type { Procedures } from './protocol.ts'
export type { Quartiles } from './statistics.ts'
export type { Report, Row } from './report.ts'
export type { Lab, Remote, StartOptions } from './lab.ts'
