/**
 * @packageDocumentation
 *
 * Whether honest peers still get in while others open connections and stall: a bare node and a composed one, with
 * nothing but their defaults, under the same flood. See README.md.
 *
 * @example
 *
 * ```sh
 * npm run --silent bench -- handshake-flood --json
 * ```
 */

import { benchmark, quantile, rotate, spread } from '@cordon/bench-harness'
import { FLOODS } from './rows.ts'
import { QUIET_P99_LIMIT, runFlood } from './run.ts'
import type { Flood } from './rows.ts'
import type { Run, Timing } from './run.ts'
import type { BenchmarkContext } from '@cordon/bench-harness'
import type { Arm } from '@cordon/bench-harness/node'

const ARMS: readonly Arm[] = ['bare', 'composed']

const FULL: Timing & { reps: number } = { warmUp: 3, quiet: 5, attack: 20, reps: 2 }
const QUICK: Timing & { reps: number } = { warmUp: 1, quiet: 1, attack: 5, reps: 1 }

/** Rows of a quick run: the ones that hurt a bare node within its time */
const QUICK_ROWS = ['stall-5', 'stall-500x100-shared']

/** A bare node that lets in this share of the honest peers is said not to suffer */
const SUFFERS_BELOW = 0.9

/** What a composed node owes to honest peers */
const TARGET = 0.99

/** The attack of one arm may be this much weaker than that of the other */
const MAX_ATTACK_SPREAD = 0.2

benchmark('handshake-flood', { maxSeconds: 1_800 }, async context => {
  const { reps, ...timing } = context.quick ? QUICK : FULL
  const floods = FLOODS.filter(({ row }) => context.wanted(row) && (!context.quick || QUICK_ROWS.includes(row)))

  for (const flood of floods) {
    const runs = await runArms(context, flood, timing, reps)

    for (const arm of ARMS) {
      context.report.row(summary(flood, arm, runs[arm]))
    }

    judge(context, flood, runs)
  }
})

type Runs = Record<Arm, Run[]>

async function runArms ({ lab, report }: BenchmarkContext, flood: Flood, timing: Timing, reps: number): Promise<Runs> {
  const runs: Runs = { bare: [], composed: [] }

  for (let rep = 0; rep < reps; rep++) {
    for (const arm of rotate(ARMS, rep)) {
      const run = await runFlood(lab, flood, arm, timing)

      runs[arm].push(run)
      report.progress(`${flood.row} ${arm} ${rep + 1} of ${reps}: ` +
        `${run.probe.latencies.length} of ${run.probe.tried} honest attempts, ${run.attack.perSecond.toFixed(1)} stalled a second, ` +
        `quiet p99 ${run.quietP99Ms.toFixed(0)} ms, failures ${JSON.stringify(run.probe.failures)}`)
    }
  }

  return runs
}

/** Attempts are added up, times come from all attempts together, and what must not grow is the worst of all runs */
function summary ({ row }: Flood, arm: Arm, runs: readonly Run[]): { row: string } & Record<string, unknown> {
  const latencies = runs.flatMap(run => run.probe.latencies)

  return {
    row,
    arm,
    legitOk: latencies.length,
    legitTry: sum(runs.map(run => run.probe.tried)),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    rssPeakMb: max(runs.map(run => run.victim.rssPeakMb)),
    loopMaxMs: max(runs.map(run => run.victim.loopMaxMs)),
    loopP99Ms: max(runs.map(run => run.victim.loopP99Ms)),
    cpuPct: max(runs.map(run => run.victim.cpuMicros / run.victim.seconds / 1e4)),
    attackerRate: sum(runs.map(run => run.attack.perSecond)) / runs.length,
    attackerHeld: max(runs.map(run => run.attack.heldPeak)),
    attackerHeldPerSource: max(runs.map(run => run.attack.heldPeakPerSource)),
    quietP99Ms: max(runs.map(run => run.quietP99Ms)),
    runs: runs.map(run => ({ legitOk: run.probe.latencies.length, legitTry: run.probe.tried, failures: run.probe.failures }))
  }
}

function judge ({ report, quick }: BenchmarkContext, flood: Flood, { bare, composed }: Runs): void {
  const rates = [bare, composed].map(runs => sum(runs.map(run => run.attack.perSecond)) / runs.length)
  const held = max(composed.map(run => run.attack.heldPeakPerSource))
  const quiet = max([...bare, ...composed].map(run => run.quietP99Ms))

  if (share(bare) >= SUFFERS_BELOW) {
    report.invalid(`${flood.row}: the bare node let in ${percent(share(bare))} of the honest peers, so it did not suffer`)
  }

  if (spread(rates) > MAX_ATTACK_SPREAD) {
    report.invalid(`${flood.row}: the arms were attacked at different rates, ${rates.map(rate => rate.toFixed(1)).join(' and ')} a second`)
  }

  if (flood.maxHeldPerSource != null && held > flood.maxHeldPerSource) {
    report.invalid(`${flood.row}: the attacker held ${held} sockets of the shared address, more than ${flood.maxHeldPerSource}`)
  }

  // a quick run only shows that the benchmark works, also while tests use the machine
  if (!quick && quiet > QUIET_P99_LIMIT) {
    report.invalid(`${flood.row}: p99 was ${quiet.toFixed(0)} ms before the attack, so the machine is too busy for a verdict`)
  }

  if (share(composed) < TARGET) {
    report.missed(`${flood.row}: the composed node let in ${percent(share(composed))} of the honest peers, less than ${percent(TARGET)}`)
  }
}

function share (runs: readonly Run[]): number {
  return sum(runs.map(run => run.probe.latencies.length)) / sum(runs.map(run => run.probe.tried))
}

function percent (value: number): string {
  return `${(value * 100).toFixed(1)} %`
}

function sum (values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function max (values: readonly number[]): number {
  return Math.max(...values)
}
