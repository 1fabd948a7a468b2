// Puts known bugs into the resource manager, one at a time, and looks whether its tests find them.
//
//   npm run mutate                       all of them; fails if more than two are not found
//   npm run mutate -- span participant   those whose name, or the path of whose file, contains one of the words
//   npm run mutate -- --write            all of them, and writes docs/resource-manager-mutations.md
//   npm run mutate -- --write span       writes what it has tried into that page, which keeps the others
//
// Nothing on the disk is changed: the bug is put into the source as it is loaded. See scripts/lib/*mutants.ts.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { MAX_SURVIVORS } from './lib/mutants.ts'
import { allMutants, mutate, MUTANT_VARIABLE, sourceOf, testRuns } from './lib/mutation.ts'
import { killersOn, MUTATIONS_PAGE, mutationsPage } from './lib/mutations-page.ts'
import { report } from './lib/report.ts'
import { isInterrupted, runNode, seconds } from './lib/run.ts'
import { readJson, root } from './lib/workspace.ts'
import type { Mutant } from './lib/mutants.ts'
import type { TestRun } from './lib/mutation.ts'

/** A bug may make a test wait for ever; that is as good as a failure, in ms. Without one no run takes a third of it. */
const TIMEOUT = 300_000

/** What vitest's JSON reporter writes, as far as it is of use here */
interface VitestJson {
  readonly numTotalTests: number
  readonly testResults: ReadonlyArray<{ readonly name: string, readonly message: string, readonly assertionResults: ReadonlyArray<{ readonly status: string, readonly title: string }> }>
}

const words = process.argv.slice(2).filter(argument => !argument.startsWith('-'))
const writes = process.argv.includes('--write')
const reports = mkdtempSync(join(tmpdir(), 'cordon-mutate-'))
let runs = 0

/** The first test that failed, or what else went wrong; undefined where all passed */
async function firstFailure ({ paths, which, isolated }: TestRun, mutant?: Mutant): Promise<string | undefined> {
  const file = join(reports, `${++runs}.json`)
  const { code, output } = await runNode([
    '--conditions=@cordon/source', 'node_modules/vitest/vitest.mjs', 'run', '--config', 'scripts/lib/mutation.config.ts',
    '--reporter=json', `--outputFile=${file}`, ...(which == null ? [] : ['--testNamePattern', which]), ...(isolated === true ? ['--pool=forks', '--isolate'] : []), ...paths
  ], { timeout: TIMEOUT, env: { [MUTANT_VARIABLE]: mutant?.id } })
  if (!existsSync(file)) return code === 0 ? undefined : `did not end: ${output.trim().split('\n').at(-1)}`
  const { numTotalTests, testResults } = readJson<VitestJson>(file)
  if (code === 0 && numTotalTests > 0) return undefined
  for (const { name, assertionResults } of testResults) {
    const failed = assertionResults.find(({ status }) => status === 'failed')
    if (failed != null) return `${basename(name)}: ${failed.title}`
  }
  // a source that cannot even be loaded is no bug that somebody would have overlooked
  throw new Error(`${mutant?.id ?? 'without any bug'}: no test ran: ${testResults.find(({ message }) => message !== '')?.message ?? output}`)
}

/** Runs the tests until one fails */
async function killer (runs: readonly TestRun[], mutant?: Mutant): Promise<string | undefined> {
  for (const testRun of runs) {
    const failure = await firstFailure(testRun, mutant)
    if (failure != null) return failure
  }
  return undefined
}

/** What does not apply any more */
function stale (mutants: readonly Mutant[]): string[] {
  return mutants.flatMap(mutant => {
    try {
      mutate(readFileSync(join(root, sourceOf(mutant)), 'utf8'), mutant)
      return []
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)]
    }
  })
}

/** Who finds each of them, as many at once as there are cores; without any bug the tests have to pass, or finding one means nothing */
async function hunt (mutants: readonly Mutant[]): Promise<Map<string, string | undefined>> {
  const killers = new Map<string, string | undefined>()
  const bare = new Map(mutants.map(mutant => [JSON.stringify(testRuns(mutant)), { runs: testRuns(mutant), mutant: undefined }]))
  const queue = [...bare.values(), ...mutants.map(mutant => ({ runs: testRuns(mutant), mutant }))]
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next != null && !isInterrupted(); next = queue.shift()) {
      const { runs, mutant } = next
      const found = await killer(runs, mutant)
      if (mutant == null && found != null) throw new Error(`the tests fail without any bug: ${found}`)
      if (mutant == null) continue
      killers.set(mutant.id, found)
      console.log(`${found == null ? '✗ survived' : '✓ killed  '} ${mutant.id.padEnd(26)} ${found ?? `nothing notices that ${mutant.bug}`}`)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return killers
}

/** What was not tried stays as it was on the page; what was never tried is shown as what nothing finds */
function write (killers: ReadonlyMap<string, string | undefined>): void {
  const page = join(root, MUTATIONS_PAGE)
  writeFileSync(page, mutationsPage(new Map([...killersOn(readFileSync(page, 'utf8')), ...killers])))
}

async function main (): Promise<string[]> {
  const mutants = allMutants().filter(mutant => words.length === 0 || words.some(word => mutant.id.includes(word) || sourceOf(mutant).includes(word)))
  if (mutants.length === 0) return [`no bug has ${words.join(' or ')} in its name or the path of its file`]
  const lost = stale(mutants)
  if (lost.length > 0) return lost

  const killers = await hunt(mutants)
  if (isInterrupted()) return ['interrupted']
  const survivors = mutants.filter(({ id }) => killers.get(id) == null)
  console.log(`${mutants.length - survivors.length} of ${mutants.length} bugs were found`)
  if (writes) write(killers)
  return survivors.length > MAX_SURVIVORS ? survivors.map(({ id, bug }) => `${id}: nothing notices that ${bug}`) : []
}

const begin = performance.now()
const problems = await main().catch((error: unknown) => [String(error)]).finally(() => { rmSync(reports, { recursive: true, force: true }) })
report(problems, `the tests find what they have to (${seconds(performance.now() - begin)})`)
