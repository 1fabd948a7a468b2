import type { Layer } from '../rules/layer.ts'
import type { RuleAction, RuleDirection } from '@cordon/interface-connection-gater'

const DOT = 0x2e
const SLASH = 0x2f
const ZERO = 0x30
const ONE = 0x31
const Q = 0x51
const M = 0x6d

/** The longest text of an IPv4 address with a length */
const MAX_IPV4 = 18

/** As `isPeerId` has them */
const HASH_LENGTH = 46
const MIN_KEY_LENGTH = 41
const MAX_KEY_LENGTH = 64

/** 1 for each character of base58 */
const BASE58 = new Uint8Array(256)
for (const char of '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz') BASE58[char.charCodeAt(0)] = 1

/**
 * Takes what nearly all lines of large lists are, an IPv4 address or range in its usual text or a peer id in base58, and
 * puts it into a layer without making anything of it: a tenth of what it takes to read a line that may be anything.
 *
 * @param bytes - in which the line is, in ASCII
 * @returns false for every other line, whether it is a rule or not
 */
export function addPlain (layer: Layer, bytes: Uint8Array, start: number, end: number, action: RuleAction, direction: RuleDirection): boolean {
  if (end - start <= MAX_IPV4) return addIPv4(layer, bytes, start, end, action, direction)
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
  const size = end - start
  const isHash = size === HASH_LENGTH && bytes[start] === Q && bytes[start + 1] === M
  if (!isHash && (size < MIN_KEY_LENGTH || size > MAX_KEY_LENGTH || bytes[start] !== ONE)) return false
  for (let i = start; i < end; i++) if (BASE58[bytes[i] ?? 0] !== 1) return false
  return true
}
