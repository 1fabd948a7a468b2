import { registry } from '@multiformats/multiaddr'
import { parseIPv4, parseIPv6 } from './ip.ts'

/** 253 characters is the longest name in the DNS and 108 bytes the longest path of a socket; a longer one is hostile */
const MAX_NAME = 255

/** What is kept of a name that is too long, before its length and checksum */
const KEPT = 192

/** Peer ids are 46 to 53 characters for the keys that libp2p makes */
const MAX_PEER_ID = 128

const CODE_P2P = 421

const DOT = 0x2e

const PRINTABLE = /^[!-$&-~]*$/
const NOT_PRINTABLE = /[^!-$&-~]/gu
const BASE58 = /^[1-9A-HJ-NP-Za-km-z]+$/
const ASCII = /^[\0-\x7f]*$/

/** A last label at which name resolution takes the whole name for an IPv4 address (`0x7f.1`, `2130706433`), as in the URL standard */
const ENDS_IN_NUMBER = /(?:^|\.)(?:\d+|0x[\da-f]*)$/

/** FNV-1a: tells hostile names apart; names that meet on purpose only share an allowance with one another */
function checksum (text: string): string {
  let hash = 0x811c9dc5

  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }

  return (hash >>> 0).toString(16)
}

/** A name as it stands in a key: of bounded length, without blanks and control characters (keys are logged) */
export function encodeName (name: string): string {
  if (name.length > MAX_NAME) {
    // nothing that would be decoded: the shortened name has to be its own
    return `${name.slice(0, KEPT).replace(NOT_PRINTABLE, '_')}~${name.length}~${checksum(name)}`
  }

  return PRINTABLE.test(name) ? name : name.toWellFormed().replace(NOT_PRINTABLE, encodeURIComponent)
}

/** The reverse of `encodeName`, for keys that are read back */
export function decodeName (name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name // not one of ours
  }
}

/** Lower case, without the dot of the root, in the ASCII form of international names */
export function canonicalDnsName (name: string): string {
  const bare = withoutRoot(name.toLowerCase())

  // the platform may leave out what stood behind the last dot, such as a control character, and Chromium writes `*` as `%2A`
  return bare.length <= MAX_NAME && !ASCII.test(bare) ? withoutRoot(urlHost(bare)?.toLowerCase() ?? bare) : bare
}

/** Without the dots at the end, of which only one would be valid: otherwise the key of a key would be another one */
function withoutRoot (name: string): string {
  let end = name.length

  while (end > 1 && name.charCodeAt(end - 1) === DOT) {
    end--
  }

  return name.slice(0, end)
}

/** The words of the IP address that is written where a DNS name belongs, in any form that resolvers take for one */
export function ipFromDnsName (name: string): number[] | undefined {
  if (name.length > MAX_NAME) {
    return undefined
  }

  if (name.includes(':')) {
    return parseIPv6(name)
  }

  const host = ENDS_IN_NUMBER.test(name) ? urlHost(name) : undefined
  const address = host === undefined ? -1 : parseIPv4(host)

  return address === -1 ? undefined : [address]
}

/** The platform's own idea of a host name (URL standard); nothing where the name could end the host */
function urlHost (name: string): string | undefined {
  try {
    const { hostname, href } = new URL(`http://${name}`)

    return href === `http://${hostname}/` ? hostname : undefined
  } catch {
    return undefined
  }
}

/** By the codec of `/p2p`, which reads CIDs and writes base58 */
function fromCID (value: string): string | undefined {
  const codec = registry.getProtocol(CODE_P2P)
  const bytes = codec.valueToBytes?.(value)

  return bytes === undefined ? undefined : codec.bytesToValue?.(bytes)
}

/** The one spelling of a peer id, or nothing where it is none: base58 as it is, CIDs as base58 */
export function canonicalPeerId (value: string): string | undefined {
  if (value.length > MAX_PEER_ID) {
    return undefined
  }

  try {
    const first = value.charAt(0)
    const id = first === 'Q' || first === '1' ? value : fromCID(value)

    return id !== undefined && BASE58.test(id) ? id : undefined
  } catch {
    return undefined
  }
}
