// Puts known bugs into the resource manager, one at a time, and looks whether its tests find them.
//
//   npm run mutate                  all of them; fails if more than two are not found
//   npm run mutate -- span lane     those whose name contains one of the words
//   npm run mutate -- --write       all of them, and writes docs/resource-manager-mutations.md
//
// Nothing on the disk is changed: the bug is put into the source as it is loaded. See scripts/lib/mutants.ts.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { MAX_SURVIVORS } from './lib/mutants.ts'
import { allMutants, mutate, MUTANT_VARIABLE, SOURCE, testRuns } from './lib/mutation.ts'
import { MUTATIONS_PAGE, mutationsPage } from './lib/mutations-page.ts'
import { report } from './lib/report.ts'
import { isInterrupted, runNode, seconds } from './lib/run.ts'
import { readJson, root } from './lib/workspace.ts'
import type { Mutant } from './lib/mutants.ts'
import type { TestRun } from './lib/mutation.ts'

/** A bug may make a test wait for ever; that is as good as a failure, in ms */
const TIMEOUT = 120_000

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
async function firstFailure ({ paths, which }: TestRun, mutant?: Mutant): Promise<string | undefined> {
  const file = join(reports, `${++runs}.json`)
  const { code, output } = await runNode([
    '--conditions=@cordon/source', 'node_modules/vitest/vitest.mjs', 'run', '--config', 'scripts/lib/mutation.config.ts',
    '--reporter=json', `--outputFile=${file}`, ...(which == null ? [] : ['--testNamePattern', which]), ...paths
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
async function killer (mutant?: Mutant): Promise<string | undefined> {
  for (const testRun of testRuns()) {
    const failure = await firstFailure(testRun, mutant)
    if (failure != null) return failure
  }
  return undefined
}

/** What does not apply any more */
function stale (mutants: readonly Mutant[]): string[] {
  return mutants.flatMap(mutant => {
    try {
      mutate(readFileSync(join(root, SOURCE, mutant.file), 'utf8'), mutant)
      return []
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)]
    }
  })
}

/** Who finds each of them, as many at once as there are cores; without any bug the tests have to pass, or finding one means nothing */
async function hunt (mutants: readonly Mutant[]): Promise<Map<string, string | undefined>> {
  const killers = new Map<string, string | undefined>()
  const queue: Array<Mutant | undefined> = [undefined, ...mutants]
  const worker = async (): Promise<void> => {
    while (queue.length > 0 && !isInterrupted()) {
      const mutant = queue.shift()
      const found = await killer(mutant)
      if (mutant == null && found != null) throw new Error(`the tests fail without any bug: ${found}`)
      if (mutant == null) continue
      killers.set(mutant.id, found)
      console.log(`${found == null ? '✗ survived' : '✓ killed  '} ${mutant.id.padEnd(22)} ${found ?? `nothing notices that ${mutant.bug}`}`)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return killers
}

async function main (): Promise<string[]> {
  const mutants = allMutants().filter(({ id }) => words.length === 0 || words.some(word => id.includes(word)))
  const lost = stale(mutants)
  if (lost.length > 0) return lost

  const killers = await hunt(mutants)
  if (isInterrupted()) return ['interrupted']
  const survivors = mutants.filter(({ id }) => killers.get(id) == null)
  console.log(`${mutants.length - survivors.length} of ${mutants.length} bugs were found`)
  if (writes && words.length === 0) writeFileSync(join(root, MUTATIONS_PAGE), mutationsPage(killers))
  return survivors.length > MAX_SURVIVORS ? survivors.map(({ id, bug }) => `${id}: nothing notices that ${bug}`) : []
}

const begin = performance.now()
const problems = await main().catch((error: unknown) => [String(error)]).finally(() => { rmSync(reports, { recursive: true, force: true }) })
report(problems, `the tests find what they have to (${seconds(performance.now() - begin)})`)
