import { describe, expect, it } from 'vitest'
import { normaliseAddress, parsePrefix } from '../src/index.ts'
import type { AddressClass } from '../src/index.ts'

/** The registries of IANA, and the class just before and just after each block */
const BLOCKS: ReadonlyArray<readonly [block: string, inside: AddressClass, before: AddressClass | undefined, after: AddressClass | undefined]> = [
  ['0.0.0.1/32', 'reserved', 'unspecified', 'reserved'],
  ['10.0.0.0/8', 'private', 'public', 'public'],
  ['100.64.0.0/10', 'private', 'public', 'public'],
  ['127.0.0.0/8', 'loopback', 'public', 'public'],
  ['169.254.0.0/16', 'link-local', 'public', 'public'],
  ['172.16.0.0/12', 'private', 'public', 'public'],
  ['192.0.0.0/29', 'reserved', 'public', 'reserved'],
  ['192.0.0.9/32', 'public', 'reserved', 'public'],
  ['192.0.0.10/32', 'public', 'public', 'reserved'],
  ['192.0.0.11/32', 'reserved', 'public', 'reserved'],
  ['192.0.0.128/25', 'reserved', 'reserved', 'public'],
  ['192.0.2.0/24', 'reserved', 'public', 'public'],
  ['192.31.196.0/24', 'public', 'public', 'public'],
  ['192.52.193.0/24', 'public', 'public', 'public'],
  ['192.88.99.0/24', 'reserved', 'public', 'public'],
  ['192.168.0.0/16', 'private', 'public', 'public'],
  ['192.175.48.0/24', 'public', 'public', 'public'],
  ['198.18.0.0/15', 'reserved', 'public', 'public'],
  ['198.51.100.0/24', 'reserved', 'public', 'public'],
  ['203.0.113.0/24', 'reserved', 'public', 'public'],
  ['224.0.0.0/4', 'multicast', 'public', 'reserved'],
  ['240.0.0.0/4', 'reserved', 'multicast', undefined],
  ['255.255.255.255/32', 'reserved', 'reserved', undefined],
  ['::1/128', 'loopback', 'unspecified', undefined],
  ['64:ff9b:1::/48', 'private', 'reserved', 'reserved'],
  ['100::/64', 'reserved', 'reserved', 'reserved'],
  ['100:0:0:1::/64', 'reserved', 'reserved', 'reserved'],
  ['2001:1::1/128', 'public', 'reserved', 'public'],
  ['2001:1::3/128', 'public', 'public', 'reserved'],
  ['2001:2::/48', 'reserved', 'reserved', 'reserved'],
  ['2001:3::/32', 'public', 'reserved', 'reserved'],
  ['2001:4:112::/48', 'public', 'reserved', 'reserved'],
  ['2001:10::/28', 'reserved', 'reserved', 'public'],
  ['2001:20::/28', 'public', 'reserved', 'public'],
  ['2001:30::/28', 'public', 'public', 'reserved'],
  ['2001:1ff::/32', 'reserved', 'reserved', 'public'],
  ['2001:db8::/32', 'reserved', 'public', 'public'],
  ['2620:4f:8000::/48', 'public', 'public', 'public'],
  ['3fff::/20', 'reserved', 'public', 'public'],
  ['2000::/16', 'public', 'reserved', undefined],
  ['4000::/3', 'reserved', 'public', 'reserved'],
  ['5f00::/16', 'reserved', 'reserved', 'reserved'],
  ['fc00::/7', 'private', 'reserved', 'reserved'],
  ['fe80::/10', 'link-local', 'reserved', 'reserved'],
  ['fec0::/10', 'reserved', 'link-local', 'multicast'],
  ['ff00::/8', 'multicast', 'reserved', undefined]
]

function asNumber (words: readonly number[]): bigint {
  return words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
}

function asText (address: bigint, bits: number): string {
  return bits === 32
    ? [24n, 16n, 8n, 0n].map(shift => `${(address >> shift) & 0xffn}`).join('.')
    : Array.from({ length: 8 }, (_, index) => ((address >> BigInt(112 - index * 16)) & 0xffffn).toString(16)).join(':')
}

describe('special-purpose blocks', () => {
  it.each(BLOCKS)('%s is %s, after %s, before %s', (block, inside, before, after) => {
    const prefix = parsePrefix(block)
    const bits = prefix.family === 4 ? 32 : 128
    const first = asNumber(prefix.words)
    const last = first + (1n << BigInt(bits - prefix.length)) - 1n

    expect([first, first + (last - first) / 2n, last].map(address => normaliseAddress(asText(address, bits)).class)).toEqual([inside, inside, inside])

    if (before !== undefined) {
      expect(normaliseAddress(asText(first - 1n, bits)).class).toBe(before)
    }

    if (after !== undefined) {
      expect(normaliseAddress(asText(last + 1n, bits)).class).toBe(after)
    }
  })

  it.each([['::ffff:10.0.0.1', 'private'], ['2002:7f00:1::', 'loopback'], ['64:ff9b::a9fe:1', 'link-local'], ['::e000:1', 'multicast'], ['::2', 'reserved']])('%s is judged as what it carries: %s', (text, kind) => {
    expect(normaliseAddress(text)).toMatchObject({ class: kind, family: 4 })
  })
})
