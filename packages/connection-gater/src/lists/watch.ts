import { systemClock } from '@cordon/clock'
import { isConnectionGater, ListLoadError } from '@cordon/interface-connection-gater'
import { duration, func, lazy, methods, object, optional, parseOptions, show } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'
import { NAME } from '../constants.ts'
import { reading } from './loader.ts'
import type { WatchedList, WatchOptions } from '../index.ts'
import type { ConnectionGater, ListReport, ListSource } from '@cordon/interface-connection-gater'
import type { Clock, Timer } from '@cordon/interface-connection-lifecycle'
import type { Schema } from '@cordon/options'

const INTERVAL = 5_000

/** A file that nobody has written to for so long is not being written to, in ms */
const QUIET = 1_000

interface Stats {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
  isFile (): boolean
}

interface Fs {
  readonly promises: { stat (path: string, options: { readonly bigint: true }): Promise<Stats> }
  createReadStream (path: string, options: { readonly signal: AbortSignal }): AsyncIterable<Uint8Array>
}

type Source = Omit<ListSource, 'content' | 'signal'>

interface Watching {
  readonly interval: number
  readonly clock: Clock
  readonly onError?: ((error: ListLoadError) => unknown) | undefined
}

const schema: Schema<Watching & Source> = lazy(() => object({
  ...reading(),
  interval: optional(duration(), INTERVAL),
  clock: optional(methods<Clock>('now', 'schedule'), systemClock),
  onError: optional(func<(error: ListLoadError) => unknown>())
}))

/** See `watchList` in index.ts */
export async function watch (gater: ConnectionGater, name: string, path: string, given: WatchOptions): Promise<WatchedList> {
  const { interval, clock, onError, ...source } = parseOptions(schema, `${NAME}.watchList`, given)
  if (!isConnectionGater(gater)) throw new InvalidParametersError(`a list is watched for a gater, such as node.services.gater, got ${show(gater)}`)
  if (typeof path !== 'string' || path === '') throw new InvalidParametersError(`the path of the file of a list must be a text, got ${show(path)}`)
  const { process } = globalThis as { readonly process?: { getBuiltinModule?: (name: string) => unknown } }
  const fs = process?.getBuiltinModule?.('node:fs') as Fs | undefined
  if (fs === undefined) throw new ListLoadError(name, 'files can only be watched in Node')
  const watcher = new Watcher(fs, gater, name, path, source, { interval, clock, onError })
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
  readonly #source: Source
  readonly #options: Watching
  readonly #stopped = new AbortController()
  /** What the file was when the whole of it was last read, also if no list came of it: the same would fail again */
  #read: string | undefined
  /** What it was when it was last looked at, and had changed */
  #found: string | undefined
  #timer: Timer | undefined
  #report: ListReport | undefined
  #error: ListLoadError | undefined

  constructor (fs: Fs, gater: ConnectionGater, name: string, path: string, source: Source, options: Watching) {
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
    try {
      await this.#load((await this.#look()).state)
    } catch (err) {
      throw this.#errorOf(err)
    }
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
      void this.#again().then(() => { if (!this.#stopped.signal.aborted) this.#next() })
    })
  }

  async #again (): Promise<void> {
    try {
      const state = await this.#changed()
      if (state !== undefined && !this.#stopped.signal.aborted) await this.#load(state)
    } catch (err) {
      if (!this.#stopped.signal.aborted) this.#failed(this.#errorOf(err))
    }
  }

  /** What the file has become, once nobody writes to it; nothing while there is nothing new to read */
  async #changed (): Promise<string | undefined> {
    try {
      const { state, isQuiet } = await this.#look()
      if (state === this.#read) return undefined
      const before = this.#found
      this.#found = state
      if (isQuiet || state === before) return state
      if (before === undefined) return undefined
      throw new Error('it is still being written to')
    } catch (err) {
      // whatever is there next time is to be read, even if that is what was read last
      this.#read = undefined
      throw err
    }
  }

  async #load (state: string): Promise<void> {
    this.#report = await this.#gater.loadList(this.#name, { ...this.#source, content: this.#content(state), signal: this.#stopped.signal })
    this.#error = undefined
  }

  /** What the file is: the same as long as nobody writes to it or puts another file in its place */
  async #look (): Promise<{ state: string, isQuiet: boolean }> {
    const stats = await this.#fs.promises.stat(this.#path, { bigint: true })
    // a pipe or a device may never end
    if (!stats.isFile()) throw new Error(`${this.#path} is no regular file`)
    const { dev, ino, size, mtimeNs } = stats
    return { state: `${dev} ${ino} ${size} ${mtimeNs}`, isQuiet: Date.now() - Number(mtimeNs / 1_000_000n) >= QUIET }
  }

  /** Nothing of a file that changed while it was read comes into force; it is read anew later */
  async * #content (state: string): AsyncGenerator<Uint8Array> {
    this.#read = state
    this.#found = undefined
    try {
      yield * this.#fs.createReadStream(this.#path, { signal: this.#stopped.signal })
      if ((await this.#look()).state !== state) throw new Error('the file changed while it was read')
    } catch (err) {
      this.#read = undefined
      throw err
    }
  }

  #errorOf (err: unknown): ListLoadError {
    return err instanceof ListLoadError ? err : new ListLoadError(this.#name, err instanceof Error ? err.message : 'no error was given', { cause: err })
  }

  #failed (error: ListLoadError): void {
    // a file that is gone stays so for a while
    const isNew = error.message !== this.#error?.message
    this.#error = error
    if (!isNew) return
    try {
      const told: unknown = this.#options.onError?.(error)
      if (told instanceof Promise) told.catch(() => { /* as below */ })
    } catch { /* it is looked at again all the same */ }
  }
}
