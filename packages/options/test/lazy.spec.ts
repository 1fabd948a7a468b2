import { afterEach, describe, expect, it, vi } from 'vitest'
import { count, lazy, list, object, optional, parseOptions } from '../src/index.ts'
import type { Schema } from '../src/index.ts'

interface Options {
  readonly bound: number
}

/** A lazy schema, and how often it was made */
function counted (): { readonly schema: Schema<Options>, made: () => number } {
  let made = 0
  const schema = lazy<Options>(() => {
    made++
    return object({ bound: optional(count(), 5) })
  })

  return { schema, made: () => made }
}

describe('a lazy schema', () => {
  afterEach(() => { vi.unstubAllGlobals() })

  it('reads what its schema reads, with the same defaults and errors', () => {
    const { schema } = counted()

    expect({ ...parseOptions(schema, 'module', undefined) }).toEqual({ bound: 5 })
    expect(() => parseOptions(schema, 'module', { bound: -1 })).toThrow('module.bound must be a whole number of at least 1, got -1')
    expect(() => parseOptions(schema, 'module', { buond: 1 })).toThrow('module has no option "buond" (got 1), it has bound')
  })

  it('is made when it is used, and once for many uses that follow one another', () => {
    const { schema, made } = counted()
    expect(made()).toBe(0)

    for (let i = 0; i < 100; i++) parseOptions(schema, 'module', { bound: 1 })

    expect(made()).toBe(1)
  })

  it('is made again once nobody has it any more', () => {
    vi.stubGlobal('WeakRef', class {
      deref (): undefined { return undefined }
    })
    const { schema, made } = counted()

    expect(parseOptions(schema, 'module', { bound: 1 })).toEqual({ bound: 1 })
    expect(parseOptions(schema, 'module', { bound: 2 })).toEqual({ bound: 2 })
    expect(made()).toBe(2)
  })

  it('can be a part of another one, which says where it is', () => {
    const { schema } = counted()
    const whole = object({ parts: optional(list(schema, { max: 2 })) })

    expect(parseOptions(whole, 'module', { parts: [{}, { bound: 1 }] }).parts).toEqual([{ bound: 5 }, { bound: 1 }])
    expect(() => parseOptions(whole, 'module', { parts: [{}, { bound: 0 }] })).toThrow('module.parts[1].bound must be a whole number of at least 1, got 0')
  })
  it('is left out by what is around it, not by what it makes', () => {
    const { schema } = counted()

    expect({ ...parseOptions(object({ part: optional(schema) }), 'module', {}) }).toEqual({})
    expect(() => parseOptions(object({ part: lazy(() => optional(count())) }), 'module', {})).toThrow('module.part is required')
  })
})
