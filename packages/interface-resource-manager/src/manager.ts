import type { AllowlistSource } from './allowlist.ts'
import type { LimitConfig } from './limits.ts'
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
 */
export interface ResourceManager {
  /** Whom the operator trusts */
  readonly allowlist: AllowlistSource

  /**
   * A raw connection exists, or is about to be dialled: takes a place for it in the transient scope.
   *
   * @throws {InvalidParametersError} when the direction is none
   */
  openConnection (direction: Direction, options?: OpenConnectionOptions): ConnectionScope | ResourceRefusal

  /** What `openConnection`, and `setPeer` where the peer is given, would refuse now. Nothing changes, and nothing is counted. */
  checkConnection (direction: Direction, options?: CheckConnectionOptions): ResourceRefusal | undefined

  /**
   * A stream is about to exist: takes a place for it in the transient scope and that of its peer.
   *
   * @throws {InvalidParametersError} when the direction is none
   * @throws {InvalidNameError} when this cannot be the name of a peer
   * @throws {ScopeAttachedError} when the connection is that of another peer
   */
  openStream (peer: string, direction: Direction, options?: OpenStreamOptions): StreamScope | ResourceRefusal

  /** A scope that is always there */
  scope (kind: 'system' | 'transient' | 'allowlistedSystem' | 'allowlistedTransient'): ScopeHandle

  /**
   * A scope by its name; made where there is none.
   *
   * @throws {InvalidNameError} when this cannot be such a name
   */
  scope (kind: 'peer' | 'protocol' | 'service', name: string): ScopeHandle

  /** One consistent tree of everything that is in use */
  snapshot (options?: SnapshotOptions): ResourceSnapshot

  /** What is in use, and nothing more */
  stat (): ResourceStat

  /**
   * Puts other limits in the place of all that were set, at once and for living scopes too. Where less is allowed
   * than is in use nothing is taken away, but no more is admitted.
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
