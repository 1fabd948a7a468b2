import http from 'node:http'
import net from 'node:net'
import { closeServer, listen, Sockets } from './sockets.node.ts'
import { acceptUpgrade } from './websocket.node.ts'

export interface StallingServerInit {
  /**
   * Where it falls silent: `tcp` after accepting; `ws` after agreeing to a WebSocket; `http` after accepting, so
   * that the HTTP upgrade is never answered.
   *
   * @default 'tcp'
   */
  at?: 'tcp' | 'ws' | 'http'

  /** For closing, in ms. @default 5_000 */
  deadline?: number
}

/** Accepts whoever dials, and says nothing more */
export interface StallingServer {
  readonly port: number

  /** The text of the multiaddr to dial */
  readonly address: string

  readonly accepted: number

  /** Sockets that are open now */
  readonly live: number

  stop (): Promise<void>
}

function serve (at: 'tcp' | 'ws' | 'http', onSocket: (socket: net.Socket) => void): net.Server {
  if (at !== 'ws') return net.createServer(onSocket)
  const server = http.createServer()
  server.on('connection', onSocket)
  server.on('upgrade', (request, socket) => { socket.write(acceptUpgrade(request)) })
  return server
}

export async function stallingServer (init: StallingServerInit = {}): Promise<StallingServer> {
  const { at = 'tcp', deadline = 5_000 } = init
  const sockets = new Sockets()
  let accepted = 0
  const server = serve(at, socket => {
    accepted++
    sockets.add(socket)
    // an HTTP server reads by itself
    if (at !== 'ws') socket.resume()
  })
  // after an upgrade nobody else reads
  server.on('upgrade', (_request, socket: net.Socket) => { socket.resume() })
  const port = await listen(server)
  return {
    port,
    address: `/ip4/127.0.0.1/tcp/${port}${at === 'tcp' ? '' : '/ws'}`,
    get accepted () { return accepted },
    get live () { return sockets.live },
    stop: async () => {
      const closed = closeServer(server, deadline)
      await sockets.stop(deadline)
      await closed
    }
  }
}
