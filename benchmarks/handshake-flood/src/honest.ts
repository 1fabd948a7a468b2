import { every, serve } from '@cordon/bench-harness'
import { createNode } from '@cordon/bench-harness/node'
import { identify } from '@libp2p/identify'
import { multiaddr } from '@multiformats/multiaddr'
import type { Connection, Libp2p } from '@libp2p/interface'

export interface Probe {
  /** The victim */
  readonly addr: string
  /** Attempts a second, whatever becomes of them */
  readonly rate: number
  readonly seconds: number
  /** How long one attempt may take, in ms */
  readonly deadline: number
}

export interface ProbeResult {
  readonly tried: number
  /** How long each attempt took that succeeded, in ms */
  readonly latencies: number[]
  /** How often attempts failed, by the name of their error */
  readonly failures: Record<string, number>
}

const PING_PROTOCOL = '/ipfs/ping/1.0.0'
const PING_LENGTH = 32

/** How long a connection that is of no more use may take to close in order, in ms */
const CLOSE_TIMEOUT = 1_000

let nodes: Libp2p[] = []

const procedures = {
  /**
   * Starts peers that share one address; they take turns, because libp2p joins dials of one node to the same peer.
   */
  async start (localAddress: string, count: number): Promise<void> {
    nodes = await Promise.all(Array.from({ length: count }, async () => {
      return createNode('bare', { localAddress, options: { services: { identify: identify() } } })
    }))
  },

  /** Connects and pings on a fixed timetable; an attempt counts from when it was due */
  async probe ({ addr, rate, seconds, deadline }: Probe): Promise<ProbeResult> {
    const attempts: Array<Promise<void>> = []
    const latencies: number[] = []
    const failures: Record<string, number> = {}

    const tried = await every(rate, seconds, index => {
      const startedAt = performance.now()
      const node = nodes[index % nodes.length]

      if (node == null) {
        throw new Error('probe before start')
      }

      attempts.push(attempt(node, addr, deadline).then(
        () => { latencies.push(performance.now() - startedAt) },
        (error: unknown) => {
          const name = error instanceof Error ? error.name : String(error)

          failures[name] = (failures[name] ?? 0) + 1
        }
      ))
    })

    await Promise.all(attempts)

    return { tried, latencies, failures }
  }
}

async function attempt (node: Libp2p, addr: string, deadline: number): Promise<void> {
  const signal = AbortSignal.timeout(deadline)
  let connection: Connection | undefined

  try {
    connection = await node.dial(multiaddr(addr), { signal, force: true })
    await pingOnce(connection, signal)
  } finally {
    if (connection != null) {
      void end(connection)
    }
  }
}

/** One ping over exactly this connection: the ping service would quietly make another one if this is gone */
async function pingOnce (connection: Connection, signal: AbortSignal): Promise<void> {
  const stream = await connection.newStream(PING_PROTOCOL, { signal })
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const onAbort = (): void => { reject(new DOMException('no pong in time', 'TimeoutError')) }
  let received = 0

  signal.addEventListener('abort', onAbort, { once: true })
  stream.addEventListener('message', ({ data }) => {
    received += data.byteLength

    if (received >= PING_LENGTH) {
      resolve(undefined)
    }
  })
  stream.addEventListener('close', () => { reject(new DOMException('closed before the pong', 'NetworkError')) })
  stream.send(crypto.getRandomValues(new Uint8Array(PING_LENGTH)))

  try {
    await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function end (connection: Connection): Promise<void> {
  try {
    await connection.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT) })
  } catch (error) {
    connection.abort(error instanceof Error ? error : new Error(String(error)))
  }
}

export type Honest = typeof procedures

serve(procedures)
