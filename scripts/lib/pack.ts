import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.ts'
import { packages, root } from './workspace.ts'

/** One published package, packed */
export interface Tarball {
  readonly name: string
  readonly path: string
}

/** Packs every published package into a folder, from what has been built */
export async function packAll (folder: string): Promise<Tarball[]> {
  mkdirSync(folder, { recursive: true })
  const published = packages().filter(({ manifest }) => manifest.private !== true)
  const { code, output } = await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder, ...published.flatMap(({ path }) => ['--workspace', path])], { cwd: root })
  if (code !== 0) throw new Error(`npm pack ended with exit code ${code}\n${output}`)
  return published.map(({ manifest: { name, version } }) => ({ name, path: join(folder, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`) }))
}
