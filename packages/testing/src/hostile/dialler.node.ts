import net from 'node:net'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { within } from '../eventually.ts'
import { nodeOptions } from '../node-options.ts'
import { closeServer, listen, Sockets } from './sockets.node.ts'
import type { BaseServices, Stack } from '../node-options.ts'
import type { Connection } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'

export interface DiallerInit {
  readonly host?: string
  readonly port: number
  /** @default 'tcp' */
  readonly transport?: 'tcp' | 'ws'
  /** @default 'libp2p' */
  readonly stack?: Stack
  readonly localAddress?: string | undefined
  /** For each step, in ms. @default 5_000 */
  readonly deadline?: number
}

/** A real libp2p node whose raw socket can be taken away from under it; one connection at a time */
export interface Dialler {
  readonly node: Libp2p<BaseServices>

  /** Sockets to the target that are open */
  readonly live: number

  /** Dials; rejects when the other side refuses, or at the deadline */
  dial (): Promise<Connection>

  /** Ends the sockets to the target below libp2p: `reset` with RST, `destroy` as a process that dies does */
  cut (how: 'reset' | 'destroy'): void

  stop (): Promise<void>
}

/** Stands between the dialler and its target, because neither transport shows its socket */
class Wire {
  readonly sockets = new Sockets()
  readonly #init: DiallerInit
  readonly #server: net.Server
  readonly #up = new Set<net.Socket>()

  constructor (init: DiallerInit) {
    this.#init = init
    this.#server = net.createServer({ noDelay: true }, down => { this.#join(down) })
  }

  get live (): number {
    return this.#up.size
  }

  async open (): Promise<number> {
    return listen(this.#server)
  }

  cut (how: 'reset' | 'destroy'): void {
    for (const socket of this.#up) {
      if (how === 'reset') socket.resetAndDestroy()
      else socket.destroy()
    }
  }

  async stop (deadline: number): Promise<void> {
    const closed = closeServer(this.#server, deadline)
    await this.sockets.stop(deadline)
    await closed
  }

  #join (down: net.Socket): void {
    const { host = '127.0.0.1', port, localAddress } = this.#init
    const up = net.connect({ host, port, noDelay: true, ...(localAddress == null ? {} : { localAddress }) })
    this.sockets.add(down)
    this.sockets.add(up)
    this.#up.add(up)
    up.once('close', () => {
      this.#up.delete(up)
      down.destroy()
    })
    down.once('close', () => { up.destroy() })
    down.pipe(up).pipe(down)
  }
}

/** Starts a node that dials one target, and can be cut off from it */
export async function dialler (init: DiallerInit): Promise<Dialler> {
  const { transport = 'tcp', stack = 'libp2p', deadline = 5_000 } = init
  const wire = new Wire(init)
  const port = await wire.open()
  const options = nodeOptions(stack, { transports: [transport === 'tcp' ? tcp() : webSockets()], listen: [] })
  // libp2p's monitor pings every 10 s with the only ping stream there may be; if ours is open at that moment it aborts
  // the connection, and ours waits in vain (libp2p 3.3.11)
  const node = await createLibp2p<BaseServices>({ ...options, connectionMonitor: { enabled: false } })
  const target = multiaddr(`/ip4/127.0.0.1/tcp/${port}${transport === 'ws' ? '/ws' : ''}`)
  return {
    node,
    get live () { return wire.live },
    dial: async () => node.dial(target, { signal: AbortSignal.timeout(deadline) }),
    cut: how => { wire.cut(how) },
    stop: async () => {
      await wire.stop(deadline)
      await within(deadline, 'stopping the dialler', Promise.resolve(node.stop()))
    }
  }
}
