import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { READY } from './protocol.ts'
import type { Answer, Call, Procedures } from './protocol.ts'
import type { ChildProcess } from 'node:child_process'

export interface StartOptions {
  /** Arguments of the process */
  args?: readonly string[]

  /**
   * How long one call may take, in ms; longer ends the benchmark.
   *
   * @default 60_000
   */
  callTimeout?: number

  /**
   * A command that ends by running the one that follows it, such as `['unshare', '-rn']` for a network of its own.
   *
   * @default []
   */
  through?: readonly string[]
}

/** A process that was started, and its procedures */
export interface Remote<P extends Procedures> {
  readonly pid: number

  /** @throws {Error} when the procedure threw, took too long, or its process ended */
  call <K extends keyof P & string> (name: K, ...params: Parameters<P[K]>): Promise<Awaited<ReturnType<P[K]>>>

  /** Ends the process; resolves when it is gone */
  stop (): Promise<void>
}

/** Where processes are started; whatever happens, none outlives it */
export interface Lab extends AsyncDisposable {
  /** @throws {Error} when the process does not say that it is ready within `callTimeout` */
  start <P extends Procedures> (file: URL, options?: StartOptions): Promise<Remote<P>>

  /** Ends every process at once, without waiting */
  kill (): void
}

export function createLab (): Lab {
  return new ProcessLab()
}

class ProcessLab implements Lab {
  /** At most as many as the benchmark starts and has not stopped; each leaves when its process exits */
  readonly #running = new Set<RemoteProcess>()

  async start <P extends Procedures> (file: URL, options: StartOptions = {}): Promise<Remote<P>> {
    const [command, ...rest] = [...options.through ?? [], process.execPath]
    const child = fork(fileURLToPath(file), options.args ?? [], {
      execPath: command,
      execArgv: [...rest, ...process.execArgv],
      // what a process prints must not end up between the rows
      stdio: ['ignore', 2, 2, 'ipc'],
      env: { ...process.env, DEBUG: '' }
    })
    const remote = new RemoteProcess(child, options.callTimeout ?? 60_000)

    this.#running.add(remote)
    void remote.exited.then(() => { this.#running.delete(remote) })
    await remote.ready

    return remote as unknown as Remote<P>
  }

  kill (): void {
    for (const remote of this.#running) {
      remote.kill()
    }
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await Promise.all([...this.#running].map(async remote => remote.stop()))
  }
}

interface Waiting {
  resolve (value: unknown): void
  reject (error: Error): void
}

class RemoteProcess {
  readonly ready: Promise<unknown>
  readonly exited: Promise<void>
  readonly #child: ChildProcess
  readonly #callTimeout: number
  /** Calls without an answer; each leaves with its answer, its timeout or the process */
  readonly #waiting = new Map<number, Waiting>()
  #lastId = READY

  constructor (child: ChildProcess, callTimeout: number) {
    this.#child = child
    this.#callTimeout = callTimeout
    this.ready = this.#answer(READY, 'start')
    this.exited = new Promise(resolve => {
      child.once('exit', (code, signal) => {
        this.#fail(new Error(`process ${child.pid} ended (${signal ?? code})`))
        resolve()
      })
      child.on('error', error => {
        this.#fail(error)
        // what never ran does not exit
        if (child.pid == null) resolve()
      })
    })
    child.on('message', (answer: Answer) => {
      if (answer.error == null) {
        this.#waiting.get(answer.id)?.resolve(answer.value)
      } else {
        this.#waiting.get(answer.id)?.reject(new Error(answer.error))
      }
    })
  }

  /** 0 where it could not be started, in which case `ready` rejects */
  get pid (): number {
    return this.#child.pid ?? 0
  }

  async call (name: string, ...params: unknown[]): Promise<unknown> {
    const call: Call = { id: ++this.#lastId, name, params }
    const answer = this.#answer(call.id, name)

    if (!this.#child.connected) {
      this.#fail(new Error(`process ${this.#child.pid} is gone`))
    } else {
      this.#child.send(call)
    }

    return answer
  }

  async stop (): Promise<void> {
    this.kill()
    await this.exited
  }

  kill (): void {
    this.#child.kill('SIGKILL')
  }

  async #answer (id: number, name: string): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const timer = setTimeout(() => {
      reject(new Error(`${name} took longer than ${this.#callTimeout} ms`))
    }, this.#callTimeout)

    this.#waiting.set(id, { resolve, reject })

    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(id)
    }
  }

  #fail (error: Error): void {
    for (const waiting of this.#waiting.values()) {
      waiting.reject(error)
    }
  }
}
