import { basename, join } from 'node:path'
import { MUTANTS } from './mutants.ts'
import { files } from './workspace.ts'
import type { Mutant } from './mutants.ts'

const CORE = 'resource-manager'

/** Where a bug is put */
export function sourceOf ({ package: name = CORE, file }: Pick<Mutant, 'package' | 'file'>): string {
  return `packages/${name}/src/${file}`
}

/** Tells the configuration of the tests which bug to put in */
export const MUTANT_VARIABLE = 'CORDON_MUTANT'

const TESTS = `packages/${CORE}/test`

/** Those that take long, with as much of each as is run against a bug that nothing else has found */
const SLOW: ReadonlyArray<readonly [file: string, which: string | undefined]> = [
  ['model.spec.ts', 'part 0'],
  ['properties.spec.ts', undefined],
  ['interleavings.spec.ts', undefined]
]

/** First what finds most, as fast as it can; what takes long only sees what all of these have missed */
const FIRST = ['compliance.spec.ts', 'defects.spec.ts', 'prefixes.spec.ts', 'prefix-limits.spec.ts', 'allowlist.spec.ts', 'limits.spec.ts', 'metrics.spec.ts', 'scopes.spec.ts']

/** What of these packages is about nodes: a part of the manager's own tests, the smallest first, and those of composed nodes */
const UNIT = ['participant.spec.ts', 'participant-streams.spec.ts', 'participant-relays.spec.ts', 'unnegotiated.spec.ts', 'participant-model.spec.ts']
const NODES = ['test/resource-manager/*.spec.ts', 'test/composition/*.spec.ts']

/** One run of vitest */
export interface TestRun {
  readonly paths: readonly string[]
  /** Which tests of them; all, where it is absent */
  readonly which?: string
  /** Each file in a process of its own: nodes have sockets, timers and listeners of the process */
  readonly isolated?: boolean
}

/** What is run against a bug, until something finds it */
export function testRuns (mutant: Pick<Mutant, 'package' | 'file'> = { file: '' }): TestRun[] {
  const { package: name = CORE, file } = mutant
  if (name === CORE && !file.startsWith('node/')) return coreRuns()
  const unit = name === CORE ? UNIT.map(spec => join(TESTS, spec)) : nodeFiles(`packages/${name}/test/*.spec.ts`)
  return [{ paths: unit }, { paths: NODES.flatMap(nodeFiles), isolated: true }]
}

/** Everything that any bug faces, in order */
export function allRuns (): TestRun[] {
  return allMutants().flatMap(testRuns)
}

function nodeFiles (glob: string): string[] {
  return files(glob).filter(path => !/\.(?:node|browser)\.spec\.ts$/.test(path))
}

function coreRuns (): TestRun[] {
  const slow = SLOW.map(([file]) => file)
  const all = nodeFiles(`${TESTS}/*.spec.ts`).map(path => basename(path))
  const others = all.filter(name => !FIRST.includes(name) && !slow.includes(name))
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
export function mutate (source: string, mutant: Mutant): string {
  const { id, find, replace } = mutant
  const parts = source.split(find)
  if (parts.length !== 2) throw new Error(`${id}: ${sourceOf(mutant)} has ${parts.length - 1} times what scripts/lib/*mutants.ts looks for: ${JSON.stringify(find)}`)
  return parts.join(replace)
}
