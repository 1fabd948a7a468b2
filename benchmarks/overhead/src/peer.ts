import { serve } from '@cordon/bench-harness'
import { createNode } from '@cordon/bench-harness/node'
import { StreamResetError } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { noop } from './noop.ts'
import { ECHO, SINK, bulk, echo, exchange, sink } from './protocols.ts'
import type { Arm } from '@cordon/bench-harness/node'
import type { Registry } from '@cordon/interface-component-registry'
import type { Connection, Libp2p } from '@libp2p/interface'

/** How often something was done, and what that took */
export interface Work {
  /** Connections, streams or bytes */
  readonly count: number
  readonly seconds: number
}

const HOST = '127.0.0.1'

/** The same in every arm: what libp2p would otherwise limit or add on its own is not what is measured */
const OPTIONS = {
  connectionManager: {
    inboundConnectionThreshold: Infinity,
    maxIncomingPendingConnections: 1_000,
    maxConnections: 1_000
  },
  // it aborts connections that are busy for 15 s
  connectionMonitor: { enabled: false }
}

/** More streams than are open at the same time, so that none is refused while others finish closing */
const MAX_STREAMS = 1_000

/**
 * Two bare nodes, too, reset one of some hundred thousand streams (libp2p 3.3.11): what is measured is not whether they do. It
 * counts as a stream, because it cost as much.
 */
const MAX_RESETS = 3

let nodes: Libp2p[] = []
let standing: Connection | undefined

const procedures = {
  /** Starts nodes, with windows of so many bytes unless that is null, and says where they listen */
  async start (arm: Arm, count: number, window: number | null): Promise<string[]> {
    nodes = await Promise.all(Array.from({ length: count }, async () => startNode(arm, window)))

    return nodes.map(node => node.getMultiaddrs()[0]?.toString() ?? '')
  },

  /** What composing made of the windows, in bytes */
  window (): number {
    const { registry } = nodes[0]?.services as { readonly registry: Registry }

    const adjustment = registry.adjustments.find(({ option }) => option === 'yamux.streamOptions.maxStreamWindowSize')

    if (adjustment == null) {
      throw new Error('composing has left the windows as they are')
    }

    return Number(adjustment.to)
  },

  /** Connects and closes, over and over: each target by one node, each node to one target, whichever are more */
  async connections (targets: string[], seconds: number): Promise<Work> {
    return repeat(Math.max(nodes.length, targets.length), seconds, async i => {
      const node = nodes[i % nodes.length]
      const target = targets[i % targets.length]

      if (node == null || target == null) {
        throw new Error('connections before start')
      }

      const connection = await dial(node, target)

      await connection.close()
    })
  },

  /**
   * Makes the connection that carries the streams, and waits until one has gone through: a listener that has not yet
   * announced a connection ends it with more than ten streams (@libp2p/utils 7.4.1, `maxEarlyStreams`).
   */
  async connect (target: string): Promise<void> {
    standing = nodes[0] == null ? undefined : await dial(nodes[0], target)
    await exchange(await connected().newStream(ECHO))
  },

  async disconnect (): Promise<void> {
    await standing?.close()
    standing = undefined
  },

  /** Opens a stream, has a message echoed and closes, over and over, so many at a time */
  async streams (concurrency: number, seconds: number): Promise<Work> {
    const connection = connected()
    let resets = 0

    return repeat(concurrency, seconds, async () => {
      try {
        await exchange(await connection.newStream(ECHO, { maxOutboundStreams: MAX_STREAMS }))
      } catch (error) {
        if (!(error instanceof StreamResetError) || ++resets > MAX_RESETS) {
          throw error
        }
      }
    })
  },

  /** Sends on one stream, as fast as the other side takes it */
  async bulk (seconds: number): Promise<Work> {
    return bulk(await connected().newStream(SINK), seconds)
  },

  /** CPU time of this process so far, in µs */
  cpu (): number {
    const { user, system } = process.cpuUsage()

    return user + system
  }
}

async function startNode (arm: Arm, window: number | null): Promise<Libp2p> {
  const options = window === null ? OPTIONS : { ...OPTIONS, streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: window } })] }
  const node = await createNode(arm, { listen: HOST, options }, { noop: () => noop() })

  await node.handle(ECHO, echo, { maxInboundStreams: MAX_STREAMS })
  await node.handle(SINK, sink)

  return node
}

/** A new connection, also while the other side has not noticed yet that the one before is gone */
async function dial (node: Libp2p, target: string): Promise<Connection> {
  return node.dial(multiaddr(target), { force: true })
}

function connected (): Connection {
  if (standing == null) {
    throw new Error('not connected')
  }

  return standing
}

/** Runs `task` in so many loops side by side; what is under way at the end is finished, and counts */
async function repeat (loops: number, seconds: number, task: (loop: number) => Promise<void>): Promise<Work> {
  const startedAt = performance.now()
  const until = startedAt + seconds * 1_000
  let count = 0

  await Promise.all(Array.from({ length: loops }, async (_, loop) => {
    while (performance.now() < until) {
      await task(loop)
      count++
    }
  }))

  return { count, seconds: (performance.now() - startedAt) / 1_000 }
}

export type Peer = typeof procedures

serve(procedures)
