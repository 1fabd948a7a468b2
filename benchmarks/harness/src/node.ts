import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import type { ModuleFactory } from '@cordon/component-registry'
import type { ServiceMap } from '@libp2p/interface'
import type { TCPOptions } from '@libp2p/tcp'
import type { Libp2p, Libp2pOptions } from 'libp2p'
import type { TcpNetConnectOpts } from 'node:net'

/** What a benchmark compares: libp2p as it is, and the same with everything that `cordon()` adds */
export type Arm = 'bare' | 'composed'

export interface NodeInit<T extends ServiceMap> {
  /**
   * The loopback address to listen on; without it the node only dials.
   */
  listen?: string

  /**
   * The loopback address to dial from.
   *
   * @default chosen by the system, 127.0.0.1
   */
  localAddress?: string

  /** Added to, and before, what every node here has: TCP, noise and yamux with their defaults */
  options?: Libp2pOptions<T>
}

/** Options of a node on loopback */
export function nodeOptions <T extends ServiceMap> ({ listen, localAddress, options = {} }: NodeInit<T>): Libp2pOptions<T> {
  // libp2p's type leaves out what it passes on to `net.connect` all the same
  const dialOpts: TCPOptions['dialOpts'] & Pick<TcpNetConnectOpts, 'localAddress'> = localAddress == null ? {} : { localAddress }

  return {
    addresses: { listen: listen == null ? [] : [`/ip4/${listen}/tcp/0`] },
    transports: [tcp({ dialOpts })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    ...options
  }
}

/**
 * A started node of one arm.
 *
 * @param modules - what is composed beside the defaults; nothing where the arm is `bare`
 */
export async function createNode <T extends ServiceMap> (
  arm: Arm, init: NodeInit<T>, modules: Record<string, ModuleFactory> = {}
): Promise<Libp2p<T>> {
  const options = nodeOptions(init)

  if (arm === 'bare') {
    return createLibp2p(options)
  }

  // a bare process must not pay for code that it does not run
  const { cordon } = await import('@cordon/cordon')

  return createLibp2p(cordon(options, modules))
}
