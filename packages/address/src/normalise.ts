import { InvalidParametersError } from '@libp2p/interface'
import { isMultiaddr, multiaddr } from '@multiformats/multiaddr'
import { fromComponents, fromName } from './components.ts'
import { describe } from './describe.ts'
import { parseIPv4, readIPv6, wordsFromBytes } from './ip.ts'
import { canonicalPeerId, decodeName } from './names.ts'
import { fromIPv4, fromIPv6, fromKey, fromWords } from './result.ts'
import type { NameScheme } from './components.ts'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { Multiaddr } from '@multiformats/multiaddr'

const UNKNOWN = 'unknown'

/** The schemes of keys that are names, with the transport that they imply */
const NAME_SCHEMES: ReadonlyMap<string, { readonly scheme: NameScheme, readonly transport: string }> = new Map([
  ['dns', { scheme: 'dns', transport: UNKNOWN }],
  ['unix', { scheme: 'unix', transport: 'unix' }],
  ['memory', { scheme: 'memory', transport: 'memory' }],
  ['onion', { scheme: 'onion', transport: UNKNOWN }],
  ['garlic32', { scheme: 'garlic32', transport: UNKNOWN }],
  ['garlic64', { scheme: 'garlic64', transport: UNKNOWN }],
  ['invalid', { scheme: 'invalid', transport: UNKNOWN }]
] as const)

const TRANSPORT = /^[a-z-]{1,16}$/

/** The longest text that is looked at; a multiaddr of 1 KiB is more than any peer needs, and keys are shorter */
const MAX_TEXT = 4_096

/** A zone written into the address (`fe80::1%eth0`, in a URL `%25eth0`), which multiaddrs keep in `/ip6zone` instead */
const ZONE_IN_MULTIADDR = /^(\/ip6\/[\da-f:.]{2,45})%[^/]*/i

/**
 * The canonical form of one address.
 *
 * @param input - a multiaddr as an object, as text or as bytes; or the text of an IP address; or the `key` of a result
 * @throws {InvalidParametersError} when text or bytes are no address at all; never for a `Multiaddr`
 */
export function normaliseAddress (input: Multiaddr | string | Uint8Array): NormalisedAddress {
  if (typeof input === 'string') {
    return fromText(input)
  }

  if (isMultiaddr(input)) {
    return fromMultiaddr(input)
  }

  if (input instanceof Uint8Array) {
    return fromComponents(parse(input).getComponents())
  }

  throw new InvalidParametersError(`an address must be a multiaddr, a string or bytes, got ${describe(input)}`)
}

/**
 * The canonical form of an IP address in network order, as packets and DNS records carry it.
 *
 * @param bytes - 4 or 16 of them
 * @throws {InvalidParametersError} for another length
 */
export function normaliseIPBytes (bytes: Uint8Array): NormalisedAddress {
  if (!(bytes instanceof Uint8Array) || (bytes.byteLength !== 4 && bytes.byteLength !== 16)) {
    throw new InvalidParametersError(`an IP address must have 4 or 16 bytes, got ${describe(bytes)}`)
  }

  return fromWords(wordsFromBytes(bytes), UNKNOWN)
}

/**
 * The canonical form of an IP address as sockets tell it, equal to that of a multiaddr with this address and transport.
 *
 * @param text - the address, without a port
 * @param transport - how bytes travel, which the text does not say; becomes `transport` of the result
 * @throws {InvalidParametersError} when it is none
 */
export function normaliseIPText (text: string, transport: string): NormalisedAddress {
  const address = typeof text === 'string' && text.length <= MAX_TEXT ? fromIPText(text, transport) : undefined

  if (address === undefined) {
    throw new InvalidParametersError(`an IP address must be IPv4 or IPv6, got ${describe(text)}`)
  }

  return address
}

function fromMultiaddr (input: Multiaddr): NormalisedAddress {
  try {
    return fromComponents(input.getComponents())
  } catch {
    // not the class of the multiaddr package, and it does not keep to the interface either
    return fromKey('none:unknown', 'none', UNKNOWN)
  }
}

function parse (input: string | Uint8Array): Multiaddr {
  try {
    return multiaddr(input)
  } catch {
    throw notAnAddress(input)
  }
}

function notAnAddress (input: string | Uint8Array): InvalidParametersError {
  return new InvalidParametersError(`an address must be a multiaddr or an IP address, got ${describe(input)}`)
}

function fromText (text: string): NormalisedAddress {
  if (text.length > MAX_TEXT) {
    throw notAnAddress(text)
  }

  if (text.startsWith('/')) {
    return fromComponents(parse(text.replace(ZONE_IN_MULTIADDR, '$1')).getComponents())
  }

  const address = fromIPText(text) ?? fromKeyText(text)

  if (address === undefined) {
    throw notAnAddress(text)
  }

  return address
}

function fromIPText (text: string, transport = UNKNOWN): NormalisedAddress | undefined {
  const address = parseIPv4(text)

  if (address !== -1) {
    return fromIPv4(address, transport)
  }

  const ipv6 = readIPv6(text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text)

  return ipv6 === undefined ? undefined : fromIPv6(ipv6, transport)
}

/** Reads a key back */
function fromKeyText (text: string): NormalisedAddress | undefined {
  const colon = text.indexOf(':')
  const rest = text.slice(colon + 1)

  if (colon === -1) {
    return undefined
  }

  const name = NAME_SCHEMES.get(text.slice(0, colon))

  if (name !== undefined) {
    return fromName(name.scheme, decodeName(rest), name.transport)
  }

  switch (text.slice(0, colon)) {
    case 'relay':
      return fromRelayText(rest)
    case 'p2p': {
      const id = canonicalPeerId(rest)
      return id === undefined ? undefined : fromKey(`p2p:${id}`, 'none', UNKNOWN)
    }
    case 'none':
      return TRANSPORT.test(rest) ? fromKey(text, rest === 'circuit' ? 'relayed' : 'none', rest) : undefined
    default:
      return undefined
  }
}

function fromRelayText (text: string): NormalisedAddress | undefined {
  const id = canonicalPeerId(text)

  if (id !== undefined) {
    return fromKey(`relay:${id}`, 'relayed', 'circuit', id)
  }

  const host = text.startsWith('relay:') ? undefined : fromIPText(text) ?? fromKeyText(text)

  return host === undefined ? undefined : fromKey(`relay:${host.key}`, 'relayed', 'circuit')
}
