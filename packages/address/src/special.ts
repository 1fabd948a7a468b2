import type { AddressClass } from '@cordon/interface-connection-lifecycle'

/*
 * The IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890, RFC 8190 and the assignments since,
 * as of October 2025). What the registry calls globally reachable is `public`, also inside a range that is not.
 */

/** `base` with `length` leading bits */
function inBlock (word: number, base: number, length: number): boolean {
  return ((word ^ base) >>> (32 - length)) === 0
}

/** Globally reachable inside 192.0.0.0/24: port control (RFC 7723) and TURN (RFC 8155) anycast */
const PCP_ANYCAST = 0xc0000009
const TURN_ANYCAST = 0xc000000a

export function classifyIPv4 (address: number): AddressClass {
  switch (address >>> 24) {
    case 0: // "this network", RFC 791
      return address === 0 ? 'unspecified' : 'reserved'
    case 10: // RFC 1918
      return 'private'
    case 100: // shared by the customers of a carrier, RFC 6598
      return inBlock(address, 0x64400000, 10) ? 'private' : 'public'
    case 127: // RFC 1122
      return 'loopback'
    case 169: // RFC 3927
      return inBlock(address, 0xa9fe0000, 16) ? 'link-local' : 'public'
    case 172: // RFC 1918
      return inBlock(address, 0xac100000, 12) ? 'private' : 'public'
    case 192:
      return classify192(address)
    case 198: // benchmarks, RFC 2544; documentation, RFC 5737
      return inBlock(address, 0xc6120000, 15) || inBlock(address, 0xc6336400, 24) ? 'reserved' : 'public'
    case 203: // documentation, RFC 5737
      return inBlock(address, 0xcb007100, 24) ? 'reserved' : 'public'
    default:
      return address >>> 28 === 0xe ? 'multicast' : address >>> 28 === 0xf ? 'reserved' : 'public'
  }
}

function classify192 (address: number): AddressClass {
  if (inBlock(address, 0xc0a80000, 16)) { // RFC 1918
    return 'private'
  }

  if (inBlock(address, 0xc0000000, 24)) { // protocol assignments, RFC 6890
    return address === PCP_ANYCAST || address === TURN_ANYCAST ? 'public' : 'reserved'
  }

  // documentation, RFC 5737; 6to4 relay anycast, withdrawn by RFC 7526
  return inBlock(address, 0xc0000200, 24) || inBlock(address, 0xc0586300, 24) ? 'reserved' : 'public'
}

/** Of an address that carries no IPv4 address: those are judged as the address that they carry */
export function classifyIPv6 (words: readonly number[]): AddressClass {
  const [first = 0, second = 0, third = 0, fourth = 0] = words

  if (first >>> 29 === 1) { // 2000::/3, all that is allocated for global unicast
    return classifyGlobalUnicast(first, second, third, fourth)
  }

  if (first === 0 && second === 0 && third === 0) {
    return fourth === 0 ? 'unspecified' : fourth === 1 ? 'loopback' : 'reserved'
  }

  if (first === 0x0064ff9b && second >>> 16 === 1) { // translation inside one network, RFC 8215
    return 'private'
  }

  switch (first >>> 24) {
    case 0xfc:
    case 0xfd: // RFC 4193
      return 'private'
    case 0xfe: // RFC 4291; fec0::/10 was withdrawn by RFC 3879
      return inBlock(first, 0xfe800000, 10) ? 'link-local' : 'reserved'
    case 0xff: // RFC 4291
      return 'multicast'
    default: // among them 100::/64 (RFC 6666), 100:0:0:1::/64 (RFC 9780), 5f00::/16 (RFC 9602)
      return 'reserved'
  }
}

function classifyGlobalUnicast (first: number, second: number, third: number, fourth: number): AddressClass {
  if (inBlock(first, 0x20010000, 23)) { // protocol assignments, RFC 2928
    return isReachableAssignment(first, second, third, fourth) ? 'public' : 'reserved'
  }

  // documentation, RFC 3849 and RFC 9637
  return first === 0x20010db8 || inBlock(first, 0x3fff0000, 20) ? 'reserved' : 'public'
}

function isReachableAssignment (first: number, second: number, third: number, fourth: number): boolean {
  switch (first & 0xffff) {
    case 1: // anycast for port control, TURN and service registration: RFC 7723, RFC 8155, RFC 9665
      return second === 0 && third === 0 && fourth >= 1 && fourth <= 3
    case 3: // multicast tunnels, RFC 7450
      return true
    case 4: // AS112, RFC 7535
      return second >>> 16 === 0x112
    default: // identities: RFC 7343 and RFC 9374
      return inBlock(first, 0x20010020, 28) || inBlock(first, 0x20010030, 28)
  }
}
