/**
 * @packageDocumentation
 *
 * What an honest node pays for being composed: connections, streams and bytes a second of a composed node with one
 * participant that does nothing, against those of a bare node. See README.md.
 *
 * @example
 *
 * ```sh
 * npm run --silent bench -- overhead --json
 * ```
 */

import { benchmark, median, quartiles, rotate } from '@cordon/bench-harness'
import { OVERHEADS } from './rows.ts'
import type { Peer } from './peer.ts'
import type { Overhead, Side } from './rows.ts'
import type { BenchmarkContext, Lab } from '@cordon/bench-harness'
import type { Arm } from '@cordon/bench-harness/node'

/**
 * Two bare nodes, so that what differs between two processes of the same kind is known, and, where they matter, a third
 * one with the windows that composing sets
 */
const SUBJECTS = { bare: 'bare', composed: 'composed', same: 'bare', windows: 'bare' } as const satisfies Record<string, Arm>
type Subject = keyof typeof SUBJECTS

/** How many nodes the other side has: libp2p joins dials to the same peer, so one connection at a time for each */
const COUNTERPARTS = 8

/**
 * `half` is how long each side drives in a slice, in s. Each batch has processes of its own, because a process keeps
 * whatever luck it had when its code was compiled (10 % and more between two processes of the same kind). The rounds of
 * all batches have each of the 6 orders of three subjects, or the 24 of four, as often as the others.
 */
const FULL = { half: 1, warmUp: 2, batches: 12, pairs: 4 }
const QUICK = { half: 0.2, warmUp: 1, batches: 1, pairs: 1 }

/** What one subject did in one slice */
interface Slice {
  readonly perSecond: number
  /** CPU time of the subject for one connection, stream or MB, in µs */
  readonly cpuMicros: number
}

type Slices = Record<Subject, Slice[]>

benchmark('overhead', { maxSeconds: 2_400 }, async context => {
  for (const overhead of OVERHEADS.filter(({ row }) => context.wanted(row))) {
    const { batches } = context.quick ? QUICK : FULL
    const slices: Slices = { bare: [], composed: [], same: [], windows: [] }

    for (let batch = 0; batch < batches; batch++) {
      context.report.progress(`${overhead.row}: batch ${batch + 1} of ${batches}`)
      await runBatch(context, overhead, batch, slices)
    }

    summarise(context, overhead, slices)
  }
})

async function runBatch ({ lab, quick }: BenchmarkContext, overhead: Overhead, batch: number, slices: Slices): Promise<void> {
  const { half, warmUp, pairs } = quick ? QUICK : FULL
  const counterpart = await startSide(lab, 'bare', COUNTERPARTS, null)
  const subjects: readonly Subject[] = ['bare', 'composed', 'same', ...overhead.windows === true ? ['windows'] as const : []]
  const sides = new Map<Subject, Side>()

  for (const subject of subjects) {
    const window = subject === 'windows' ? await sides.get('composed')?.remote.call('window') ?? null : null

    sides.set(subject, await startSide(lab, SUBJECTS[subject], 1, window))
  }

  try {
    for (let pair = -warmUp; pair < pairs; pair++) {
      for (const [subject, side] of rotate([...sides], batch * pairs + Math.max(pair, 0))) {
        const slice = await measure(overhead, side, counterpart, half)
          .catch((error: unknown) => { throw new Error(`${overhead.row} of ${subject} failed`, { cause: error }) })

        if (pair >= 0) {
          slices[subject].push(slice)
        }
      }
    }
  } finally {
    await Promise.all([counterpart, ...sides.values()].map(async ({ remote }) => remote.stop()))
  }
}

async function startSide (lab: Lab, arm: Arm, nodes: number, window: number | null): Promise<Side> {
  const remote = await lab.start<Peer>(new URL('./peer.ts', import.meta.url))

  return { remote, addrs: await remote.call('start', arm, nodes, window) }
}

/** Half the slice is driven by the subject and half by its counterpart, so that both directions count */
async function measure ({ drive, unit }: Overhead, subject: Side, counterpart: Side, half: number): Promise<Slice> {
  const before = await subject.remote.call('cpu')
  const out = await drive(subject, counterpart, half)
  const back = await drive(counterpart, subject, half)
  const cpu = await subject.remote.call('cpu') - before
  const count = (out.count + back.count) / unit

  return { perSecond: count / (out.seconds + back.seconds), cpuMicros: cpu / count }
}

function summarise ({ report }: BenchmarkContext, { row, target }: Overhead, { bare, composed, same, windows }: Slices): void {
  const rates = (slices: readonly Slice[]): number[] => slices.map(({ perSecond }) => perSecond)
  const costs = (slices: readonly Slice[]): number[] => slices.map(({ cpuMicros }) => cpuMicros)
  const control = quartiles(ratios(rates(same), rates(bare)))
  const pairs = quartiles(ratios(rates(composed), rates(bare)))
  const ratio = pairs.median / control.median

  report.row({
    row,
    bare: median(rates(bare)),
    composed: median(rates(composed)),
    ratio,
    q1: pairs.q1 / control.median,
    q3: pairs.q3 / control.median,
    same: control.median,
    sameQ1: control.q1,
    sameQ3: control.q3,
    // less noisy than rates, and not hidden by a counterpart that is the slower of the two
    cpuRatio: median(ratios(costs(composed), costs(bare))) / median(ratios(costs(same), costs(bare))),
    cpuMicrosBare: median(costs(bare)),
    cpuMicrosComposed: median(costs(composed)),
    ...windows.length === 0 ? {} : {
      windows: median(ratios(rates(windows), rates(bare))) / control.median,
      own: median(ratios(rates(composed), rates(windows))),
      ownCpu: median(ratios(costs(composed), costs(windows)))
    },
    pairs: bare.length
  })

  if (ratio < target) {
    report.missed(`${row}: composed reaches ${ratio.toFixed(3)} of bare, less than ${target}`)
  }
}

function ratios (values: readonly number[], bases: readonly number[]): number[] {
  return values.map((value, i) => value / (bases[i] ?? NaN))
}
