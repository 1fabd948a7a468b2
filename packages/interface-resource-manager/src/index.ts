/**
 * @packageDocumentation
 *
 * The contract of a resource manager: scopes that count connections, streams, file descriptors and memory, limits of
 * each, reservations that are given back once, and refusals that are values. Whoever writes a resource manager of
 * their own implements `ResourceManager`; whoever writes a module that takes memory uses `ResourceScope`. Applications
 * rarely need this package.
 *
 * @example Admit a connection, and give everything back
 *
 * ```ts
 * import { isRefusal } from '@cordon/interface-connection-lifecycle'
 * import type { ResourceManager } from '@cordon/interface-resource-manager'
 *
 * export function meet (manager: ResourceManager, peer: string): string {
 *   const connection = manager.openConnection('inbound', { usesDescriptor: true })
 *   if (isRefusal(connection)) return connection.message
 *
 *   using held = connection
 *   return held.setPeer(peer)?.message ?? `${peer} is welcome`
 * }
 * ```
 */

export { allowlistSourceSymbol, isAllowlistModule } from './allowlist.ts'
export { InvalidNameError, InvalidSizeError, ProtocolNotSetError, ScopeAttachedError, ScopeClosedError } from './errors.ts'
export { isResourceManagerModule, resourceManagerSymbol } from './manager.ts'
export { RESERVATION_PRIORITY } from './priority.ts'
export { isResourceRefusal } from './refusal.ts'
export type { AllowlistModule, AllowlistSource, Lifted } from './allowlist.ts'
export type { LimitConfig, LimitKey, LimitWarning, NamedLimits, PartialScopeLimits, PrefixConfig, PrefixLevel, PrefixLimits, ScopeLimits } from './limits.ts'
export type { CheckConnectionOptions, ResourceManager, ResourceManagerModule } from './manager.ts'
export type { RefusalCause, ResourceRefusal, ScopeClass } from './refusal.ts'
export type { ConnectionScope, Held, OpenConnectionOptions, OpenStreamOptions, Reservation, ResourceScope, ScopeHandle, ScopeUsage, Span, StreamScope } from './scopes.ts'
export type { ClassSnapshot, PeerSnapshot, PrefixesSnapshot, PrefixSnapshot, RefusalCounts, ResourceSnapshot, ResourceStat, ScopePeak, ScopeSnapshot, SnapshotOptions } from './snapshot.ts'
