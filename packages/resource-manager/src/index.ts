/**
 * @packageDocumentation
 *
 * Says how much strangers may spend: how many connections, streams, file descriptors and how much memory each peer,
 * protocol, service and the whole node may have, and how fast connections may come from one place. For the same limits
 * it decides as go-libp2p does, which js-libp2p has no counterpart of; it is synchronous, and runs in browsers.
 *
 * Use it on every node that strangers can reach. A node that only dials peers it knows does not need it. It does not
 * say who is welcome, only how much of it; and what is not reserved in it, it does not know. So far nobody reserves the
 * bytes that muxers buffer.
 *
 * @example Set limits of a node, and see what is in use
 *
 * ```ts
 * import { cordon } from '@cordon/cordon'
 * import { resourceManager } from '@cordon/resource-manager'
 * import { createLibp2p } from 'libp2p'
 *
 * const node = await createLibp2p(cordon({}, {
 *   resourceManager: resourceManager({
 *     allowlist: ['/ip4/192.0.2.0/ipcidr/24'],
 *     limits: { system: { connectionsInbound: 500, connections: 600 }, peerDefault: { streams: 64 } }
 *   })
 * }))
 *
 * const { system, classes } = node.services.resourceManager.snapshot()
 * console.info(system.usage, classes.peer.refusals)
 * ```
 *
 * @example Admit a connection and a stream, and give everything back
 *
 * ```ts
 * import { isRefusal } from '@cordon/interface-connection-lifecycle'
 * import { createResourceManager } from '@cordon/resource-manager'
 *
 * const manager = createResourceManager({ limits: { peerDefault: { streams: 1 } } })
 *
 * const connection = manager.openConnection('inbound', { usesDescriptor: true })
 * if (isRefusal(connection)) throw new Error(connection.message)
 * connection.setPeer('12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9')
 *
 * const stream = manager.openStream('12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9', 'inbound')
 * const another = manager.openStream('12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9', 'inbound')
 *
 * if (isRefusal(another)) console.info(another.message)
 * // peer:12D3KooW… has 1 of 1 streams; resourceManager.limits.peerDefault.streams changes that
 *
 * if (!isRefusal(stream)) stream.release()
 * connection.release()
 * ```
 *
 * @example Use the limits of a go-libp2p node
 *
 * ```ts
 * import { createResourceManager, readLimits } from '@cordon/resource-manager'
 *
 * const { limits, warnings } = readLimits('{ "System": { "Conns": 512, "Memory": "1073741824" } }')
 * for (const { message } of warnings) console.warn(message)
 *
 * const manager = createResourceManager({ limits })
 * console.info(manager.snapshot().system.limits.connections) // 512
 * ```
 */

import { modulePartsOf, partsOf } from './init.ts'
import { ResourceManagerClass } from './manager.ts'
import { NodeResourceManager } from './node/module.ts'
import type { Machine } from './limits/machine.ts'
import type { Registry } from '@cordon/interface-component-registry'
import type { BoundsConnectionsModule, Clock, ParticipantModule } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource, LimitConfig, LimitWarning, ResourceManager, ResourceManagerModule } from '@cordon/interface-resource-manager'
import type { ComponentLogger, Metrics } from '@libp2p/interface'

export interface ResourceManagerInit {
  /**
   * What differs from the defaults, which follow the size of the machine. `infiniteLimits` switches all of them off.
   *
   * @default {}
   */
  limits?: LimitConfig | undefined

  /**
   * What the defaults are computed from. Asked of the machine by default; a browser, which does not tell, is taken
   * for one with 1 GiB.
   */
  machine?: Machine | undefined

  /**
   * Throw for what is accepted but cannot be meant, instead of warning.
   *
   * @default false
   */
  strict?: boolean | undefined

  /**
   * Whom the operator trusts: entries as in `createAllowlist`, or something that knows.
   *
   * @default []
   */
  allowlist?: AllowlistSource | readonly string[] | undefined

  /**
   * How many peers, protocols and services each are remembered that nobody uses any more.
   *
   * @default 1_024
   */
  maxIdleScopes?: number | undefined

  /**
   * How many prefixes of one length are remembered.
   *
   * @default 65_536
   */
  maxPrefixes?: number | undefined

  /** What rates are measured with; the clock of the machine by default */
  clock?: Clock | undefined

  /** Where counts are shown; without it there are none */
  metrics?: Metrics | undefined

  /** Called with each of `warnings` when it comes up; must not throw itself */
  onWarning?: ((warning: LimitWarning) => void) | undefined
}

/** A resource manager that somebody else can tell whom to trust */
export interface CoreResourceManager extends ResourceManager {
  /**
   * What cannot be meant, in the order in which it was found: limits that contradict each other or never matter, ports
   * in entries of the allowlist; and what went wrong since, once each: an allowlist or metrics that throw. What is set
   * anew is judged anew.
   */
  readonly warnings: readonly LimitWarning[]

  /**
   * From now on somebody else says who is trusted.
   *
   * @param allowlist - as the option of that name
   * @throws {InvalidParametersError} when it is neither, or an entry is none, or is warned of under `strict`; nothing has
   *   changed then
   */
  setAllowlist (allowlist: AllowlistSource | readonly string[]): void
}

/**
 * Makes a resource manager that knows nothing of any node.
 *
 * @throws {InvalidParametersError} with the path and the value of the first option that is wrong
 */
export function createResourceManager (init: ResourceManagerInit = {}): CoreResourceManager {
  return new ResourceManagerClass(partsOf(init))
}

/** Options of the module; its metrics are those of the node */
export interface ResourceManagerServiceInit extends Omit<ResourceManagerInit, 'metrics'> {
  /**
   * How many inbound streams of one connection may wait for their protocol.
   *
   * @default 32
   */
  maxUnnegotiatedStreams?: number | undefined
}

/** What the module needs from the node */
export interface ResourceManagerComponents {
  readonly logger: ComponentLogger
  readonly metrics?: Metrics

  /** Where siblings are found: the lifecycle, which makes room, and a module that knows who is trusted */
  readonly registry?: Registry
}

/** The resource manager of a node, and its place in the node */
export interface ResourceManagerService extends CoreResourceManager, ResourceManagerModule, ParticipantModule, BoundsConnectionsModule {}

/**
 * Makes the module that says how much strangers may spend, for `cordon()` or `compose()`. Where there is no
 * `onWarning`, warnings are logged as errors, which libp2p's loggers print only where `DEBUG` asks for it; `warnings`
 * has them in any case.
 *
 * @throws {InvalidParametersError} with the path and the value of the first option that is wrong
 */
export function resourceManager (init: ResourceManagerServiceInit = {}): (components: ResourceManagerComponents) => ResourceManagerService {
  return components => new NodeResourceManager(components, modulePartsOf(init, components))
}

export { createAllowlist } from './allowlist.ts'
export { infiniteLimits, serviceOf } from './limits/defaults.ts'
export { goLimitsSchema, readLimits, writeLimits } from './limits/go-limits.ts'
export { autoscale, thisMachine } from './limits/machine.ts'
export type { Allowlist } from './allowlist.ts'
export type { CompleteLimits, DefaultScope, NamedScopeKind } from './limits/defaults.ts'
export type { ReadLimits, WrittenLimits } from './limits/go-limits.ts'
export type { Machine } from './limits/machine.ts'
export type { LimitWarning } from '@cordon/interface-resource-manager'
