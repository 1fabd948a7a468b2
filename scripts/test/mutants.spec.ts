import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MAX_SURVIVORS } from '../lib/mutants.ts'
import { allMutants, mutate, sourceOf, testRuns } from '../lib/mutation.ts'
import { killersOn, MUTATIONS_PAGE, mutationsPage } from '../lib/mutations-page.ts'
import { files, root } from '../lib/workspace.ts'
import type { Mutant } from '../lib/mutants.ts'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')

describe('the bugs of the mutation check', () => {
  it.each(allMutants())('$id still fits into $file', mutant => {
    const source = read(sourceOf(mutant))
    expect(mutate(source, mutant)).not.toBe(source)
  })

  it('are at least 30, each with a name of its own', () => {
    const names = allMutants().map(({ id }) => id)
    expect(names.length).toBeGreaterThanOrEqual(30)
    expect(new Set(names).size).toBe(names.length)
  })

  it('are those on the page, which says who finds them', () => {
    const rows = read(MUTATIONS_PAGE).split('\n').filter(line => /^\| [a-z-]+ \|/.test(line) && !line.startsWith('| bug |')).map(line => line.split(' | '))
    expect(rows.map(([id = '', bug]) => ({ id: id.slice(2), bug }))).toEqual(allMutants().map(({ id, bug }) => ({ id, bug })))
    expect(rows.filter(row => row.at(-1) === '**nothing** |').length).toBeLessThanOrEqual(MAX_SURVIVORS)
  })

  it.each([['is not there', 'b'], ['is there twice', 'a']])('do not apply where the text %s', (_what, find) => {
    const mutant: Mutant = { id: 'x', bug: 'y', file: 'z.ts', find, replace: '' }
    expect(() => mutate('a a', mutant)).toThrow('z.ts')
  })

  it('stay on the page as they were where they were not tried again', () => {
    const killers = killersOn(mutationsPage(new Map([['default-forgotten', 'a.spec.ts: one | two'], ['span-keeps', undefined]])))
    expect([...killers.keys()]).toEqual(allMutants().map(({ id }) => id))
    expect([...killers].filter(([, killer]) => killer != null)).toEqual([['default-forgotten', 'a.spec.ts: one | two']])
    expect(mutationsPage(killersOn(read(MUTATIONS_PAGE)))).toBe(read(MUTATIONS_PAGE))
  })

  it.each([['resource-manager', 'node/participant.ts'], ['component-registry', 'streams.ts']])('of %s in %s face nodes', (name, file) => {
    const run = testRuns({ package: name, file }).flatMap(({ paths }) => paths)
    expect(run).toEqual(expect.arrayContaining(files('test/{resource-manager,composition}/*.spec.ts')))
    expect(run.filter(path => path.startsWith('packages/')).every(path => path.startsWith(`packages/${name}/test/`))).toBe(true)
  })

  it('face every test of the package that runs in Node', () => {
    const run = testRuns().flatMap(({ paths }) => paths)
    expect(run.toSorted()).toEqual(files('packages/resource-manager/test/*.spec.ts').filter(path => !/\.(?:node|browser)\.spec\.ts$/.test(path)))
  })
})
