import { embeddedIPv4 } from './embedded.ts'
import { formatGroup, formatIPv6 } from './ip.ts'
import { classifyIPv4, classifyIPv6 } from './special.ts'
import type { IPv6 } from './ip.ts'
import type { AddressClass, NormalisedAddress } from '@cordon/interface-connection-lifecycle'

const NO_WORDS: readonly number[] = []

/** All results are made by this one literal, so that whoever reads them sees one shape */
function result (key: string, kind: AddressClass, family: 0 | 4 | 6, words: readonly number[], groups: readonly string[], share: string, relay: string | undefined, transport: string): NormalisedAddress {
  return { key, class: kind, family, words, groups, share, relay, transport }
}

export function fromIPv4 (address: number, transport: string): NormalisedAddress {
  const net16 = `${address >>> 24}.${(address >>> 16) & 0xff}.`
  const net24 = `${net16}${(address >>> 8) & 0xff}.`
  const key = `${net24}${address & 0xff}`
  const share = `${key}/32`

  return result(key, classifyIPv4(address), 4, [address], [share, `${net24}0/24`, `${net16}0.0/16`], share, undefined, transport)
}

/** The text of three groups without the zeros at their end, which `::` stands for: behind a prefix there is no longer run */
function networkText (a: number, b: number, c: number): string {
  if (c !== 0) {
    return `${formatGroup(a)}:${formatGroup(b)}:${formatGroup(c)}`
  }

  return b !== 0 ? `${formatGroup(a)}:${formatGroup(b)}` : a !== 0 ? formatGroup(a) : ''
}

/** The text of a network of up to 64 bits: `head`, the text of its first three groups `a`, `b`, `c`, and the fourth, `d` */
function withFourth (head: string, a: number, b: number, c: number, d: number): string {
  if (d === 0) {
    return head
  }

  return c !== 0 ? `${head}:${formatGroup(d)}` : `${formatGroup(a)}:${formatGroup(b)}:0:${formatGroup(d)}`
}

export function fromIPv6 ({ words, text: key }: IPv6, transport: string): NormalisedAddress {
  const embedded = embeddedIPv4(words)

  if (embedded !== -1) {
    return fromIPv4(embedded, transport)
  }

  const [first = 0, second = 0] = words
  const a = first >>> 16
  const b = first & 0xffff
  const c = second >>> 16
  const d = second & 0xffff
  const kind = classifyIPv6(words)
  const host = `${key}/128`
  const net48 = networkText(a, b, c)
  const net64 = `${withFourth(net48, a, b, c, d)}::/64`
  const net56 = `${withFourth(net48, a, b, c, d & 0xff00)}::/56`

  return result(key, kind, 6, words, [host, net64, net56, `${net48}::/48`], kind === 'loopback' ? host : net64, undefined, transport)
}

export function fromWords (words: readonly number[], transport: string): NormalisedAddress {
  return words.length === 4 ? fromIPv6({ words, text: formatIPv6(words) }, transport) : fromIPv4(words[0] ?? 0, transport)
}

/** An address that is its own only group */
export function fromKey (key: string, kind: AddressClass, transport: string, relay?: string): NormalisedAddress {
  return result(key, kind, 0, NO_WORDS, [key], key, relay, transport)
}
