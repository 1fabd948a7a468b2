import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkGraph, readGraph } from '../lib/graph.ts'
import { checkManifests } from '../lib/manifests.ts'
import { newPackage } from '../lib/new-package.ts'
import { packages, root } from '../lib/workspace.ts'

// Sorts behind every package that a template imports, so the order of imports is tried on its less usual side too
const NAME = 'zone-limit'
const FOLDERS = [`packages/interface-${NAME}`, `packages/${NAME}`]

/** Compiling a handful of packages on a busy machine, in ms */
const TIMEOUT = 120_000

/** The repository without its history, and with links to what is installed, so that nothing in the original changes */
function copyRepository (): string {
  const top = mkdtempSync(join(tmpdir(), 'cordon-copy-'))
  const left = new Set(['.git', '.cache', 'node_modules', 'site', 'coverage', '.doc-check'])
  for (const entry of readdirSync(root).filter(name => !left.has(name))) {
    cpSync(join(root, entry), join(top, entry), { recursive: true, filter: path => basename(path) !== 'node_modules' })
  }
  mkdirSync(join(top, 'node_modules/@cordon'), { recursive: true })
  for (const entry of readdirSync(join(root, 'node_modules')).filter(name => name !== '@cordon')) {
    symlinkSync(join(root, 'node_modules', entry), join(top, 'node_modules', entry))
  }
  return top
}

/** Node as a user's shell starts it: without what the runner of this test put into the environment */
function node (top: string, ...args: string[]): { status: number | null, output: string } {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:VITEST|NODE_OPTIONS|TEST$|NODE_ENV)/.test(name)))
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: top, env, encoding: 'utf8', timeout: TIMEOUT })
  return { status, output: `${stdout}${stderr}` }
}

describe('a new package pair', { timeout: TIMEOUT }, () => {
  let top: string
  let manifestsBefore: string[]
  let graphBefore: string[]

  beforeAll(() => {
    top = copyRepository()
    manifestsBefore = checkManifests(top)
    graphBefore = checkGraph(readGraph(top))
    newPackage(NAME, top)
    for (const { folder, absolute } of packages(top)) symlinkSync(absolute, join(top, 'node_modules/@cordon', folder))
  }, TIMEOUT)

  afterAll(() => { rmSync(top, { recursive: true, force: true }) })

  it('has its place in the package graph', () => {
    expect(checkGraph(readGraph(top))).toEqual(graphBefore)
  })

  it('has the manifest, README and licence that every package has', () => {
    expect(checkManifests(top)).toEqual(manifestsBefore)
  })

  it('builds', () => {
    expect(node(top, 'node_modules/typescript/bin/tsc', '-b', ...FOLDERS, 'packages/interface-compliance-tests')).toEqual({ status: 0, output: '' })
  })

  it('has nothing for the linter to say', () => {
    expect(node(top, 'node_modules/eslint/bin/eslint.js', ...FOLDERS, `packages/interface-compliance-tests/src/${NAME}-suite.ts`)).toEqual({ status: 0, output: '' })
  })

  it('passes its tests, its suite among them', () => {
    const { status, output } = node(top, 'node_modules/vitest/vitest.mjs', 'run', '--project', 'node', '--no-color', ...FOLDERS)
    expect(output).toMatch(/Tests {2}\d+ passed \(\d+\)/)
    expect(status).toBe(0)
  })

  it.each(['Rate', 'rate_limit', '../rate', 'interface-rate', '', 'constructor/x'])('is not made with the name %j', name => {
    expect(() => newPackage(name, top)).toThrow(/name/)
  })

  it('does not take the place of another', () => {
    expect(() => newPackage(NAME, top)).toThrow(/exists already/)
  })
})
