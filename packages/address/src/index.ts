/**
 * @packageDocumentation
 *
 * Turns a remote address, however it is spelt, into one canonical form: a key, a class, the groups it falls into and
 * the arithmetic of prefixes. Rules, limits and groups that use it cannot be evaded by writing `127.0.0.1` as
 * `::ffff:7f00:1`, and never lump together what has no IP address.
 *
 * Do not use it to find out how to dial (ports and transports' details are dropped) or who a peer is (an address
 * says nothing about identity; a peer id in it is merely claimed). It resolves no names: a DNS name is its own key.
 *
 * @example Spellings of one address have one key
 *
 * ```ts
 * import { normaliseAddress } from '@cordon/address'
 * import { multiaddr } from '@multiformats/multiaddr'
 *
 * const address = normaliseAddress(multiaddr('/ip6/::ffff:c000:201/tcp/4001'))
 *
 * console.info(address.key) // 192.0.2.1
 * console.info(address.groups) // [ '192.0.2.1/32', '192.0.2.0/24', '192.0.0.0/16' ]
 * console.info(normaliseAddress('2002:c000:201::').key === address.key) // true
 * ```
 *
 * @example Count and match by prefixes of any length
 *
 * ```ts
 * import { contains, normaliseAddress, parsePrefix, prefixKey } from '@cordon/address'
 *
 * const address = normaliseAddress('/ip6/2a00:1450:4001:81b::200e/udp/443/quic-v1')
 *
 * console.info(prefixKey(address, 32)) // 2a00:1450::/32
 * console.info(contains(parsePrefix('2a00::/12'), address)) // true
 * ```
 */

export { isPeerIdText, PEER_ID_RANGES, peerOf } from './peer-id.ts'
export type { PeerIdRange } from './peer-id.ts'
export { normaliseAddress, normaliseIPBytes, normaliseIPText } from './normalise.ts'
export { comparePrefixes, contains, formatPrefix, parsePrefix, prefixKey, prefixOf } from './prefix.ts'
export type { Prefix } from './prefix.ts'
export type { AddressClass, NormalisedAddress } from '@cordon/interface-connection-lifecycle'
