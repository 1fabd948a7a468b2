// Honest peers, in a process of their own: some that come, ask for one answer and go, and some that stay and ask again
// and again.

import { every, serve } from '@cordon/bench-harness'
import { createNode } from '@cordon/bench-harness/node'
import { identify } from '@libp2p/identify'
import { multiaddr } from '@multiformats/multiaddr'
import { ECHO_PROTOCOL } from './protocol.ts'
import type { Connection } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'

/** What became of one kind of attempts; times in ms */
export interface Fared {
  readonly tried: number
  readonly latencies: number[]
  readonly failures: Record<string, number>
}

export interface ProbeResult {
  /** Connections: from the dial to the answer */
  readonly dials: Fared

  /** Streams of connections that are there: until it can be written to with the protocol agreed on */
  readonly streams: Fared
}

export interface Probe {
  /** A second */
  readonly dials: number
  readonly streams: number
  readonly seconds: number
}

/** What is said, in bytes */
const LENGTH = 32

/** How long an attempt may take, in ms; what takes longer is as good as lost */
const DEADLINE = 3_000

let target = multiaddr('/ip4/127.0.0.1/tcp/1')
const nodes: Libp2p[] = []

/** Takes turns among some of them */
class Turns<T> {
  #turn = 0
  readonly #of: readonly T[]

  constructor (of: readonly T[]) {
    this.#of = of
  }

  /** @throws {RangeError} when there is nobody */
  next (): T {
    const one = this.#of[this.#turn++ % this.#of.length]
    if (one == null) throw new RangeError('there is nobody to ask')
    return one
  }
}

let comers = new Turns<Libp2p>([])
let standing = new Turns<Connection>([])

async function make (localAddress: string): Promise<Libp2p> {
  return createNode('bare', { localAddress, options: { services: { identify: identify() } } })
}

/** Asks for an answer on a stream of its own; resolves with how long it took until there was one */
async function ask (connection: Connection, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now()
  const stream = await connection.newStream(ECHO_PROTOCOL, { signal })
  const took = performance.now() - startedAt
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const onAbort = (): void => { reject(new DOMException('no answer in time', 'TimeoutError')) }
  let left = LENGTH
  signal.addEventListener('abort', onAbort, { once: true })
  stream.addEventListener('message', ({ data }) => { if ((left -= data.byteLength) <= 0) resolve(undefined) })
  stream.addEventListener('close', () => { reject(new DOMException('closed before the answer', 'NetworkError')) })
  try {
    stream.send(crypto.getRandomValues(new Uint8Array(LENGTH)))
    await promise
    return took
  } finally {
    signal.removeEventListener('abort', onAbort)
    stream.close({ signal: AbortSignal.timeout(DEADLINE) }).catch((err: unknown) => { stream.abort(err as Error) })
  }
}

async function comeAndGo (node: Libp2p): Promise<number> {
  const startedAt = performance.now()
  const signal = AbortSignal.timeout(DEADLINE)
  const connection = await node.dial(target, { signal, force: true })
  try {
    await ask(connection, signal)
    return performance.now() - startedAt
  } finally {
    connection.close({ signal: AbortSignal.timeout(DEADLINE) }).catch((err: unknown) => { connection.abort(err as Error) })
  }
}

/** Runs a kind of attempt on a timetable; an attempt that is late counts as one that failed */
async function repeat (rate: number, seconds: number, attempt: () => Promise<number>): Promise<Fared> {
  const underway: Array<Promise<void>> = []
  const latencies: number[] = []
  const failures: Record<string, number> = {}
  const tried = rate === 0 ? 0 : await every(rate, seconds, () => {
    underway.push(attempt().then(
      latency => { latencies.push(latency) },
      (error: unknown) => {
        const name = error instanceof Error ? error.name : String(error)
        failures[name] = (failures[name] ?? 0) + 1
      }
    ))
  })
  await Promise.all(underway)
  return { tried, latencies, failures }
}

const procedures = {
  /** One peer for each address: the first ones come and go, the last `stay` of them connect and stay */
  async start (addr: string, addresses: readonly string[], stay: number): Promise<void> {
    target = multiaddr(addr)
    nodes.push(...await Promise.all(addresses.map(make)))
    const connections = await Promise.all(nodes.slice(nodes.length - stay).map(async node => node.dial(target)))
    comers = new Turns(nodes.slice(0, nodes.length - stay))
    standing = new Turns(connections)
    // what is loaded with the first connection is not part of how they fare
    await Promise.all([...connections.map(async connection => ask(connection, AbortSignal.timeout(DEADLINE))), comeAndGo(comers.next())])
  },

  async probe ({ dials, streams, seconds }: Probe): Promise<ProbeResult> {
    const [dialled, opened] = await Promise.all([
      repeat(dials, seconds, async () => comeAndGo(comers.next())),
      repeat(streams, seconds, async () => ask(standing.next(), AbortSignal.timeout(DEADLINE)))
    ])
    return { dials: dialled, streams: opened }
  },

  /** Whether one peer gets an answer now; how long that took, in ms */
  async visit (): Promise<number> {
    return comeAndGo(comers.next())
  },

  async leave (): Promise<void> {
    await Promise.all(nodes.splice(0).map(async node => { await node.stop() }))
  }
}

export type Honest = typeof procedures

serve(procedures)
