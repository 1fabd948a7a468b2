import { existsSync, globSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { root } from './workspace.ts'
import type { Workspace } from './workspace.ts'

/** Dependencies of which a package takes in what it uses: ten of valibot's 300 functions, and nobody has to share them */
const TAKEN_IN: readonly string[] = ['valibot']

/** Where esbuild says that the modules of a dependency lie */
const folderOf = (name: string): string => `node_modules/${name}/`

/**
 * Builds one module for each entry point of a package, and removes from its `dist` what nobody would write any more.
 *
 * @param target - the language of what is built, as in tsconfig.base.json
 */
export async function bundle ({ absolute, path, manifest }: Workspace, target: string): Promise<void> {
  const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
  const takenIn = dependencies.filter(name => TAKEN_IN.includes(name))
  const { metafile } = await build({
    absWorkingDir: absolute,
    entryPoints: Object.values(manifest.exports ?? {}).map(entry => (entry as { readonly '@cordon/source': string })['@cordon/source']),
    outbase: 'src',
    outdir: 'dist',
    bundle: true,
    // other packages stay what they are: there must not be two of any class or symbol
    external: [...dependencies.filter(name => !TAKEN_IN.includes(name)), 'node:*'],
    // nor of what two entry points of a package share
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target,
    sourcemap: true,
    // our sources are in the package, those of others are not
    sourcesContent: takenIn.length > 0,
    footer: { js: takenIn.map(notice).join('\n') },
    metafile: true,
    logLevel: 'silent'
  })
  const strangers = Object.keys(metafile.inputs).filter(input => !input.startsWith('src/') && !takenIn.some(name => input.includes(folderOf(name))))
  if (strangers.length > 0) throw new Error(`${path}: ${strangers.join(', ')} would become a part of it: each dependency is declared in package.json`)
  removeStale(absolute, new Set(Object.keys(metafile.outputs)))
}

/** What a licence asks to be copied along */
function notice (name: string): string {
  return `/*! Parts of ${name}\n\n${readFileSync(join(root, folderOf(name), 'LICENSE.md'), 'utf8').trim()}\n*/`
}

/** What an earlier build left in `dist` and this one would not have written */
function removeStale (absolute: string, written: ReadonlySet<string>): void {
  for (const file of globSync('dist/**/*.{js,js.map,d.ts,d.ts.map}', { cwd: absolute })) {
    const name = file.split('\\').join('/')
    const source = name.replace(/^dist/, 'src').replace(/\.d\.ts(?:\.map)?$/, '.ts')
    if (!written.has(name) && !(name.includes('.d.ts') && existsSync(join(absolute, source)))) rmSync(join(absolute, file))
  }
}
