/**
 * @packageDocumentation
 *
 * What it costs a node to refuse a connection: CPU time of the victim for each of very many. See README.md.
 *
 * @example
 *
 * ```sh
 * npm run --silent bench -- shed --json
 * ```
 */

import { benchmark, median, quartiles, rotate, spread } from '@cordon/bench-harness'
import type { Clients } from './clients.ts'
import type { ShedArm, Slice, Victim } from './victim.ts'
import type { BenchmarkContext, Remote } from '@cordon/bench-harness'

const ARMS: readonly ShedArm[] = ['floor', 'wrap', 'stock', 'composed', 'limited', 'blocked']

/** How many connect at the same time, in how many processes: one cannot keep a plain server busy */
const CLIENTS = 64
const CLIENT_PROCESSES = 2

const FULL = { slice: 2, warmUp: 3, rounds: 12 }
const QUICK = { slice: 0.3, warmUp: 1, rounds: 2 }

/** The most that a composed node may need, in stock nodes and in floors; and in floors for whom a rule blocks before there is a socket */
const TARGET = { ofStock: 0.75, ofFloor: 3, blockedOfFloor: 1.2 }

/** Both sides count every connection; more of a difference than this says that something else ended them */
const MAX_MISCOUNT = 0.02

benchmark('shed', { maxSeconds: 300 }, async context => {
  const { lab, report, quick } = context
  const { slice, warmUp, rounds } = quick ? QUICK : FULL
  const arms = ARMS.filter(context.wanted)
  const clients = await Promise.all(Array.from({ length: CLIENT_PROCESSES }, async () => {
    return lab.start<Clients>(new URL('./clients.ts', import.meta.url))
  }))
  const victims = new Map(await Promise.all(arms.map(async arm => [arm, await startVictim(context, arm)] as const)))
  const slices = new Map<ShedArm, Slice[]>(arms.map(arm => [arm, []]))

  for (let round = -warmUp; round < rounds; round++) {
    report.progress(round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`)

    for (const arm of rotate(arms, Math.max(round, 0))) {
      const victim = victims.get(arm)

      if (victim == null) {
        continue
      }

      await victim.remote.call('begin')
      const ended = await hammer(clients, victim.port, slice)
      const measured = await victim.remote.call('end')

      if (spread([ended, measured.refused]) > MAX_MISCOUNT) {
        report.invalid(`${arm}: clients saw ${ended} connections end, the victim refused ${measured.refused}`)
      }

      if (round >= 0) {
        slices.get(arm)?.push(measured)
      }
    }
  }

  for (const [arm, measured] of slices) {
    report.row(summary(arm, measured))
  }

  judge(context, slices)
})

async function startVictim ({ lab }: BenchmarkContext, arm: ShedArm): Promise<{ remote: Remote<Victim>, port: number }> {
  const remote = await lab.start<Victim>(new URL('./victim.ts', import.meta.url))

  return { remote, port: await remote.call('listen', arm) }
}

/** Lets all clients loose on one victim; resolves with how many of their connections ended */
async function hammer (processes: ReadonlyArray<Remote<Clients>>, port: number, seconds: number): Promise<number> {
  const clients = CLIENTS / processes.length
  const ended = await Promise.all(processes.map(async (process, i) => {
    return process.call('hammer', { port, clients, firstAddress: i * clients, seconds })
  }))

  return ended.reduce((sum, count) => sum + count, 0)
}

function costs (slices: readonly Slice[]): number[] {
  return slices.map(({ cpuMicros, refused }) => cpuMicros / refused)
}

function summary (row: ShedArm, slices: readonly Slice[]): { row: ShedArm } & Record<string, unknown> {
  const { q1, median: cpuMicros, q3 } = quartiles(costs(slices))
  const ends = slices.map(({ rssEndMb }) => rssEndMb)
  const half = Math.floor(ends.length / 2)

  return {
    row,
    cpuMicros,
    perSecond: median(slices.map(({ refused, seconds }) => refused / seconds)),
    rssMb: Math.max(...slices.map(({ rssPeakMb }) => rssPeakMb)),
    q1,
    q3,
    // flat memory: what the second half of the run held more than the first, in medians
    rssGrowthMb: median(ends.slice(half)) - median(ends.slice(0, half)),
    refused: slices.reduce((sum, { refused }) => sum + refused, 0),
    loopMaxMs: Math.max(...slices.map(({ loopMaxMs }) => loopMaxMs))
  }
}

function judge (context: BenchmarkContext, slices: ReadonlyMap<ShedArm, readonly Slice[]>): void {
  const costOf = (arm: ShedArm): number => median(costs(slices.get(arm) ?? []))

  compare(context, ['composed', costOf('composed')], ['wrap', costOf('wrap')])
  compare(context, ['composed', costOf('composed')], ['stock', costOf('stock')], TARGET.ofStock)
  compare(context, ['composed', costOf('composed')], ['floor', costOf('floor')], TARGET.ofFloor)
  compare(context, ['limited', costOf('limited')], ['floor', costOf('floor')])
  compare(context, ['blocked', costOf('blocked')], ['floor', costOf('floor')], TARGET.blockedOfFloor)
}

/** Says how much one row is of another, where both were measured, and whether that is too much, where anything is */
function compare ({ report }: BenchmarkContext, [row, cost]: readonly [ShedArm, number], [other, of]: readonly [ShedArm, number], target?: number): void {
  const ratio = cost / of

  if (Number.isNaN(ratio)) {
    return
  }

  report.progress(`${row} = ${ratio.toFixed(2)} ${other}`)

  if (target != null && ratio > target) {
    report.missed(`${row} needs ${ratio.toFixed(2)} of ${other}, more than ${target}`)
  }
}
