/** Ours, one row in a process of its own, as each benchmark of the Go program is */

import { PerformanceObserver } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { serve } from '@cordon/bench-harness'
import { footprint } from './footprint.ts'
import { miscount, Sink } from './scrape.ts'
import { WORKLOADS } from './workload.ts'
import type { Variant } from './workload.ts'

/** What the clock costs must not count: it is read after so many ms at the soonest */
const BATCH_MS = 1

/** How often, and for how long in ms, everything is called before it is measured; and how long that may take */
const WARM_UP = { calls: 100_000, min: 500, max: 2_000 }

/** How many operations are tried together when their memory is measured, at first */
const ALLOCATIONS = 1_000

/** Until collections have been told of, in ms */
const REPORT_MS = 20

export type Subject = typeof procedures

let operation: (index: number) => void = () => {}
let each = {}
let unit = 1
let batch = 1
/** How many were done; the next has this number */
let done = 0
const sink = new Sink()
let before = { counts: sink.counts(), used: sink.used() }

/** When the last collection began; it is told of some time later */
let collected = 0
new PerformanceObserver(list => { collected = list.getEntries().at(-1)?.startTime ?? collected }).observe({ entryTypes: ['gc'] })

/** One loop for all, so that it is compiled once */
function run (count: number): void {
  for (let i = 0; i < count; i++) operation(done + i)
  done += count
}

/** Runs for about so many ms; wall time, as Go's */
function time (ms: number): { readonly count: number, readonly passed: number } {
  const from = done
  const begin = performance.now()
  let passed = 0
  while (passed < ms) {
    run(batch)
    passed = performance.now() - begin
  }
  return { count: done - from, passed }
}

const procedures = {
  /** Once, before anything else */
  prepare: (row: string, variant: Variant): void => {
    const workload = WORKLOADS[row]
    if (workload === undefined) throw new Error(`there is no row ${row}`)
    const subject = workload.prepare(variant === 'on' ? sink : undefined)
    operation = subject.operation
    each = subject.counts
    unit = workload.unit ?? 1
    before = { counts: sink.counts(), used: sink.used() }
    // once, as Go does before each benchmark, and before anything is compiled: what a full collection finds unused that code depends on is compiled anew
    globalThis.gc?.()
    for (let calls = 0, warm = 0; (calls < WARM_UP.calls || warm < WARM_UP.min) && warm < WARM_UP.max;) {
      const { count, passed } = time(BATCH_MS)
      if (passed < 2 * BATCH_MS) batch = Math.max(batch, count)
      calls += count
      warm += passed
    }
  },

  /** How long one operation takes, in ns */
  measure: (ms: number): number => {
    const { count, passed } = time(ms)
    return passed * 1e6 / count / unit
  },

  /** By how much one operation grows the heap, in bytes, with no collection in between; absent where there is always one */
  allocated: async (): Promise<number | undefined> => {
    for (let count = Math.min(ALLOCATIONS, batch); count >= 1; count = Math.floor(count / 2)) {
      const begin = performance.now()
      const heap = process.memoryUsage().heapUsed
      run(count)
      const grown = process.memoryUsage().heapUsed - heap
      await setTimeout(REPORT_MS)
      if (collected < begin) return grown / count / unit
    }
    return undefined
  },

  /** What is wrong with what a scrape shows now; nothing where that is what was done */
  check: (): string | undefined => {
    const used = sink.used()
    const left = Object.keys(used).filter(label => used[label] !== before.used[label])
    return left.length > 0 ? `${left.join(', ')} changed` : miscount(before.counts, sink.counts(), done, each)
  },

  footprint
}

serve(procedures)
