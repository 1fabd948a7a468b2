// One benchmark, of the packages as they are published: built, not read from their sources, whose types and comments
// a process would carry with it.
//
//   npm run --silent bench -- overhead --json

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isInterrupted, runNode } from './lib/run.ts'
import { workspaces } from './lib/workspace.ts'

/** Longer than any benchmark gives itself, in ms */
const TIMEOUT = 3_600_000

// whatever is imported as `src/index.ts` by the others is no program
const names = workspaces('benchmarks')
  .filter(({ absolute, manifest }) => existsSync(join(absolute, 'src/index.ts')) && manifest.exports?.['.'] !== './src/index.ts')
  .map(({ folder }) => folder)

async function bench ([name, ...args]: readonly string[]): Promise<number> {
  if (name == null || !names.includes(name)) {
    console.error(`${name == null ? 'which benchmark?' : `there is no benchmark ${name}.`} npm run bench -- <name>, with one of: ${names.join(', ')}`)
    return 1
  }
  console.error('building the packages')
  const build = await runNode(['scripts/build.ts'])
  if (build.code !== 0) {
    if (!isInterrupted()) console.error(`the build failed:\n${build.output}`)
    return build.code
  }
  const { code, output } = await runNode(['--expose-gc', `benchmarks/${name}/src/index.ts`, ...args], { show: true, timeout: TIMEOUT })
  if (output !== '' && !isInterrupted()) console.error(output)
  return code
}

const code = await bench(process.argv.slice(2))
// which a signal has set already
if (!isInterrupted()) process.exitCode = code
