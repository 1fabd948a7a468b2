import { parseIP } from '@chainsafe/is-ip/parse'
import { isPrivateIp } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contains, normaliseAddress, normaliseIPBytes, parsePrefix, prefixKey, prefixOf } from '../src/index.ts'

const RUNS = { numRuns: 2_000 }

const ipv4 = fc.integer({ min: 0, max: 0xffffffff })

/** Groups of an IPv6 address; zeros are frequent, so that runs of them meet in every way */
const ipv6 = fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(1, 0xffff, 0x64, 0xff9b, 0x2001, 0x2002, 0xfe80) }, { weight: 2, arbitrary: fc.integer({ min: 0, max: 0xffff }) }), { minLength: 8, maxLength: 8 })

function dotted (address: number): string {
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 0xff).join('.')
}

function bytesOf (groups: readonly number[]): Uint8Array {
  return Uint8Array.from(groups.flatMap(group => [group >>> 8, group & 0xff]))
}

/** Renders groups in a random spelling: `style` picks case and leading zeros, `gap` where `::` goes, `tail` whether the end is dotted */
const spelling = fc.record({ style: fc.array(fc.record({ upper: fc.boolean(), width: fc.integer({ min: 1, max: 4 }) }), { minLength: 8, maxLength: 8 }), gap: fc.nat(), dotted: fc.boolean(), zone: fc.constantFrom('', '%eth0', '%12') })
type Spelling = typeof spelling extends fc.Arbitrary<infer T> ? T : never

function render (groups: readonly number[], { style, gap, dotted: tail, zone }: Spelling): string {
  const parts = groups.map((group, index) => {
    const hex = group.toString(16).padStart(style[index]?.width ?? 1, '0')
    return style[index]?.upper === true ? hex.toUpperCase() : hex
  })
  const size = tail ? 6 : 8
  // every run of zeros may be left out, whole or in part
  const gaps = Array.from({ length: size * size }, (_, index) => ({ from: Math.floor(index / size), to: (index % size) + 1 }))
    .filter(({ from, to }) => to > from && groups.slice(from, to).every(group => group === 0))
  const chosen = gap % (gaps.length + 1) === 0 ? undefined : gaps[gap % gaps.length]
  const end = tail ? [dotted((((groups[6] ?? 0) << 16) | (groups[7] ?? 0)) >>> 0)] : []
  const text = chosen === undefined
    ? [...parts.slice(0, size), ...end].join(':')
    : `${parts.slice(0, chosen.from).join(':')}::${[...parts.slice(chosen.to, size), ...end].join(':')}`

  return text + zone
}

describe('P15: equal endpoints have equal keys', () => {
  it('for IPv6 in any spelling', () => {
    fc.assert(fc.property(ipv6, spelling, spelling, (groups, one, other) => {
      const expected = normaliseIPBytes(bytesOf(groups))

      expect(normaliseAddress(render(groups, one))).toEqual(expected)
      expect(normaliseAddress(render(groups, other))).toEqual(expected)
      expect(normaliseAddress(multiaddr(`/ip6/${render(groups, { ...one, zone: '' })}`))).toEqual(expected)
    }), RUNS)
  })

  it('for IPv4 in every address that carries it', () => {
    fc.assert(fc.property(ipv4.filter(address => address > 1), fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 }), spelling, (address, random, style) => {
      const [high, low] = [address >>> 16, address & 0xffff]
      const expected = normaliseAddress(dotted(address))
      const carriers = [
        [0, 0, 0, 0, 0, 0xffff, high, low],
        [0, 0, 0, 0, 0, 0, high, low],
        [0, 0, 0, 0, 0xffff, 0, high, low],
        [0x64, 0xff9b, 0, 0, 0, 0, high, low],
        [0x2002, high, low, ...random.slice(3)],
        [0x2001, 0, ...random.slice(2, 6), high ^ 0xffff, low ^ 0xffff]
      ]

      expect(expected).toMatchObject({ key: dotted(address), family: 4, words: [address] })

      for (const carrier of carriers) {
        expect(normaliseAddress(render(carrier, style))).toEqual(expected)
      }
    }), RUNS)
  })

  it('and different endpoints have different ones', () => {
    fc.assert(fc.property(ipv6, ipv6, (one, other) => {
      const [a, b] = [normaliseIPBytes(bytesOf(one)), normaliseIPBytes(bytesOf(other))]

      expect(a.key === b.key).toBe(a.family === b.family && a.words.join() === b.words.join())
    }), RUNS)
  })

  it('for whatever a peer can send: the key is the address of itself', () => {
    const part = fc.oneof(
      fc.tuple(fc.constantFrom('dns', 'dns4', 'dnsaddr', 'memory', 'unix', 'garlic64', 'ip6zone'), fc.string({ unit: 'grapheme', minLength: 1 }).filter(text => !text.includes('/'))).map(([name, value]) => `/${name}/${encodeURIComponent(value)}`),
      fc.tuple(fc.constantFrom('dns', 'memory'), fc.string({ unit: 'binary', minLength: 1 }).filter(text => !text.includes('/'))).map(([name, value]) => `/${name}/${value}`),
      ipv4.map(address => `/ip4/${dotted(address)}`),
      ipv6.map(groups => `/ip6/${groups.map(group => group.toString(16)).join(':')}`),
      fc.constantFrom('/p2p-circuit', '/webrtc', '/tcp/1', '/udp/1', '/tls', '/ws', '/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N')
    )

    fc.assert(fc.property(fc.array(part, { maxLength: 6 }), parts => {
      const once = normaliseAddress(multiaddr(parts.join('')))
      expect({ ...normaliseAddress(once.key), transport: once.transport }).toEqual(once)
      expect(once.groups).toContain(once.share)
      expect(once.key).toMatch(/^[!-~]+$/)
    }), RUNS)
  })

  it('throws nothing but its own error for random bytes and text', () => {
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.string({ unit: 'binary', maxLength: 64 }), fc.stringMatching(/^[0-9a-f:.%/]{0,48}$/)), input => {
      try {
        expect(normaliseAddress(input).groups.length).toBeGreaterThan(0)
      } catch (error) {
        expect((error as Error).name).toBe('InvalidParametersError')
      }
    }), { numRuns: 5_000 })
  })
})

describe('against other parsers', () => {
  it('agrees with the URL parser of the platform on what IPv6 is, and how it is written', () => {
    const text = fc.oneof(fc.stringMatching(/^[0-9a-f:]{2,24}$/), fc.stringMatching(/^(([0-9A-Fa-f]{1,4}|):){2,8}([0-9]{1,3}\.){0,4}[0-9a-f]{0,3}$/), fc.tuple(ipv6, spelling).map(([groups, style]) => render(groups, { ...style, zone: '' })))

    // Chromium takes 00.1.2.3 at the end of an IPv6 address, against the standard; Node.js does not, and neither do we
    fc.assert(fc.property(text.filter(text => !/\b0\d+\.|\.0\d/.test(text)), text => {
      const theirs = URL.canParse(`http://[${text}]`) ? new URL(`http://[${text}]`).hostname.slice(1, -1) : undefined
      let ours: string | undefined

      try {
        ours = normaliseAddress(text).key
      } catch {}

      expect(ours === undefined).toBe(theirs === undefined)

      if (ours?.includes(':') === true) {
        expect(ours).toBe(theirs)
      }
    }), { numRuns: 5_000 })
  })

  it('agrees with @chainsafe/is-ip on the bytes', () => {
    fc.assert(fc.property(fc.oneof(fc.tuple(ipv6, spelling).map(([groups, style]) => render(groups, style)), ipv4.map(dotted), fc.stringMatching(/^[0-9:.]{3,16}$/)), text => {
      const theirs = parseIP(text)

      if (theirs != null) {
        expect(normaliseAddress(text)).toEqual(normaliseIPBytes(theirs))
      }
    }), { numRuns: 5_000 })
  })

  it('calls public only what @libp2p/utils does not call private, the anycast services apart', () => {
    // 192.31.196.0/24, 192.52.193.0/24, 192.175.48.0/24 and 192.0.0.9 and 10 are globally reachable by the registry
    const reachable = ['192.31.196.0/24', '192.52.193.0/24', '192.175.48.0/24', '192.0.0.9', '192.0.0.10'].map(parsePrefix)
    const special = fc.constantFrom(0, 10, 100, 127, 169, 172, 192, 198, 203, 224, 240, 255)
    const biased = fc.oneof(ipv4, fc.tuple(special, fc.integer({ min: 0, max: 0xffffff })).map(([first, rest]) => ((first << 24) | rest) >>> 0))

    fc.assert(fc.property(biased, address => {
      const normalised = normaliseAddress(dotted(address))

      if (normalised.class !== 'multicast' && !reachable.some(prefix => contains(prefix, normalised))) {
        expect(normalised.class !== 'public').toBe(isPrivateIp(normalised.key))
      }
    }), { numRuns: 5_000 })
  })
})

describe('groups and prefixes', () => {
  const anyIP = fc.oneof(ipv4.map(dotted), ipv6.map(groups => groups.map(group => group.toString(16)).join(':')))

  it('groups are the prefixes of their lengths, and hold the share', () => {
    fc.assert(fc.property(anyIP, text => {
      const address = normaliseAddress(text)
      const lengths = address.family === 4 ? [32, 24, 16] : [128, 64, 56, 48]

      expect(address.groups).toEqual(lengths.map(length => prefixKey(address, length)))
      expect(address.groups).toContain(address.share)

      for (const group of address.groups) {
        expect(contains(parsePrefix(group), address)).toBe(true)
      }
    }), RUNS)
  })

  it('a shorter prefix contains a longer one of the same address', () => {
    fc.assert(fc.property(anyIP, fc.nat(128), fc.nat(128), (text, one, other) => {
      const address = normaliseAddress(text)
      const bits = address.family === 4 ? 33 : 129
      const [short, long] = [one % bits, other % bits].sort((a, b) => a - b)
      const outer = prefixOf(address, short ?? 0)
      const inner = prefixOf(address, long ?? 0)

      expect(outer !== undefined && inner !== undefined && contains(outer, inner) && contains(outer, address)).toBe(true)
      expect(outer !== undefined && inner !== undefined && contains(inner, outer)).toBe(short === long)
    }), RUNS)
  })

  it('two addresses share the key of a prefix when they share its bits, and then of every shorter one', () => {
    fc.assert(fc.property(ipv4, ipv4, fc.integer({ min: 0, max: 32 }), (one, other, common) => {
      const mixed = common === 0 ? other : ((one & (0xffffffff << (32 - common))) | (common === 32 ? 0 : other & (0xffffffff >>> common))) >>> 0
      const [a, b] = [normaliseAddress(dotted(one)), normaliseAddress(dotted(mixed))]
      const shared = Math.clz32(one ^ mixed)

      for (let length = 0; length <= 32; length++) {
        expect(prefixKey(a, length) === prefixKey(b, length)).toBe(length <= shared)
      }
    }), { numRuns: 500 })
  })
})
