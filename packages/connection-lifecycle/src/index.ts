/**
 * @packageDocumentation
 *
 * Owns every connection of a libp2p node, from the first moment a raw connection exists until everything it held
 * is released: it bounds how many may be handshaking and for how long, asks each module in order, takes everything
 * down in reverse, and keeps wanted peers connected. A stranger that opens connections and says nothing gets a few
 * places for a few seconds, and never the places of others.
 *
 * Applications use it through `@cordon/cordon`. By itself it does nothing: a component registry attaches it to a
 * node, and without one it is a service that merely starts and stops.
 *
 * @example Say less about it than the defaults do
 *
 * ```ts
 * import { connectionLifecycle } from '@cordon/connection-lifecycle'
 * import { defaultLogger } from '@libp2p/logger'
 *
 * const lifecycle = connectionLifecycle({ maxHandshaking: 64, deadlines: { total: 5_000 } })({ logger: defaultLogger() })
 *
 * lifecycle.addEventListener('connection:closed', ({ detail: { record, reason } }) => {
 *   console.info(`${record.remoteAddr} is gone: ${reason.code} by ${reason.by}`)
 * })
 * ```
 */

import { ConnectionLifecycleClass } from './lifecycle.ts'
import type { Clock, ConnectionLifecycle } from '@cordon/interface-connection-lifecycle'
import type { ComponentLogger, Metrics } from '@libp2p/interface'

export { TooManyMaintainedPeersError } from './errors.ts'

/** Absolute deadlines, in ms; bytes never extend them */
export interface HandshakeDeadlines {
  /**
   * From the raw connection to the authenticated peer, in ms.
   *
   * @default 3_000
   */
  encrypt?: number

  /**
   * From the authenticated peer to the upgraded connection, in ms.
   *
   * @default 2_000
   */
  multiplex?: number

  /**
   * From the upgraded connection until the readiness module is done, in ms. Without such a module nothing waits.
   *
   * @default 4_000
   */
  handshake?: number

  /**
   * From the raw connection until it is ready, in ms.
   *
   * @default 10_000
   */
  total?: number
}

/** How a lifecycle is made */
export interface ConnectionLifecycleInit {
  /**
   * How many inbound connections may be handshaking at once. When a newcomer finds no room, the oldest of the
   * largest group is dropped, where groups of one and two count as equally large. As many again may be closing in
   * order; beyond that one of them is cut by the same rule.
   *
   * @default 256
   */
  maxHandshaking?: number

  /**
   * How many inbound connections of one group (an IPv4 address, an IPv6 /64, a relay) may be handshaking at once.
   * When a newcomer finds no room, the oldest of its group is dropped. As many again may be closing in order.
   *
   * @default 32
   */
  maxHandshakingPerGroup?: number

  /**
   * How many outbound connections may be handshaking at once. When there is no room, the newcomer is refused.
   *
   * @default 128
   */
  maxHandshakingOutbound?: number

  /** How long each phase may take */
  deadlines?: HandshakeDeadlines

  /**
   * How long a connection that is closed in order may take before it is cut, in ms.
   *
   * @default 1_000
   */
  closeTimeout?: number

  /**
   * How many peers may be kept connected with `maintain`.
   *
   * @default 1_000
   */
  maxMaintained?: number

  /**
   * What time is measured with.
   *
   * @default the monotonic clock of the machine
   */
  clock?: Clock

  /**
   * Where the jitter of reconnecting comes from: numbers from 0 to below 1.
   *
   * @default Math.random
   */
  random?(): number
}

/** What a lifecycle needs from the node */
export interface ConnectionLifecycleComponents {
  logger: ComponentLogger
  metrics?: Metrics
}

/**
 * Makes the module that owns the connections of a node.
 *
 * @throws {InvalidParametersError} when an option is unknown or out of range; it names the option and the value
 */
export function connectionLifecycle (init: ConnectionLifecycleInit = {}): (components: ConnectionLifecycleComponents) => ConnectionLifecycle {
  return components => new ConnectionLifecycleClass(components, init)
}
