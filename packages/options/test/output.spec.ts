import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { count, duration, flag, func, list, object, oneOf, optional, parseOptions, section, show, text } from '../src/index.ts'

const schema = object({
  bound: optional(count(), 5),
  wait: optional(duration()),
  limits: section({ ip: optional(count(), 8), strict: optional(flag(), true) }),
  names: optional(list(text(), { max: 3 }), ['a']),
  mode: optional(oneOf(['on', 'off']), 'on')
})

const DEFAULTS = { bound: 5, limits: { ip: 8, strict: true }, names: ['a'], mode: 'on' }

describe('what comes out', () => {
  it.each([
    ['nothing', undefined, DEFAULTS],
    ['no options', {}, DEFAULTS],
    ['options without prototype', Object.create(null), DEFAULTS],
    ['undefined options', { bound: undefined, limits: undefined, mode: undefined }, DEFAULTS],
    ['some options', { bound: 1, limits: { ip: 2 } }, { ...DEFAULTS, bound: 1, limits: { ip: 2, strict: true } }],
    ['all options', { bound: 1, wait: 2, limits: { ip: 3, strict: false }, names: [], mode: 'off' }, { bound: 1, wait: 2, limits: { ip: 3, strict: false }, names: [], mode: 'off' }]
  ])('from %s', (_, given, expected) => {
    expect({ ...parseOptions(schema, 'module', given) }).toEqual(expected)
  })

  it('is a copy, as is each list and section in it', () => {
    const given = { limits: { ip: 1 }, names: ['b'] }
    const options = parseOptions(schema, 'module', given)
    given.limits.ip = 2
    given.names.push('c')

    expect(options.limits.ip).toBe(1)
    expect(options.names).toEqual(['b'])
  })

  it('does not share defaults between two modules', () => {
    const first = parseOptions(schema, 'module', {})
    first.limits.ip = 99
    first.names.push('x')

    expect(parseOptions(schema, 'module', {})).toEqual(DEFAULTS)
  })

  it('reads each option once', () => {
    let reads = 0
    const given = { get bound () { return ++reads === 1 ? 7 : -1 } }

    expect(parseOptions(schema, 'module', given).bound).toBe(7)
    expect(reads).toBe(1)
  })

  it('takes a function as a default without calling it', () => {
    const fallback = (): never => { throw new Error('called') }

    expect(parseOptions(object({ f: optional(func(), fallback) }), 'module', {}).f).toBe(fallback)
  })

  it('refuses a default that its own schema refuses', () => {
    expect(() => parseOptions(object({ bound: optional(count(), 0) }), 'module', {})).toThrow('module.bound must be a whole number of at least 1, got 0')
  })

  it('ignores what somebody put on Object.prototype', () => {
    // eslint-disable-next-line no-extend-native
    Object.defineProperty(Object.prototype, 'bound', { value: 99, configurable: true, enumerable: true, writable: true })

    try {
      expect(Object.entries(parseOptions(schema, 'module', {})).find(([key]) => key === 'bound')).toEqual(['bound', 5])
    } finally {
      delete (Object.prototype as { bound?: number }).bound
    }
  })
})

describe('for any value', () => {
  const anything = fc.anything({
    withBigInt: true, withBoxedValues: true, withDate: true, withMap: true, withNullPrototype: true, withObjectString: true, withSet: true, withSparseArray: true, withTypedArray: true
  })

  it('either gives options in range or throws a short InvalidParametersError that names the module', () => {
    fc.assert(fc.property(fc.oneof(anything, fc.record({ bound: anything, wait: anything, limits: anything }, { requiredKeys: [] })), value => {
      try {
        const { bound, wait, limits } = parseOptions(schema, 'module', value)
        expect(Number.isSafeInteger(bound) && bound >= 1).toBe(true)
        expect(wait === undefined || (wait > 0 && wait < 2 ** 31)).toBe(true)
        expect(Object.keys(limits)).toEqual(['ip', 'strict'])
      } catch (error) {
        expect((error as Error).name).toBe('InvalidParametersError')
        expect((error as Error).message).toMatch(/^module[ .[]/)
        expect((error as Error).message.length).toBeLessThan(1_500)
      }
    }), { numRuns: 2_000 })
  })

  it('leaves every prototype as it was', () => {
    const before = Reflect.ownKeys(Object.prototype)

    fc.assert(fc.property(fc.json(), json => {
      try {
        parseOptions(schema, 'module', JSON.parse(`{"__proto__": ${json}, "constructor": {"prototype": ${json}}}`))
      } catch {}

      expect(Reflect.ownKeys(Object.prototype)).toEqual(before)
      expect(Object.keys(Object.create({}) as object)).toEqual([])
    }))
  })

  it('is stable: what came out goes in again', () => {
    const valid = fc.record({
      bound: fc.integer({ min: 1 }),
      wait: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      limits: fc.record({ ip: fc.integer({ min: 1 }), strict: fc.boolean() }, { requiredKeys: [] }),
      names: fc.array(fc.string({ minLength: 1 }), { maxLength: 3 }),
      mode: fc.constantFrom('on', 'off')
    }, { requiredKeys: [] })

    fc.assert(fc.property(valid, given => {
      const once = parseOptions(schema, 'module', given)
      expect(parseOptions(schema, 'module', once)).toEqual(once)
      expect(once).toMatchObject(given)
    }))
  })

  it('shows it in at most 200 characters', () => {
    fc.assert(fc.property(anything, value => {
      expect(show(value).length).toBeLessThanOrEqual(200)
    }), { numRuns: 1_000 })

    expect(show('\u0000'.repeat(1_000)).length).toBeLessThan(64 * 6 + 30)
  })
})
