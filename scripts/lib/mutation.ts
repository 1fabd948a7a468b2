import { basename, join } from 'node:path'
import { MUTANTS } from './mutants.ts'
import { files } from './workspace.ts'
import type { Mutant } from './mutants.ts'

/** Where the bugs are put */
export const SOURCE = 'packages/resource-manager/src'

/** Tells the configuration of the tests which bug to put in */
export const MUTANT_VARIABLE = 'CORDON_MUTANT'

const TESTS = 'packages/resource-manager/test'

/** Those that take long, with as much of each as is run against a bug that nothing else has found */
const SLOW: ReadonlyArray<readonly [file: string, which: string | undefined]> = [
  ['model.spec.ts', 'part 0'],
  ['properties.spec.ts', undefined],
  ['interleavings.spec.ts', undefined]
]

/** First what finds most, as fast as it can; what takes long only sees what all of these have missed */
const FIRST = ['compliance.spec.ts', 'defects.spec.ts', 'prefixes.spec.ts', 'allowlist.spec.ts', 'limits.spec.ts', 'metrics.spec.ts', 'scopes.spec.ts']

/** One run of vitest */
export interface TestRun {
  readonly paths: readonly string[]
  /** Which tests of them; all, where it is absent */
  readonly which?: string
}

/** What is run against each bug, until something finds it */
export function testRuns (): TestRun[] {
  const slow = SLOW.map(([file]) => file)
  const all = files(`${TESTS}/*.spec.ts`).map(path => basename(path))
  const others = all.filter(name => !FIRST.includes(name) && !slow.includes(name) && !/\.(?:node|browser)\.spec\.ts$/.test(name))
  const paths = (names: readonly string[]): string[] => names.map(name => join(TESTS, name))
  return [{ paths: paths([...FIRST, ...others]) }, ...SLOW.map(([file, which]) => ({ paths: paths([file]), ...(which == null ? {} : { which }) }))]
}

export function allMutants (): Mutant[] {
  return Object.values(MUTANTS).flat()
}

/**
 * The source with the bug in it.
 *
 * @throws {Error} where the text to change is not found, or is found twice: the source has changed, and the bug has to change with it
 */
export function mutate (source: string, { id, file, find, replace }: Mutant): string {
  const parts = source.split(find)
  if (parts.length !== 2) throw new Error(`${id}: ${SOURCE}/${file} has ${parts.length - 1} times what scripts/lib/mutants.ts looks for: ${JSON.stringify(find)}`)
  return parts.join(replace)
}
