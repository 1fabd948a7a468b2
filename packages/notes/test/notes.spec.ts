import { describe, expect, it } from 'vitest'
import { Notes } from '../src/index.ts'

const KINDS: ReadonlyArray<[string, () => object]> = [
  ['an ordinary object', () => ({ a: 1 })],
  ['a frozen object', () => Object.freeze({ a: 1 })],
  ['a sealed object', () => Object.seal({ a: 1 })],
  ['an object without prototype', () => Object.create(null) as object],
  ['an instance', () => new (class { #a = 1; get a (): number { return this.#a } })()],
  ['a function', () => () => {}],
  ['a proxy that lets nothing be defined', () => new Proxy({}, { defineProperty: () => false })]
]

describe('notes', () => {
  it.each(KINDS)('of %s are kept, replaced and deleted', (_, make) => {
    const notes = new Notes<object, string>()
    const [object, other] = [make(), make()]
    expect(notes.get(object)).toBeUndefined()
    notes.set(object, 'one')
    expect([notes.get(object), notes.get(other)]).toEqual(['one', undefined])
    notes.set(object, 'two')
    expect(notes.get(object)).toBe('two')
    notes.delete(object)
    notes.delete(other)
    expect([notes.get(object), notes.get(other)]).toEqual([undefined, undefined])
    notes.set(object, 'three')
    expect(notes.get(object)).toBe('three')
  })

  it.each(KINDS)('of %s are nobody else\'s', (_, make) => {
    const [ours, theirs] = [new Notes<object, string>(), new Notes<object, string>()]
    const object = make()
    ours.set(object, 'ours')
    expect(theirs.get(object)).toBeUndefined()
    theirs.set(object, 'theirs')
    theirs.delete(object)
    expect(ours.get(object)).toBe('ours')
  })

  it('are not seen by those who look at the object', () => {
    const notes = new Notes<object, string>()
    const object = { a: 1 }
    notes.set(object, 'one')
    expect(object).toEqual({ a: 1 })
    expect({ ...object }).toEqual({ a: 1 })
    expect(Reflect.ownKeys({ ...object })).toEqual(['a'])
    expect(structuredClone(object)).toEqual({ a: 1 })
    expect(JSON.stringify(object)).toBe('{"a":1}')
    expect(Object.entries(object)).toEqual([['a', 1]])
  })

  it('of nothing are none', () => {
    expect(new Notes<object, string>().get(undefined)).toBeUndefined()
  })

  it('are found through what stands in for the object, which gets no note of its own by that', () => {
    const notes = new Notes<object, string>()
    const object = {}
    const heir: object = Object.create(object) as object
    const proxy = new Proxy(object, {})
    notes.set(object, 'one')
    expect([notes.get(heir), notes.get(proxy)]).toEqual(['one', 'one'])
    notes.set(heir, 'two')
    expect([notes.get(object), notes.get(heir)]).toEqual(['one', 'two'])
    notes.delete(object)
    expect([notes.get(object), notes.get(heir), notes.get(proxy)]).toEqual([undefined, 'two', undefined])
  })
})
