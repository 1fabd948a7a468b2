import { MuxerClosedError } from '@libp2p/interface'
import { YAMUX_PROTOCOL } from './constants.ts'
import { delegate } from './delegate.ts'
import { hookStreams } from './streams.ts'
import { DEFAULT_MAX_WINDOW, hasRoom, largestWindow } from './windows.ts'
import type { HandlerHook } from './handlers.ts'
import type { WindowOptions } from './windows.ts'
import type { Wiring } from './wiring.ts'
import type { MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'

/** Wraps muxer factories so that the decrypted bytes and every stream of a connection pass by the lifecycle */
export class MuxerHook {
  readonly #wiring: Wiring
  readonly #handlers: HandlerHook
  readonly #wrapped = new WeakSet<StreamMuxerFactory>()
  readonly #windows: boolean[] = []

  constructor (wiring: Wiring, handlers: HandlerHook) {
    this.#wiring = wiring
    this.#handlers = handlers
  }

  /** Whether the muxers of the node cannot be overrun, see `boundWindows` */
  get boundsWindows (): boolean {
    return this.#windows.length > 0 && this.#windows.every(bounded => bounded)
  }

  wrap <F extends StreamMuxerFactory> (factory: F): F {
    if (this.#wrapped.has(factory)) {
      return factory
    }

    const wrapped = delegate<StreamMuxerFactory>(factory, { createStreamMuxer: secured => this.#create(factory, secured) }) as F
    this.#wrapped.add(wrapped)

    return wrapped
  }

  #create (factory: StreamMuxerFactory, secured: MessageStream): StreamMuxer {
    const attachment = this.#wiring.find(secured)

    if (attachment?.record == null) {
      return factory.createStreamMuxer(secured)
    }

    if (attachment.record.state === 'closed') {
      throw new MuxerClosedError('the connection was closed before its muxer existed')
    }

    attachment.proposing = undefined
    this.#wiring.driver.secured(attachment.record, secured)
    const muxer: StreamMuxer = factory.createStreamMuxer(secured)
    attachment.muxer = muxer
    attachment.negotiating = hookStreams(muxer, attachment.record, this.#wiring, this.#handlers)

    return muxer
  }

  /**
   * Yamux grows a stream's window up to 16 MiB, and libp2p aborts a paused stream once 4 MiB of it are unread
   * (@libp2p/utils 7.4.1): a window that is no larger than the read buffer cannot be overrun.
   */
  boundWindows (factory: StreamMuxerFactory): void {
    if (factory.protocol !== YAMUX_PROTOCOL) {
      this.#windows.push(false)

      return
    }

    const init = streamInit(factory)

    if (init == null) {
      this.#windows.push(false)
      this.#wiring.log('the windows of the muxer %s cannot be bounded from outside', factory.protocol)

      return
    }

    const given = init.streamOptions ?? {}

    if (given.maxStreamWindowSize != null) {
      this.#windows.push(hasRoom(given))

      return
    }

    init.streamOptions = { ...given, maxStreamWindowSize: largestWindow(given) }
    this.#windows.push(hasRoom(init.streamOptions))
    this.#wiring.adjusted({
      option: 'yamux.streamOptions.maxStreamWindowSize',
      from: String(DEFAULT_MAX_WINDOW),
      to: String(init.streamOptions.maxStreamWindowSize),
      reason: 'a stream window larger than the read buffer lets a paused stream be overrun and aborted'
    })
  }
}

interface StreamInit {
  streamOptions?: WindowOptions
}

/** The options that a yamux factory of `@libp2p/yamux` or `@chainsafe/libp2p-yamux` gives to each muxer, as a copy of our own */
function streamInit (factory: StreamMuxerFactory): StreamInit | undefined {
  if (!('_init' in factory) || typeof factory._init !== 'object' || factory._init == null) {
    return undefined
  }

  // the user may use one object for several nodes
  const init: StreamInit = { ...factory._init }

  return Reflect.set(factory, '_init', init) ? init : undefined
}
