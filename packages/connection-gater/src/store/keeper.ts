import { RuleStoreError, StoredRuleError } from '@cordon/interface-connection-gater'
import { idOf } from '../rules/rule-book.ts'
import { Slices } from '../slices.ts'
import { decodeRule, STORE_PREFIX } from './codec.ts'
import { retryAfter } from './retry.ts'
import { Writer } from './writer.ts'
import type { Parsed } from '../rules/subject.ts'
import type { Stored } from './codec.ts'
import type { WriterInit } from './writer.ts'
import type { Timer } from '@cordon/interface-connection-lifecycle'

/** How many entries that are no rules are reported one by one */
const MAX_REPORTED = 100

/** After so many entries the time is looked at */
const STEP = 32

export interface KeeperInit extends WriterInit {
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
  /**
   * What is to be written once all is read, because the datastore may have something of the operator's there; of each
   * whether it has anything that was read. Never more than there are rules and what the datastore has.
   */
  readonly #later = new Map<string, boolean>()
  #state: 'stopped' | 'loading' | 'ready' | 'failing' = 'stopped'
  #isRead = false
  #run = 0
  #loaded: Promise<void> = Promise.resolve()
  #markLoaded: () => void = () => {}
  #retry: Timer | undefined
  #started: Promise<void> = Promise.resolve()
  #stopped: Promise<void> = Promise.resolve()

  constructor (init: KeeperInit) {
    this.#init = init
    this.#writer = new Writer(init)
  }

  get state (): 'stopped' | 'loading' | 'ready' | 'failing' {
    return this.#state === 'ready' && this.#writer.failing ? 'failing' : this.#state
  }

  /** Whether all rules were read, in this run or another one */
  get isRead (): boolean {
    return this.#isRead
  }

  get unwritten (): number {
    return this.#writer.unwritten + this.#later.size
  }

  /** Begins to read and to write, also while it is still stopping; resolves once all is read, or after the deadline, when reading goes on */
  async start (): Promise<void> {
    if (this.#state === 'stopped') this.#started = this.#begin()
    return this.#started
  }

  /** Resolves once what was left is written, or after the deadline */
  async stop (): Promise<void> {
    if (this.#state !== 'stopped') this.#stopped = this.#end()
    return this.#stopped
  }

  async #begin (): Promise<void> {
    this.#state = 'loading'
    this.#changed ??= new Set()
    for (const id of this.#writer.ids()) this.#changed.add(id)
    this.#loaded = new Promise(resolve => { this.#markLoaded = resolve })
    this.#writer.start()
    void this.#load(++this.#run, 0)
    if (!await this.#inTime()) this.#init.onError(new RuleStoreError(`the rules could not be read within ${this.#init.timeout} ms; the node starts without those that are missing`))
  }

  async #end (): Promise<void> {
    this.#state = 'stopped'
    this.#changed ??= new Set()
    this.#run++
    this.#retry?.cancel()
    this.#markLoaded()
    await this.#writer.stop()
  }

  /** As that of `Writer`, and likewise the others: what the datastore has of it is older */
  put (id: string): void {
    this.#later.delete(id)
    this.#changed?.add(id)
    this.#writer.put(id)
  }

  /** As `put`, for what is not the operator's and must not take the place of what is */
  putLater (id: string, isNew: boolean): void {
    if (this.#isRead) {
      this.#changed?.add(id)
      this.#writer.put(id, isNew)
    } else if (!this.#later.has(id)) {
      this.#later.set(id, false)
    }
  }

  /** What was read is not how it is now */
  rewrite (id: string): void {
    this.#later.set(id, true)
  }

  refresh (id: string): void {
    if (this.#later.has(id)) return
    this.#changed?.add(id)
    this.#writer.refresh(id)
  }

  /**
   * What was not written yet is as if it had never been; if an earlier run has left the same, that counts again once it is
   * read. What the datastore has of what is to be written later may be the operator's: it is written as it is once all is
   * read.
   */
  drop (id: string): void {
    const isThere = this.#later.get(id)
    if (isThere === true) return
    this.#later.delete(id)
    if (isThere === false) return
    if (this.#writer.drop(id)) this.#changed?.add(id)
    else this.#changed?.delete(id)
  }

  /** As `drop`, for what has made room for something that `putLater` was told of: what was read of it stays until that is written */
  dropLater (id: string): void {
    if (!this.#isRead && !this.#later.has(id)) this.#later.set(id, true)
    else this.drop(id)
  }

  async written (id: string): Promise<void> {
    await this.#writer.written(id)
  }

  async remove (id: string, gone: () => void): Promise<void> {
    this.#changed?.add(id)
    await this.#writer.remove(id, gone)
  }

  /**
   * Waits until all rules are read.
   *
   * @throws {RuleStoreError} when that takes too long, or nobody reads them
   */
  async loaded (): Promise<void> {
    if (this.#state !== 'stopped' && this.#state !== 'ready' && !await this.#inTime()) throw new RuleStoreError('the rules are still being read')
    if (!this.#isRead) throw new RuleStoreError('nobody knows yet which rules the datastore has: start the gater first')
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
      this.#retry = clock.schedule(retryAfter(failures + 1), () => { void this.#load(run, failures + 1) })
      return
    }
    if (run !== this.#run) return
    this.#state = 'ready'
    this.#isRead = true
    this.#changed = undefined
    for (const [id, isThere] of this.#later) this.#writer.put(id, !isThere)
    this.#later.clear()
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
      if (this.#later.has(id)) this.#later.set(id, true)
      if (this.#changed?.has(id) !== true) this.#init.onRule(stored, subject)
      return undefined
    } catch (err) {
      return err instanceof StoredRuleError ? err : new StoredRuleError(key, '', err instanceof Error ? err.message : 'there is no room for it', { cause: err })
    }
  }
}
