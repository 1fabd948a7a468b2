/** How a range of IPv6 addresses carries IPv4 addresses */
export interface Embedding {
  /** The words of the range, and how many of their bits count */
  readonly words: readonly number[]
  readonly length: number

  /** At which bit the IPv4 address starts */
  readonly offset: number

  /** Whether its bits are inverted */
  readonly inverted: boolean

  /** What it is called, for errors */
  readonly name: string
}

/** `::` and `::1` lie in the range of compatible addresses without being any */
const LAST_NOT_COMPATIBLE = 1

export const EMBEDDINGS: readonly Embedding[] = [
  { name: 'IPv4-mapped (RFC 4291)', words: [0, 0, 0xffff, 0], length: 96, offset: 96, inverted: false },
  { name: 'IPv4-compatible (RFC 4291)', words: [0, 0, 0, 0], length: 96, offset: 96, inverted: false },
  { name: 'IPv4-translated (SIIT, RFC 2765)', words: [0, 0, 0xffff0000, 0], length: 96, offset: 96, inverted: false },
  { name: 'NAT64 (RFC 6052)', words: [0x0064ff9b, 0, 0, 0], length: 96, offset: 96, inverted: false },
  { name: 'Teredo (RFC 4380)', words: [0x20010000, 0, 0, 0], length: 32, offset: 96, inverted: true },
  { name: '6to4 (RFC 3056)', words: [0x20020000, 0, 0, 0], length: 16, offset: 16, inverted: false }
]

/**
 * The IPv4 address that an IPv6 address carries, or `-1`: the same rules as `EMBEDDINGS`, unrolled because every
 * connection from an IPv6 address comes through here.
 */
export function embeddedIPv4 (words: readonly number[]): number {
  const [first = 0, second = 0, third = 0, fourth = 0] = words

  if (first === 0) {
    const translated = third === 0xffff || third === 0xffff0000
    const compatible = third === 0 && fourth > LAST_NOT_COMPATIBLE

    return second === 0 && (translated || compatible) ? fourth : -1
  }

  if (first >>> 16 === 0x2002) {
    return ((first << 16) | (second >>> 16)) >>> 0
  }

  if (first === 0x20010000) {
    return ~fourth >>> 0
  }

  return first === 0x0064ff9b && second === 0 && third === 0 ? fourth : -1
}
