import { once } from 'node:events'
import net from 'node:net'
import { within } from '../eventually.ts'

/** Sockets of one helper: it forgets none of them, and `stop` waits until all are gone */
export class Sockets {
  /** Bounded by what the test opens */
  readonly #live = new Set<net.Socket>()
  #closed = 0

  get live (): number {
    return this.#live.size
  }

  /** How many have ended, whoever ended them */
  get closed (): number {
    return this.#closed
  }

  /** An error of such a socket is expected and tells nothing: what counts is that it closes */
  add<T extends net.Socket> (socket: T): T {
    if (socket.destroyed) return socket
    this.#live.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => {
      this.#live.delete(socket)
      this.#closed++
    })
    return socket
  }

  async stop (deadline: number): Promise<void> {
    const gone = [...this.#live].map(async socket => {
      const closed = closeOf(socket)
      socket.destroy()
      await closed
    })
    await within(deadline, 'closing the sockets', Promise.all(gone))
  }
}

export interface ConnectInit {
  readonly host: string
  readonly port: number
  readonly localAddress?: string | undefined
}

/**
 * Connects; resolves in the very tick in which the socket is connected.
 *
 * @throws {Error} when the connection is refused or does not come about in time
 */
export async function connectSocket (sockets: Sockets, init: ConnectInit, deadline: number): Promise<net.Socket> {
  const { host, port, localAddress } = init
  const socket = sockets.add(net.connect({ host, port, noDelay: true, ...(localAddress == null ? {} : { localAddress }) }))
  await within(deadline, `connecting to ${host}:${port}`, settle(socket, 'connect'))
  return socket
}

/** Resolves when the socket has closed, with or without an error */
async function closeOf (socket: net.Socket): Promise<void> {
  if (socket.closed) return
  await new Promise<void>(resolve => { socket.once('close', () => { resolve() }) })
}

/** Resolves with the event, rejects when the socket closes before it */
export async function settle (socket: net.Socket, event: string): Promise<void> {
  const control = new AbortController()
  try {
    await Promise.race([
      once(socket, event, { signal: control.signal }),
      once(socket, 'close', { signal: control.signal }).then(() => { throw new Error(`closed before ${event}`) })
    ])
  } finally {
    control.abort()
  }
}

/** Listens on loopback, on a port of the system's choice where none is given, and answers with the port */
export async function listen (server: net.Server, port = 0): Promise<number> {
  server.listen({ host: '127.0.0.1', port })
  await once(server, 'listening')
  const address = server.address()
  if (address == null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

/** Below those that systems give out by themselves (Linux from 32,768, others from 49,152): what asks for any port gets none of these */
const FIRST_CLOSED = 20_000
const CLOSED = 10_000

/** A part of them for each of twenty processes: one that runs other tests meanwhile may listen on what this one thinks closed */
const PER_PROCESS = CLOSED / 20

/** Somebody listens there, or the system keeps it */
const TAKEN: ReadonlySet<string> = new Set(['EADDRINUSE', 'EACCES'])

let lastClosed = process.pid % 20 * PER_PROCESS

/** A port of loopback on which nobody listens, and that nobody gets who does not ask for it; another one each time */
export async function closedPort (): Promise<number> {
  for (let tries = 0; tries < CLOSED; tries++) {
    const port = FIRST_CLOSED + lastClosed++ % CLOSED
    const server = net.createServer()
    try {
      await listen(server, port)
      await closeServer(server, 1_000)
      return port
    } catch (error) {
      if (!TAKEN.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
  throw new Error(`all ports from ${FIRST_CLOSED} to ${FIRST_CLOSED + CLOSED - 1} are taken`)
}

export async function closeServer (server: net.Server, deadline: number): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  await within(deadline, 'closing the server', closed)
}
