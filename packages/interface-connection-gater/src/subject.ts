import type { Direction, NormalisedAddress } from '@cordon/interface-connection-lifecycle'

/** Whom a question is about: a connection or a dial, as far as it is known */
export interface GateTarget {
  readonly direction: Direction

  /** Absent before an address was chosen */
  readonly address?: NormalisedAddress | undefined

  /** The peer id in base58, authenticated, or the one that is about to be dialled; absent while nobody knows */
  readonly peer?: string | undefined
}

/** Says whether somebody is covered. Synchronous; throwing, or answering with anything but true or false, refuses. */
export type GatePredicate = (target: GateTarget) => boolean

/**
 * Whom a rule covers. As text, each has one canonical form, which `Rule.subject` has and lists and files use:
 *
 * - `peer`: a peer id, in base58 or as a CID: `12D3KooW…`
 * - `ip`, `cidr`: an address or a range, in any spelling: `192.0.2.1`, `2001:db8::/32`, `/ip4/192.0.2.0/ipcidr/24`
 * - `pattern`: a host, a transport, or both, and never a port: see below
 * - `relay`: what is reached through this relay: `/p2p/12D3KooW…/p2p-circuit`
 * - `transport`: `/tcp`, `/ws`, `/wss`, `/quic`, `/webrtc`, `/webrtc-direct`, `/webtransport`, `/memory`, `/unix`
 * - `relayed`: what is reached through any relay: `/p2p-circuit`
 * - `predicate`: a function; has no text, is not kept, and is called by its `name`
 *
 * A pattern is `[host][transport]`. The host is `/ip4/*`, `/ip6/*`, `/ip4/<address>[/ipcidr/<n>]` (ip6 likewise),
 * `/dns/*`, `/dns/*.<name>` (all names below it), `/dns/<name>` (dns4, dns6 and dnsaddr are the same), `/onion3/<name>`,
 * `/memory/<name>` or `/unix/<path>`, which is the last part. Each part is compared with the normalised address, so it
 * does not matter how that was spelt. A pattern that says no more than another kind of subject is one of that kind.
 */
export type Subject =
  string |
  { readonly peer: string } |
  { readonly ip: string } |
  { readonly cidr: string } |
  { readonly pattern: string } |
  { readonly relay: string } |
  { readonly transport: string } |
  { readonly relayed: true } |
  { readonly predicate: GatePredicate, readonly name: string }

/** The kinds of subjects, the most specific first: of several rules that decide, the one whose kind is further left is reported; of two ranges, the longer prefix */
export type SubjectKind = 'peer' | 'ip' | 'pattern' | 'cidr' | 'relay' | 'transport' | 'relayed' | 'predicate'
