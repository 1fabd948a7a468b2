import { PEER_ID_RANGES } from '@cordon/address'
import { maskOf } from '../tables/bits.ts'
import type { Layer } from '../rules/layer.ts'
import type { RuleAction, RuleDirection } from '@cordon/interface-connection-gater'

const DOT = 0x2e
const SLASH = 0x2f
const ZERO = 0x30
const COLON = 0x3a

/** How many digits the first group of what is allocated for global unicast has, all of 2000::/3 */
const GROUP = 4

/** Those that carry IPv4 addresses, which are judged as those, are no plain ones: 6to4 and Teredo. The others begin otherwise. */
const SIX_TO_FOUR = 0x2002
const TEREDO = 0x20010000

/** Whatever is shorter, and no IPv6 address, can only be an IPv4 address or range */
const MIN_PEER_ID = Math.min(...PEER_ID_RANGES.map(({ first }) => first.length))

/** The codes of the texts between which peer ids lie */
const RANGES = PEER_ID_RANGES.map(({ first, last }) => ({ first: codesOf(first), last: codesOf(last) }))

/** 1 for each character of base58 */
const BASE58 = new Uint8Array(256)
for (const char of '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz') BASE58[char.charCodeAt(0)] = 1

/** The value of each hexadecimal digit plus one */
const HEX = new Uint8Array(256)
for (const digits of ['0123456789abcdef', '0123456789ABCDEF']) for (let i = 0; i < digits.length; i++) HEX[digits.charCodeAt(i)] = i + 1

/** The groups of the address that is being read; there is one, because reading never yields */
const groups = new Uint16Array(8)

/**
 * Takes what nearly all lines of large lists are, an address or range in its usual text or a peer id in base58, and puts
 * it into a layer without making anything of it: a tenth of what it takes to read a line that may be anything.
 *
 * @param bytes - in which the line is, in ASCII
 * @returns false for every other line, whether it is a rule or not
 */
export function addPlain (layer: Layer, bytes: Uint8Array, start: number, end: number, action: RuleAction, direction: RuleDirection): boolean {
  if (end - start > GROUP && bytes[start + GROUP] === COLON) return addIPv6(layer, bytes, start, end, action, direction)
  if (end - start < MIN_PEER_ID) return addIPv4(layer, bytes, start, end, action, direction)
  if (!isPeerId(bytes, start, end)) return false
  layer.addPeer(bytes, start, end, action, direction)
  return true
}

function addIPv4 (layer: Layer, bytes: Uint8Array, start: number, end: number, action: RuleAction, direction: RuleDirection): boolean {
  let word = 0
  let at = start
  for (let part = 0; part < 4; part++) {
    if (part > 0 && (at >= end || bytes[at++] !== DOT)) return false
    const number = numberAt(bytes, at, end, 255)
    if (number === -1) return false
    word = (word << 8) | number
    at += number > 99 ? 3 : number > 9 ? 2 : 1
  }
  let length = 32
  if (at < end) {
    length = bytes[at++] === SLASH ? numberAt(bytes, at, end, 32) : -1
    at += length > 9 ? 2 : 1
  }
  // what covers everything is not looked up as the others are
  if (at !== end || length < 1) return false
  layer.addIPv4(word & (-1 << (32 - length)), length, action, direction)
  return true
}

function addIPv6 (layer: Layer, bytes: Uint8Array, start: number, end: number, action: RuleAction, direction: RuleDirection): boolean {
  let at = readGroups(bytes, start, end)
  const a = wordAt(0)
  if (at === -1 || a >>> 29 !== 1 || a >>> 16 === SIX_TO_FOUR || a === TEREDO) return false
  let length = 128
  if (at < end) {
    length = numberAt(bytes, ++at, end, 128)
    at += length > 99 ? 3 : length > 9 ? 2 : 1
  }
  if (at !== end || length < 1) return false
  layer.addIPv6(a & maskOf(length, 0), wordAt(2) & maskOf(length, 32), wordAt(4) & maskOf(length, 64), wordAt(6) & maskOf(length, 96), length, action, direction)
  return true
}

/** Fills `groups`; returns where the address ends, which is at a slash or at the end, or -1 where it is none */
function readGroups (bytes: Uint8Array, start: number, end: number): number {
  let count = 0
  let gap = -1
  let at = start
  while (at < end && bytes[at] !== SLASH) {
    const first = at
    let group = 0
    for (let digit = hexAt(bytes, at, end); digit !== -1; digit = hexAt(bytes, ++at, end)) group = (group << 4) | digit
    if (count === 8 || at === first || at - first > GROUP) return -1
    groups[count++] = group
    if (at === end || bytes[at] === SLASH) break
    // a colon, and something after it
    if (bytes[at++] !== COLON || at === end || bytes[at] === SLASH) return -1
    if (bytes[at] === COLON) {
      if (gap !== -1) return -1
      gap = count
      at++
    }
  }
  if (gap === -1 ? count !== 8 : count > 7) return -1
  if (gap !== -1) {
    groups.copyWithin(8 - (count - gap), gap, count)
    groups.fill(0, gap, 8 - (count - gap))
  }
  return at
}

/** The hexadecimal digit that is there; -1 where there is none */
function hexAt (bytes: Uint8Array, at: number, end: number): number {
  return at < end ? (HEX[bytes[at] ?? 0] ?? 0) - 1 : -1
}

function wordAt (group: number): number {
  return (((groups[group] ?? 0) << 16) | (groups[group + 1] ?? 0)) >>> 0
}

/** The number that begins there, without needless zeros and at most `max`; -1 where there is none, or a longer one */
function numberAt (bytes: Uint8Array, at: number, end: number, max: number): number {
  let number = -1
  for (; at < end; at++) {
    const digit = (bytes[at] ?? 0) - ZERO
    if (digit < 0 || digit > 9) return number
    if (number === 0) return -1
    number = number === -1 ? digit : number * 10 + digit
    if (number > max) return -1
  }
  return number
}

function isPeerId (bytes: Uint8Array, start: number, end: number): boolean {
  for (const { first, last } of RANGES) {
    if (end - start === first.length && compare(bytes, start, first) >= 0 && compare(bytes, start, last) <= 0) return isBase58(bytes, start, end)
  }
  return false
}

/** Below, at or above 0, as what begins there is before, the same as or after this */
function compare (bytes: Uint8Array, start: number, codes: Uint8Array): number {
  for (let i = 0; i < codes.length; i++) {
    const difference = (bytes[start + i] ?? 0) - (codes[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function isBase58 (bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (BASE58[bytes[i] ?? 0] !== 1) return false
  return true
}

function codesOf (text: string): Uint8Array {
  return Uint8Array.from(text, char => char.charCodeAt(0))
}
