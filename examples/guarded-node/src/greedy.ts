import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { Origin, Target } from './visitors.ts'
import type { TCPSocketOptions } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Libp2p } from 'libp2p'

/** How many connections it asks for each time */
const DIALS = 3

/** In ms, for all that it asks for at a time */
const DEADLINE = 2_000

const PING = '/ipfs/ping/1.0.0'

/** Proves who it is like anybody else, then takes what it can get and gives nothing back: connections, and on each of them pings that it never sends */
export class GreedyVisitor {
  readonly #node: Libp2p
  readonly #target: Multiaddr
  #busy = false

  constructor (node: Libp2p, target: Multiaddr) {
    this.#node = node
    this.#target = target
  }

  get peer (): string {
    return this.#node.peerId.toString()
  }

  /** Never rejects: what it does not get is seen where it was refused */
  async grab (): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    const signal = AbortSignal.timeout(DEADLINE)
    // one after the other: libp2p makes one dial of two to the same peer at the same time
    for (let dial = 0; dial < DIALS; dial++) await Promise.allSettled([this.#node.dial(this.#target, { signal, force: true })])
    await Promise.allSettled(this.#node.getConnections().map(async connection => connection.newStream(PING, { signal })))
    this.#busy = false
  }
}

export async function greedyVisitor ({ address }: Origin, target: Target): Promise<GreedyVisitor> {
  // all of these go to `net.connect`, which knows more of them than the type says
  const dialOpts: TCPSocketOptions & { localAddress?: string } = { localAddress: address }
  const node = await createLibp2p({
    connectionMonitor: { enabled: false },
    transports: [tcp({ dialOpts })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()]
  })
  return new GreedyVisitor(node, multiaddr(`/ip4/127.0.0.1/tcp/${target.tcpPort}/p2p/${target.peer}`))
}
