import { RuleStoreError, StoredRuleError } from '@cordon/interface-connection-gater'
import { idOf } from '../rules/rule-book.ts'
import { Slices } from '../slices.ts'
import { decodeRule, STORE_PREFIX } from './codec.ts'
import { Writer } from './writer.ts'
import type { Parsed } from '../rules/subject.ts'
import type { Stored } from './codec.ts'
import type { Clock, Timer } from '@cordon/interface-connection-lifecycle'
import type { Datastore } from 'interface-datastore'

/** How many entries that are no rules are reported one by one */
const MAX_REPORTED = 100

/** After so many entries the time is looked at */
const STEP = 32

/** How long after a failure the datastore is read again, in ms; doubles with each in a row */
const FIRST_RETRY = 1_000
const LAST_RETRY = 60_000

export interface KeeperInit {
  readonly datastore: Datastore
  readonly clock: Clock
  /** In ms */
  readonly timeout: number
  readonly onError: (error: RuleStoreError | StoredRuleError) => void
  /** A rule was read; throws where there is no room for it */
  readonly onRule: (stored: Stored, subject: Parsed) => void
  /** All rules are read */
  readonly onLoaded: () => void
}

/** Keeps rules in the datastore, and reads them when it starts */
export class Keeper {
  readonly #init: KeeperInit
  readonly #writer: Writer
  /** The rules that changed before all were read: what is in the datastore is older. Absent afterwards. */
  #changed: Set<string> | undefined = new Set()
  #state: 'stopped' | 'loading' | 'ready' | 'failing' = 'stopped'
  #run = 0
  #loaded: Promise<void> = Promise.resolve()
  #markLoaded: () => void = () => {}
  #retry: Timer | undefined

  constructor (init: KeeperInit) {
    this.#init = init
    this.#writer = new Writer(init)
  }

  get state (): 'stopped' | 'loading' | 'ready' | 'failing' {
    return this.#state === 'ready' && this.#writer.failing ? 'failing' : this.#state
  }

  get unwritten (): number {
    return this.#writer.unwritten
  }

  /** Begins to read and to write; resolves once all is read, or after the deadline, when reading goes on */
  async start (): Promise<void> {
    if (this.#state !== 'stopped') return
    this.#state = 'loading'
    this.#loaded = new Promise(resolve => { this.#markLoaded = resolve })
    this.#writer.start()
    void this.#load(++this.#run, 0)
    if (!await this.#inTime()) this.#init.onError(new RuleStoreError(`the rules could not be read within ${this.#init.timeout} ms; the node starts without those that are missing`))
  }

  async stop (): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#changed ??= new Set()
    this.#run++
    this.#retry?.cancel()
    this.#markLoaded()
    await this.#writer.stop()
  }

  put (id: string, value: () => Uint8Array | undefined, isNew = false): void {
    this.#changed?.add(id)
    this.#writer.put(id, value, isNew)
  }

  /** What was not written yet is as if it had never been; if an earlier run has left the same, that counts again */
  drop (id: string): void {
    if (this.#writer.drop(id)) this.#changed?.add(id)
    else this.#changed?.delete(id)
  }

  async written (id: string): Promise<void> {
    await this.#writer.written(id)
  }

  async remove (id: string, before: () => Uint8Array | undefined): Promise<void> {
    this.#changed?.add(id)
    await this.#writer.remove(id, before)
  }

  /**
   * Waits until all rules are read.
   *
   * @throws {RuleStoreError} when that takes too long
   */
  async loaded (): Promise<void> {
    if ((this.#state === 'loading' || this.#state === 'failing') && !await this.#inTime()) throw new RuleStoreError('the rules are still being read')
  }

  /** Whether all are read before the deadline */
  async #inTime (): Promise<boolean> {
    let timer: Timer | undefined
    const late = new Promise<boolean>(resolve => { timer = this.#init.clock.schedule(this.#init.timeout, () => { resolve(false) }, { ref: true }) })
    try {
      return await Promise.race([this.#loaded.then(() => true), late])
    } finally {
      timer?.cancel()
    }
  }

  async #load (run: number, failures: number): Promise<void> {
    const { clock, onError } = this.#init
    try {
      await this.#read(run)
    } catch (err) {
      if (run !== this.#run) return
      this.#state = 'failing'
      onError(new RuleStoreError(`the rules could not be read: ${err instanceof Error ? err.message : 'no error was given'}`, { cause: err }))
      this.#retry = clock.schedule(Math.min(LAST_RETRY, FIRST_RETRY * 2 ** failures), () => { void this.#load(run, failures + 1) })
      return
    }
    if (run !== this.#run) return
    this.#state = 'ready'
    this.#changed = undefined
    this.#markLoaded()
    this.#init.onLoaded()
  }

  async #read (run: number): Promise<void> {
    const slices = new Slices(this.#init.clock)
    let read = 0
    let broken = 0
    for await (const { key, value } of this.#init.datastore.query({ prefix: STORE_PREFIX })) {
      if (run !== this.#run) return
      const error = this.#take(key.toString(), value)
      if (error !== undefined && ++broken <= MAX_REPORTED) this.#init.onError(error)
      if (++read % STEP === 0 && slices.over) await slices.rest()
    }
    if (broken > MAX_REPORTED) this.#init.onError(new RuleStoreError(`${broken - MAX_REPORTED} more entries of the datastore hold no rule`))
  }

  #take (key: string, value: Uint8Array): StoredRuleError | undefined {
    try {
      const { stored, subject } = decodeRule(key, value)
      const id = idOf(stored.action, stored.direction, stored.subject)
      if (this.#changed?.has(id) !== true) this.#init.onRule(stored, subject)
      return undefined
    } catch (err) {
      return err instanceof StoredRuleError ? err : new StoredRuleError(key, '', err instanceof Error ? err.message : 'there is no room for it', { cause: err })
    }
  }
}
