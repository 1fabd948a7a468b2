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

import { parseInit } from './init.ts'
import { watch } from './lists/watch.ts'
import { NodeGater } from './node/module.ts'
import { StandaloneGater } from './node/standalone.ts'
import type { BlockListModule, Registry } from '@cordon/interface-component-registry'
import type { ConnectionGater, ListLoadError, ListReport, ListSource, RuleAction } from '@cordon/interface-connection-gater'
import type { Clock, ParticipantModule } from '@cordon/interface-connection-lifecycle'
import type { AllowlistModule, AllowlistSource } from '@cordon/interface-resource-manager'
import type { ComponentLogger, Libp2p, ConnectionGater as LibP2PGater, Metrics } from '@libp2p/interface'
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
   * How long anybody waits for the datastore, in ms: no decision does, but a node that starts and stops. It should be
   * less than the registry's `startTimeout` and `stopTimeout`.
   *
   * @default 4_000
   */
  storeTimeout?: number | undefined

  strikes?: StrikesInit | undefined

  /**
   * Called with a line for each refusal of a public address, at most 20 in a second, as docs/connection-gater.md
   * describes it: for fail2ban and the like. Must not throw.
   */
  refusalLog?: ((line: string) => void) | undefined

  /** What durations are measured with; the clock of the machine by default */
  clock?: Clock | undefined

  /** In ms since the epoch, for what outlives the process: when rules end, and when they last decided; `Date.now` by default */
  wallClock?: (() => number) | undefined

  /** From 0 to below 1; the seed of hashes, so that nobody can prepare addresses that meet; `Math.random` by default */
  random?: (() => number) | undefined
}

/** What all gaters here can do */
export interface CoreConnectionGater extends ConnectionGater, AllowlistSource {
  /** Reads the rules that were kept, for as long as `storeTimeout`; never rejects because of the datastore */
  start (): Promise<void>

  /** Writes what is not written yet, for as long as `storeTimeout` */
  stop (): Promise<void>
}

/** A gater that closes what rules come to forbid on one node, until it is told not to */
export interface Attached extends Disposable {
  detach (): void
}

/** A gater for nodes that are not composed: what `createLibp2p` takes as `connectionGater` */
export interface StandaloneConnectionGater extends CoreConnectionGater, LibP2PGater {
  /**
   * From now on what is open on this node is closed when a rule comes to forbid it. Dials that are under way are refused
   * once they have connected.
   *
   * @throws {InvalidParametersError} when it is attached already
   */
  attach (node: Pick<Libp2p, 'getConnections'>): Attached
}

/**
 * Makes a gater for a node that is not composed, or for none. Until it is started nothing is read from or written to its
 * datastore, and nothing ends by itself other than by being asked about.
 *
 * @throws {InvalidParametersError} with the path and the value of the first option that is wrong
 */
export function createConnectionGater (init: ConnectionGaterInit = {}): StandaloneConnectionGater {
  return new StandaloneGater(parseInit(init))
}

/** What the module needs from the node */
export interface ConnectionGaterComponents {
  readonly logger: ComponentLogger
  readonly metrics?: Metrics

  /** Where rules are kept, unless the options name another one */
  readonly datastore: Datastore

  /** Where the lifecycle is found, and dials are ended */
  readonly registry?: Registry
}

/** The gater of a composed node, and its place in the node */
export interface ConnectionGaterService extends CoreConnectionGater, ParticipantModule, AllowlistModule, BlockListModule {}

/**
 * Makes the module that says who may connect, for `cordon()` or `compose()`. Rules are kept in the node's datastore, and
 * refusals of public addresses are logged as `cordon:gater:refused` where `refusalLog` is not given.
 *
 * @throws {InvalidParametersError} with the path and the value of the first option that is wrong
 */
export function connectionGater (init: ConnectionGaterInit = {}): (components: ConnectionGaterComponents) => ConnectionGaterService {
  return components => {
    const options = parseInit(init)
    const log = components.logger.forComponent('cordon:gater:refused')
    return new NodeGater(components, {
      ...options,
      datastore: options.datastore ?? components.datastore,
      refusalLog: options.refusalLog ?? (line => { log('%s', line) })
    })
  }
}

export interface WatchOptions extends Omit<ListSource, 'content' | 'signal'> {
  /**
   * How often the file is looked at, in ms.
   *
   * @default 5_000
   */
  interval?: number | undefined

  /** Told once of each way in which loading it anew fails, one after the other; the rules that were in force stay so. Must not throw. */
  onError?: ((error: ListLoadError) => void) | undefined

  /** What `interval` is measured with; the clock of the machine by default */
  clock?: Clock | undefined
}

/** A list whose file is looked at again and again. It does not keep the process alive. */
export interface WatchedList extends Disposable {
  /** What became of it when it was last loaded */
  readonly report: ListReport | undefined

  /** Why it could not be loaded anew; absent while what the file says is in force */
  readonly error: ListLoadError | undefined

  /** Looks no more; the list stays in force, see `dropList` */
  stop (): void
}

/**
 * Loads a list from a file, and again whenever the file changes, whether it is written to or replaced. All of its rules
 * change at once, and none of them while it is being written to: a change counts when nobody has written to the file for a
 * second, or between two looks. For Node.
 *
 * @param name - of the list, as in `loadList`
 * @param path - of the file
 * @throws {ListLoadError} when it cannot be loaded the first time; it is not watched then
 * @throws {InvalidParametersError} when an option is out of range or unknown, or one of the others is not what it has to be
 */
export async function watchList (gater: ConnectionGater, name: string, path: string, options: WatchOptions = {}): Promise<WatchedList> {
  return watch(gater, name, path, options)
}
