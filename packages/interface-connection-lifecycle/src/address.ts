/**
 * What kind of place an address names.
 *
 * - `public`, `private`, `loopback`, `link-local`, `multicast`, `unspecified`, `reserved`: an IP address,
 *   by the IANA special-purpose registries (RFC 6890); an IPv4 address that is carried inside an IPv6 one
 *   (mapped, NAT64, 6to4, Teredo) is judged as that IPv4 address
 * - `relayed`: reached through another peer: the bytes come from the relay and not from the peer, or, for WebRTC
 *   behind a relay, the relay introduces it
 * - `dns`, `unix`, `memory`: no IP address, but a name, a path or an in-process address
 * - `none`: none of these. The key may still tell remotes apart: a claimed peer id (inbound WebRTC
 *   private-to-private), an onion address. An empty address has nothing at all.
 */
export type AddressClass =
  'public' | 'private' | 'loopback' | 'link-local' | 'multicast' | 'unspecified' | 'reserved' |
  'relayed' | 'dns' | 'unix' | 'memory' | 'none'

/**
 * One remote address in canonical form: every spelling of one endpoint host has the same `key`. Rules, limits
 * and groups use this and never the text of a multiaddr.
 */
export interface NormalisedAddress {
  /**
   * The canonical key of the host: `192.0.2.1`, `2001:db8::1`, `relay:<peer id>`, or `relay:<key>` where only the
   * address of the relay is known, `dns:<name>`, `unix:<path>`, `memory:<id>`, `onion:<address>`, `p2p:<peer id>`
   * where there is nothing else, or `none:<transport>` where there is not even that. Ports are not part of it.
   * Printable ASCII of bounded length.
   */
  readonly key: string

  readonly class: AddressClass

  /** `4` or `6` where `class` is one of an IP address, otherwise `0`; IPv4 inside IPv6 is `4` */
  readonly family: 0 | 4 | 6

  /** The IP address as unsigned 32-bit words, most significant first: one for IPv4, four for IPv6, otherwise none */
  readonly words: readonly number[]

  /**
   * The groups this address falls into, narrowest first, as prefixes with their length: `192.0.2.1/32`,
   * `192.0.2.0/24`. IPv4: /32, /24, /16. IPv6: /128, /64, /56, /48.
   * Anything else: `key` alone, so that what has no IP address never shares a group by accident.
   */
  readonly groups: readonly string[]

  /**
   * The group whose members share one allowance: IPv4 /32, IPv6 /64, the relay peer, each loopback address for
   * itself, otherwise `key`. Always one of `groups`.
   */
  readonly share: string

  /** The peer id of the relay, in base58, where the address is relayed and names it */
  readonly relay?: string

  /** How bytes travel: `tcp`, `ws`, `wss`, `quic`, `webrtc`, `webrtc-direct`, `webtransport`, `memory`, `unix`, `circuit`, or `unknown` */
  readonly transport: string
}
