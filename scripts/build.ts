// Builds each package into its `dist`: types by TypeScript, and one module for each entry point by esbuild.
//
// One module, because each full collection of a process goes through all that is alive, and Node keeps some twenty objects
// for each module, for good: see benchmarks/overhead/README.md.

import { globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { isInterrupted, runNode } from './lib/run.ts'
import { packages } from './lib/workspace.ts'
import type { Workspace } from './lib/workspace.ts'

/** As in tsconfig.base.json */
const TARGET = 'es2023'

/** Dependencies of which a package takes in what it uses: ten of valibot's 300 functions, and nobody has to share them */
const TAKEN_IN: ReadonlySet<string> = new Set(['valibot'])

async function bundle ({ absolute, manifest }: Workspace): Promise<void> {
  const others = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
  const { metafile } = await build({
    absWorkingDir: absolute,
    entryPoints: Object.values(manifest.exports ?? {}).map(entry => (entry as { readonly '@cordon/source': string })['@cordon/source']),
    outdir: 'dist',
    bundle: true,
    // other packages stay what they are: there must not be two of any class or symbol
    external: [...others.filter(name => !TAKEN_IN.has(name)), 'node:*'],
    // nor of what two entry points of a package share
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: TARGET,
    sourcemap: true,
    // they are in the package
    sourcesContent: false,
    metafile: true,
    logLevel: 'silent'
  })
  const stale = globSync('dist/**/*.{js,js.map}', { cwd: absolute }).filter(path => !(path.split('\\').join('/') in metafile.outputs))
  for (const path of stale) rmSync(join(absolute, path))
}

const types = await runNode(['node_modules/typescript/bin/tsc', '-b'], { show: true })
try {
  if (types.code === 0) await Promise.all(packages().map(bundle))
} catch (err) {
  console.error(err instanceof Error ? err.message : err)
  process.exitCode = 1
}
if (!isInterrupted() && types.code !== 0) process.exitCode = types.code
