import { StreamRefusedError, isRefusal } from '@cordon/interface-connection-lifecycle'
import { hasEnded } from './attachment.ts'
import type { HandlerHook } from './handlers.ts'
import type { Wiring } from './wiring.ts'
import type { ConnectionRecord, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { Stream, StreamMuxer } from '@libp2p/interface'

/** Has every stream of a muxer announced to the lifecycle: inbound before its protocol is negotiated, outbound before its first frame */
export function hookStreams (muxer: StreamMuxer, connection: ConnectionRecord, wiring: Wiring, handlers: HandlerHook): void {
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

    new StreamHook(stream, record, wiring, handlers).attach()

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
      new StreamHook(stream, record, wiring, handlers).attach()

      return stream
    } catch (error) {
      driver.streamClosed(record)

      throw error
    }
  }
}

/** What an inbound stream that we refuse is reset with: always the same, because only a log sees it, and a flood would pay for each stack */
const REFUSED = new Error('a module of this node refused the stream')

/** Follows one stream until it has closed and no handler works on it any more */
export class StreamHook {
  readonly #stream: Stream
  readonly #record: StreamRecord
  readonly #wiring: Wiring
  readonly #handlers: HandlerHook
  #running = 0
  #closed = false

  constructor (stream: Stream, record: StreamRecord, wiring: Wiring, handlers: HandlerHook) {
    this.#stream = stream
    this.#record = record
    this.#wiring = wiring
    this.#handlers = handlers
  }

  attach (): void {
    this.#stream.addEventListener('close', this)
    this.#handlers.track(this.#stream, this)

    // an outbound one may have closed before we could listen
    if (hasEnded(this.#stream)) {
      this.handleEvent()
    }
  }

  /**
   * The protocol is known. Throws into libp2p, which then tells whoever asked for the stream.
   *
   * @throws {StreamRefusedError} when it is refused; the stream has been reset
   */
  negotiated (protocol: string): void {
    // reset by the other side while libp2p noted the protocol: it says so itself, and nobody here has refused it
    if (this.#closed) {
      return
    }

    const refusal = this.#wiring.driver.streamNegotiated(this.#record, protocol, this.#handlers.service(protocol))

    if (refusal != null) {
      const error = new StreamRefusedError(refusal)
      this.#stream.abort(error)

      throw error
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
    this.#closed = true
    this.#release()
  }

  #release (): void {
    if (this.#closed && this.#running === 0) {
      this.#wiring.driver.streamClosed(this.#record)
    }
  }
}
