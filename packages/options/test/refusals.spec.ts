import { describe, expect, it } from 'vitest'
import { count, duration, flag, func, list, MAX_DELAY, methods, number, object, oneOf, optional, orFalse, parseOptions, record, section, text, where } from '../src/index.ts'
import type { Schema } from '../src/index.ts'

class Foo {
  readonly bound = 5

  toString (): string {
    throw new Error('toString was called')
  }
}

/** What the parser says about `{ bound: value }` */
function complaint (schema: Schema<unknown>, value: unknown): string {
  return thrownBy(() => parseOptions(object({ bound: schema }), 'module', { bound: value })).message
}

function thrownBy (run: () => unknown): Error {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(Error)
    return error as Error
  }

  throw new Error('it was accepted')
}

const COUNT = 'module.bound must be a whole number of at least 1, got '
const DURATION = `module.bound must be a number of milliseconds of more than 0 and at most ${MAX_DELAY}, got `

const HOSTILE: ReadonlyArray<readonly [name: string, value: unknown, shown: string]> = [
  ['zero', 0, '0'],
  ['negative zero', -0, '-0'],
  ['minus one', -1, '-1'],
  ['NaN', NaN, 'NaN'],
  ['Infinity', Infinity, 'Infinity'],
  ['minus Infinity', -Infinity, '-Infinity'],
  ['a string', '10', '"10"'],
  ['an empty string', '', '""'],
  ['a long string', 'x'.repeat(100_000), `"${'x'.repeat(64)}"... (100000 characters)`],
  ['a string with a line break', 'a\nb', '"a\\nb"'],
  ['null', null, 'null'],
  ['a bigint', 10n, '10n'],
  ['a huge bigint', 1n << 100_000n, 'a bigint of more than 64 bits'],
  ['an array', [], '[]'],
  ['an array of one number', [5], 'an array of 1'],
  ['an empty object', {}, '{}'],
  ['an object', { valueOf: () => 5 }, 'an object'],
  ['an instance whose toString throws', new Foo(), 'an instance of Foo'],
  ['a Number object', Object(5), 'an instance of Number'],
  ['an object with a prototype of its own', Object.create({ a: 1 }), 'an object that inherits from another'],
  ['an object without prototype', Object.create(null), '{}'],
  ['true', true, 'true'],
  ['a function', () => 5, 'a function'],
  ['a symbol', Symbol('5'), 'a symbol'],
  ['a revoked proxy', revoked(), 'an object that cannot be read']
]

function revoked (): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe('refused values', () => {
  it.each(HOSTILE)('a count is not %s', (_, value, shown) => {
    expect(complaint(count(), value)).toBe(COUNT + shown)
  })

  it.each(HOSTILE)('a duration is not %s', (_, value, shown) => {
    expect(complaint(duration(), value)).toBe(DURATION + shown)
  })

  it.each(HOSTILE.filter(([, value]) => value !== true))('a flag is not %s', (_, value, shown) => {
    expect(complaint(flag(), value)).toBe(`module.bound must be true or false, got ${shown}`)
  })

  it.each(HOSTILE.filter(([name]) => name !== 'an empty object' && name !== 'an object without prototype'))('an object of options is not %s', (name, value, shown) => {
    expect(complaint(section({}), value)).toBe(name === 'an object'
      ? 'module.bound has no option "valueOf" (got a function), it has no options'
      : `module.bound must be an object of options, got ${shown}`)
  })

  it.each(HOSTILE.filter(([, value]) => value !== undefined))('the options as a whole are judged alike: %s', (name, value, shown) => {
    const schema = object({ bound: count() })
    const expected = name.startsWith('an empty object') || name === 'an object without prototype'
      ? 'module.bound is required'
      : name === 'an object'
        ? 'module has no option "valueOf" (got a function), it has bound'
        : `module must be an object of options, got ${shown}`

    expect(thrownBy(() => parseOptions(schema, 'module', value)).message).toBe(expected)
  })

  it('throws the class of libp2p', () => {
    expect(thrownBy(() => parseOptions(object({ bound: count() }), 'module', { bound: -1 })).name).toBe('InvalidParametersError')
  })
})

describe('ranges', () => {
  it.each<readonly [string, Schema<unknown>, unknown[], unknown[], string]>([
    ['count', count({ min: 2, max: 4 }), [2, 3, 4], [1, 5, 2.5, Infinity], 'a whole number from 2 to 4'],
    ['count from zero', count({ min: 0 }), [0, 1, Number.MAX_SAFE_INTEGER], [-1, 2 ** 53], 'a whole number of at least 0'],
    ['unbounded count', count({ unbounded: true }), [1, Infinity], [0, -Infinity, NaN], 'a whole number of at least 1, or Infinity'],
    ['number', number({ min: 0, max: 1 }), [0, 0.5, 1], [-0.1, 1.1, NaN], 'a finite number of at least 0 and at most 1'],
    ['number with an upper bound', number({ max: 1 }), [-1e300], [1.1], 'a finite number of at most 1'],
    ['number without bounds', number(), [-Number.MAX_VALUE, 0, Number.MAX_VALUE], [Infinity, NaN], 'a finite number'],
    ['duration', duration(), [0.5, 1, MAX_DELAY], [0, MAX_DELAY + 1], `a number of milliseconds of more than 0 and at most ${MAX_DELAY}`],
    ['duration from zero', duration({ min: 0, max: 10 }), [0, 10], [-1, 11, NaN], 'a number of milliseconds of at least 0 and at most 10'],
    ['text', text({ min: 2, max: 3 }), ['ab', 'abc'], ['', 'a', 'abcd', 5], 'a string of 2 to 3 characters'],
    ['one of', oneOf(['gate', 'account']), ['gate', 'account'], ['', 'admit', null, 0], 'one of "gate", "account"'],
    ['function', func(), [() => 1, Foo], [{}, null, 'f'], 'a function'],
    ['collaborator', methods<Date>('getTime'), [new Date(), { getTime: () => 1 }], [{}, null, 5, { getTime: 1 }], 'an object with the method getTime'],
    ['collaborator with two', methods<Date>('getTime', 'toJSON'), [new Date()], [{ getTime: () => 1 }], 'an object with the methods getTime, toJSON'],
    ['list', list(count(), { min: 1, max: 2 }), [[1], [1, 2]], [[], [1, 2, 3], {}, { length: 1 }], 'an array of 1 to 2 items']
  ])('%s', (_, schema, accepted, refused, expects) => {
    for (const value of accepted) {
      expect(parseOptions(object({ bound: schema }), 'module', { bound: value })).toEqual({ bound: value })
    }

    for (const value of refused) {
      expect(complaint(schema, value)).toContain(`module.bound must be ${expects}, got `)
    }
  })

  it('names the item of a list', () => {
    expect(complaint(list(count(), { max: 9 }), [1, 2, 0])).toBe('module.bound[2] must be a whole number of at least 1, got 0')
    expect(complaint(list(count(), { max: 9 }), [1, , 3])).toBe('module.bound[1] must be a whole number of at least 1, got undefined')
  })

  it('refuses a list that cannot be read', () => {
    const trap = new Proxy([1], { get: (target, key) => key === '0' ? raise() : Reflect.get(target, key) as unknown })

    expect(complaint(list(count(), { max: 9 }), trap)).toBe('module.bound must be an array that can be read')
  })

  it('refuses a collaborator whose method cannot be read', () => {
    expect(complaint(methods<Date>('getTime'), { get getTime () { return raise() } })).toContain('must be an object with the method getTime, got ')
  })
})

function raise (): never {
  throw new Error('raised by the value')
}

describe('a record', () => {
  const limits = record(object({ streams: count() }), { max: 2, key: oneOf(['a', 'b', '__proto__']) })

  it.each<readonly [string, unknown, string]>([
    ['no object', 5, 'module.bound must be an object of at most 2 entries, got 5'],
    ['too many entries', { a: {}, b: {}, c: {} }, 'module.bound must be an object of at most 2 entries, got an object'],
    ['a key that is none', { c: { streams: 1 } }, 'module.bound.c is no name here: it must be one of "a", "b", "__proto__", got "c"'],
    ['a symbol for a key', { [Symbol('a')]: { streams: 1 } }, 'module.bound[a symbol] is no name here: it must be one of "a", "b", "__proto__", got a symbol'],
    ['what is no entry', { a: { streams: 1 }, b: 5 }, 'module.bound.b must be an object of options, got 5'],
    ['what is wrong in an entry', { a: { streams: 0 } }, 'module.bound.a.streams must be a whole number of at least 1, got 0'],
    ['an entry that cannot be read', { get a () { return raise() } }, 'module.bound.a must be readable, but reading it throws'],
    ['what lists no keys', new Proxy({}, { ownKeys: raise }), 'module.bound must be an object of at most 2 entries, got an object that cannot be read']
  ])('is not %s', (_, value, message) => {
    expect(complaint(limits, value)).toBe(message)
  })

  it('comes out as a copy in which every name is a key, with the defaults of its entries', () => {
    const inner = record(object({ streams: optional(count(), 7) }), { max: 2 })
    const given = { a: { streams: 1 }, ['__proto__']: {} }
    const { bound } = parseOptions(object({ bound: inner }), 'module', { bound: given })
    expect(Object.getPrototypeOf(bound)).toBeNull()
    expect(Object.entries(bound)).toEqual([['a', { streams: 1 }], ['__proto__', { streams: 7 }]])
    given.a.streams = 2
    expect(bound['a']).toEqual({ streams: 1 })
  })
})

describe('what can be switched off', () => {
  const schema = object({ bound: orFalse(count()) })

  it.each([false, 3])('may be %s', value => {
    expect(parseOptions(schema, 'module', { bound: value }).bound).toBe(value)
  })

  it.each([true, 0, null, 'false'])('may not be %j', value => {
    expect(complaint(orFalse(count()), value)).toBe(`${COUNT}${JSON.stringify(value)}`)
  })
})

describe('keys', () => {
  const schema = object({ bound: optional(count(), 5), limits: section({ ip: optional(count(), 8) }) })

  it.each([
    ['a misspelt key', { bounds: 1 }, 'module has no option "bounds" (got 1), it has bound, limits'],
    ['a misspelt key further down', { limits: { ipp: 'x' } }, 'module.limits has no option "ipp" (got "x"), it has ip'],
    ['a long key', { ['k'.repeat(5_000)]: 1 }, `module has no option "${'k'.repeat(64)}"... (5000 characters) (got 1), it has bound, limits`],
    ['__proto__ from JSON', JSON.parse('{"__proto__": {"bound": 1}}'), 'module has no option "__proto__" (got an object), it has bound, limits'],
    ['__proto__ from JSON further down', JSON.parse('{"limits": {"__proto__": {"ip": 1}}}'), 'module.limits has no option "__proto__" (got an object), it has ip'],
    ['__proto__ in a literal', { __proto__: { bound: 1 } }, 'module must be an object of options, got an object that inherits from another'],
    ['constructor', { constructor: Foo }, 'module has no option "constructor" (got a function), it has bound, limits'],
    ['prototype', { prototype: {} }, 'module has no option "prototype" (got {}), it has bound, limits'],
    ['toString', { toString: () => 'x' }, 'module has no option "toString" (got a function), it has bound, limits'],
    ['a symbol', { [Symbol.toPrimitive]: () => 1 }, 'module has no option with a symbol for a name (got a function), it has bound, limits'],
    ['a hidden key', Object.defineProperty({}, 'hidden', { value: 1 }), 'module has no option "hidden" (got 1), it has bound, limits'],
    ['an inherited key', Object.create({ bound: 1 }), 'module must be an object of options, got an object that inherits from another'],
    ['a key inherited from an object without prototype', Object.create(Object.assign(Object.create(null) as object, { bound: 1 })), 'module must be an object of options, got an object that inherits from another'],
    ['a class instance', new Foo(), 'module must be an object of options, got an instance of Foo'],
    ['a getter that throws', { get bound () { return raise() } }, 'module.bound must be readable, but reading it throws'],
    ['a getter that throws further down', { limits: { get ip () { return raise() } } }, 'module.limits.ip must be readable, but reading it throws'],
    ['a proxy that lists no keys', new Proxy({}, { ownKeys: raise }), 'module must be readable, but reading it throws']
  ])('%s', (_, value, message) => {
    expect(thrownBy(() => parseOptions(schema, 'module', value)).message).toBe(message)
  })

  it('quotes a key that is no identifier', () => {
    expect(thrownBy(() => parseOptions(object({ 'a b': count() }), 'module', { 'a b': 0 })).message).toBe(`module["a b"]${COUNT.slice('module.bound'.length)}0`)
  })

  it('tells a rule about several options apart', () => {
    const ordered = where(object({ min: optional(duration(), 1), max: optional(duration(), 9) }), ({ min, max }) => min > max ? `min (${min}) must be at most max (${max})` : undefined)

    expect(parseOptions(ordered, 'module', { min: 9 })).toEqual({ min: 9, max: 9 })
    expect(thrownBy(() => parseOptions(ordered, 'module', { min: 10 })).message).toBe('module is contradictory: min (10) must be at most max (9)')
    expect(thrownBy(() => parseOptions(ordered, 'module', { min: 0 })).message).toContain('module.min must be')
  })
})
