import { once } from 'node:events'
import { createServer } from 'node:net'
import { Worker } from 'node:worker_threads'
import type { PingResult } from './ledger.ts'

/** Where the guarded node can be reached */
export interface Target {
  readonly tcpPort: number
  readonly wsPort: number
  readonly peer: string
}

/** Where one visitor comes from; without an address it is the one that the system chooses */
export interface Origin {
  readonly address?: string
  readonly transport: 'tcp' | 'ws'
}

/** What a thread of visitors is given when it starts */
export interface Assignment {
  readonly target: Target
  readonly origins: readonly Origin[]
}

/** What it tells */
export type Message =
  /** With the peers that the visitors prove to be, in their order; absent where they prove nothing */
  { readonly type: 'ready', readonly peers: ReadonlyArray<string | undefined> } |
  { readonly type: 'ping', readonly visitor: number, readonly result: PingResult } |
  { readonly type: 'finished' }

export type VisitorKind = 'honest' | 'greedy' | 'stalls' | 'garbage'

/** One of the visitors, as far as rules can tell it from the others */
export interface Visitor {
  /** How it is called on the screen and in commands: `127.0.0.6 greedy`; without an address of its own `greedy`, or `honest-2` */
  readonly name: string
  readonly kind: VisitorKind
  /** Where it comes from; absent where all come from one address */
  readonly address?: string
  /** Who it proves to be; absent where it proves nothing */
  readonly peer?: string
}

export interface VisitorsInit {
  readonly target: Target
  readonly onPing: (visitor: number, result: PingResult) => void
  /** A thread has ended that should not have */
  readonly onFailure: (error: Error) => void
}

/** Five honest ones, one that stalls, one that sends garbage and one that is greedy, on threads of their own */
export interface Visitors {
  /** What they do, by the group from which they come */
  readonly labels: ReadonlyMap<string, string>
  /** The honest ones first, in the order in which their pings are numbered */
  readonly all: readonly Visitor[]
  readonly honest: number

  /** No new pings; resolves when those under way have been answered or have failed */
  finish (): Promise<void>

  /** Ends the threads and all that they hold */
  stop (): Promise<void>
}

/** Four addresses of their own for TCP; a WebSocket cannot choose where it comes from, and so comes from 127.0.0.1 */
const HONEST: readonly Origin[] = [
  { address: '127.0.0.2', transport: 'tcp' },
  { address: '127.0.0.3', transport: 'tcp' },
  { address: '127.0.0.4', transport: 'tcp' },
  { address: '127.0.0.5', transport: 'tcp' },
  { transport: 'ws' }
]

const HOSTILE: ReadonlyArray<{ readonly kind: VisitorKind, readonly origin: Origin }> = [
  { kind: 'stalls', origin: { address: '127.0.0.7', transport: 'tcp' } },
  { kind: 'garbage', origin: { address: '127.0.0.8', transport: 'tcp' } },
  { kind: 'greedy', origin: { address: '127.0.0.6', transport: 'tcp' } }
]

/** Where they come from that have no address of their own */
export const LOCALHOST = '127.0.0.1'

/**
 * Starts the visitors; resolves when they knock.
 *
 * @throws {Error} when they do not start, or the signal aborts first
 */
export async function startVisitors ({ target, onPing, onFailure }: VisitorsInit, signal: AbortSignal): Promise<Visitors> {
  const own = await hasManyLoopbackAddresses()
  const start = (file: string, origins: readonly Origin[]): Thread => new Thread(file, {
    target,
    origins: own ? origins : origins.map(({ transport }) => ({ transport }))
  }, onPing, onFailure)

  const honest = start('./honest.worker.ts', HONEST)
  const hostile = start('./hostile.worker.ts', HOSTILE.map(({ origin }) => origin))
  const stop = async (): Promise<void> => { await Promise.all([honest.stop(), hostile.stop()]) }
  signal.addEventListener('abort', () => { void stop() })
  if (signal.aborted) void stop()

  let peers: ReadonlyArray<string | undefined>
  try {
    peers = (await Promise.all([honest.ready.promise, hostile.ready.promise])).flat()
  } catch (err) {
    await stop()
    throw err
  }
  return {
    labels: own ? labels() : new Map([[LOCALHOST, 'everybody']]),
    all: visitorsOf(peers, own),
    honest: HONEST.length,
    finish: async () => { await honest.finish() },
    stop
  }
}

/** A thread of visitors, from its start to its end */
class Thread {
  readonly ready: PromiseWithResolvers<ReadonlyArray<string | undefined>> = Promise.withResolvers()
  readonly #finished: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #worker: Worker
  #stopping = false

  constructor (file: string, assignment: Assignment, onPing: VisitorsInit['onPing'], onFailure: VisitorsInit['onFailure']) {
    const fail = (error: Error): void => {
      if (!this.#stopping) onFailure(error)
      this.ready.reject(error)
      this.#finished.reject(error)
    }
    // both are told through `onFailure` where nobody waits for them
    this.ready.promise.catch(() => {})
    this.#finished.promise.catch(() => {})
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData: assignment })
    this.#worker.on('error', fail)
    this.#worker.on('exit', () => { fail(new Error(`${file} has ended`)) })
    this.#worker.on('message', (message: Message) => {
      if (message.type === 'ready') this.ready.resolve(message.peers)
      else if (message.type === 'finished') this.#finished.resolve()
      else onPing(message.visitor, message.result)
    })
  }

  async finish (): Promise<void> {
    this.#worker.postMessage('finish')
    await this.#finished.promise
  }

  async stop (): Promise<void> {
    this.#stopping = true
    await this.#worker.terminate()
  }
}

function labels (): Map<string, string> {
  return new Map(visitorsOf([], true).map(({ address = LOCALHOST, kind }) => [address, kind]))
}

/** Everybody there is, with the peers that they say they are */
function visitorsOf (peers: ReadonlyArray<string | undefined>, own: boolean): Visitor[] {
  const everybody = [...HONEST.map(origin => ({ kind: 'honest' as const, origin })), ...HOSTILE]
  return everybody.map(({ kind, origin: { address = LOCALHOST } }, index) => ({
    name: own ? `${address} ${kind}` : kind === 'honest' ? `${kind}-${index + 1}` : kind,
    kind,
    ...(own ? { address } : {}),
    ...(peers[index] == null ? {} : { peer: peers[index] })
  }))
}

/** Linux has all of 127.0.0.0/8 by itself, other systems only 127.0.0.1 */
async function hasManyLoopbackAddresses (): Promise<boolean> {
  const server = createServer()
  try {
    await once(server.listen(0, '127.0.0.2'), 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
