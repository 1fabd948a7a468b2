// Runs every test: vitest in Node (applications and attacks on their own), vitest in Chromium, and `node --test` on the packed packages.
//
//   npm test                          all of them
//   npm test -- packages/address      those whose path contains one of the words
//
// The last line is the sum of what the runners themselves report.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findChromium } from './lib/chromium.ts'
import { isInterrupted, runNode, seconds } from './lib/run.ts'
import { addCounts, describeCounts, vitestCounts } from './lib/test-counts.ts'
import { files, root } from './lib/workspace.ts'
import type { Counts } from './lib/count-reporter.ts'
import type { Outcome } from './lib/run.ts'
import type { VitestReport } from './lib/test-counts.ts'

/** The longest that one runner may take, in ms: the tests of Node take 6 minutes on two cores, and have taken 11 while the host was slow */
const LIMIT = 1_500_000

/** So many failures of each runner are named at the end */
const NAMED = 20

const NONE: Counts = { passed: 0, skipped: 0, failures: [] }

const filters = process.argv.slice(2)
const reports = mkdtempSync(join(tmpdir(), 'cordon-test-'))

async function vitest (project: string): Promise<Counts> {
  const report = join(reports, `${project}.json`)
  const { code, output } = await runNode([
    'node_modules/vitest/vitest.mjs', 'run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`,
    ...(filters.length > 0 ? ['--passWithNoTests', ...filters] : [])
  ], { show: true, timeout: LIMIT })
  return judge(project, { code, output }, existsSync(report) ? vitestCounts(JSON.parse(readFileSync(report, 'utf8')) as VitestReport) : undefined)
}

async function chromium (): Promise<Counts> {
  const { path, reason } = findChromium()
  if (path != null) return await vitest('chromium')
  if (process.env['CI'] === 'true') return failed(`chromium: ${reason}`)
  process.stdout.write(`\nchromium: skipped as a whole, ${reason}\n`)
  return { passed: 0, skipped: 1, failures: [] }
}

async function packed (): Promise<Counts> {
  const suites = files('test/packaging/*.test.ts').filter(path => filters.length === 0 || filters.some(word => path.includes(word)))
  if (suites.length === 0 && filters.length > 0) return NONE
  process.stdout.write('\npacked: building, packing and installing every public package\n')
  const build = await runNode(['scripts/build.ts'], { show: true })
  if (build.code !== 0) return failed('packed: the build failed')
  const report = join(reports, 'packed.json')
  const outcome = await runNode([
    '--test', '--test-reporter=spec', '--test-reporter-destination=stdout',
    `--test-reporter=${join(root, 'scripts/lib/count-reporter.ts')}`, `--test-reporter-destination=${report}`, ...suites
  ], { show: true, timeout: LIMIT })
  return judge('packed', outcome, existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) as Counts : undefined)
}

function failed (reason: string): Counts {
  return { ...NONE, failures: [reason] }
}

/** A runner that ended badly has failed, whatever its tests say; so has one that ran nothing, unless it was asked for less than all */
function judge (runner: string, { code, output }: Outcome, counts: Counts | undefined): Counts {
  // all that is in the output of what was shown is why it did not end by itself
  if (counts == null) return failed(`${runner}: ended with exit code ${code} and left no report${output === '' ? '' : `: ${output.trim()}`}`)
  const { failures, passed } = counts
  if (code !== 0 && failures.length === 0) return addCounts(failed(`${runner}: ended with exit code ${code} although no test failed (an unhandled error, or a file that could not be loaded)`), counts)
  if (filters.length === 0 && passed + failures.length === 0) return addCounts(failed(`${runner}: ran no test`), counts)
  return counts
}

const RUNNERS: Record<string, () => Promise<Counts>> = {
  ...Object.fromEntries(['node', 'applications', 'attacks', 'timed-attacks'].map(project => [project, async () => vitest(project)])),
  chromium,
  packed
}

/** Once more, after all output: the end is what is left of a log that was cut */
function nameFailures ({ failures }: Counts): string[] {
  const more = failures.length - NAMED
  return [...failures.slice(0, NAMED).map(failure => `✗ ${failure}`), ...(more > 0 ? [`  and ${more} more`] : [])]
}

async function main (): Promise<void> {
  const lines: string[] = []
  const failures: string[] = []
  let sum = NONE
  const add = (result: Counts): void => {
    failures.push(...nameFailures(result))
    sum = addCounts(sum, result)
  }
  for (const [name, runner] of Object.entries(RUNNERS)) {
    if (isInterrupted()) break
    const begin = performance.now()
    const result = await runner()
    lines.push(`${name.padEnd(14)}${describeCounts(result)} in ${seconds(performance.now() - begin)}`)
    add(result)
  }
  if (sum.passed + sum.failures.length === 0) add(failed(filters.length > 0 ? `no test matches ${filters.join(' ')}` : 'no test ran'))
  process.stdout.write(`\n${[...lines, ...failures, describeCounts(sum)].join('\n')}\n`)
  if (sum.failures.length > 0) process.exitCode = isInterrupted() ? 130 : 1
}

try {
  await main()
} finally {
  rmSync(reports, { recursive: true, force: true })
}
