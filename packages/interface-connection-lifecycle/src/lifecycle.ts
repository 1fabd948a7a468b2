import { lifecycleDriverSymbol } from './driver.ts'
import type { LifecycleDriver } from './driver.ts'
import type { LifecycleEvents, MonitorEvent } from './events.ts'
import type { CloseOptions, CloseReason, ConnectionRecord, ConnectionState, Direction, HandshakePhase } from './record.ts'
import type { Refusal } from './refusal.ts'
import type { AbortOptions, Connection, PeerId, TypedEventTarget } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** How to keep a peer connected */
export interface MaintainOptions extends AbortOptions {
  /**
   * The upper bound of the first delay, in ms; doubles with each attempt. Each delay is drawn evenly between 0
   * and its bound (full jitter).
   *
   * @default 1_000
   */
  minDelay?: number

  /**
   * The bound that delays do not grow beyond, in ms.
   *
   * @default 60_000
   */
  maxDelay?: number

  /**
   * How long a connection must have been ready before the delays start small again, in ms.
   *
   * @default 30_000
   */
  stableAfter?: number

  /**
   * Give up after this many attempts in a row that failed.
   *
   * @default Infinity
   */
  maxAttempts?: number
}

/** A peer that is being kept connected */
export interface Maintained extends Disposable {
  /** Stops reconnecting; the connection that exists is left alone. Idempotent. */
  stop (): void
}

export interface MonitorOptions extends AbortOptions {
  /**
   * How many events are kept for a slow reader; older ones are dropped first, and counted.
   *
   * @default 1_024
   */
  bufferSize?: number
}

/** What `shed` leaves alone */
export interface ShedOptions {
  /** For which room is made: a participant that sheds from its `opened` step passes the record it was asked about */
  readonly except?: ConnectionRecord

  /** Whose end would make no room for it: asked about one record after the other until one may go. Must not throw. */
  readonly spares?: (record: ConnectionRecord) => boolean
}

/** Counts at one moment, and totals since the node was made */
export interface LifecycleStats {
  readonly records: Readonly<Record<ConnectionState, number>>
  readonly handshaking: Readonly<Record<HandshakePhase, number>>
  readonly inbound: number
  readonly outbound: number

  /** Live streams */
  readonly streams: number

  /** How many sockets and raw connections there have been, those included that were refused at once */
  readonly opened: number

  /** How many became ready */
  readonly readied: number

  /** How many ended, by reason */
  readonly closed: Readonly<Partial<Record<CloseReason['code'], number>>>

  /** Connections and streams refused, by module */
  readonly refused: Readonly<Record<string, number>>

  /** Steps that threw or returned a thenable, by module */
  readonly faults: Readonly<Record<string, number>>

  /** Peers that are being kept connected */
  readonly maintained: number

  /** Maintained peers that libp2p has been told to reconnect to as well (its `keep-alive` tags): both then dial them */
  readonly conflicts: number
}

/** Owns every connection of one node from the raw connection to the last release */
export interface ConnectionLifecycle extends TypedEventTarget<LifecycleEvents> {
  readonly [lifecycleDriverSymbol]: LifecycleDriver

  /** How many records are not closed, and how many closed ones still wait for their raw connection to end */
  readonly size: number

  /** The record with this id, while it is not closed */
  get (id: string): ConnectionRecord | undefined

  /** The record of a libp2p connection, also after it was closed, while somebody holds on to the connection */
  forConnection (connection: Connection): ConnectionRecord | undefined

  /** The records of an authenticated peer that are not closed */
  forPeer (peer: PeerId): ConnectionRecord[]

  /** All records that are not closed */
  records (): IterableIterator<ConnectionRecord>

  stats (): LifecycleStats

  /**
   * Called by the readiness module when its exchange with the peer succeeded.
   *
   * @returns the refusal of the participant that said no; the record is then closed
   * @throws {InvalidTransitionError} when the record is not handshaking
   */
  handshakeSucceeded (record: ConnectionRecord): Refusal | undefined

  /** Called by the readiness module when its exchange failed: tells so, and closes the record. Without effect on a closed record. */
  handshakeFailed (record: ConnectionRecord, error: Error): void

  /** The raw connection has ended, or is of no more use. Idempotent: the first of `lost` and `close` counts. A maintained peer is reconnected to. */
  lost (record: ConnectionRecord, cause: { readonly local?: boolean, readonly error?: Error }): void

  /**
   * Closes the record, in order or at once; see `ConnectionRecord.close`. Idempotent: the first of `lost` and `close` counts; resolves once all is released. A
   * maintained peer is not dialled again after this until it has connected to us, or was maintained anew; but where the
   * reason is a refusal it is dialled again, unless `dial` of a participant says no as well, and the refusal counts in `stats()`.
   */
  close (record: ConnectionRecord, reason: CloseReason, options?: CloseOptions): Promise<void>

  /**
   * Makes room: drops one record of this direction at once whose peer is not authenticated yet (its phase is
   * `encrypt`): the oldest of the largest group. Groups of one and two count as equally large; of several such groups
   * it is the one whose oldest has waited longest. Takes neither `except`, nor whom `spares` names, nor a record about
   * which a participant is being asked, though all of them count for their groups. Everything the dropped record held is
   * released before this returns.
   *
   * @returns the record that was dropped, if there was one
   */
  shed (direction: Direction, options?: ShedOptions): ConnectionRecord | undefined

  /**
   * Keeps a peer connected: dials it now, and again whenever its last connection is gone. Where a node starts with
   * several such peers, their first dials are spread over `minDelay`.
   *
   * @param target - the peer, or addresses of which at least one, and not more than one peer, is named by `/p2p/<peer id>`
   * @throws {InvalidParametersError} when the addresses name no peer or several, or an option is out of range
   */
  maintain (target: PeerId | Multiaddr | Multiaddr[], options?: MaintainOptions): Maintained

  /** All events as an async iterator; ends when the node stops, or with the signal. One that is begun on a stopped node waits until it is started. */
  monitor (options?: MonitorOptions): AsyncIterableIterator<MonitorEvent>
}

/** Whether a module can own the connections of a node */
export function isConnectionLifecycle (value: unknown): value is ConnectionLifecycle {
  return typeof value === 'object' && value != null && lifecycleDriverSymbol in value
}
