import { normaliseAddress } from '@cordon/address'
import type { Negotiating } from './streams.ts'
import type { TransportState, Wiring } from './wiring.ts'
import type { ConnectionRecord, NormalisedAddress, RawConnection, Refusal } from '@cordon/interface-connection-lifecycle'
import type { AbortOptions, Connection, MessageStream, MessageStreamStatus, MultiaddrConnection, StreamMessageEvent, StreamMuxer } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** What lies below a raw connection, where the raw connection cannot be trusted to end it */
export interface Underlay {
  /** Lets what is queued be written, then ends it */
  end (): void

  /** Ends it at once */
  destroy (): void
}

/**
 * One raw connection and all that libp2p makes of it. The lifecycle ends it through this; in between it notes
 * who asked for the end, because libp2p's events do not tell.
 */
export class Attachment implements RawConnection {
  readonly raw: MultiaddrConnection
  readonly direction: 'inbound' | 'outbound'
  readonly transport: TransportState
  record?: ConnectionRecord
  muxer?: StreamMuxer
  negotiating?: Negotiating
  underlay?: Underlay

  /** libp2p has been told that it is open, and so has to be told that it closed */
  announced = false

  /** Why the peer is not the one we dialled, where our encrypter found that out */
  wrongPeer?: Error

  /** What we are proposing to the peer, which may have none of it */
  proposing?: 'encryption' | 'muxer'

  /** The last bytes that came while we proposed an encryption */
  #answer: readonly number[] = []

  readonly #wiring: Wiring
  #close?: Connection['close']

  constructor (raw: MultiaddrConnection, direction: 'inbound' | 'outbound', transport: TransportState, wiring: Wiring) {
    this.raw = raw
    this.direction = direction
    this.transport = transport
    this.#wiring = wiring
  }

  get address (): NormalisedAddress {
    return normaliseAddress(this.raw.remoteAddr)
  }

  get remoteAddr (): Multiaddr {
    return this.raw.remoteAddr
  }

  get status (): MessageStreamStatus {
    return this.raw.status
  }

  /** Whether the other side may still say something */
  get isOpen (): boolean {
    const { remoteWriteStatus } = this.raw as { readonly remoteWriteStatus?: string }

    return this.raw.status === 'open' && remoteWriteStatus !== 'closed'
  }

  /** Whether what came last to our proposal of an encryption was a no. Anything else says nothing of the peer: nobody has proven yet who it is. */
  get saidNo (): boolean {
    return this.#answer.join() === NO.join()
  }

  /** Proposes encryptions over this stream: hears what is answered until one is agreed upon */
  propose (stream: MessageStream): void {
    this.proposing = 'encryption'
    const dispatchEvent = stream.dispatchEvent.bind(stream)

    // a listener of our own would be given what libp2p does not listen for yet
    stream.dispatchEvent = event => {
      if (this.proposing === 'encryption' && event.type === 'message') {
        const { data } = event as Event & Pick<StreamMessageEvent, 'data'>
        this.#answer = [...this.#answer, ...data.subarray(Math.max(0, data.byteLength - NO.length))].slice(-NO.length)
      }

      return dispatchEvent(event)
    }
  }

  /** Watches for the end of the raw connection; to be called in the tick in which it appeared */
  watch (record: ConnectionRecord): void {
    this.record = record
    this.#wiring.link(this.raw, this)
    this.#wiring.link(this.raw.timeline, this)
    this.raw.addEventListener('close', this)

    // it may have ended before we could listen
    if (hasEnded(this.raw)) {
      this.handleEvent({})
    }
  }

  /** The raw connection has ended */
  handleEvent (event: { local?: boolean, error?: Error }): void {
    this.raw.removeEventListener('close', this)

    if (this.underlay != null) {
      endsOnce(this.raw)
      this.underlay.end()
    }

    if (this.record != null) {
      const { error } = event
      const local = event.local === true && !this.#cutByRemote(error)

      // some encrypters cut it themselves before they say that they failed
      if (local && error != null && this.#close == null) {
        this.#wiring.driver.upgradeFailed(this.record, error)
      } else {
        this.#wiring.lifecycle.lost(this.record, { local, error })
      }
    }
  }

  /**
   * Bounds what we answer to a peer that is nobody yet. Negotiation needs a handful of messages from us, and a peer
   * can ask for any number; each costs us more than it costs the peer, until a deadline cuts it. Ends with the muxer, or
   * where there is none with the announcement.
   */
  boundAnswers (max: number): void {
    const send = this.raw.send.bind(this.raw)
    let left = max

    this.raw.send = data => {
      if (this.muxer == null && this.#close == null && left-- <= 0 && this.record != null) {
        this.#wiring.driver.refuse(this.record, TALKATIVE)
      }

      return send(data)
    }
  }

  /** libp2p has announced the connection: from now on `close` and `abort` on it tell us who asked */
  upgraded (connection: Connection): void {
    const close = connection.close.bind(connection)
    const abort = connection.abort.bind(connection)
    this.#close = close

    connection.close = async options => {
      this.#closing('local-close')

      try {
        await close(options)
      } catch (error) {
        // libp2p leaves it open and of no use, and would return it from the next dial
        connection.abort(asError(error))

        throw error
      }
    }

    connection.abort = error => {
      this.#closing('local-abort', error)
      abort(error)
    }
  }

  async close (options: AbortOptions): Promise<void> {
    await (this.#close == null ? this.raw.close(options) : this.#close(options))
  }

  abort (error: Error): void {
    this.#attempt(() => this.muxer?.abort(error))
    this.#attempt(() => { this.raw.abort(error) })
    this.underlay?.destroy()
  }

  /** A muxer throws when it cannot say goodbye; the rest has to end all the same */
  #attempt (task: () => void): void {
    try {
      task()
    } catch (error) {
      this.raw.log('could not end it in order - %e', asError(error))
    }
  }

  /**
   * TCP, memory and relayed connections abort themselves when they find that the other side has cut them, and libp2p
   * then tells that this was local. The listener of memory connections ends both sides when its node stops.
   */
  #cutByRemote (error: Error | undefined): boolean {
    if (error == null) {
      return false
    }

    return error.name === 'StreamResetError' || 'syscall' in error || (error.name === 'ConnectionFailedError' && !this.#wiring.stopping)
  }

  #closing (how: 'local-close' | 'local-abort', error?: Error): void {
    if (this.record != null) {
      this.#wiring.driver.closing(this.record, how, error)
    }
  }
}

/** How multistream-select says no: its length, and `na` with the end of a line */
const NO: readonly number[] = [3, 0x6e, 0x61, 0x0a]

const TALKATIVE: Refusal = {
  code: 'limit',
  module: 'registry',
  resource: 'negotiation messages',
  configPath: 'registry.maxAnswers',
  message: 'the peer asked for more negotiation messages than registry.maxAnswers allows before it was multiplexed'
}

/**
 * A WebSocket connection that was closed says so again as a reset when the socket below it goes, and libp2p passes
 * that on: peers would disconnect twice (@libp2p/utils 7.4.1, `onRemoteReset`).
 */
function endsOnce (raw: MultiaddrConnection): void {
  if ('onRemoteReset' in raw) {
    raw.onRemoteReset = () => { /* it has ended already */ }
  }
}

/** Whether a raw connection or a stream will say `close` no more */
export function hasEnded (stream: MessageStream): boolean {
  return stream.status !== 'open' && stream.status !== 'closing'
}

export function asError (value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value))
}
