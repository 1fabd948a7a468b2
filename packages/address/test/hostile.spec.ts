import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { normaliseAddress, normaliseIPBytes, normaliseIPText } from '../src/index.ts'
import type { Component, Multiaddr } from '@multiformats/multiaddr'

/** A multiaddr whose components nobody has validated */
function unchecked (...components: Component[]): Multiaddr {
  const address = multiaddr('/')
  address.getComponents = () => components
  return address
}

function keyOf (code: number, value?: string): string {
  return normaliseAddress(unchecked({ code, name: 'x', ...(value === undefined ? {} : { value }) })).key
}

describe('what is no address', () => {
  it.each([
    '', ' ', 'x', 'example.org', '1.2.3', '1.2.3.4.5', '01.2.3.4', '0x1.2.3.4', '256.1.1.1', '1.2.3.4 ', ' 1.2.3.4', '1.2.3.4:80', '1.2.3.4/24', '1..2.3', '1.2.3.', '.1.2.3', '-1.2.3.4',
    ':', ':::', '::1::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::', '::1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:', ':1:2:3:4:5:6:7', '12345::', 'g::', '::1.2.3', '::1.2.3.4:5', '1.2.3.4::', '::256.1.1.1', '1:2:3:4:5:6:7:1.2.3.4', '::ffff:01.2.3.4', '[::1', '::1]', '[1.2.3.4]', '%eth0', '1.2.3.4%eth0',
    '/ip4', '/ip4/x', '/ip4/1.2.3.4/tcp', '/nonsense/1', '/ip4/1.2.3.4/tcp/65536',
    'relay:', 'relay:x.y', 'relay:relay:relay:x', 'p2p:', 'p2p:x y', 'none:', 'none:X', 'none:a:b', `none:${'a'.repeat(17)}`, 'nope:x', '__proto__:x', 'constructor:x'
  ])('refuses %j', text => {
    expect(() => normaliseAddress(text)).toThrow(expect.objectContaining({ name: 'InvalidParametersError', message: expect.stringContaining('got ') as string }) as Error)
  })

  it.each([
    ['bytes of no multiaddr', Uint8Array.of(255, 255, 255, 255, 255)],
    ['bytes that end early', multiaddr('/ip4/1.2.3.4/tcp/1').bytes.subarray(0, 3)],
    ['a long text', '1'.repeat(1_000_000)],
    ['a long multiaddr', `/ip4/1.2.3.4${'/tls'.repeat(10_000)}`]
  ])('refuses %s with a short error', (_, input) => {
    let thrown: unknown

    try {
      normaliseAddress(input)
    } catch (error) {
      thrown = error
    }

    expect(thrown).toMatchObject({ name: 'InvalidParametersError' })
    expect((thrown as Error).message.length).toBeLessThan(250)
  })

  it.each([null, undefined, 0, NaN, {}, [], Symbol('x'), 1n, () => 1, { toString: () => '1.2.3.4' }])('refuses a value that is neither: %s', value => {
    expect(() => normaliseAddress(value as never)).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }) as Error)
  })
})

describe('bytes of an IP address', () => {
  it('are read in network order, from any view', () => {
    const buffer = Uint8Array.of(9, 192, 0, 2, 1, 9)

    expect(normaliseIPBytes(buffer.subarray(1, 5)).key).toBe('192.0.2.1')
    expect(normaliseIPBytes(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1)).key).toBe('192.0.2.1')
    expect(normaliseIPBytes(Uint8Array.of(0x20, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)).key).toBe('2001:db8::1')
  })

  it.each([0, 3, 5, 8, 15, 17])('have no length of %i', length => {
    expect(() => normaliseIPBytes(new Uint8Array(length))).toThrow('an IP address must have 4 or 16 bytes')
  })
})

describe('addresses as sockets tell them', () => {
  it.each([
    ['192.0.2.1', '/ip4/192.0.2.1/tcp/1'], ['2001:db8::1', '/ip6/2001:db8::1/tcp/1'], ['::ffff:192.0.2.1', '/ip6/::ffff:192.0.2.1/tcp/1'], ['fe80::1%eth0', '/ip6zone/eth0/ip6/fe80::1/tcp/1']
  ])('%s is %s', (text, multiaddr) => {
    expect(normaliseIPText(text, 'tcp')).toEqual(normaliseAddress(multiaddr))
  })

  it.each(['', ' ', 'localhost', 'dns:x', '/ip4/192.0.2.1', '192.0.2', '1.2.3.4:5', 'x'.repeat(100_000), undefined, 5])('are IP addresses, which %s is not', text => {
    expect(() => normaliseIPText(text as string, 'tcp')).toThrow('an IP address must be IPv4 or IPv6')
  })
})

describe('hostile multiaddrs', () => {
  it.each([4, 41, 53, 54, 55, 56, 400, 421, 444, 445, 446, 447, 777, 290, 281, -1, NaN, 2 ** 53])('does not throw for code %s with any value', code => {
    for (const value of [undefined, '', '.', '..', 'x', '%', '%zz', '\ud800', '\u0000', 'a\nb', '1.2.3', ':::', 'Q', '1', 'z', 'x'.repeat(100_000), 'http://a@b:1/?#', '0x', '1.2.3.4:5']) {
      const { key, groups, share } = normaliseAddress(unchecked({ code, name: 'x', ...(value === undefined ? {} : { value }) }, { code: 290, name: 'p2p-circuit' }))
      const alone = keyOf(code, value)

      expect(key.length + alone.length).toBeLessThan(4_500)
      expect(alone).toMatch(/^[!-~]+$/)
      expect(groups).toContain(share)
      expect(normaliseAddress(alone).key).toBe(alone)
      expect(normaliseAddress(key).key).toBe(key)
    }
  })

  it('does not throw for one that does not keep to the interface', () => {
    const broken = multiaddr('/')
    broken.getComponents = () => { throw new Error('broken') }

    expect(normaliseAddress(broken)).toMatchObject({ key: 'none:unknown', class: 'none' })
    expect(normaliseAddress(unchecked(null as never))).toMatchObject({ key: 'none:unknown', class: 'none' })
  })

  it('takes the first host, which is the one that is dialled', () => {
    expect(normaliseAddress('/ip4/192.0.2.1/tcp/1/ip4/127.0.0.1/tcp/2').key).toBe('192.0.2.1')
    expect(normaliseAddress('/memory/a/ip4/127.0.0.1').key).toBe('memory:a')
  })

  it('reads text of an address that nobody brought into canonical form', () => {
    expect(keyOf(41, '2001:0DB8:0::0001%eth0')).toBe('2001:db8::1')
    expect(keyOf(41, '::ffff:1.2.3.4')).toBe('1.2.3.4')
    expect(keyOf(4, '1.2.3')).toBe('invalid:1.2.3')
    expect(keyOf(41, '::x')).toBe('invalid:::x')
  })

  it('keeps long names apart, in short keys', () => {
    const long = 'n'.repeat(300)
    const keys = [400, 777, 53].flatMap(code => [long, `${long}a`, `${long}b`, `${long}ab`, `${long}ba`].map(value => keyOf(code, value)))

    expect(new Set(keys).size).toBe(keys.length)
    expect(Math.max(...keys.map(key => key.length))).toBeLessThan(256)
  })

  it('keeps apart names that differ only in what cannot be printed', () => {
    const keys = ['a', 'a\n', 'a\u0000', 'a ', 'a%0A', 'a\u2028', 'ä'].map(value => keyOf(777, value))

    expect(new Set(keys).size).toBe(keys.length)
    expect(keyOf(777, 'a\n')).toBe('memory:a%0A')
  })

  it('reads a key that nobody has encoded', () => {
    expect(normaliseAddress('memory:100%').key).toBe('memory:100%25')
    expect(normaliseAddress('memory:100%25').key).toBe('memory:100%25')
  })

  it('does not take for a peer id what is none', () => {
    expect(normaliseAddress(unchecked({ code: 421, name: 'p2p', value: '192.0.2.1' }, { code: 290, name: 'p2p-circuit' }))).toMatchObject({ key: 'none:circuit', class: 'relayed', relay: undefined })
    expect(keyOf(421, '1'.repeat(129))).toBe('none:unknown')
  })

  it('does not resolve or trip over names with the marks of a URL', () => {
    expect(keyOf(53, 'ü@127.0.0.1')).toBe('dns:%C3%BC@127.0.0.1')
    expect(keyOf(53, '1/127.0.0.1')).toBe('dns:1/127.0.0.1')
    expect(keyOf(53, '1.2.3.4.5')).toBe('dns:1.2.3.4.5')
    expect(keyOf(53, '.')).toBe('dns:.')
  })
})
