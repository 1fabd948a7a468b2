// The honest visitors: real libp2p nodes on an event loop of their own, so that what they measure is the guarded
// node and not themselves. Each connects anew and pings every second, and stays until it comes back.

import { parentPort, workerData } from 'node:worker_threads'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { printable } from './words.ts'
import type { PingResult } from './ledger.ts'
import type { Assignment, Message, Origin, Target } from './visitors.ts'
import type { Connection } from '@libp2p/interface'
import type { Ping } from '@libp2p/ping'
import type { TCPSocketOptions } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Libp2p } from 'libp2p'

/** In ms */
const INTERVAL = 1_000

/** In ms; half of what libp2p gives a dial. Longer is as good as never to whoever waits. */
const DEADLINE = 5_000

class HonestVisitor {
  readonly #node: Libp2p<{ ping: Ping }>
  readonly #target: Multiaddr
  #connection: Connection | undefined

  constructor (node: Libp2p<{ ping: Ping }>, target: Multiaddr) {
    this.#node = node
    this.#target = target
  }

  get peer (): string {
    return this.#node.peerId.toString()
  }

  /** Connects anew and pings; never rejects */
  async visit (): Promise<PingResult> {
    let step = 'to leave'
    try {
      const signal = AbortSignal.timeout(DEADLINE)
      await this.#leave(signal)
      const begin = performance.now()
      step = 'to connect'
      this.#connection = await this.#node.dial(this.#target, { signal, force: true })
      const connected = performance.now()
      step = 'to ping'
      await this.#node.services.ping.ping(this.#connection.remotePeer, { signal })
      return { ok: true, connect: connected - begin, ping: performance.now() - connected }
    } catch (err) {
      return { ok: false, error: printable(`it failed ${step} (${err instanceof Error ? err.message : String(err)})`) }
    }
  }

  /** An honest visitor that was sent away in between was not served either */
  async #leave (signal: AbortSignal): Promise<void> {
    const connection = this.#connection
    this.#connection = undefined
    if (connection == null) return
    if (connection.status !== 'open') throw new Error('its connection was cut while it stayed')
    await connection.close({ signal })
  }
}

async function honestVisitor ({ address, transport }: Origin, target: Target): Promise<HonestVisitor> {
  // all of these go to `net.connect`, which knows more of them than the type says
  const dialOpts: TCPSocketOptions & { localAddress?: string } = { localAddress: address }
  const node = await createLibp2p({
    // libp2p's own ping every ten seconds and one of ours at the same moment are more streams than its ping
    // protocol allows (1), for which it cuts the connection; ours is all the monitoring there has to be
    connectionMonitor: { enabled: false },
    transports: [transport === 'ws' ? webSockets() : tcp({ dialOpts })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), ping: ping() }
  })
  const port = transport === 'ws' ? `${target.wsPort}/ws` : target.tcpPort
  return new HonestVisitor(node, multiaddr(`/ip4/127.0.0.1/tcp/${port}/p2p/${target.peer}`))
}

function tell (message: Message): void {
  parentPort?.postMessage(message)
}

const { target, origins } = workerData as Assignment
const visitors = await Promise.all(origins.map(async origin => honestVisitor(origin, target)))
const underway = new Set<HonestVisitor>()
const timers: NodeJS.Timeout[] = []

async function visit (visitor: HonestVisitor, index: number): Promise<void> {
  // one that has to wait for longer than a second comes back later
  if (underway.has(visitor)) return
  underway.add(visitor)
  const result = await visitor.visit()
  underway.delete(visitor)
  tell({ type: 'ping', visitor: index, result })
  if (finishing && underway.size === 0) tell({ type: 'finished' })
}

let finishing = false

parentPort?.on('message', () => {
  finishing = true
  timers.forEach(timer => { clearInterval(timer) })
  if (underway.size === 0) tell({ type: 'finished' })
})

// spread over the second, so that they do not come as a crowd themselves
visitors.forEach((visitor, index) => {
  timers.push(setTimeout(() => {
    void visit(visitor, index)
    timers.push(setInterval(() => { void visit(visitor, index) }, INTERVAL))
  }, index * INTERVAL / visitors.length))
})

tell({ type: 'ready', peers: visitors.map(({ peer }) => peer) })
