/**
 * @packageDocumentation
 *
 * Says who may connect: rules that allow or block peers, addresses, ranges, relays and transports, that survive a
 * restart, and that an address cannot evade by being spelt in another way. Lists of a million ranges are looked up
 * without scanning them; strikes against peers turn into blocks that end by themselves.
 *
 * Use it on every node that strangers can reach. It does not say how much anybody may have, nor how fast they may come:
 * that is for a resource manager. And a block keeps out an address, not an adversary: whoever has more of them comes back.
 *
 * @example Block a range, and ask about an address in it
 *
 * ```ts
 * import { normaliseAddress } from '@cordon/address'
 * import { createConnectionGater } from '@cordon/connection-gater'
 *
 * const gater = createConnectionGater()
 * await gater.block('192.0.2.0/24', { reason: 'spam' })
 *
 * const refusal = gater.decide({ direction: 'inbound', address: normaliseAddress('/ip6/::ffff:c000:201/tcp/4001') })
 * console.info(refusal?.message) // 192.0.2.1 is covered by "block any 192.0.2.0/24" of the operator: spam
 * ```
 *
 * @example A private network
 *
 * ```ts
 * import { createConnectionGater } from '@cordon/connection-gater'
 *
 * const gater = createConnectionGater({ default: 'block' })
 * await gater.allow('12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9')
 * ```
 */

import { ConnectionGaterClass } from './gater.ts'
import { parseInit } from './init.ts'
import type { ConnectionGater, RuleAction } from '@cordon/interface-connection-gater'
import type { Clock } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource } from '@cordon/interface-resource-manager'
import type { Datastore } from 'interface-datastore'

/** How misbehaviour is counted, and what it leads to */
export interface StrikesInit {
  /**
   * How long it takes until a strike counts half, in ms.
   *
   * @default 600_000
   */
  halfLife?: number | undefined

  /**
   * From how many points on a connection is to be closed.
   *
   * @default 50
   */
  disconnectAt?: number | undefined

  /**
   * From how many points on a peer or place is blocked.
   *
   * @default 100
   */
  blockAt?: number | undefined

  /**
   * For how long, in ms.
   *
   * @default 3_600_000
   */
  blockDuration?: number | undefined

  /**
   * Of how many peers and places strikes are remembered; the least severe make room.
   *
   * @default 65_536
   */
  maxStruck?: number | undefined

  /**
   * How many can be blocked by strikes at a time; the least severe make room.
   *
   * @default 50_000
   */
  maxBlocks?: number | undefined

  /**
   * How many addresses of one /24, or networks of one /56, are blocked by strikes before the whole of it is.
   *
   * @default 8
   */
  aggregateAt?: number | undefined
}

export interface ConnectionGaterInit {
  /**
   * What is done with whom no rule covers; `block` makes a private network.
   *
   * @default 'allow'
   */
  default?: RuleAction | undefined

  /**
   * What is done with whom no rule covers, who came through a relay, and whose address is therefore unknown, while the
   * operator or a list blocks any address.
   *
   * @default 'refuse'
   */
  relayedUnknown?: 'refuse' | 'allow' | undefined

  /**
   * How many rules the operator can make.
   *
   * @default 1_000_000
   */
  maxRules?: number | undefined

  /**
   * How many rules one list can have.
   *
   * @default 4_000_000
   */
  maxListRules?: number | undefined

  /**
   * How many lists there can be.
   *
   * @default 32
   */
  maxLists?: number | undefined

  /** Where rules are kept; without it they are gone when the process ends */
  datastore?: Datastore | undefined

  /**
   * How long anybody waits for the datastore, in ms. No decision ever does.
   *
   * @default 10_000
   */
  storeTimeout?: number | undefined

  strikes?: StrikesInit | undefined

  /** What durations are measured with; the clock of the machine by default */
  clock?: Clock | undefined

  /** In ms since the epoch, for what outlives the process: when rules end, and when they last decided; `Date.now` by default */
  wallClock?: (() => number) | undefined

  /** From 0 to below 1; the seed of hashes, so that nobody can prepare addresses that meet; `Math.random` by default */
  random?: (() => number) | undefined
}

/** A gater that knows nothing of any node */
export interface CoreConnectionGater extends ConnectionGater, AllowlistSource {
  /** Reads the rules that were kept, for as long as `storeTimeout`; never rejects because of the datastore */
  start (): Promise<void>

  /** Writes what is not written yet, for as long as `storeTimeout` */
  stop (): Promise<void>
}

/**
 * Makes a gater. Until it is started nothing is read from or written to its datastore, and nothing ends by itself other
 * than by being asked about.
 *
 * @throws {InvalidParametersError} with the path and the value of the first option that is wrong
 */
export function createConnectionGater (init: ConnectionGaterInit = {}): CoreConnectionGater {
  return new ConnectionGaterClass(parseInit(init))
}
