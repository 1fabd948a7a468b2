import { ConnectionFailedError } from '@libp2p/interface'
import type { Underlay } from './attachment.ts'
import type { TransportState } from './wiring.ts'
import type { MultiaddrConnection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

export const WEBSOCKETS = '@libp2p/websockets'

/** As much of a `WebSocket` as is needed here */
interface Socket {
  readonly readyState: number
  close (): void
  addEventListener (event: 'close', listener: () => void, options: { once: true }): void
}

/** See the HTML standard, WebSocket `readyState` */
const CLOSED = 3

/**
 * The socket below an outbound WebSocket connection. libp2p aborts it with a close code that the platform refuses,
 * so that it stays open (@libp2p/websockets 10.1.21); the platform offers no way to cut it. It is asked to
 * close, and counted until it has.
 */
export class OutboundWebSocket implements Underlay {
  readonly #socket: Socket
  readonly #transport: TransportState
  #counted = false

  constructor (socket: Socket, transport: TransportState) {
    this.#socket = socket
    this.#transport = transport
  }

  static below (raw: MultiaddrConnection, transport: TransportState): OutboundWebSocket | undefined {
    return 'websocket' in raw && isSocket(raw.websocket) ? new OutboundWebSocket(raw.websocket, transport) : undefined
  }

  end (): void {
    this.destroy()
  }

  destroy (): void {
    if (this.#counted || this.#socket.readyState === CLOSED) {
      return
    }

    this.#counted = true
    this.#transport.unreturned++
    this.#socket.addEventListener('close', () => { this.#transport.unreturned-- }, { once: true })
    this.#socket.close()
  }
}

function isSocket (value: unknown): value is Socket {
  return typeof value === 'object' && value != null && 'readyState' in value && 'close' in value && 'addEventListener' in value
}

const DIAL = Symbol('@cordon/dial')

/**
 * What a WebSocket transport is given in place of the signal of a dial. It leaves the socket alone where its signal is
 * aborted before the socket has opened (@libp2p/websockets 10.1.21), for as long as the remote likes, and the process does
 * not end before; a socket that failed otherwise it closes. So this one says `abort`, and that it is not `aborted`. What
 * begins to listen to it afterwards hears nothing: the transport listens from the beginning.
 *
 * @throws the reason of a dial that was aborted already
 */
export function openingSignal (dial: AbortSignal): AbortSignal {
  dial.throwIfAborted()
  const controller = new AbortController()
  dial.addEventListener('abort', () => { controller.abort(dial.reason) }, { once: true })

  return Object.defineProperties(controller.signal, { aborted: { value: false }, [DIAL]: { value: dial } })
}

/** The signal of the dial, for all that follows once the socket is open */
export function dialSignal <S extends AbortSignal | undefined> (signal: S): S | AbortSignal {
  return (signal as { readonly [DIAL]?: AbortSignal } | undefined)?.[DIAL] ?? signal
}

/**
 * Dials over WebSocket so that the socket is closed where the dial is aborted, see `openingSignal`.
 *
 * @throws {ConnectionFailedError} when the dial was aborted before the socket was open, as the transport does by itself
 */
export async function dialWebSocket<T> (address: Multiaddr, signal: AbortSignal, dial: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await dial(openingSignal(signal))
  } catch (error) {
    throw signal.aborted && error === signal.reason ? Object.assign(new ConnectionFailedError(`Could not connect to ${address.toString()}`), { cause: error }) : error
  }
}
