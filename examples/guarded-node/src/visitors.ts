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
  { readonly type: 'ready' } |
  { readonly type: 'ping', readonly visitor: number, readonly result: PingResult } |
  { readonly type: 'finished' }

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

const GREEDY: Origin = { address: '127.0.0.6', transport: 'tcp' }
const STALLS: Origin = { address: '127.0.0.7', transport: 'tcp' }
const GARBAGE: Origin = { address: '127.0.0.8', transport: 'tcp' }

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
  const hostile = start('./hostile.worker.ts', [STALLS, GARBAGE, GREEDY])
  const stop = async (): Promise<void> => { await Promise.all([honest.stop(), hostile.stop()]) }
  signal.addEventListener('abort', () => { void stop() })
  if (signal.aborted) void stop()

  try {
    await Promise.all([honest.ready.promise, hostile.ready.promise])
  } catch (err) {
    await stop()
    throw err
  }
  return {
    labels: own ? labels() : new Map([['127.0.0.1', 'everybody']]),
    honest: HONEST.length,
    finish: async () => { await honest.finish() },
    stop
  }
}

/** A thread of visitors, from its start to its end */
class Thread {
  readonly ready: PromiseWithResolvers<void> = Promise.withResolvers()
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
      if (message.type === 'ready') this.ready.resolve()
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
  const label = (origins: readonly Origin[], text: string): Array<[string, string]> => origins.map(({ address = '127.0.0.1' }) => [address, text])
  return new Map([...label(HONEST, 'honest'), ...label([GREEDY], 'greedy'), ...label([STALLS], 'stalls'), ...label([GARBAGE], 'garbage')])
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
