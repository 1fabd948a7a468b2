import type { AllowlistSource } from './allowlist.ts'
import type { LimitConfig, LimitWarning } from './limits.ts'
import type { ResourceRefusal } from './refusal.ts'
import type { ConnectionScope, OpenConnectionOptions, OpenStreamOptions, ScopeHandle, StreamScope } from './scopes.ts'
import type { ResourceSnapshot, ResourceStat, SnapshotOptions } from './snapshot.ts'
import type { Direction } from '@cordon/interface-connection-lifecycle'

/** What of a connection is known before it is dialled */
export interface CheckConnectionOptions extends OpenConnectionOptions {
  readonly peer?: string | undefined
}

/**
 * Says how much strangers may spend. Everything is synchronous. What it admits is held until it is released; what it
 * does not admit is a `ResourceRefusal`, and nothing has changed. Only misuse throws.
 *
 * Whatever is held counts once in each scope above it, and has to have room in each. The first without room is the one
 * that a refusal names. They are asked in this order:
 *
 * - for a connection, or memory of it: its own limit; the transient scope, later that of its peer; system
 * - for a stream, or memory of it: its own limit; its peer; transient, until there is a protocol; the peer's share of
 *   the protocol, and of the service; the protocol; the service; system
 * - for memory of a span: the limit of its scope, compared with what is in the span alone; then that scope
 * - for memory of a peer, protocol or service itself: that scope; system
 * - for a move: only what is gained; system, where the lane changes, before the peer; the protocol or service before
 *   the peer's share of it. Memory moves at the highest priority.
 * - for an inbound connection with an address, before all of these: every bucket of its prefixes, then every count. A
 *   token is taken once everything else has room.
 *
 * Within a scope: memory, the direction, the total, descriptors. What is not asked for is not checked. No scope counts
 * beyond 2^53 - 1 bytes. A scope that does not exist is not made to be asked; its refusals count for its class.
 *
 * There are two lanes. Where the transient or the system scope refuses a connection or a stream for which the
 * allowlist opens the lane, `allowlistedTransient` and `allowlistedSystem` are asked in their place, and the refusal is
 * then theirs. What was admitted there stays there with its memory, but for a connection whose peer turns out to be
 * another.
 */
export interface ResourceManager {
  /** Whom the operator trusts */
  readonly allowlist: AllowlistSource

  /**
   * What it was told and accepts, but cannot be meant, as far as it still applies; absent where a manager does not judge.
   * Nobody is interrupted for it, so whoever operates the node should look once it has been made.
   */
  readonly warnings?: readonly LimitWarning[]

  /**
   * A raw connection exists, or is about to be dialled: takes a place for it in the transient scope.
   *
   * @throws {InvalidParametersError} when the direction or the options are none
   */
  openConnection (direction: Direction, options?: OpenConnectionOptions): ConnectionScope | ResourceRefusal

  /**
   * What `openConnection` would refuse now, and `setPeer` where the peer is given; the allowlist is then asked about
   * that peer. Nothing changes, and nothing is counted.
   *
   * @throws {InvalidParametersError} when the direction or the options are none
   * @throws {InvalidNameError} when this cannot be the name of a peer
   */
  checkConnection (direction: Direction, options?: CheckConnectionOptions): ResourceRefusal | undefined

  /**
   * A stream is about to exist: takes a place for it in the transient scope and that of its peer.
   *
   * @throws {InvalidParametersError} when the direction or the options are none, or the connection is nothing that `openConnection` of this manager returned
   * @throws {InvalidNameError} when this cannot be the name of a peer
   * @throws {ScopeAttachedError} when the connection is that of another peer, or has none yet
   */
  openStream (peer: string, direction: Direction, options?: OpenStreamOptions): StreamScope | ResourceRefusal

  /**
   * A scope that is always there.
   *
   * @throws {InvalidParametersError} when there is no such kind
   */
  scope (kind: 'system' | 'transient' | 'allowlistedSystem' | 'allowlistedTransient'): ScopeHandle

  /**
   * A scope by its name; made where there is none.
   *
   * @throws {InvalidNameError} when this cannot be such a name
   */
  scope (kind: 'peer' | 'protocol' | 'service', name: string): ScopeHandle

  /**
   * One consistent tree of everything that is in use.
   *
   * @throws {InvalidParametersError} when `peers` is no whole number of at least 0, and not `Infinity`, or there is another option
   */
  snapshot (options?: SnapshotOptions): ResourceSnapshot

  /** What is in use, and nothing more */
  stat (): ResourceStat

  /**
   * Puts other limits in the place of all that were set, at once and for living scopes too. Where less is allowed
   * than is in use nothing is taken away, but no more is admitted. Prefixes are counted anew, in time proportional to
   * the inbound connections there are. What a bucket lacks in tokens it lacks still, and gets back at the new rate.
   *
   * @throws {InvalidParametersError} with the path of what is wrong; nothing has changed then
   */
  setLimits (limits: LimitConfig): void
}

/** A module that is a resource manager shows it under this symbol */
export const resourceManagerSymbol = Symbol.for('@cordon/resource-manager')

export interface ResourceManagerModule {
  readonly [resourceManagerSymbol]: ResourceManager
}

/** Whether a module is, or carries, a resource manager */
export function isResourceManagerModule (value: unknown): value is ResourceManagerModule {
  return typeof value === 'object' && value != null && resourceManagerSymbol in value
}
