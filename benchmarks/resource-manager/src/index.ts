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
import { WORKLOADS } from './workload.ts'
import type { Subject } from './subject.ts'
import type { Variant, Workload } from './workload.ts'
import type { BenchmarkContext, Remote } from '@cordon/bench-harness'

const FULL = { pairs: 5, goTime: '300ms', ms: 300 }
const QUICK = { pairs: 1, goTime: '30ms', ms: 30 }

/** The most that may stay on the heap, in what stays on Go's */
const FOOTPRINT_TARGET = 0.7

/** How long a process may take for one answer, in ms: a million peers have to be there first */
const CALL_TIMEOUT = 180_000

interface Comparison extends BenchmarkContext {
  /** The Go program; absent where there is no Go */
  readonly go: string | undefined
  readonly size: typeof FULL
}

async function inProcess<T> ({ lab }: BenchmarkContext, use: (subject: Remote<Subject>) => Promise<T>): Promise<T> {
  const subject = await lab.start<Subject>(new URL('./subject.ts', import.meta.url), { callTimeout: CALL_TIMEOUT })
  try {
    return await use(subject)
  } finally {
    await subject.stop()
  }
}

/** In what the other takes, pair by pair, or nothing where there is no other */
function ratioOf (ours: readonly number[], go: readonly number[]): number | null {
  return go.length === 0 ? null : median(ours.map((mine, index) => mine / (go[index] ?? NaN)))
}

function judge ({ report }: BenchmarkContext, what: string, ratio: number | null, target: number | undefined): void {
  if (target !== undefined && ratio !== null && ratio > target) report.missed(`${what}: ${ratio.toFixed(3)} of go-libp2p, more than ${target}`)
}

async function compare (comparison: Comparison, row: string, workload: Workload, variant: Variant): Promise<void> {
  const { report, go, size } = comparison
  const unit = workload.unit ?? 1
  const name = workload.variants.length === 1 ? workload.go : `${workload.go}/${variant === 'on' ? 'default' : 'nometrics'}`
  await inProcess(comparison, async subject => {
    const ours: number[] = []
    const theirs: number[] = []
    const goBytes: number[] = []
    await subject.call('prepare', row, variant)
    for (let pair = 0; pair < size.pairs; pair++) {
      ours.push(await subject.call('measure', size.ms))
      if (go === undefined) continue
      const result = runGo(go, name, size.goTime)
      theirs.push(result.ns / unit)
      goBytes.push(result.bytes / unit)
    }
    const oursBytes = await subject.call('allocated') ?? null
    const wrong = variant === 'on' ? await subject.call('check') : undefined
    if (wrong !== undefined) report.invalid(`${row}: after it a scrape is wrong: ${wrong}`)
    const ratio = ratioOf(ours, theirs)
    report.row({ row, metrics: variant, unit: 'ns', ours: median(ours), go: go === undefined ? null : median(theirs), ratio, oursBytes, goBytes: go === undefined ? null : median(goBytes) })
    judge(comparison, `${row}, metrics ${variant}`, ratio, variant === 'on' ? workload.targetWithMetrics : workload.target)
  })
}

async function compareFootprints (comparison: Comparison): Promise<void> {
  const { report, go, size, wanted } = comparison
  const ours = { peer: [] as number[], stream: [] as number[] }
  const theirs = { peer: [] as number[], stream: [] as number[] }
  for (let pair = 0; pair < size.pairs; pair++) {
    const mine = await inProcess(comparison, async subject => subject.call('footprint'))
    ours.peer.push(mine.peer)
    ours.stream.push(mine.stream)
    if (go === undefined) continue
    const { metrics } = runGo(go, 'Footprint', '1x')
    theirs.peer.push(metrics['B/peer+conn'] ?? NaN)
    theirs.stream.push(metrics['B/stream'] ?? NaN)
  }
  for (const part of ['peer', 'stream'] as const) {
    const row = `footprint/${part}`
    if (!wanted(row)) continue
    const ratio = ratioOf(ours[part], theirs[part])
    const bytes = { ours: median(ours[part]), go: go === undefined ? null : median(theirs[part]) }
    report.row({ row, metrics: 'off', unit: 'bytes', ...bytes, ratio, oursBytes: bytes.ours, goBytes: bytes.go })
    judge(comparison, row, ratio, FOOTPRINT_TARGET)
  }
}

benchmark('resource-manager', { maxSeconds: 1_800 }, async context => {
  const { report, quick, wanted } = context
  const go = buildGo()
  if (go === undefined) report.progress('there is no Go here: ours alone')
  const comparison = { ...context, go, size: quick ? QUICK : FULL }
  for (const [row, workload] of Object.entries(WORKLOADS)) {
    if (!wanted(row)) continue
    for (const variant of workload.variants) await compare(comparison, row, workload, variant)
  }
  if (wanted('footprint/peer') || wanted('footprint/stream')) await compareFootprints(comparison)
})
