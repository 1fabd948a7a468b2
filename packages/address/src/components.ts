import { parseIPv4, readIPv6 } from './ip.ts'
import { canonicalDnsName, canonicalPeerId, encodeName, ipFromDnsName } from './names.ts'
import { fromIPv4, fromIPv6, fromKey, fromWords } from './result.ts'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { Component } from '@multiformats/multiaddr'

// https://github.com/multiformats/multiaddr/blob/master/protocols.csv; literal here so that the switch compiles to jumps
const IP4 = 4
const TCP = 6
const IP6 = 41
const DNS = 53
const DNS4 = 54
const DNS6 = 55
const DNSADDR = 56
const WEBRTC_DIRECT = 280
const WEBRTC = 281
const P2P_CIRCUIT = 290
const UNIX = 400
const P2P = 421
const ONION = 444
const ONION3 = 445
const GARLIC64 = 446
const GARLIC32 = 447
const TLS = 448
const QUIC = 460
const QUIC_V1 = 461
const WEBTRANSPORT = 465
const WS = 477
const WSS = 478
const MEMORY = 777

// What is said about the transport, one bit each
const SAYS_TCP = 1
const SAYS_WS = 2
const SAYS_TLS = 4
const SAYS_WSS = SAYS_WS | SAYS_TLS
const SAYS_QUIC = 8
const SAYS_WEBTRANSPORT = 16
const SAYS_WEBRTC = 32
const SAYS_WEBRTC_DIRECT = 64
const SAYS_MEMORY = 128
const SAYS_UNIX = 256
const SAYS_CIRCUIT = 512

/** The outermost transport that is named, because that is what opens the connection */
function transportOf (said: number): string {
  if ((said & SAYS_WEBRTC) !== 0) {
    return 'webrtc'
  } else if ((said & SAYS_CIRCUIT) !== 0) {
    return 'circuit'
  } else if ((said & ~(SAYS_TCP | SAYS_TLS)) === 0) {
    return (said & SAYS_TCP) !== 0 ? 'tcp' : 'unknown'
  } else if ((said & SAYS_WS) !== 0) {
    return (said & SAYS_TLS) !== 0 ? 'wss' : 'ws'
  } else if ((said & SAYS_WEBRTC_DIRECT) !== 0) {
    return 'webrtc-direct'
  } else if ((said & SAYS_WEBTRANSPORT) !== 0) {
    return 'webtransport'
  } else if ((said & SAYS_QUIC) !== 0) {
    return 'quic'
  }

  return (said & SAYS_MEMORY) !== 0 ? 'memory' : 'unix'
}

/** The address of one multiaddr, from its components. Every value in them may be hostile; nothing in here throws. */
export function fromComponents (components: readonly Component[]): NormalisedAddress {
  let host: Component | undefined
  let peer: string | undefined
  let relay: string | undefined
  let relayHost: Component | undefined
  let said = 0

  for (const component of components) {
    switch (component.code) {
      case IP4:
      case IP6:
      case DNS:
      case DNS4:
      case DNS6:
      case DNSADDR:
      case ONION:
      case ONION3:
      case GARLIC32:
      case GARLIC64:
        host ??= component
        break
      case UNIX:
        said |= SAYS_UNIX
        host ??= component
        break
      case MEMORY:
        said |= SAYS_MEMORY
        host ??= component
        break
      case P2P:
        peer = component.value
        break
      case P2P_CIRCUIT:
        // what was said of the way to the relay is not how bytes reach the peer
        said = SAYS_CIRCUIT
        relay = peer
        relayHost = host
        break
      case TCP:
        said |= SAYS_TCP
        break
      case WS:
        said |= SAYS_WS
        break
      case WSS:
        said |= SAYS_WSS
        break
      case TLS:
        said |= SAYS_TLS
        break
      case QUIC:
      case QUIC_V1:
        said |= SAYS_QUIC
        break
      case WEBTRANSPORT:
        said |= SAYS_WEBTRANSPORT
        break
      case WEBRTC:
        said |= SAYS_WEBRTC
        break
      case WEBRTC_DIRECT:
        said |= SAYS_WEBRTC_DIRECT
        break
      default: // ports, certificates, names for TLS: neither who nor how
    }
  }

  const transport = transportOf(said)

  if ((said & SAYS_CIRCUIT) !== 0) {
    return fromRelay(relay, relayHost, transport)
  }

  return host === undefined ? fromPeer(peer, transport) : fromHost(host, transport)
}

/** A relay that is named by its address alone has that for its key */
function fromRelay (peer: string | undefined, host: Component | undefined, transport: string): NormalisedAddress {
  const id = peer === undefined ? undefined : canonicalPeerId(peer)

  if (id !== undefined) {
    return fromKey(`relay:${id}`, 'relayed', transport, id)
  }

  return fromKey(host === undefined ? 'none:circuit' : `relay:${fromHost(host, transport).key}`, 'relayed', transport)
}

function fromPeer (peer: string | undefined, transport: string): NormalisedAddress {
  const id = peer === undefined ? undefined : canonicalPeerId(peer)

  return fromKey(id === undefined ? `none:${transport}` : `p2p:${id}`, 'none', transport)
}

function fromHost ({ code, value = '' }: Component, transport: string): NormalisedAddress {
  if (code === IP4) {
    const address = parseIPv4(value)

    return address === -1 ? fromName('invalid', value, transport) : fromIPv4(address, transport)
  }

  if (code === IP6) {
    const address = readIPv6(value)

    return address === undefined ? fromName('invalid', value, transport) : fromIPv6(address, transport)
  }

  switch (code) {
    case UNIX:
      return fromName('unix', value, transport)
    case MEMORY:
      return fromName('memory', value, transport)
    case ONION:
    case ONION3:
      return fromName('onion', value, transport)
    case GARLIC32:
      return fromName('garlic32', value, transport)
    case GARLIC64:
      return fromName('garlic64', value, transport)
    default:
      return fromName('dns', value, transport)
  }
}

/** What keys can start with, when they are no IP address and no relay */
export type NameScheme = 'dns' | 'unix' | 'memory' | 'onion' | 'garlic32' | 'garlic64' | 'invalid'

/** An address that is a name, decoded and in any spelling */
export function fromName (scheme: NameScheme, name: string, transport: string): NormalisedAddress {
  switch (scheme) {
    case 'dns': {
      const canonical = canonicalDnsName(name)
      const words = ipFromDnsName(canonical)

      return words === undefined ? fromKey(`dns:${encodeName(canonical)}`, 'dns', transport) : fromWords(words, transport)
    }
    case 'unix':
    case 'memory':
      return fromKey(`${scheme}:${encodeName(name)}`, scheme, transport)
    case 'onion': // base32, with the port after it
      return fromKey(`onion:${encodeName(name.toLowerCase().replace(/:.*$/s, ''))}`, 'none', transport)
    case 'garlic32': // base32
      return fromKey(`garlic32:${encodeName(name.toLowerCase())}`, 'none', transport)
    default:
      return fromKey(`${scheme}:${encodeName(name)}`, 'none', transport)
  }
}
