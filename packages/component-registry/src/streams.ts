import { StreamRefusedError, isRefusal } from '@cordon/interface-connection-lifecycle'
import { hasEnded } from './attachment.ts'
import { repeatEnd } from './late-end.ts'
import type { HandlerHook } from './handlers.ts'
import type { Wiring } from './wiring.ts'
import type { ConnectionRecord, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { Connection, Stream, StreamMuxer } from '@libp2p/interface'

/** The streams of one connection of which libp2p has not said yet which protocol they have; as many as its participants allow */
export type Negotiating = Set<StreamHook>

/**
 * Has every stream of a muxer announced to the lifecycle: inbound before its protocol is negotiated, outbound before its
 * first frame.
 *
 * @returns what `noticeProtocols` wants
 */
export function hookStreams (muxer: StreamMuxer, connection: ConnectionRecord, wiring: Wiring, handlers: HandlerHook): Negotiating {
  const negotiating: Negotiating = new Set()
  const { driver } = wiring
  const dispatchEvent = muxer.dispatchEvent.bind(muxer)
  const createStream = muxer.createStream.bind(muxer)

  // libp2p's own listener starts the negotiation, so a stream that is refused must not reach it
  muxer.dispatchEvent = event => {
    if (event.type !== 'stream') {
      return dispatchEvent(event)
    }

    const stream = (event as CustomEvent<Stream>).detail

    // a stream that came and went before anybody listened says `close` no more
    if (stream.status !== 'open') {
      return dispatchEvent(event)
    }

    const record = driver.streamOpened(connection, 'inbound', stream)

    if (isRefusal(record)) {
      stream.abort(REFUSED)

      return true
    }

    new StreamHook(stream, record, wiring, handlers, negotiating).attach()

    return dispatchEvent(event)
  }

  muxer.createStream = async options => {
    const record = driver.streamOpened(connection, 'outbound')

    if (isRefusal(record)) {
      throw new StreamRefusedError(record)
    }

    try {
      const stream = await createStream(options)
      driver.streamCreated(record, stream)
      new StreamHook(stream, record, wiring, handlers, negotiating).attach()

      return stream
    } catch (error) {
      driver.streamClosed(record)

      throw error
    }
  }

  return negotiating
}

/**
 * libp2p sets `stream.protocol` in the moment of negotiation and tells nobody, but in the same tick it counts the streams
 * of the connection that have it. The middleware, which says it for certain, runs only after the peer store has written
 * the protocol down. An accessor on each stream would put V8's representation of the stream into its slow form.
 */
export function noticeProtocols (connection: Connection, muxer: StreamMuxer, negotiating: Negotiating): void {
  Object.defineProperty(connection, 'streams', {
    configurable: true,
    enumerable: false,
    get: () => {
      for (const hook of negotiating) {
        hook.notice()
      }

      return muxer.streams
    }
  })
}

/** What an inbound stream that we refuse is reset with: always the same, because only a log sees it, and a flood would pay for each stack */
const REFUSED = new Error('a module of this node refused the stream')

/** Follows one stream until it has closed and no handler works on it any more */
export class StreamHook {
  readonly #stream: Stream
  readonly #record: StreamRecord
  readonly #wiring: Wiring
  readonly #handlers: HandlerHook
  readonly #negotiating: Negotiating
  #refused?: StreamRefusedError
  #running = 0
  #closed = false
  #repeatsEnd = false

  constructor (stream: Stream, record: StreamRecord, wiring: Wiring, handlers: HandlerHook, negotiating: Negotiating) {
    this.#stream = stream
    this.#record = record
    this.#wiring = wiring
    this.#handlers = handlers
    this.#negotiating = negotiating
  }

  attach (): void {
    this.#stream.addEventListener('close', this)
    this.#handlers.track(this.#stream, this)
    this.#negotiating.add(this)

    // an outbound one may have closed before we could listen
    if (hasEnded(this.#stream)) {
      this.handleEvent()
    }
  }

  /** Looks whether the protocol is known by now, and has it judged once. One that is refused is reset. */
  notice (): void {
    if (this.#stream.protocol === '' || !this.#negotiating.delete(this)) {
      return
    }

    const { protocol } = this.#stream
    const refusal = this.#wiring.driver.streamNegotiated(this.#record, protocol, this.#handlers.service(protocol))

    if (refusal != null) {
      this.#refused = new StreamRefusedError(refusal)
      this.#stream.abort(this.#refused)
    }
  }

  /**
   * libp2p is about to hand the stream on. What this throws reaches whoever asked for it.
   *
   * @throws {StreamRefusedError} when its protocol was refused
   */
  negotiated (): void {
    this.notice()

    if (this.#refused != null) {
      throw this.#refused
    }

    this.handedOn()
  }

  /** Somebody gets the stream now, who may have missed that the peer has closed its side */
  handedOn (): void {
    if (!this.#repeatsEnd && this.#stream.remoteWriteStatus === 'closed') {
      this.#repeatsEnd = true
      repeatEnd(this.#stream)
    }
  }

  /** A handler is about to run; `false` where the stream is gone and its slot with it */
  enter (): boolean {
    if (this.#closed) {
      return false
    }

    this.#running++

    return true
  }

  /** The handler has settled */
  leave (): void {
    this.#running--
    this.#release()
  }

  /** The stream has closed */
  handleEvent (): void {
    this.#stream.removeEventListener('close', this)
    // from now on nobody is asked about it
    this.#negotiating.delete(this)
    this.#closed = true
    this.#release()
  }

  #release (): void {
    if (this.#closed && this.#running === 0) {
      this.#wiring.driver.streamClosed(this.#record)
    }
  }
}
