import { STAGES } from '@cordon/interface-connection-lifecycle'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { orderModules, orderParticipants } from '../src/order.ts'
import type { Orderable } from '../src/order.ts'

const module = (name: string, dependencies: string[] = [], stage?: string): Orderable =>
  ({ name, capabilities: [`@test/${name}`], dependencies: dependencies.map(other => `@test/${other}`), ...(stage != null && { stage }) })

const names = (modules: readonly Orderable[]): string[] => modules.map(({ name }) => name)

describe('orderModules', () => {
  it('keeps the given order where nothing depends on anything', () => {
    expect(names(orderModules([module('c'), module('a'), module('b')]))).toEqual(['c', 'a', 'b'])
  })

  it('puts a module after those it depends on', () => {
    expect(names(orderModules([module('a', ['b']), module('b', ['c']), module('c')]))).toEqual(['c', 'b', 'a'])
  })

  it('leaves capabilities that no module has to libp2p', () => {
    expect(names(orderModules([module('a', ['identify'])]))).toEqual(['a'])
  })

  it('lets a module depend on what it provides, where another provides it as well', () => {
    const other = { ...module('b'), capabilities: ['@test/a'] }
    expect(names(orderModules([module('a', ['a']), other]))).toEqual(['b', 'a'])
  })

  it('names the module that depends on itself alone', () => {
    expect(() => orderModules([module('x'), module('a', ['a'])])).toThrow('modules.a: depends on itself: a -> a')
  })

  it('names the circle that modules depend in', () => {
    expect(() => orderModules([module('x'), module('a', ['b']), module('b', ['c']), module('c', ['a'])]))
      .toThrow('modules.a: depends on itself: a -> b -> c -> a')
  })

  it('names nobody who is not in the circle', () => {
    expect(() => orderModules([module('a', ['x', 'b']), module('x'), module('b', ['a'])])).toThrow(/: a -> b -> a$/)
  })

  it('names an unknown stage', () => {
    expect(() => orderModules([module('a', [], 'gatekeeper')])).toThrow('unknown stage "gatekeeper"')
  })

  it('for any modules: every one once, each after those it depends on, or a circle is named', () => {
    const graph = fc.array(fc.array(fc.nat(9), { maxLength: 3 }), { maxLength: 10 })

    fc.assert(fc.property(graph, edges => {
      const modules = edges.map((targets, index) => module(`m${index}`, targets.filter(target => target < edges.length).map(target => `m${target}`)))
      let ordered: Orderable[]

      try {
        ordered = orderModules(modules)
      } catch (error) {
        expect(hasCircle(modules)).toBe(true)
        expect((error as Error).name).toBe('ComposeError')

        return
      }

      expect(names(ordered).sort()).toEqual(names(modules).sort())

      for (const [at, { dependencies }] of ordered.entries()) {
        const before = ordered.slice(0, at).flatMap(other => other.capabilities)
        expect(dependencies.every(dependency => before.includes(dependency))).toBe(true)
      }
    }))
  })
})

/** Repeatedly removes what depends on nothing that is left; what cannot be removed is in a circle, or behind one */
function hasCircle (modules: readonly Orderable[]): boolean {
  let left = [...modules]

  for (;;) {
    const next = left.filter(({ dependencies }) => dependencies.some(dependency => left.some(({ capabilities }) => capabilities.includes(dependency))))

    if (next.length === left.length) {
      return left.length > 0
    }

    left = next
  }
}

describe('orderParticipants', () => {
  it('runs stages in order, and modules of one stage in theirs', () => {
    const modules = [module('o', [], 'observe'), module('g1', [], 'gate'), module('none'), module('a', [], 'account'), module('g2', [], 'gate'), module('m', [], 'admit')]

    expect(names(orderParticipants(modules))).toEqual(['g1', 'g2', 'a', 'm', 'o'])
    expect(STAGES).toEqual(['gate', 'account', 'admit', 'observe'])
  })
})
