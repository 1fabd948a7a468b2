import type { Underlay } from './attachment.ts'
import type { TransportState } from './wiring.ts'
import type { MultiaddrConnection } from '@libp2p/interface'

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
 * not end before; a socket that failed otherwise it closes. So this one says `abort`, and that it is not `aborted`.
 */
export function openingSignal (dial: AbortSignal): AbortSignal {
  const controller = new AbortController()
  const forward = (): void => { controller.abort(dial.reason) }
  dial.addEventListener('abort', forward, { once: true })

  if (dial.aborted) {
    forward()
  }

  return Object.defineProperties(controller.signal, { aborted: { value: false }, [DIAL]: { value: dial } })
}

/** The signal of the dial, for all that follows once the socket is open */
export function dialSignal <S extends AbortSignal | undefined> (signal: S): S | AbortSignal {
  return (signal as { readonly [DIAL]?: AbortSignal } | undefined)?.[DIAL] ?? signal
}
