import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { bundle } from '../lib/bundle.ts'
import type { Manifest } from '../lib/workspace.ts'

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A package of these files */
function write (files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bundle-'))
  folders.push(folder)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

async function build (folder: string, more: Partial<Manifest> = {}): Promise<void> {
  const exports = { '.': { '@cordon/source': './src/index.ts' } }
  await bundle({ folder: 'thing', path: 'packages/thing', absolute: folder, manifest: { name: '@cordon/thing', exports, ...more } }, 'ES2023')
}

describe('the build of a package', () => {
  it('is one module of all its sources, which leaves dependencies where they are', async () => {
    const folder = write({
      'src/index.ts': 'import { other } from \'@cordon/other\'\nimport { deep } from \'./deep/part.ts\'\nexport const all: unknown[] = [other, deep]\n',
      'src/deep/part.ts': 'export const deep = \'deep part\'\n'
    })
    await build(folder, { dependencies: { '@cordon/other': '0.0.0' } })

    expect(readdirSync(join(folder, 'dist')).sort()).toEqual(['index.js', 'index.js.map'])
    const text = readFileSync(join(folder, 'dist/index.js'), 'utf8')
    expect(text).toContain('from "@cordon/other"')
    expect(text).toContain('deep part')
  })

  it('refuses to take in what the manifest does not name', async () => {
    const folder = write({
      'src/index.ts': 'export { secret } from \'undeclared\'\n',
      'node_modules/undeclared/package.json': '{ "name": "undeclared", "main": "index.js", "exports": "./index.js" }',
      'node_modules/undeclared/index.js': 'export const secret = 1\n'
    })

    await expect(build(folder)).rejects.toThrow('packages/thing: node_modules/undeclared/index.js would become a part of it')
  })

  it('removes what an earlier one left, and no declaration that has a source', async () => {
    const folder = write({
      'src/index.ts': 'export const one = 1\n',
      'dist/index.d.ts': '',
      'dist/index.d.ts.map': '',
      'dist/deep/old.js': '',
      'dist/deep/old.js.map': '',
      'dist/deep/old.d.ts': '',
      'dist/.tsbuildinfo': ''
    })
    await build(folder)

    expect(readdirSync(join(folder, 'dist')).sort()).toEqual(['.tsbuildinfo', 'deep', 'index.d.ts', 'index.d.ts.map', 'index.js', 'index.js.map'])
    expect(existsSync(join(folder, 'dist/deep/old.d.ts'))).toBe(false)
    expect(readdirSync(join(folder, 'dist/deep'))).toEqual([])
  })
})
