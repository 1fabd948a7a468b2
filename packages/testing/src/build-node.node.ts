import { memory } from '@libp2p/memory'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { startNode } from './node-options.ts'
import type { BaseServices, CommonInit, Wiring } from './node-options.ts'
import type { ServiceMap } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'

export type TransportName = 'tcp' | 'ws' | 'memory'

export interface BuildNodeInit<T extends ServiceMap = BaseServices> extends CommonInit<T> {
  /** One transport, or several of which each listens */
  transport: TransportName | readonly TransportName[]
}

let lastMemory = 0

function wire (name: TransportName): Wiring {
  if (name === 'tcp') return { transports: [tcp()], listen: ['/ip4/127.0.0.1/tcp/0'] }
  if (name === 'ws') return { transports: [webSockets()], listen: ['/ip4/127.0.0.1/tcp/0/ws'] }
  return { transports: [memory()], listen: [`/memory/cordon-node-${++lastMemory}`] }
}

/** A started node that listens on loopback, on a port of the system's choice, with noise, yamux, identify and ping */
export async function buildNode<T extends ServiceMap = BaseServices> (init: BuildNodeInit<T>): Promise<Libp2p<T>> {
  const wirings = [init.transport].flat().map(wire)
  return startNode(init, {
    transports: wirings.flatMap(({ transports }) => transports),
    listen: wirings.flatMap(({ listen }) => listen)
  })
}

/**
 * The port on which a node listens.
 *
 * @throws {Error} when it does not listen over this transport
 */
export function portOf (node: Libp2p, transport: 'tcp' | 'ws'): number {
  for (const multiaddr of node.getMultiaddrs()) {
    const components = multiaddr.getComponents()
    const isWs = components.some(({ name }) => name === 'ws')
    const port = components.find(({ name }) => name === 'tcp')?.value
    if (port != null && isWs === (transport === 'ws')) return Number(port)
  }
  throw new Error(`the node does not listen over ${transport}: ${node.getMultiaddrs().join(', ')}`)
}
