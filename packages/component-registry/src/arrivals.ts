import { normaliseAddress } from '@cordon/address'
import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { multiaddr } from '@multiformats/multiaddr'
import type { Attachment } from './attachment.ts'
import type { Gater } from './gater.ts'
import type { TransportState, Wiring } from './wiring.ts'
import type { ConnectionRecord, NormalisedAddress, RawConnection } from '@cordon/interface-connection-lifecycle'
import type { AbortOptions, Listener, MessageStreamStatus, MultiaddrConnection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** As much of Node's `net.Socket` as is needed here */
interface Socket {
  readonly remoteAddress?: string
  readonly remotePort?: number
  readonly destroyed: boolean
  on (event: 'error', listener: () => void): unknown
  resetAndDestroy (): unknown
}

type SocketHandler = (socket: Socket) => void

interface SocketServer {
  listeners (event: 'connection'): SocketHandler[]
  removeAllListeners (event: 'connection'): unknown
  on (event: 'connection', handler: SocketHandler): unknown
}

/** A listener that makes a raw connection of each socket in the tick in which it is accepted */
export interface TcpListener extends Listener {
  readonly server: SocketServer
}

/** Recognised by the tag of its transport and by its shape: what it holds is not part of libp2p's interface */
export function isTcpListener (listener: Listener, tag: string): listener is TcpListener {
  return tag === '@libp2p/tcp' && 'server' in listener && typeof listener.server === 'object' && listener.server != null && 'removeAllListeners' in listener.server
}

/** A socket that nobody has refused */
export interface Arrived {
  readonly arrival: Arrival
  readonly record: ConnectionRecord

  /** Everybody was asked, and not only the gates */
  readonly accounted: boolean
}

/**
 * Has the lifecycle asked about the sockets of one TCP listener before libp2p makes anything of them: what the transport
 * makes of a socket costs more than all else that a refusal does (`bench -- shed`).
 */
export class Arrivals {
  readonly #wiring: Wiring
  readonly #gater: Gater
  readonly #transport: TransportState
  #current?: Arrived

  constructor (wiring: Wiring, gater: Gater, transport: TransportState) {
    this.#wiring = wiring
    this.#gater = gater
    this.#transport = transport
  }

  watch ({ server }: TcpListener): void {
    this.#transport.asksOnArrival = true
    const handlers = server.listeners('connection')
    server.removeAllListeners('connection')
    server.on('connection', socket => {
      this.#arrived(socket, () => { handlers.forEach(handler => { handler.call(server, socket) }) })
    })
  }

  /** A raw connection was made of the socket that is being handed over, if one is */
  claim (attachment: Attachment): Arrived | undefined {
    const current = this.#current
    this.#current = undefined
    current?.arrival.become(attachment)

    return current
  }

  #arrived (socket: Socket, handOver: () => void): void {
    const { remoteAddress, remotePort } = socket

    // without an address it is a Unix socket, or was reset before it was accepted, which the transport finds out as well
    if (remoteAddress == null || remotePort == null || this.#transport.asksOnArrival === false) {
      handOver()

      return
    }

    const arrival = new Arrival(socket, remoteAddress, remotePort)
    const { driver } = this.#wiring
    const record = driver.open(arrival)
    const accounted = !this.#gater.asksInbound

    if (isRefusal(record) || (accounted && driver.account(record) != null)) {
      return
    }

    const current = this.#current = { arrival, record, accounted }

    try {
      handOver()
    } finally {
      if (this.#current === current) {
        this.#current = undefined
        this.#unclaimed(current, socket)
      }
    }
  }

  #unclaimed ({ arrival, record }: Arrived, socket: Socket): void {
    if (!socket.destroyed) {
      // not the transport that it says it is: it may yet make something of it, and of those that follow
      arrival.letGo()
      this.#transport.asksOnArrival = false
      this.#wiring.log.error('%s does not make a connection of a socket at once, so it is asked about later', this.#transport.tag)
    }

    this.#wiring.driver.upgradeFailed(record, UNCLAIMED)
  }
}

const UNCLAIMED = new Error('the transport made no connection of a socket')

/** A socket that was accepted, and then whatever has become of it */
class Arrival implements RawConnection {
  readonly direction = 'inbound'
  readonly address: NormalisedAddress
  /** Until it was cut, or something was made of it */
  #socket: Socket | undefined
  readonly #ip: string
  readonly #port: number
  #attachment?: Attachment
  #remoteAddr?: Multiaddr

  constructor (socket: Socket, ip: string, port: number) {
    this.#socket = socket
    this.#ip = ip
    this.#port = port
    this.address = normaliseAddress(ip, 'tcp')
  }

  become (attachment: Attachment): void {
    this.#attachment = attachment
    this.letGo()
  }

  /** The socket is not ours to end any more */
  letGo (): void {
    this.#socket = undefined
  }

  get raw (): MultiaddrConnection | undefined {
    return this.#attachment?.raw
  }

  get remoteAddr (): Multiaddr {
    return this.raw?.remoteAddr ?? (this.#remoteAddr ??= tcpMultiaddr(this.#ip, this.#port))
  }

  get status (): MessageStreamStatus {
    return this.raw?.status ?? (this.#socket?.destroyed === false ? 'open' : 'reset')
  }

  async close (options: AbortOptions): Promise<void> {
    if (this.#attachment == null) {
      this.abort(new Error('it was closed before it was a connection'))
    } else {
      await this.#attachment.close(options)
    }
  }

  abort (error: Error): void {
    const socket = this.#socket
    this.letGo()

    if (this.#attachment != null) {
      this.#attachment.abort(error)
    } else if (socket?.destroyed === false) {
      // the remote may have gone, and some systems cannot reset what has
      socket.on('error', ignore)
      socket.resetAndDestroy()
    }
  }
}

/** As the transport would write it, but for the zone, which says how to get there and not where it is */
function tcpMultiaddr (ip: string, port: number): Multiaddr {
  const [address = ''] = ip.split('%')

  return multiaddr(`/${address.includes(':') ? 'ip6' : 'ip4'}/${address}/tcp/${port}`)
}

function ignore (): void {}
