import { INSPECT } from '@cordon/options'
import type { Intent } from './reasons.ts'
import type { Deadline } from '@cordon/clock'
import type { Place } from '@cordon/fair-set'
import type { CloseOptions, CloseReason, ConnectionRecord, ConnectionState, Direction, HandshakePhase, NormalisedAddress, RawConnection } from '@cordon/interface-connection-lifecycle'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Whoever made a record, and closes it */
export interface RecordOwner {
  close (record: LifecycleRecord, reason: CloseReason, options?: CloseOptions): Promise<void>
}

/** A promise that many may wait for, with what settles it */
export interface Waiter {
  readonly promise: Promise<void>
  resolve (): void
}

/**
 * One record, and what the lifecycle has to remember with it. Made for each socket or raw connection, also for those that a
 * flood opens, so it makes nothing that may never be needed: no abort controller, no promise, no collection.
 */
export class LifecycleRecord implements ConnectionRecord {
  readonly id: string
  readonly direction: Direction
  readonly address: NormalisedAddress
  readonly openedAt: number

  state: ConnectionState = 'new'
  phase: HandshakePhase | undefined = undefined
  remotePeer: PeerId | undefined = undefined
  connection: Connection | undefined = undefined
  reason: CloseReason | undefined = undefined

  /** Until everything is released */
  transport: RawConnection | undefined

  /** How many participants, from the first one on, have passed `opened` and are told of `closed` */
  passed = 0

  /** How many steps of this record are on the stack; it is not released under their feet */
  running = 0

  /** Released as soon as no step of it is on the stack */
  releaseDue = false
  released = false

  /** libp2p has made a raw connection of it */
  appeared = false

  /** Everybody was asked about it, and not only the gates */
  accounted = false

  /** `connection:opened` was told, so `connection:closed` has to be */
  announced = false

  /** The readiness module was done before libp2p was */
  handshaken = false

  /** When it became ready */
  readyAt: number | undefined = undefined

  /** What ended it lets a maintained peer be dialled again */
  reconnects = false

  /** It was the last one of its peer */
  last = false

  intent: Intent | undefined = undefined
  place: Place<LifecycleRecord> | undefined = undefined
  /** While it is handshaking and nobody knows with whom */
  anonymous: Place<LifecycleRecord> | undefined = undefined
  /** While it is inbound and closed in order */
  closing: Place<LifecycleRecord> | undefined = undefined
  phaseDeadline: Deadline<LifecycleRecord> | undefined = undefined
  totalDeadline: Deadline<LifecycleRecord> | undefined = undefined
  closeDeadline: Deadline<LifecycleRecord> | undefined = undefined
  closer: AbortController | undefined = undefined

  readonly #owner: RecordOwner
  #source: Pick<RawConnection, 'remoteAddr'>
  #controller: AbortController | undefined = undefined
  #settled: Waiter | undefined = undefined
  #gone: Waiter | undefined = undefined

  constructor (id: string, transport: RawConnection, openedAt: number, owner: RecordOwner) {
    this.id = id
    this.direction = transport.direction
    this.address = transport.address
    this.openedAt = openedAt
    this.#owner = owner
    this.transport = transport
    this.#source = transport
  }

  get remoteAddr (): Multiaddr {
    return this.#source.remoteAddr
  }

  isOwnedBy (owner: RecordOwner): boolean {
    return this.#owner === owner
  }

  /** For logs: what the contract says of it, and nothing of what it is linked with */
  toJSON (): object {
    const { id, direction, remoteAddr, remotePeer, state, phase, openedAt, reason } = this
    return { id, direction, remoteAddr: remoteAddr.toString(), remotePeer: remotePeer?.toString(), state, phase, openedAt, reason: reason?.code }
  }

  [INSPECT] (): object {
    return this.toJSON()
  }

  /** Asked anew after each callback, because each of them may have closed it */
  isClosed (): boolean {
    return this.state === 'closed'
  }

  get signal (): AbortSignal {
    if (this.#controller == null) {
      this.#controller = new AbortController()
      if (this.state === 'closed') this.#controller.abort(this.reason)
    }
    return this.#controller.signal
  }

  async close (reason: CloseReason, options?: CloseOptions): Promise<void> {
    await this.#owner.close(this, reason, options)
  }

  /** Without effect where nobody has asked for the signal */
  abortSignal (): void {
    this.#controller?.abort(this.reason)
  }

  /** Resolves once it is ready or closed */
  async whenSettled (): Promise<void> {
    if (this.state === 'closed' || this.state === 'ready') return
    this.#settled ??= waiter()
    await this.#settled.promise
  }

  settle (): void {
    this.#settled?.resolve()
    this.#settled = undefined
  }

  /** Resolves once all is released */
  async whenReleased (): Promise<void> {
    if (this.released) return
    this.#gone ??= waiter()
    await this.#gone.promise
  }

  /** Forgets what it was made of */
  letGo (): void {
    // of a socket of which libp2p made nothing the address is not made either, until somebody asks for it
    if (this.transport?.raw != null) this.#source = { remoteAddr: this.transport.remoteAddr }
    this.transport = undefined
    this.closer = undefined
  }

  tellReleased (): void {
    this.#gone?.resolve()
    this.#gone = undefined
  }
}

function waiter (): Waiter {
  let resolve = (): void => {}
  const promise = new Promise<void>(settle => { resolve = settle })
  return { promise, resolve }
}
