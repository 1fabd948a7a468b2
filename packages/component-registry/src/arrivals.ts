import { normaliseIPText } from '@cordon/address'
import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { multiaddr } from '@multiformats/multiaddr'
import { asError } from './attachment.ts'
import type { Attachment } from './attachment.ts'
import type { Gater } from './gater.ts'
import type { TransportState, Wiring } from './wiring.ts'
import type { ConnectionRecord, NormalisedAddress, RawConnection, Refusal } from '@cordon/interface-connection-lifecycle'
import type { AbortOptions, Listener, MessageStreamStatus, MultiaddrConnection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** As much of Node's `net.Socket` as is needed here */
interface Socket {
  readonly remoteAddress?: string
  readonly remotePort?: number
  readonly destroyed: boolean
  on (event: 'error', listener: () => void): unknown
  destroy (): unknown
  resetAndDestroy (): unknown
}

type SocketHandler = (socket: Socket) => void

interface SocketServer {
  rawListeners (event: 'connection'): SocketHandler[]
  removeAllListeners (event: 'connection'): unknown
  on (event: 'connection', handler: SocketHandler): unknown
}

/** A listener that makes a raw connection of each socket in the tick in which it is accepted */
export interface TcpListener extends Listener {
  readonly server: SocketServer
}

/** Recognised by the tag of its transport and by its shape: what it holds is not part of libp2p's interface */
export function isTcpListener (listener: Listener, tag: string): listener is TcpListener {
  return tag === '@libp2p/tcp' && 'server' in listener && isSocketServer(listener.server)
}

function isSocketServer (value: unknown): value is SocketServer {
  return typeof value === 'object' && value != null && 'on' in value && 'rawListeners' in value && 'removeAllListeners' in value
}

/** What was asked about a socket before the transport got it */
export interface Arrival {
  readonly record: ConnectionRecord

  /** Everybody was asked, and not only the gates */
  readonly accounted: boolean
}

interface Pending extends Arrival {
  readonly accepted: AcceptedSocket
}

/**
 * Has the lifecycle asked about the sockets of one TCP listener before libp2p makes anything of them: what the transport
 * makes of a socket costs more than all else that a refusal does (`bench -- shed`).
 */
export class Arrivals {
  readonly #wiring: Wiring
  readonly #gater: Gater
  readonly #transport: TransportState
  /** While the transport is being handed a socket, until it has made something of it */
  #pending?: Pending

  constructor (wiring: Wiring, gater: Gater, transport: TransportState) {
    this.#wiring = wiring
    this.#gater = gater
    this.#transport = transport
  }

  watch ({ server }: TcpListener): void {
    this.#transport.asksOnArrival = true
    const handlers = server.rawListeners('connection')
    server.removeAllListeners('connection')
    server.on('connection', socket => {
      this.#arrived(socket, () => { handlers.forEach(handler => { handler.call(server, socket) }) })
    })
  }

  /** A raw connection was made of the socket that is being handed over, if one is */
  claim (attachment: Attachment): Arrival | undefined {
    const pending = this.#pending
    this.#pending = undefined
    pending?.accepted.become(attachment)

    return pending
  }

  #arrived (socket: Socket, handOver: () => void): void {
    const { remoteAddress, remotePort } = socket

    // Without an address it is a Unix socket, or was reset before it was accepted; with a zone it has no multiaddr
    // (@libp2p/utils 7.4.1). What is to become of those is up to the transport.
    if (remoteAddress == null || remotePort == null || remoteAddress.includes('%') || this.#transport.asksOnArrival === false) {
      handOver()

      return
    }

    const pending = this.#pending = this.#ask(socket, remoteAddress, remotePort)

    if (pending == null) {
      return
    }

    try {
      handOver()
    } finally {
      if (this.#pending === pending) {
        this.#pending = undefined
        this.#unclaimed(pending, socket)
      }
    }
  }

  /** Nothing where it was refused. Whatever is thrown in a socket's event ends the process, so nothing is. */
  #ask (socket: Socket, ip: string, port: number): Pending | undefined {
    let record: ConnectionRecord | Refusal | undefined

    try {
      const { driver } = this.#wiring
      const accepted = new AcceptedSocket(socket, ip, port)
      record = driver.open(accepted)
      const accounted = !this.#gater.asksInbound

      if (!isRefusal(record) && !(accounted && driver.account(record) != null)) {
        return { accepted, record, accounted }
      }
    } catch (error) {
      this.#tell(asError(error))

      if (record != null && !isRefusal(record)) {
        this.#failed(record, asError(error))
      }
    }

    // as a rule whoever refused it has cut it
    cut(socket)

    return undefined
  }

  #unclaimed ({ accepted, record }: Pending, socket: Socket): void {
    accepted.letGo()

    if (!socket.destroyed) {
      // not the transport that it says it is: it may yet make something of it, and of those that follow
      this.#transport.asksOnArrival = false
      this.#tell(new Error(`${this.#transport.tag} makes no connection of a socket at once, so it is asked about later from now on`))
    }

    this.#failed(record, UNCLAIMED)
  }

  #failed (record: ConnectionRecord, error: Error): void {
    try {
      this.#wiring.driver.upgradeFailed(record, error)
    } catch (fault) {
      this.#tell(asError(fault))
    }
  }

  #tell (error: Error): void {
    try {
      this.#wiring.log.error('could not ask about a socket - %e', error)
    } catch { /* the logger is the application's, and there is nobody else to tell */ }
  }
}

const UNCLAIMED = new Error('the transport made no connection of a socket')

/** A socket, and then whatever has become of it */
class AcceptedSocket implements RawConnection {
  readonly direction = 'inbound'
  readonly address: NormalisedAddress
  readonly #ip: string
  readonly #port: number
  /** While it is ours to end */
  #socket: Socket | undefined
  #attachment?: Attachment
  #remoteAddr?: Multiaddr

  constructor (socket: Socket, ip: string, port: number) {
    this.#socket = socket
    this.#ip = ip
    this.#port = port
    this.address = normaliseIPText(ip, 'tcp')
  }

  become (attachment: Attachment): void {
    this.#attachment = attachment
    this.letGo()
  }

  letGo (): void {
    this.#socket = undefined
  }

  get raw (): MultiaddrConnection | undefined {
    return this.#attachment?.raw
  }

  /** As the transport writes it */
  get remoteAddr (): Multiaddr {
    return this.raw?.remoteAddr ?? (this.#remoteAddr ??= multiaddr(`/${this.#ip.includes(':') ? 'ip6' : 'ip4'}/${this.#ip}/tcp/${this.#port}`))
  }

  /** Until something is made of it there is no time in which the remote could end it */
  get status (): MessageStreamStatus {
    return this.raw?.status ?? (this.#socket?.destroyed === false ? 'open' : 'aborted')
  }

  async close (options: AbortOptions): Promise<void> {
    if (this.#attachment == null) {
      this.abort(UNCLAIMED)
    } else {
      await this.#attachment.close(options)
    }
  }

  abort (error: Error): void {
    this.#attachment?.abort(error)

    if (this.#socket != null) {
      cut(this.#socket)
    }

    this.letGo()
  }
}

function cut (socket: Socket): void {
  if (socket.destroyed) {
    return
  }

  // the remote may have gone, and some systems cannot reset what has
  socket.on('error', () => {})

  try {
    socket.resetAndDestroy()
  } catch {
    // whoever handed it to the server made it of something else than TCP
    socket.destroy()
  }
}
