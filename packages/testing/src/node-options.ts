import { noise as chainsafeNoise } from '@chainsafe/libp2p-noise'
import { yamux as chainsafeYamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import { memory } from '@libp2p/memory'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import type { Identify } from '@libp2p/identify'
import type { ServiceMap } from '@libp2p/interface'
import type { Ping } from '@libp2p/ping'
import type { Libp2p, Libp2pOptions } from 'libp2p'

/** Who wrote noise and yamux: both are the same on the wire, and both are in use */
export type Stack = 'chainsafe' | 'libp2p'

export const STACKS: readonly Stack[] = ['chainsafe', 'libp2p']

/** The services that every built node has; a type and not an interface, because libp2p asks for a `Record` */

export type BaseServices = { identify: Identify, ping: Ping }

export interface CommonInit<T extends ServiceMap = BaseServices> {
  /** @default 'libp2p' */
  stack?: Stack

  /** The last word on the options: add modules, replace what is there. Without it the node is a stock one, with more room for pings. */
  compose?: (options: Libp2pOptions<BaseServices>) => Libp2pOptions<T>

  /** Whether it listens at all; only one that does can be dialled. @default true */
  listen?: boolean
}

/** What differs between transports */
export interface Wiring {
  readonly transports: NonNullable<Libp2pOptions['transports']>
  readonly listen: string[]
}

/** Nodes that were built and not stopped; bounded by what the tests of one file build */
const built = new Set<Libp2p>()

/**
 * libp2p itself pings each connection every 10 s, over streams that count like those of the service, and cuts the
 * connection where that is one too many: with the service's defaults (1 out, 2 in) a test that pings at that moment fails.
 */
const PINGS = { maxOutboundStreams: 8, maxInboundStreams: 16 }

/** Everything but the transports: noise, yamux, identify and ping */
export function nodeOptions (stack: Stack, { transports, listen }: Wiring): Libp2pOptions<BaseServices> {
  return {
    addresses: { listen },
    transports,
    connectionEncrypters: [stack === 'chainsafe' ? chainsafeNoise() : noise()],
    streamMuxers: [stack === 'chainsafe' ? chainsafeYamux() : yamux()],
    services: { identify: identify(), ping: ping(PINGS) }
  }
}

/** Makes and starts a node, and remembers it for `stopAll` */
export async function startNode<T extends ServiceMap = BaseServices> (init: CommonInit<T>, wiring: Wiring): Promise<Libp2p<T>> {
  const { transports, listen } = wiring
  const options = nodeOptions(init.stack ?? 'libp2p', { transports, listen: init.listen === false ? [] : listen })
  // without `compose`, T is BaseServices
  const composed = init.compose?.(options) ?? options as unknown as Libp2pOptions<T>
  const node = await createLibp2p<T>(composed)
  built.add(node)
  return node
}

let lastMemory = 0

/** A started node on the memory transport, which reaches other nodes of the same process only; runs in browsers */
export async function buildMemoryNode<T extends ServiceMap = BaseServices> (init: CommonInit<T> = {}): Promise<Libp2p<T>> {
  return startNode(init, { transports: [memory()], listen: [`/memory/cordon-${++lastMemory}`] })
}

/**
 * Stops every node that was built and not stopped yet.
 *
 * @throws {AggregateError} when some of them could not be stopped; the others are
 */
export async function stopAll (): Promise<void> {
  const nodes = [...built]
  built.clear()
  const results = await Promise.allSettled(nodes.map(async node => { await node.stop() }))
  const errors = results.flatMap(result => result.status === 'rejected' ? [result.reason as unknown] : [])
  if (errors.length > 0) throw new AggregateError(errors, `${errors.length} of ${nodes.length} nodes could not be stopped`)
}
