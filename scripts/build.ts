// Builds each package into its `dist`: types by TypeScript, and one module for each entry point by esbuild.
//
// One module, because each full collection of a process goes through all that is alive, and Node keeps some seventy objects
// for each module, for good: see benchmarks/overhead/README.md.

import { join } from 'node:path'
import { bundle } from './lib/bundle.ts'
import { isInterrupted, runNode } from './lib/run.ts'
import { packages, readJson, root } from './lib/workspace.ts'

const { compilerOptions: { target } } = readJson<{ readonly compilerOptions: { readonly target: string } }>(join(root, 'tsconfig.base.json'))
const types = await runNode(['node_modules/typescript/bin/tsc', '-b'], { show: true })
if (types.code !== 0) process.exitCode ??= types.code
try {
  if (types.code === 0 && !isInterrupted()) await Promise.all(packages().map(async workspace => bundle(workspace, target)))
} catch (err) {
  console.error(err instanceof Error ? err.message : err)
  process.exitCode ??= 1
}
