import { ConnectionRefusedError, isRefusal } from '@cordon/interface-connection-lifecycle'
import { ConnectionClosedError, UnsupportedProtocolError } from '@libp2p/interface'
import { asError, Attachment } from './attachment.ts'
import { isThenable } from './deadline.ts'
import { dialSignal, OutboundWebSocket } from './outbound-websocket.ts'
import type { Arrivals } from './arrivals.ts'
import type { Gater } from './gater.ts'
import type { MuxerHook } from './muxer.ts'
import type { SocketGuard } from './sockets.ts'
import type { TransportState, Wiring } from './wiring.ts'
import type { ConnectionRecord, Refusal } from '@cordon/interface-connection-lifecycle'
import type { ClearableSignal, Connection, ConnectionEncrypter, MultiaddrConnection, StreamMuxerFactory, Upgrader, UpgraderOptions, UpgraderWithoutEncryptionOptions } from '@libp2p/interface'

type Options = UpgraderOptions | UpgraderWithoutEncryptionOptions

/** What is known of the sockets below one listener */
export interface ListenerState {
  readonly sockets: SocketGuard
  readonly arrivals: Arrivals
}

/**
 * The upgrader that a transport sees: makes a record first, and only then lets libp2p upgrade the connection.
 * If libp2p gives up, the raw connection is ended here, because not every transport does so.
 */
export class RecordingUpgrader implements Upgrader {
  readonly [Symbol.toStringTag] = '@cordon/upgrader'
  readonly #wiring: Wiring
  readonly #gater: Gater
  readonly #muxers: MuxerHook
  readonly #upgrader: Upgrader
  readonly #transport: TransportState
  readonly #listener?: ListenerState

  constructor (wiring: Wiring, gater: Gater, muxers: MuxerHook, upgrader: Upgrader, transport: TransportState, listener?: ListenerState) {
    this.#wiring = wiring
    this.#gater = gater
    this.#muxers = muxers
    this.#upgrader = upgrader
    this.#transport = transport
    this.#listener = listener
  }

  /** The same for one listener, which knows of sockets before they are raw connections */
  forListener (listener: ListenerState): RecordingUpgrader {
    return new RecordingUpgrader(this.#wiring, this.#gater, this.#muxers, this.#upgrader, this.#transport, listener)
  }

  // not `async`: what is refused at once costs one rejected promise and no stack (`bench -- shed`)
  upgradeInbound (raw: MultiaddrConnection, options: Options): Promise<void> {
    try {
      return this.#upgradeInbound(raw, options)
    } catch (error) {
      // listeners call this from within a socket's event, where whatever is thrown ends the process
      raw.abort(asError(error))

      return Promise.reject(asError(error))
    }
  }

  #upgradeInbound (raw: MultiaddrConnection, options: Options): Promise<void> {
    const attachment = new Attachment(raw, 'inbound', this.#transport, this.#wiring)
    attachment.underlay = this.#listener?.sockets.claim(raw)
    const arrival = this.#listener?.arrivals.claim(attachment)
    const record = arrival?.record ?? this.#wiring.driver.open(attachment)

    if (isRefusal(record) || this.#appeared(attachment, record) != null) {
      return REFUSED
    }

    if (arrival?.accounted === true) {
      return this.#upgrade(attachment, record, options)
    }

    const verdict = this.#gater.inbound(raw)

    if (isThenable(verdict)) {
      return verdict.then(refusal => this.#inbound(attachment, record, refusal, options))
    }

    return this.#inbound(attachment, record, verdict, options)
  }

  async upgradeOutbound (raw: MultiaddrConnection, options: Options): Promise<Connection> {
    const attachment = new Attachment(raw, 'outbound', this.#transport, this.#wiring)
    attachment.underlay = OutboundWebSocket.below(raw, this.#transport)
    const record = this.#wiring.driver.open(attachment)

    if (isRefusal(record)) {
      throw new ConnectionRefusedError(record)
    }

    const refusal = this.#appeared(attachment, record) ?? this.#wiring.driver.account(record)

    if (refusal != null) {
      throw new ConnectionRefusedError(refusal)
    }

    const signal = dialSignal(options.signal)

    if (proposesEncryption(options)) {
      attachment.propose(raw)
    }

    try {
      const connection = await this.#upgrader.upgradeOutbound(raw, this.#options({ ...options, signal }))

      if (this.#wiring.holdDial) {
        await this.#wiring.driver.settled(record)
        expectReady(record)
      }

      if (record.reason?.refusal != null) {
        throw new ConnectionRefusedError(record.reason.refusal)
      }

      return connection
    } catch (error) {
      this.#failed(attachment, record, explained(attachment, asError(error), signal))

      if (record.reason?.refusal != null) {
        throw new ConnectionRefusedError(record.reason.refusal)
      }

      throw attachment.wrongPeer ?? record.reason?.error ?? error
    }
  }

  #appeared (attachment: Attachment, record: ConnectionRecord): Refusal | undefined {
    attachment.watch(record)

    return this.#wiring.driver.appeared(record)
  }

  #inbound (attachment: Attachment, record: ConnectionRecord, denied: Refusal | undefined, options: Options): Promise<void> {
    if (denied != null) {
      this.#wiring.driver.refuse(record, denied)

      return REFUSED
    }

    if (this.#wiring.driver.account(record) != null) {
      return REFUSED
    }

    return this.#upgrade(attachment, record, options)
  }

  #upgrade (attachment: Attachment, record: ConnectionRecord, options: Options): Promise<void> {
    attachment.boundAnswers(this.#wiring.init.maxAnswers)

    return this.#upgrader.upgradeInbound(attachment.raw, this.#options(options))
      .catch((error: unknown) => {
        this.#failed(attachment, record, asError(error))

        throw error
      })
  }

  #failed (attachment: Attachment, record: ConnectionRecord, error: Error): void {
    this.#wiring.driver.upgradeFailed(record, attachment.wrongPeer ?? error)
  }

  /** Some transports bring a muxer of their own along */
  #options <O extends Options> (options: O): O {
    if (options.muxerFactory == null) {
      return options
    }

    this.#transport.bringsMuxer = true

    return { ...options, muxerFactory: this.#muxers.wrap(options.muxerFactory) }
  }

  createInboundAbortSignal (signal: AbortSignal): ClearableSignal {
    return this.#upgrader.createInboundAbortSignal(signal)
  }

  getStreamMuxers (): Map<string, StreamMuxerFactory> {
    return this.#upgrader.getStreamMuxers()
  }

  getConnectionEncrypters (): Map<string, ConnectionEncrypter> {
    return this.#upgrader.getConnectionEncrypters()
  }
}

/** Whoever is dialled by hole punching may have to play the part of who answers */
function proposesEncryption (options: Options): boolean {
  return options.initiator !== false && !('skipEncryption' in options)
}

/**
 * libp2p says only in words that nothing was agreed upon. A peer that was there to answer, and says no to our encryptions
 * or agrees to no muxer, need not be dialled again. Before the encryption anything but a no may come from somebody else.
 */
function explained ({ isOpen, proposing, record, saidNo }: Attachment, error: Error, signal: AbortSignal | undefined): Error {
  if (proposing != null && (saidNo || proposing === 'muxer') && isOpen && record?.reason == null && signal?.aborted !== true) {
    error.cause ??= new UnsupportedProtocolError(`the peer shares no ${proposing} with this node`)
  }

  return error
}

/** @throws {ConnectionClosedError} when a dial has waited in vain; whoever throws on prefers the reason of the record */
function expectReady ({ state }: ConnectionRecord): void {
  if (state !== 'ready') {
    throw new ConnectionClosedError('the connection ended before it was ready')
  }
}

/**
 * What an inbound upgrade that we refused rejects with: always the same, because the listener only logs it and
 * the lifecycle has told everything there is to tell.
 */
const REFUSED = Promise.reject(new Error('a module of this node refused the connection'))
REFUSED.catch(() => { /* each listener handles the promise that it derives from this one */ })
