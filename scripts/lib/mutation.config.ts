// How the tests are run against one bug: in the order given, in one process, up to the first that fails. The bug is put
// into the source as it is loaded, so that nothing on the disk changes.

import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { allMutants, allRuns, mutate, MUTANT_VARIABLE, sourceOf } from './mutation.ts'
import { root } from './workspace.ts'
import type { Mutant } from './mutants.ts'
import type { Plugin } from 'vitest/config'
import type { TestSequencer, TestSpecification } from 'vitest/node'

const CONDITIONS = ['@cordon/source', 'node', 'module', 'import', 'default']

const chosen = process.env[MUTANT_VARIABLE]
const mutant = allMutants().find(({ id }) => id === chosen)
if (chosen != null && mutant == null) throw new Error(`there is no bug ${chosen}`)

function bug (of: Mutant): Plugin {
  const path = join(root, sourceOf(of))
  return {
    name: 'bug',
    enforce: 'pre',
    transform: (code, id) => id === path ? { code: mutate(code, of), map: null } : undefined
  }
}

const ORDER = [...new Set(allRuns().flatMap(({ paths }) => paths))]

/** vitest would begin with what failed or took longest the last time */
class InOrder implements TestSequencer {
  shard (specifications: TestSpecification[]): TestSpecification[] {
    return specifications
  }

  sort (specifications: TestSpecification[]): TestSpecification[] {
    const place = ({ moduleId }: TestSpecification): number => ORDER.findIndex(path => moduleId.endsWith(path))
    return specifications.toSorted((a, b) => place(a) - place(b))
  }
}

export default defineConfig({
  root,
  plugins: mutant == null ? [] : [bug(mutant)],
  resolve: { conditions: CONDITIONS },
  ssr: { resolve: { conditions: CONDITIONS } },
  test: {
    include: ORDER,
    pool: 'threads',
    isolate: false,
    fileParallelism: false,
    bail: 1,
    // a source would come out of the cache with the bug of another run
    fsModuleCache: false,
    sequence: { sequencer: InOrder },
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
