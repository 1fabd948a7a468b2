import { InvalidParametersError } from '@libp2p/interface'
import { describe } from './describe.ts'
import { EMBEDDINGS } from './embedded.ts'
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from './ip.ts'
import { fromWords } from './result.ts'
import type { Embedding } from './embedded.ts'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'

/** All IP addresses of one family that start with the same bits. As an object, a single address is the prefix of its full length. */
export interface Prefix {
  readonly family: 4 | 6

  /** Unsigned 32-bit words, most significant first: one for IPv4, four for IPv6. Bits beyond `length` are 0. */
  readonly words: readonly number[]

  /** How many leading bits count: 0 to 32, or 0 to 128 */
  readonly length: number
}

const CIDR = /^(.{2,64}?)(?:\/(\d{1,3}))?$/

/** The bits of a word that count in a prefix of `length` bits, where the word starts at bit `offset` */
function mask (length: number, offset: number): number {
  const bits = length - offset

  // a shift by 32 is a shift by 0
  return bits <= 0 ? 0 : bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0
}

function maskWords (words: readonly number[], length: number): number[] {
  return words.map((word, index) => (word & mask(length, index * 32)) >>> 0)
}

function bitsOf (family: 4 | 6): number {
  return family === 4 ? 32 : 128
}

function checkLength (family: 4 | 6, length: number): void {
  if (!Number.isInteger(length) || length < 0 || length > bitsOf(family)) {
    throw new InvalidParametersError(`the length of an IPv${family} prefix must be a whole number from 0 to ${bitsOf(family)}, got ${describe(length)}`)
  }
}

/**
 * Reads `192.0.2.0/24`, `2001:db8::/48`, or the text of an IP address, which is a prefix of full length. Bits beyond
 * the length are cleared. A prefix of IPv6 addresses that carry IPv4 addresses becomes the prefix of those:
 * `::ffff:192.0.2.0/120` is `192.0.2.0/24`.
 *
 * @throws {InvalidParametersError} when it is none, or can match nothing because it covers carriers of IPv4
 *   addresses without saying which, as `2002::/16` does: those are judged as the address that they carry
 */
export function parsePrefix (text: string): Prefix {
  const [, ip = '', digits] = (typeof text === 'string' ? CIDR.exec(text) : undefined) ?? []
  const address = parseIPv4(ip)
  const words = address === -1 ? parseIPv6(ip) : [address]

  if (words === undefined) {
    throw new InvalidParametersError(`a prefix must be an IP address, or one with a length as in 192.0.2.0/24, got ${describe(text)}`)
  }

  const family = words.length === 4 ? 6 : 4
  const length = digits === undefined ? bitsOf(family) : Number(digits)
  checkLength(family, length)

  return family === 6 ? uncarried(text, words, length) : { family, words: maskWords(words, length), length }
}

/** The prefix of the IPv4 addresses that an IPv6 prefix carries, where it does */
function uncarried (text: string, words: readonly number[], length: number): Prefix {
  const single = length === 128 ? fromWords(words, 'unknown') : undefined

  if (single !== undefined) {
    return { family: single.family === 4 ? 4 : 6, words: single.words, length: single.family === 4 ? 32 : 128 }
  }

  const masked = maskWords(words, length)
  const embedding = EMBEDDINGS.find(embedding => length >= embedding.length && covers(embedding, masked))

  if (embedding === undefined) {
    return { family: 6, words: masked, length }
  }

  const inner = Math.min(length - embedding.offset, 32)

  // only the mapped range is another name for all of IPv4; the others are ways to reach it
  if (inner < 0 || (inner === 0 && embedding !== EMBEDDINGS[0])) {
    throw new InvalidParametersError(`${describe(text)} matches nothing: ${embedding.name} addresses are judged as the IPv4 addresses in them, and it does not say which`)
  }

  const address = slice(masked, embedding.offset)

  return { family: 4, words: maskWords([embedding.inverted ? ~address >>> 0 : address], inner), length: inner }
}

function covers (embedding: Embedding, words: readonly number[]): boolean {
  return maskWords(words, embedding.length).every((word, index) => word === embedding.words[index])
}

/** 32 bits from bit `offset` on */
function slice (words: readonly number[], offset: number): number {
  const index = offset >>> 5
  const shift = offset & 31
  const first = words[index] ?? 0

  return shift === 0 ? first : ((first << shift) | ((words[index + 1] ?? 0) >>> (32 - shift))) >>> 0
}

/** The text of a prefix, always with its length; `parsePrefix` reads it back */
export function formatPrefix (prefix: Prefix): string {
  return `${prefix.family === 4 ? formatIPv4(prefix.words[0] ?? 0) : formatIPv6(prefix.words)}/${prefix.length}`
}

/**
 * The prefix of an address at a length.
 *
 * @returns nothing where the address is no IP address
 * @throws {InvalidParametersError} when the length is none of the address's family
 */
export function prefixOf (address: NormalisedAddress, length: number): Prefix | undefined {
  const { family, words } = address

  if (family === 0) {
    return undefined
  }

  checkLength(family, length)

  return { family, words: maskWords(words, length), length }
}

/**
 * The key under which all addresses of one prefix are counted: `192.0.2.0/24`. What is no IP address has its own
 * `key` at every length, so that unrelated peers never share a count.
 *
 * @throws {InvalidParametersError} when the length is none of the address's family
 */
export function prefixKey (address: NormalisedAddress, length: number): string {
  const prefix = prefixOf(address, length)

  return prefix === undefined ? address.key : formatPrefix(prefix)
}

/** Whether everything in `inner`, an address or a prefix, is in `outer`. What is no IP address is in no prefix. */
export function contains (outer: Prefix, inner: Prefix | NormalisedAddress): boolean {
  if (outer.family !== inner.family || ('length' in inner && inner.length < outer.length)) {
    return false
  }

  for (let index = 0; index * 32 < outer.length; index++) {
    if ((((outer.words[index] ?? 0) ^ (inner.words[index] ?? 0)) & mask(outer.length, index * 32)) !== 0) {
      return false
    }
  }

  return true
}

/** An order for sorting: IPv4 first, then by address, a prefix before what it contains. 0 only for equal prefixes. */
export function comparePrefixes (a: Prefix, b: Prefix): number {
  if (a.family !== b.family) {
    return a.family - b.family
  }

  for (let index = 0; index < a.words.length; index++) {
    const difference = (a.words[index] ?? 0) - (b.words[index] ?? 0)

    if (difference !== 0) {
      return difference
    }
  }

  return a.length - b.length
}
