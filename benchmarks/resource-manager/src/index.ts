/**
 * @packageDocumentation
 *
 * What admission costs, ours against go-libp2p's, alternating in one run on one thread, metrics off and on. See README.md.
 *
 * @example
 *
 * ```sh
 * npm run --silent bench -- resource-manager --json
 * ```
 */

import { benchmark, median } from '@cordon/bench-harness'
import { buildGo, runGo } from './go.ts'
import { footprint, WORKLOADS } from './workload.ts'
import type { Workload } from './workload.ts'
import type { Report } from '@cordon/bench-harness'
import type { Metrics } from '@libp2p/interface'

const FULL = { pairs: 5, goTime: '300ms', ms: 300 }
const QUICK = { pairs: 1, goTime: '30ms', ms: 30 }

/** Takes whatever is offered to it, as a node with metrics does */
const SINK = { registerMetricGroup: () => ({}), registerCounterGroup: () => ({}) } as unknown as Metrics

/** Operations per time measured, so that the clock does not count */
const BATCH = 100

/** Runs operations for about so many ms; wall time, as Go's */
function measure (operation: (index: number) => void, ms: number, batch: number, from: number): { readonly ns: number, readonly count: number } {
  const begin = performance.now()
  let count = 0
  let passed = 0
  while (passed < ms) {
    for (let i = 0; i < batch; i++) operation(from + count++)
    passed = performance.now() - begin
  }
  return { ns: passed * 1e6 / count, count }
}

/** Heap growth of one operation with no collection in between; 0 where the heap shrank meanwhile */
function allocated (operation: (index: number) => void, batch: number, from: number): number {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < batch; i++) operation(from + i)
  return Math.max(0, (process.memoryUsage().heapUsed - before) / batch)
}

function compare (row: string, workload: Workload, metrics: boolean, binary: string | undefined, size: typeof FULL, report: Report): void {
  const operation = workload.prepare(metrics ? SINK : undefined)
  const unit = workload.unit ?? 1
  const batch = unit > 1 || row.startsWith('stat') ? 1 : BATCH
  const name = `${workload.go}${workload.variants ? metrics ? '/default' : '/nometrics' : ''}`
  let done = measure(operation, size.ms, batch, 0).count
  const ours: number[] = []
  const go: number[] = []
  const goBytes: number[] = []
  for (let pair = 0; pair < size.pairs; pair++) {
    const { ns, count } = measure(operation, size.ms, batch, done)
    done += count
    ours.push(ns / unit)
    if (binary === undefined) continue
    const result = runGo(binary, name, size.goTime)
    go.push(result.ns / unit)
    goBytes.push(result.bytes / unit)
  }
  const oursBytes = allocated(operation, unit > 1 ? 1 : 1_000, done) / unit
  const ratio = go.length === 0 ? null : median(ours.map((ns, index) => ns / (go[index] ?? NaN)))
  report.row({ row, metrics: metrics ? 'on' : 'off', unit: 'ns', ours: median(ours), go: go.length === 0 ? null : median(go), ratio, oursBytes, goBytes: go.length === 0 ? null : median(goBytes) })
  const target = metrics ? workload.targetWithMetrics : workload.target
  if (target !== undefined && ratio !== null && ratio > target) report.missed(`${row}, metrics ${metrics ? 'on' : 'off'}: ${ratio.toFixed(3)} of go-libp2p, more than ${target}`)
}

function compareFootprints (binary: string | undefined, report: Report): void {
  const ours = footprint()
  const go = binary === undefined ? undefined : runGo(binary, 'Footprint', '1x').metrics
  for (const [row, mine, theirs] of [['footprint/peer', ours.peer, go?.['B/peer+conn']], ['footprint/stream', ours.stream, go?.['B/stream']]] as const) {
    const ratio = theirs === undefined ? null : mine / theirs
    report.row({ row, metrics: 'off', unit: 'bytes', ours: mine, go: theirs ?? null, ratio, oursBytes: mine, goBytes: theirs ?? null })
    if (ratio !== null && ratio > 0.7) report.missed(`${row}: ${ratio.toFixed(3)} of go-libp2p, more than 0.7`)
  }
}

benchmark('resource-manager', { maxSeconds: 900 }, async ({ report, quick, wanted }) => {
  const size = quick ? QUICK : FULL
  const binary = buildGo()
  if (binary === undefined) report.progress('there is no Go here: ours alone')
  for (const [row, workload] of Object.entries(WORKLOADS)) {
    if (!wanted(row)) continue
    for (const metrics of workload.variants ? [false, true] : [false]) {
      compare(row, workload, metrics, binary, size, report)
      // signals are seen between rows
      await new Promise(resolve => { setImmediate(resolve) })
    }
  }
  if (wanted('footprint/peer') || wanted('footprint/stream')) compareFootprints(binary, report)
})
