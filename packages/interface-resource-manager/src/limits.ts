/** The name of one limit */
export type LimitKey =
  'connections' | 'connectionsInbound' | 'connectionsOutbound' |
  'streams' | 'streamsInbound' | 'streamsOutbound' |
  'fileDescriptors' | 'memory'

/** Upper bounds of one scope: whole numbers up to 2^53 - 1; `Infinity` is no bound, 0 admits nothing. `memory` is in bytes. */
export type ScopeLimits = Readonly<Record<LimitKey, number>>

/** What of a scope's limits is set; the rest is as it would be without */
export type PartialScopeLimits = { readonly [Key in LimitKey]?: number | undefined }

/** Limits of some scopes by name */
export type NamedLimits = Readonly<Record<string, PartialScopeLimits>>

/** How many connections may come from somewhere, and how fast */
export interface PrefixLimits {
  /**
   * How many inbound connections there may be at once.
   *
   * @default Infinity
   */
  readonly connections?: number | undefined

  /**
   * How many inbound connections there may be in a second, on average; 0 admits none.
   *
   * @default Infinity
   */
  readonly rate?: number | undefined

  /**
   * How many may come at once before `rate` begins to count.
   *
   * @default 16
   */
  readonly burst?: number | undefined
}

/** Limits of every prefix of one length */
export interface PrefixLevel extends PrefixLimits {
  /** How many leading bits of an address count */
  readonly length: number
}

/** Where inbound connections may come from. Our own dials are not counted. */
export interface PrefixConfig {
  /**
   * For each prefix of these lengths of an IPv4 address; each of them must have room.
   *
   * @default [{ length: 32, connections: 8, rate: 0.2, burst: 16 }]
   */
  readonly ipv4?: readonly PrefixLevel[] | undefined

  /**
   * For each prefix of these lengths of an IPv6 address; each of them must have room.
   *
   * @default [{ length: 56, connections: 8, rate: 0.2, burst: 16 }, { length: 48, connections: 64, rate: 0.5, burst: 80 }]
   */
  readonly ipv6?: readonly PrefixLevel[] | undefined

  /**
   * Single prefixes, such as `192.0.2.0/24`, to which the above does not apply: the most specific one that matches
   * says how many connections, and each that matches how fast. They are added to the exemptions of `127.0.0.0/8` and
   * `::1/128`; those go only where they are named here, with other limits or with `false`.
   */
  readonly entries?: Readonly<Record<string, PrefixLimits | false>> | undefined

  /**
   * For each relay: all connections that come through it.
   *
   * @default { connections: 8 }
   */
  readonly relay?: PrefixLimits | undefined

  /**
   * For all relays together. Anybody can be as many relays as they like, so what comes through them leaves most of the
   * node to those who come by themselves.
   *
   * @default { connections: a quarter of `system.connectionsInbound`, rounded up }
   */
  readonly relayed?: PrefixLimits | undefined

  /**
   * For each address that is neither an IP address nor relayed.
   *
   * @default {}
   */
  readonly other?: PrefixLimits | undefined

  /**
   * For all inbound connections that no entry matches; `connections` has no meaning here. Off by default, because one
   * group could use it up for all others.
   *
   * @default {}
   */
  readonly global?: Omit<PrefixLimits, 'connections'> | undefined
}

/**
 * The limits of a node. Everything may be left out, and is then as in the defaults. A named scope that is not in the
 * defaults starts from the `...Default` of its kind.
 */
export interface LimitConfig {
  readonly system?: PartialScopeLimits | undefined
  readonly transient?: PartialScopeLimits | undefined
  readonly allowlistedSystem?: PartialScopeLimits | undefined
  readonly allowlistedTransient?: PartialScopeLimits | undefined
  readonly serviceDefault?: PartialScopeLimits | undefined
  readonly service?: NamedLimits | undefined
  readonly servicePeerDefault?: PartialScopeLimits | undefined
  readonly servicePeer?: NamedLimits | undefined
  readonly protocolDefault?: PartialScopeLimits | undefined
  readonly protocol?: NamedLimits | undefined
  readonly protocolPeerDefault?: PartialScopeLimits | undefined
  readonly protocolPeer?: NamedLimits | undefined
  readonly peerDefault?: PartialScopeLimits | undefined
  readonly peer?: NamedLimits | undefined
  readonly connection?: PartialScopeLimits | undefined
  readonly stream?: PartialScopeLimits | undefined
  readonly prefixes?: PrefixConfig | undefined
}

/** Something that a manager was told, and accepts, but that cannot be meant */
export interface LimitWarning {
  /** Such as `resourceManager.limits.system.connectionsInbound` */
  readonly path: string

  /** A sentence that begins with the path */
  readonly message: string
}
