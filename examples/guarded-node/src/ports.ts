import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Settings } from './arguments.ts'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Thrown when the node cannot listen where it was told to; says what to do about it */
export class ListenError extends Error {
  static override name = 'ListenError'
  override name = 'ListenError'
}

/**
 * Finds out why the node could not listen: libp2p puts the reasons of all listeners into one long text.
 *
 * @returns the error to show instead, or what was given where the ports are not to blame
 */
export async function explainListenError (error: unknown, { tcpPort, wsPort }: Settings): Promise<unknown> {
  for (const [option, port] of [['--tcp-port', tcpPort], ['--ws-port', wsPort]] as const) {
    const code = port === 0 ? undefined : await obstacle(port)
    if (code == null) continue
    const reason = code === 'EADDRINUSE' ? 'is in use already' : code === 'EACCES' ? 'may not be used by this user' : `cannot be used (${code})`
    return new ListenError(`port ${port} of 127.0.0.1 ${reason}: choose another with ${option}, or leave it out for any free one`, { cause: error })
  }
  return error
}

async function obstacle (port: number): Promise<string | undefined> {
  const server = createServer()
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening')
    return undefined
  } catch (err) {
    return (err as NodeJS.ErrnoException).code
  } finally {
    server.close()
  }
}

/** The ports among the addresses of a node that listens once over TCP and once over WebSocket */
export function portsOf (multiaddrs: readonly Multiaddr[]): { tcpPort: number, wsPort: number } {
  const ports = { tcpPort: 0, wsPort: 0 }
  for (const multiaddr of multiaddrs) {
    const components = multiaddr.getComponents()
    const port = Number(components.find(({ name }) => name === 'tcp')?.value)
    ports[components.some(({ name }) => name === 'ws') ? 'wsPort' : 'tcpPort'] = port
  }
  return ports
}
