import { systemClock } from '@cordon/clock'
import { ListLoadError } from '@cordon/interface-connection-gater'
import { duration, func, methods, object, optional, parseOptions } from '@cordon/options'
import { NAME } from '../constants.ts'
import type { WatchedList, WatchOptions } from '../index.ts'
import type { ConnectionGater, ListReport, ListSource } from '@cordon/interface-connection-gater'
import type { Clock, Timer } from '@cordon/interface-connection-lifecycle'
import type { Schema } from '@cordon/options'

const INTERVAL = 5_000

interface Stats {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
}

interface Fs {
  readonly promises: { stat (path: string, options: { readonly bigint: true }): Promise<Stats> }
  createReadStream (path: string): AsyncIterable<Uint8Array>
}

interface Watching {
  readonly interval: number
  readonly clock: Clock
  readonly onError?: ((error: ListLoadError) => void) | undefined
}

const schema: Schema<Watching> = object({
  interval: optional(duration(), INTERVAL),
  clock: optional(methods<Clock>('now', 'schedule'), systemClock),
  onError: optional(func<(error: ListLoadError) => void>())
})

/** See `watchList` in index.ts */
export async function watch (gater: ConnectionGater, name: string, path: string, { interval, clock, onError, ...source }: WatchOptions): Promise<WatchedList> {
  const options = parseOptions(schema, `${NAME}.watchList`, { interval, clock, onError })
  const { process } = globalThis as { readonly process?: { getBuiltinModule?: (name: string) => unknown } }
  const fs = process?.getBuiltinModule?.('node:fs') as Fs | undefined
  if (fs === undefined) throw new ListLoadError(name, 'files can only be watched in Node')
  const watcher = new Watcher(fs, gater, name, path, source, options)
  await watcher.first()
  return watcher
}

/**
 * Looks at a file again and again. Asking beats being told here: what watches a file loses it when another takes its
 * place by renaming, and tells nothing on network drives.
 */
class Watcher implements WatchedList {
  readonly #fs: Fs
  readonly #gater: ConnectionGater
  readonly #name: string
  readonly #path: string
  readonly #source: Omit<ListSource, 'content' | 'signal'>
  readonly #options: Watching
  readonly #stopped = new AbortController()
  /** What the file was when it was last read, also if that failed: the same would fail again */
  #seen: string | undefined
  #timer: Timer | undefined
  #report: ListReport | undefined
  #error: ListLoadError | undefined

  constructor (fs: Fs, gater: ConnectionGater, name: string, path: string, source: Omit<ListSource, 'content' | 'signal'>, options: Watching) {
    this.#fs = fs
    this.#gater = gater
    this.#name = name
    this.#path = path
    this.#source = source
    this.#options = options
  }

  get report (): ListReport | undefined {
    return this.#report
  }

  get error (): ListLoadError | undefined {
    return this.#error
  }

  /** @throws {ListLoadError} when it cannot be read; then it is not watched */
  async first (): Promise<void> {
    await this.#look()
    if (this.#error !== undefined) throw this.#error
    this.#next()
  }

  stop (): void {
    this.#stopped.abort()
    this.#timer?.cancel()
  }

  [Symbol.dispose] (): void {
    this.stop()
  }

  #next (): void {
    this.#timer = this.#options.clock.schedule(this.#options.interval, () => {
      void this.#look().then(() => { if (!this.#stopped.signal.aborted) this.#next() })
    })
  }

  async #look (): Promise<void> {
    try {
      const seen = await this.#state()
      if (seen === this.#seen) return
      this.#seen = seen
      this.#report = await this.#gater.loadList(this.#name, { ...this.#source, content: this.#read(seen), signal: this.#stopped.signal })
      this.#error = undefined
    } catch (err) {
      if (!this.#stopped.signal.aborted) this.#failed(err)
    }
  }

  /** The same as long as nobody writes to it or puts another file in its place */
  async #state (): Promise<string> {
    const { dev, ino, size, mtimeNs } = await this.#fs.promises.stat(this.#path, { bigint: true })
    return `${dev} ${ino} ${size} ${mtimeNs}`
  }

  /** Nothing of a file that changed while it was read comes into force; the next look reads it anew */
  async * #read (seen: string): AsyncGenerator<Uint8Array> {
    yield * this.#fs.createReadStream(this.#path)
    if (await this.#state() !== seen) {
      this.#seen = undefined
      throw new Error('the file changed while it was read')
    }
  }

  #failed (err: unknown): void {
    const error = err instanceof ListLoadError ? err : new ListLoadError(this.#name, err instanceof Error ? err.message : 'no error was given', { cause: err })
    // reading may succeed the next time; what could be read and has no rule will not
    if (error.cause !== undefined) this.#seen = undefined
    // a file that is gone stays so for a while
    const isNew = error.message !== this.#error?.message
    this.#error = error
    if (isNew) this.#options.onError?.(error)
  }
}
