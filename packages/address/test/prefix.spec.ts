import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { comparePrefixes, contains, formatPrefix, normaliseAddress, parsePrefix, prefixKey, prefixOf } from '../src/index.ts'

describe('prefix text', () => {
  it.each([
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['192.0.2.1/24', '192.0.2.0/24'],
    ['192.0.2.1', '192.0.2.1/32'],
    ['255.255.255.255/1', '128.0.0.0/1'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:db8::/48', '2001:db8::/48'],
    ['2001:DB8:0:0:1::/48', '2001:db8::/48'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['fe80::1%eth0', 'fe80::1/128'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/33', 'ffff:ffff:8000::/33'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127'],
    ['::/0', '::/0'],
    ['::1', '::1/128'],
    ['::', '::/128'],
    ['2000::/3', '2000::/3'],
    // what carries IPv4
    ['::ffff:192.0.2.1', '192.0.2.1/32'],
    ['::ffff:192.0.2.0/120', '192.0.2.0/24'],
    ['::ffff:c000:2ff/121', '192.0.2.128/25'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['::192.0.2.0/120', '192.0.2.0/24'],
    ['::ffff:0:192.0.2.0/112', '192.0.0.0/16'],
    ['64:ff9b::192.0.2.0/120', '192.0.2.0/24'],
    ['2002:c000:200::/40', '192.0.2.0/24'],
    ['2002:c000:201::/48', '192.0.2.1/32'],
    ['2002:c000:201:ffff::/64', '192.0.2.1/32'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdfe', '192.0.2.1/32'],
    ['2001::3fff:fd00/120', '192.0.2.0/24'],
    // around it
    ['64:ff9b:1::/48', '64:ff9b:1::/48'],
    ['2001::/16', '2001::/16'],
    ['2001:db8::/31', '2001:db8::/31']
  ])('%s is %s', (text, expected) => {
    expect(formatPrefix(parsePrefix(text))).toBe(expected)
    expect(parsePrefix(expected)).toEqual(parsePrefix(text))
  })

  it.each([
    '', '/', '/24', '192.0.2.0/', '192.0.2.0/33', '192.0.2.0/-1', '192.0.2.0/1.5', '192.0.2.0/ 8', '192.0.2.0/24/24', '192.0.2.0/0x8', '192.0.2.0/1000', '192.0.2/24', '2001:db8::/129', 'x/8', 'dns:x/8', '[::1]/128', `${'1'.repeat(100_000)}/8`
  ])('refuses %j', text => {
    expect(() => parsePrefix(text)).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }) as Error)
  })

  it.each([null, undefined, 5, {}, [], ['1.2.3.4']])('refuses a value that is no text: %s', value => {
    expect(() => parsePrefix(value as never)).toThrow('a prefix must be an IP address, or one with a length')
  })

  it.each(['2002::/16', '64:ff9b::/96', '2001::/32', '2001:0:4136:e378::/64', '::ffff:0:0:0/96'])('refuses %s, which would match nothing', text => {
    expect(() => parsePrefix(text)).toThrow('matches nothing')
  })

  it('keeps its errors short', () => {
    expect(() => parsePrefix('9'.repeat(1_000_000))).toThrow(/^.{1,250}$/)
  })
})

describe('the prefix of an address', () => {
  const address = normaliseAddress('2a00:1450:4001:81b::200e')

  it.each([[0, '::/0'], [3, '2000::/3'], [12, '2a00::/12'], [32, '2a00:1450::/32'], [33, '2a00:1450::/33'], [34, '2a00:1450:4000::/34'], [56, '2a00:1450:4001:800::/56'], [64, '2a00:1450:4001:81b::/64'], [65, '2a00:1450:4001:81b::/65'], [127, '2a00:1450:4001:81b::200e/127'], [128, '2a00:1450:4001:81b::200e/128']])('at %i bits', (length, expected) => {
    expect(prefixKey(address, length)).toBe(expected)
  })

  it.each([-1, 129, 1.5, NaN, Infinity, '24'])('refuses the length %s', length => {
    expect(() => prefixKey(address, length as number)).toThrow('the length of an IPv6 prefix must be a whole number from 0 to 128')
    expect(() => prefixKey(normaliseAddress('192.0.2.1'), length as number)).toThrow('the length of an IPv4 prefix must be a whole number from 0 to 32')
  })

  it('is its own key, and in no prefix, for what is no IP address', () => {
    const names = ['/memory/a', '/memory/b', '/dns4/a.example', '/dns4/b.example', '/unix/a'].map(text => normaliseAddress(text))

    expect(new Set(names.map(name => prefixKey(name, 0))).size).toBe(names.length)

    for (const name of names) {
      expect(prefixKey(name, 24)).toBe(name.key)
      expect(prefixOf(name, 24)).toBeUndefined()
      expect(contains(parsePrefix('0.0.0.0/0'), name) || contains(parsePrefix('::/0'), name)).toBe(false)
    }
  })
})

describe('contains', () => {
  it.each([
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '192.0.2.1', false],
    ['::/0', 'ffff::', true],
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.0/24', '::ffff:192.0.2.7', true],
    ['192.0.2.0/24', '2002:c000:207::1', true],
    ['192.0.2.1', '192.0.2.1', true],
    ['128.0.0.0/1', '127.255.255.255', false],
    ['2001:db8::/33', '2001:db8:7fff::', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['2001:db8::/127', '2001:db8::1', true],
    ['2001:db8::/127', '2001:db8::2', false]
  ])('%s contains %s: %s', (prefix, address, expected) => {
    expect(contains(parsePrefix(prefix), normaliseAddress(address))).toBe(expected)
    expect(contains(parsePrefix(prefix), parsePrefix(address))).toBe(expected)
  })

  it('a prefix does not contain a shorter one', () => {
    expect(contains(parsePrefix('192.0.2.0/24'), parsePrefix('192.0.2.0/23'))).toBe(false)
    expect(contains(parsePrefix('192.0.2.0/23'), parsePrefix('192.0.2.0/24'))).toBe(true)
  })
})

describe('the order of prefixes', () => {
  it('puts IPv4 first, low addresses first, and a prefix before what it contains', () => {
    const sorted = ['0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/24', '10.0.0.0', '10.0.0.1', '192.0.2.0/24', '::/0', '::1', '2001:db8::/32', '2001:db8::/48', '2001:db8:0:1::/64', 'ffff::']

    expect([...sorted].reverse().map(parsePrefix).sort(comparePrefixes)).toEqual(sorted.map(parsePrefix))
  })

  it('is total', () => {
    const prefix = fc.tuple(fc.constantFrom('10.0.0.1', '10.0.1.0', '255.0.0.1', '2001:db8::1', '2001:db8:1::', 'fe80::'), fc.nat(32)).map(([text, length]) => parsePrefix(`${text}/${length}`))

    fc.assert(fc.property(prefix, prefix, prefix, (a, b, c) => {
      expect(Math.sign(comparePrefixes(a, b))).toBe(-Math.sign(comparePrefixes(b, a)) + 0)
      expect(comparePrefixes(a, b) === 0).toBe(formatPrefix(a) === formatPrefix(b))

      if (comparePrefixes(a, b) <= 0 && comparePrefixes(b, c) <= 0) {
        expect(comparePrefixes(a, c)).toBeLessThanOrEqual(0)
      }
    }), { numRuns: 1_000 })
  })
})
