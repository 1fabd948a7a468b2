import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { packAll } from '../../scripts/lib/pack.ts'
import { run, runNode } from '../../scripts/lib/run.ts'
import { packages, readJson, root } from '../../scripts/lib/workspace.ts'
import type { Tarball } from '../../scripts/lib/pack.ts'
import type { Manifest } from '../../scripts/lib/workspace.ts'

const FIXTURES = join(import.meta.dirname, 'fixtures')

/** What the application of the fixtures brings itself, in the versions that are tested here */
const BESIDES = ['@libp2p/noise', '@libp2p/tcp', '@libp2p/yamux', '@multiformats/multiaddr', '@types/node', 'libp2p', 'vitest']

/** Calls of vitest's `describe` belong inside vitest, so outside it can only be resolved */
const INSIDE_VITEST = '@cordon/interface-compliance-tests'

const names = packages().filter(({ manifest }) => manifest.private !== true).map(({ manifest }) => manifest.name)

describe('packed packages in an empty project', () => {
  let project: string
  let tarballs: Tarball[]

  before(async () => {
    project = mkdtempSync(join(tmpdir(), 'cordon-consumer-'))
    tarballs = await packAll(join(project, 'tarballs'))
    const versions = readJson<Manifest>(join(root, 'package.json')).devDependencies ?? {}
    writeFileSync(join(project, 'package.json'), JSON.stringify({
      name: 'consumer',
      private: true,
      type: 'module',
      dependencies: {
        ...Object.fromEntries(tarballs.map(({ name, path }) => [name, `file:${path}`])),
        ...Object.fromEntries(BESIDES.map(name => [name, versions[name] ?? 'must be pinned at the top']))
      }
    }))
    cpSync(FIXTURES, project, { recursive: true })
    const { code, output } = await run('npm', ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: project })
    assert.equal(code, 0, output)
  })

  after(() => { rmSync(project, { recursive: true, force: true }) })

  for (const name of names) {
    it(`${name} imports`, async () => {
      const code = name === INSIDE_VITEST ? `import.meta.resolve('${name}')` : `const all = await import('${name}'); if (Object.keys(all).length === 0) throw new Error('exports nothing')`
      const outcome = await runNode(['--input-type=module', '--eval', code], { cwd: project })
      assert.equal(outcome.code, 0, outcome.output)
    })
  }

  for (const name of names) {
    it(`${name} holds its sources, its build, its README and its licence, and nothing else`, async () => {
      const { output } = await run('tar', ['-tzf', tarballs.find(tarball => tarball.name === name)?.path ?? ''])
      const files = output.trim().split('\n').map(path => path.replace(/^package\//, ''))
      for (const file of ['package.json', 'README.md', 'LICENSE', 'src/index.ts', 'dist/index.js', 'dist/index.d.ts']) assert.ok(files.includes(file), `${file} is missing`)
      assert.deepEqual(files.filter(file => !/^(?:src|dist)\/.+\.(?:ts|js|map)$|^package\.json$|^README\.md$|^LICENSE$|^fail2ban\/.+\.conf$/.test(file)), [])
      assert.deepEqual(files.filter(file => /\.js$/.test(file)), ['dist/index.js'], 'one module is what is alive of a package, see scripts/build.ts')
    })
  }

  it('carries the notice of whoever wrote what was built into it', async () => {
    const { output } = await run('tar', ['-xOzf', tarballs.find(({ name }) => name === '@cordon/options')?.path ?? '', 'package/dist/index.js'])
    assert.match(output, /Parts of valibot\s+MIT License\s+Copyright \(c\) Fabian Hiller/)
  })

  it('runs two composed nodes and ends', async () => {
    const { code, output } = await runNode(['--unhandled-rejections=strict', 'run.mjs'], { cwd: project, timeout: 30_000 })
    assert.equal(code, 0, output)
    assert.deepEqual(JSON.parse(output), { status: 'open', ready: 1, left: 0 })
  })

  it('compiles in the strictest mode', async () => {
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({
      compilerOptions: {
        target: 'ES2024',
        module: 'NodeNext',
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        noPropertyAccessFromIndexSignature: true,
        skipLibCheck: false,
        types: ['node'],
        noEmit: true
      },
      files: ['consumer.ts']
    }))
    const { code, output } = await runNode([join(root, 'node_modules/typescript/bin/tsc'), '-p', project], { cwd: project })
    assert.equal(code, 0, output)
  })
})
