import { MuxerClosedError } from '@libp2p/interface'
import { YAMUX_NAMES } from './constants.ts'
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
   * The factory, or what stands in for it with smaller windows: yamux grows a stream's window up to 16 MiB, and libp2p
   * aborts a paused stream once 4 MiB of it are unread (@libp2p/utils 7.4.1). A window that is no larger than the read
   * buffer cannot be overrun.
   */
  boundWindows (factory: StreamMuxerFactory): StreamMuxerFactory {
    const init = yamuxInit(factory)

    if (init == null) {
      this.#windows.push(false)

      return factory
    }

    const given = init.streamOptions ?? {}

    if (given.maxStreamWindowSize != null) {
      this.#windows.push(hasRoom(given))

      return factory
    }

    const streamOptions = { ...given, maxStreamWindowSize: largestWindow(given) }
    this.#windows.push(hasRoom(streamOptions))
    this.#wiring.adjusted({
      option: 'yamux.streamOptions.maxStreamWindowSize',
      from: String(DEFAULT_MAX_WINDOW),
      to: String(streamOptions.maxStreamWindowSize),
      reason: 'a stream window larger than the read buffer lets a paused stream be overrun and aborted'
    })

    // its methods see these options and nothing else that is new; the factory itself may be frozen, or belong to several nodes
    return Object.create(factory, { _init: { value: { ...init, streamOptions } } }) as StreamMuxerFactory
  }
}

interface YamuxInit {
  readonly streamOptions?: WindowOptions
}

/**
 * The options that a yamux factory gives to each muxer. Only of the two classes that are known to have no private fields,
 * which a stand-in would lack.
 */
function yamuxInit (factory: StreamMuxerFactory & { readonly [Symbol.toStringTag]?: string, readonly _init?: YamuxInit }): YamuxInit | undefined {
  return YAMUX_NAMES.has(factory[Symbol.toStringTag]) ? factory._init : undefined
}
