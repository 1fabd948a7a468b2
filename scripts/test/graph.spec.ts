import { describe, expect, it } from 'vitest'
import { checkGraph, dependenciesOf, kindOf, readGraph } from '../lib/graph.ts'
import { repositoryWith } from './fixture.ts'
import type { FixturePackage } from './fixture.ts'

const contract: FixturePackage = {
  sources: {
    'index.ts': 'import type { PeerId } from \'@libp2p/interface\'\nexport interface Thing { readonly peer: PeerId }\n'
  }
}

const address: FixturePackage = {
  sources: { 'index.ts': 'import type { Thing } from \'@cordon/interface-thing\'\nexport const key = (thing: Thing): string => String(thing)\n' },
  dependencies: ['interface-thing']
}

const thing: FixturePackage = {
  sources: { 'index.ts': 'import { key } from \'@cordon/address\'\nimport type { Thing } from \'@cordon/interface-thing\'\nexport const show = (thing: Thing): string => key(thing)\n' },
  dependencies: ['address', 'interface-thing']
}

const sound = { 'interface-thing': contract, address, thing }

function problems (changes: Readonly<Record<string, FixturePackage>>): string[] {
  return checkGraph(readGraph(repositoryWith({ ...sound, ...changes })))
}

/** A package with one source file of one line */
function line (text: string, dependencies: readonly string[] = []): FixturePackage {
  return { sources: { 'index.ts': `${text}\n` }, dependencies }
}

describe('the package graph', () => {
  it('has nothing against implementations that meet in interfaces and leaves', () => {
    expect(problems({})).toEqual([])
  })

  it('tells what a package is from its name', () => {
    expect(['interface-x', 'interface-compliance-tests', 'address', 'x', 'testing', 'cordon'].map(kindOf))
      .toEqual(['interface', 'compliance', 'leaf', 'implementation', 'testing', 'umbrella'])
  })

  it('lists each dependency once, in order', () => {
    expect(dependenciesOf(readGraph(repositoryWith(sound)), 'thing')).toEqual(['address', 'interface-thing'])
  })

  const rules: Array<[string, Record<string, FixturePackage>, RegExp]> = [
    ['an implementation that imports another', { other: line('export { show } from \'@cordon/thing\'', ['thing']) }, /other\/src\/index\.ts:1: imports @cordon\/thing: an implementation package does not import an implementation package/],
    ['an implementation that imports a type of another', { other: line('export type X = import(\'@cordon/thing\').X', ['thing']) }, /does not import an implementation/],
    ['an implementation that imports another later on', { other: line('export const load = () => import(\'@cordon/thing\')', ['thing']) }, /does not import an implementation/],
    ['a leaf that imports an implementation', { clock: line('import \'@cordon/thing\'', ['thing']) }, /a leaf package does not import an implementation/],
    ['an interface that imports a leaf', { 'interface-x': line('export type { Y } from \'@cordon/address\'', ['address']) }, /an interface package does not import a leaf/],
    ['a package that imports the tools for tests', { testing: line('export {}'), other: line('import \'@cordon/testing\'', ['testing']) }, /does not import a testing package/],
    ['a package that imports the umbrella', { cordon: line('export {}'), other: line('import \'@cordon/cordon\'', ['cordon']) }, /does not import an umbrella/],
    ['a package that does not exist', { other: line('import \'@cordon/nothing\'', ['nothing']) }, /@cordon\/nothing, which does not exist here/],
    ['libp2p itself', { other: line('import { createLibp2p } from \'libp2p\'') }, /only component-registry, testing, cordon may know how libp2p is made/],
    ['a part of libp2p itself', { other: line('import type { X } from \'libp2p/upgrader\'') }, /may know how libp2p is made/],
    ['libp2p\'s internal interface', { other: line('import type { Registrar } from \'@libp2p/interface-internal\'') }, /may know how libp2p is made/],
    ['a file of another package', { other: line('import \'../../thing/src/index.ts\'') }, /outside of the package's src/],
    ['an interface that needs a library', { 'interface-x': line('import type { X } from \'valibot\'') }, /an interface package depends on/],
    ['an interface that runs a library', { 'interface-x': line('import { multiaddr } from \'@multiformats/multiaddr\'') }, /as a value: an interface package imports only its types/],
    ['an interface with a class', { 'interface-x': line('export class X {}') }, /class X, which is no error class/],
    ['an interface with a function', { 'interface-x': line('export function x (): boolean { return true }') }, /function x, which is no type guard/],
    ['an interface with a computed constant', { 'interface-x': line('export const x = Date.now()') }, /constant x, which is neither a symbol nor a literal/],
    ['an interface with state', { 'interface-x': line('let x = 1; export { x }') }, /a variable that can change/],
    ['an interface that runs something', { 'interface-x': line('console.log(1)') }, /a statement that runs/],
    ['a dependency that is not declared', { other: line('import \'@cordon/address\'') }, /@cordon\/address is imported but no dependency/],
    ['a dependency that is not used', { other: line('export {}', ['address']) }, /@cordon\/address is a dependency but not imported/],
    ['a reference that is missing', { other: { ...line('import \'@cordon/address\'', ['address']), references: [] } }, /@cordon\/address is a dependency but no reference/],
    ['a reference too many', { other: { ...line('export {}'), references: ['address'] } }, /..\/address is a reference but no dependency/],
    ['interfaces in a circle', { 'interface-a': line('export type { X } from \'@cordon/interface-b\'', ['interface-b']), 'interface-b': line('export type { X } from \'@cordon/interface-a\'', ['interface-a']) }, /circles: interface-a → interface-b → interface-a/]
  ]

  it.each(rules)('refuses %s', (_name, changes, expected) => {
    const found = problems(changes)
    expect(found.filter(problem => expected.test(problem))).toHaveLength(1)
  })

  it('lets the registry, the tools for tests and the umbrella know libp2p', () => {
    const text = 'import type { Libp2pOptions } from \'libp2p\''
    expect(problems({ 'component-registry': line(text), testing: line(text), cordon: line(text) })).toEqual([])
  })

  it('lets an interface hold symbols, tables, error classes and guards', () => {
    const text = [
      'export const s = Symbol.for(\'s\')',
      'export const table: readonly string[] = [\'a\', \'b\']',
      'const set = new Set([\'a\'])',
      'export class XError extends Error {}',
      'export class YError extends XError {}',
      'export function isX (value: unknown): value is X { return set.has(String(value)) }',
      'export type X = string'
    ]
    expect(problems({ 'interface-x': line(text.join('\n')) })).toEqual([])
  })
})
