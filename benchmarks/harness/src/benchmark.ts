import { inspect, parseArgs } from 'node:util'
import { createLab } from './lab.ts'
import { BenchmarkReport } from './report.ts'
import type { Lab } from './lab.ts'
import type { Report } from './report.ts'

export interface BenchmarkOptions {
  /** The benchmark is ended after this long, whatever it does, in seconds */
  maxSeconds: number
}

export interface BenchmarkContext {
  readonly lab: Lab
  readonly report: Report

  /** A short run that shows that the benchmark works; its numbers mean little */
  readonly quick: boolean

  /** Whether this row was asked for (`--row <name>`, as often as wanted; without it, all) */
  readonly wanted: (row: string) => boolean
}

/** As shells report a process that was ended by SIGINT */
const INTERRUPTED = 130

/**
 * Runs a benchmark as the main module of a process. Arguments: `--json`, `--quick`, `--row <name>`. Exits with 0,
 * or with 1 when it failed, took too long, or reported itself invalid. All processes of its lab are ended first.
 */
export function benchmark (name: string, options: BenchmarkOptions, run: (context: BenchmarkContext) => Promise<void>): void {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      row: { type: 'string', multiple: true }
    }
  })
  const lab = createLab()
  const report = new BenchmarkReport(name, values.json)

  /** Ends before the benchmark does; everything that was started is gone by then */
  const leave = (code: number): void => {
    void lab[Symbol.asyncDispose]().then(() => { process.exit(code) })
  }

  // the last resort, and synchronous: nothing that was started outlives this process
  process.on('exit', () => { lab.kill() })

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => { leave(INTERRUPTED) })
  }

  const timer = setTimeout(() => {
    report.invalid(`not done after ${options.maxSeconds} s`)
    leave(1)
  }, options.maxSeconds * 1_000)

  const context = { lab, report, quick: values.quick, wanted: (row: string): boolean => values.row?.includes(row) ?? true }

  void conduct(context, report, run).then(() => {
    clearTimeout(timer)
    process.exitCode = report.valid ? 0 : 1
  })
}

async function conduct (context: BenchmarkContext, report: BenchmarkReport, run: (context: BenchmarkContext) => Promise<void>): Promise<void> {
  try {
    await run(context)

    if (report.size === 0) {
      report.invalid('nothing was measured')
    }

    report.end()
  } catch (error) {
    // with what caused it
    report.invalid(inspect(error))
  } finally {
    await context.lab[Symbol.asyncDispose]()
  }
}
