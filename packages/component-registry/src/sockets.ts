import { normaliseIPText } from '@cordon/address'
import { Deadlines } from '@cordon/clock'
import { FairSet } from '@cordon/fair-set'
import { SOCKET_LINGER } from './constants.ts'
import type { Underlay } from './attachment.ts'
import type { Wiring } from './wiring.ts'
import type { Deadline } from '@cordon/clock'
import type { Place } from '@cordon/fair-set'
import type { SocketStatus } from '@cordon/interface-component-registry'
import type { Listener, MultiaddrConnection } from '@libp2p/interface'

/** As much of Node's `net.Socket` as is needed here */
interface Socket {
  readonly remoteAddress?: string
  readonly remotePort?: number
  readonly destroyed: boolean
  destroy (): void
  destroySoon (): void
  once (event: 'close', listener: () => void): void
}

interface SocketServer {
  on (event: 'connection', listener: (socket: Socket) => void): void
}

/** Of all listeners together; outlives them */
export type SocketCounts = { -readonly [K in keyof SocketStatus]: number }

/** A listener that accepts sockets itself and makes raw connections of them later, as that of WebSockets in Node does */
export interface GuardableListener extends Listener {
  readonly server: SocketServer
}

/** Recognised by its shape: what it holds is not part of libp2p's interface */
export function isGuardable (listener: Listener): listener is GuardableListener {
  return 'wsServer' in listener && 'server' in listener && typeof listener.server === 'object' && listener.server != null && 'on' in listener.server
}

/**
 * Watches the sockets below one listener, of which libp2p knows nothing until their HTTP upgrade is through: silent
 * ones would live for ever and keep the listener from closing (@libp2p/websockets 10.1.21). They are bounded in
 * number and time, and those that became raw connections end with them.
 */
export class SocketGuard {
  readonly #counts: SocketCounts
  readonly #wiring: Wiring
  readonly #waiting = new FairSet<GuardedSocket>()
  readonly #deadlines: Deadlines<GuardedSocket>
  /** Every live socket by where it comes from; an address and port name one socket of a listener for as long as it lives */
  readonly #sockets = new Map<string, GuardedSocket>()

  constructor (wiring: Wiring, counts: SocketCounts) {
    this.#wiring = wiring
    this.#counts = counts
    this.#deadlines = new Deadlines(wiring.clock, [wiring.init.socketTimeout, SOCKET_LINGER], (socket, queue) => {
      if (queue === 0) {
        this.#counts.expired++
      }

      socket.destroy()
    })
  }

  watch (listener: GuardableListener): void {
    listener.server.on('connection', socket => { this.#accepted(socket) })

    // when it is closed, every socket below it is
    listener.addEventListener('close', () => { this.#deadlines.stop() })
  }

  /** A raw connection has appeared: its socket ends with it from now on, and no longer waits */
  claim (raw: MultiaddrConnection): Underlay | undefined {
    endsOnError(raw)
    const socket = this.#sockets.size === 0 ? undefined : this.#sockets.get(endpointOf(raw))

    if (socket != null) {
      this.#settle(socket)
    }

    return socket
  }

  /** Destroys what never became a raw connection; the rest ends with its raw connection */
  stop (): void {
    for (const socket of this.#sockets.values()) {
      if (socket.place != null) {
        this.#settle(socket)
        socket.destroy()
      }
    }
  }

  #accepted (socket: Socket): void {
    // it was reset before it was accepted
    if (socket.remoteAddress == null || socket.remotePort == null) {
      socket.destroy()

      return
    }

    const source = endpoint(socket.remoteAddress, String(socket.remotePort))
    const { share } = normaliseIPText(socket.remoteAddress, 'ws')
    this.#makeRoom(share)

    const guarded: GuardedSocket = new GuardedSocket(socket, () => this.#deadlines.add(1, guarded, this.#wiring.clock.now()))
    guarded.place = this.#waiting.add(share, guarded)
    guarded.deadline = this.#deadlines.add(0, guarded, this.#wiring.clock.now())
    this.#counts.pending++
    this.#sockets.set(source, guarded)

    socket.once('close', () => {
      this.#settle(guarded)

      // the same port may have been used again already
      if (this.#sockets.get(source) === guarded) {
        this.#sockets.delete(source)
      }
    })
  }

  #makeRoom (share: string): void {
    const { maxPendingSockets, maxPendingSocketsPerGroup } = this.#wiring.init
    const victim = this.#waiting.sizeOf(share) >= maxPendingSocketsPerGroup
      ? this.#waiting.oldestOf(share)
      : this.#waiting.size >= maxPendingSockets ? this.#waiting.oldestOfLargest() : undefined

    if (victim != null) {
      this.#counts.dropped++
      this.#settle(victim)
      victim.destroy()
    }
  }

  /** It waits for nothing any more */
  #settle (socket: GuardedSocket): void {
    if (socket.place != null) {
      this.#waiting.remove(socket.place)
      socket.place = undefined
      this.#counts.pending--
    }

    if (socket.deadline != null) {
      this.#deadlines.remove(socket.deadline)
      socket.deadline = undefined
    }
  }
}

class GuardedSocket implements Underlay {
  place?: Place<GuardedSocket>
  deadline?: Deadline<GuardedSocket>
  readonly #socket: Socket
  readonly #linger: () => Deadline<GuardedSocket>

  constructor (socket: Socket, linger: () => Deadline<GuardedSocket>) {
    this.#socket = socket
    this.#linger = linger
  }

  /** A close frame may be on its way out, and the remote may never read it */
  end (): void {
    if (!this.#socket.destroyed && this.deadline == null) {
      this.#socket.destroySoon()
      this.deadline = this.#linger()
    }
  }

  destroy (): void {
    this.#socket.destroy()
  }
}

/** See `endpoint`; where the raw connection says that it comes from */
function endpointOf (raw: MultiaddrConnection): string {
  const [host, port] = raw.remoteAddr.getComponents().filter(({ name }) => name !== 'ip6zone')

  return endpoint(host?.value ?? '', port?.value ?? '')
}

/**
 * Address and port as they were seen, which name one socket of a listener for as long as it lives. Not the key that
 * rules go by: several addresses may share one.
 */
function endpoint (address: string, port: string): string {
  const [ip = ''] = address.split('%')

  // one address has many spellings in IPv6
  return `${ip.includes(':') ? new URL(`http://[${ip}]`).hostname : ip} ${port}`
}

/**
 * What a WebSocket says when it cannot go on. Nobody but us listens for it, so it is heard from the tick in which the
 * raw connection appeared.
 */
function endsOnError (raw: MultiaddrConnection): void {
  if ('websocket' in raw && isErrorTarget(raw.websocket)) {
    raw.websocket.addEventListener('error', event => { raw.abort(event.error ?? new Error('the WebSocket failed')) })
  }
}

interface ErrorTarget {
  addEventListener (type: 'error', listener: (event: { readonly error?: Error }) => void): void
}

function isErrorTarget (value: unknown): value is ErrorTarget {
  return typeof value === 'object' && value != null && 'addEventListener' in value && typeof value.addEventListener === 'function'
}
