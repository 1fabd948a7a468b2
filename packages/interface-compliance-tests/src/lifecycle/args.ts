import type { TestSetup } from '../test-setup.ts'
import type { Clock, ConnectionLifecycle, HandshakePhase } from '@cordon/interface-connection-lifecycle'

/** What a test asks of the lifecycle that it is given */
export interface LifecycleArgs {
  /** The only source of time: it stands still until the suite moves it */
  readonly clock: Clock

  /** The only source of randomness, from 0 to below 1 */
  readonly random: () => number

  /** Inbound records that may be handshaking at once */
  readonly maxHandshaking: number

  /** The same for one group: IPv4 /32, IPv6 /64, relay peer, each loopback address */
  readonly maxHandshakingPerGroup: number

  /** Outbound records that may be handshaking at once */
  readonly maxHandshakingOutbound: number

  /** How long each phase, and the handshake in total, may take, in ms */
  readonly deadlines: Readonly<Record<HandshakePhase | 'total', number>>

  /** How long a connection may take to close in order before it is cut, in ms */
  readonly closeTimeout: number
}

export type LifecycleSetup = TestSetup<ConnectionLifecycle, LifecycleArgs>
