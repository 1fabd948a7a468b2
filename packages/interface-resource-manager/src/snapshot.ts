import type { LimitKey, ScopeLimits } from './limits.ts'
import type { RefusalCause, ScopeClass } from './refusal.ts'
import type { ScopeUsage } from './scopes.ts'

/** How often something was refused, by cause; what never happened is absent */
export type RefusalCounts = Readonly<Partial<Record<RefusalCause, number>>>

/** The most that was used at once of each resource that has a limit */
export type ScopePeak = Readonly<Record<LimitKey, number>>

/** One scope at one moment */
export interface ScopeSnapshot {
  readonly class: ScopeClass
  readonly name: string
  readonly usage: ScopeUsage
  readonly limits: ScopeLimits
  readonly peak: ScopePeak
  readonly refusals: RefusalCounts
}

/** A peer with its share of protocols and services */
export interface PeerSnapshot extends ScopeSnapshot {
  readonly protocols: readonly ScopeSnapshot[]
  readonly services: readonly ScopeSnapshot[]
}

/** All scopes of one kind, those that have gone included */
export interface ClassSnapshot {
  /** How many are in use; of `span` those that are not released, of `prefix` those from which there are connections that a limit counts */
  readonly count: number

  /**
   * How many are kept for a while although nobody uses them, of `prefix` for the sake of their buckets. Always 0 for
   * `protocol-peer` and `service-peer`, and for what nobody keeps: `connection`, `stream`, `span`.
   */
  readonly idle: number

  /** The highest peak of any of them. One connection, stream or span need not note how much memory it had at most; a prefix has none. */
  readonly peak: ScopePeak

  /** Of all of them together */
  readonly refusals: RefusalCounts
}

/** One prefix at one moment */
export interface PrefixSnapshot {
  /** Such as `192.0.2.1/32` or `relay:12D3…`; `relayed` is all relays together */
  readonly name: string
  readonly connections: number
  /** `Infinity` is none */
  readonly limit: number
}

export interface PrefixesSnapshot {
  /** Those with most connections first */
  readonly largest: readonly PrefixSnapshot[]

  /** How many are remembered */
  readonly tracked: number

  /**
   * How many had to be forgotten while they still mattered, because there were too many. Who comes back after that has
   * the whole burst again.
   */
  readonly evicted: number

  readonly refusals: RefusalCounts
}

/** Everything at one moment: no scope is older than another */
export interface ResourceSnapshot {
  readonly system: ScopeSnapshot
  readonly transient: ScopeSnapshot
  readonly allowlistedSystem: ScopeSnapshot
  readonly allowlistedTransient: ScopeSnapshot
  readonly services: readonly ScopeSnapshot[]
  readonly protocols: readonly ScopeSnapshot[]

  /** Those with most connections and streams first */
  readonly peers: readonly PeerSnapshot[]

  readonly prefixes: PrefixesSnapshot
  readonly classes: Readonly<Record<ScopeClass, ClassSnapshot>>
}

export interface SnapshotOptions {
  /**
   * At most this many peers, and as many prefixes: a whole number, or `Infinity`.
   *
   * @default 100
   */
  readonly peers?: number
}

/** What go-libp2p's `Stat()` tells */
export interface ResourceStat {
  readonly system: ScopeUsage
  readonly transient: ScopeUsage
  readonly services: ReadonlyMap<string, ScopeUsage>
  readonly protocols: ReadonlyMap<string, ScopeUsage>
  readonly peers: ReadonlyMap<string, ScopeUsage>
}
