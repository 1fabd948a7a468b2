import { Deadlines } from '@cordon/clock'
import { RuleStoreError } from '@cordon/interface-connection-gater'
import { Key } from 'interface-datastore'
import { keyOf } from './codec.ts'
import type { Deadline } from '@cordon/clock'
import type { Clock, Timer } from '@cordon/interface-connection-lifecycle'
import type { Datastore } from 'interface-datastore'

/** How many changes go to the datastore at once: encoding and handing over more would hold up everything else */
const BATCH = 256

/** How many callers may wait for the datastore */
const MAX_WAITERS = 65_536

/** In ms; doubles with each failure in a row */
const FIRST_RETRY = 1_000
const LAST_RETRY = 60_000

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: RuleStoreError) => void
  deadline?: Deadline<Waiter>
}

/** The newest state of one rule that is not in the datastore yet */
interface Change {
  /** Encoded when it is written; absent where the rule is to be removed */
  readonly value: (() => Uint8Array | undefined) | undefined
  /** What it was, where it is to be removed: that is written back when the removal fails or takes too long */
  readonly before?: (() => Uint8Array | undefined) | undefined
  readonly waiters: Waiter[]
  /** The datastore has nothing of it: where the rule is gone before it was written, nothing is left to do */
  readonly isNew?: boolean
}

export interface WriterInit {
  readonly datastore: Datastore
  readonly clock: Clock
  /** In ms */
  readonly timeout: number
  readonly onError: (error: RuleStoreError) => void
}

/**
 * Writes rules to the datastore, one batch at a time and the newest state of each, so that changes of one rule are
 * never written in another order than they were made. Nobody has to wait for it: who does, waits until a deadline.
 */
export class Writer {
  readonly #datastore: Datastore
  readonly #clock: Clock
  readonly #timeout: number
  readonly #onError: (error: RuleStoreError) => void
  readonly #deadlines: Deadlines<Waiter>
  /** By id; never more than there are rules and what the datastore has, and one batch of which nobody knows whether it has it */
  #waiting = new Map<string, Change>()
  #writing: ReadonlyMap<string, Change> | undefined
  #settled: Promise<void> = Promise.resolve()
  #waiters = 0
  #running = false
  #failures = 0
  #retry: Timer | undefined

  constructor ({ datastore, clock, timeout, onError }: WriterInit) {
    this.#datastore = datastore
    this.#clock = clock
    this.#timeout = timeout
    this.#onError = onError
    this.#deadlines = new Deadlines<Waiter>(clock, [timeout], waiter => {
      this.#waiters--
      waiter.reject(new RuleStoreError(this.#running ? `the datastore did not answer within ${timeout} ms` : 'the gater is not started, so nothing was written'))
    })
  }

  /** How many changes are not in the datastore yet */
  get unwritten (): number {
    return this.#waiting.size + (this.#writing?.size ?? 0)
  }

  get failing (): boolean {
    return this.#failures > 0
  }

  start (): void {
    this.#running = true
    this.#pump()
  }

  /** Writes what is left, for as long as a caller would wait; never rejects */
  async stop (): Promise<void> {
    const end = this.#clock.now() + this.#timeout
    while (this.unwritten > 0 && !this.failing && this.#clock.now() < end) {
      let timer: Timer | undefined
      const late = new Promise<void>(resolve => { timer = this.#clock.schedule(end - this.#clock.now(), resolve, { ref: true }) })
      await Promise.race([this.#settled, late])
      timer?.cancel()
    }
    this.#running = false
    this.#retry?.cancel()
    this.#retry = undefined
  }

  /**
   * A rule is new, or has changed.
   *
   * @param value - gives the rule as it is when it is written; nothing where it is gone by then
   * @param isNew - nothing of it has been read or written so far
   */
  put (id: string, value: () => Uint8Array | undefined, isNew = false): void {
    const known = this.#waiting.get(id)
    this.#change(id, { value, waiters: known?.waiters ?? [], isNew: known === undefined ? isNew && this.#writing?.has(id) !== true : known.isNew === true })
  }

  /**
   * A rule is gone, and nobody waits for that.
   *
   * @returns whether there is anything to remove
   */
  drop (id: string): boolean {
    const known = this.#waiting.get(id)
    // whoever makes and loses rules faster than they can be written would otherwise fill the memory with what is gone
    if (known?.isNew === true && known.waiters.length === 0) {
      this.#waiting.delete(id)
      return false
    }
    this.#change(id, { value: undefined, waiters: known?.waiters ?? [] })
    return true
  }

  /**
   * A rule is to be removed.
   *
   * @param before - gives the rule as it is, to be written back where it could not be removed
   * @returns once it is
   * @throws {RuleStoreError} when it could not be
   */
  async remove (id: string, before: () => Uint8Array | undefined): Promise<void> {
    this.#change(id, { value: undefined, before, waiters: this.#waiting.get(id)?.waiters ?? [] })
    try {
      await this.written(id)
    } catch (err) {
      // it may still be removed by what is being written: what is in force has to be there afterwards
      if (this.#waiting.get(id)?.value === undefined) this.put(id, before)
      throw err
    }
  }

  /**
   * Waits until the newest state of a rule is in the datastore.
   *
   * @throws {RuleStoreError} when it failed or took too long
   */
  async written (id: string): Promise<void> {
    const change = this.#waiting.get(id) ?? this.#writing?.get(id)
    if (change === undefined) return
    if (this.#waiters >= MAX_WAITERS) throw new RuleStoreError(`${MAX_WAITERS} changes wait for the datastore already`)
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = { resolve, reject }
      this.#waiters++
      waiter.deadline = this.#deadlines.add(0, waiter, this.#clock.now())
      change.waiters.push(waiter)
    })
  }

  #change (id: string, change: Change): void {
    this.#waiting.set(id, change)
    this.#pump()
  }

  #pump (): void {
    if (!this.#running || this.#writing !== undefined || this.#retry !== undefined || this.#waiting.size === 0) return
    const batch = new Map<string, Change>()
    for (const [id, change] of this.#waiting) {
      if (batch.size === BATCH) break
      batch.set(id, change)
      this.#waiting.delete(id)
    }
    this.#writing = batch
    this.#settled = this.#commit(batch).then(() => {
      this.#failures = 0
      this.#finish(batch, undefined)
    }, (err: unknown) => {
      this.#failures++
      this.#finish(batch, new RuleStoreError(`the datastore failed: ${err instanceof Error ? err.message : 'no error was given'}`, { cause: err }))
    })
  }

  /** Before everything else, so that what a failed batch may have left in the datastore is never more than that batch */
  #again (batch: ReadonlyMap<string, Change>): void {
    const waiting = this.#waiting
    this.#waiting = new Map()
    // what was to be removed is in force still, and has to be there
    for (const [id, { value, before }] of batch) this.#waiting.set(id, waiting.get(id) ?? { value: value ?? before, waiters: [] })
    for (const [id, change] of waiting) this.#waiting.set(id, change)
  }

  // a store may throw where it should reject, or be synchronous
  async #commit (changes: ReadonlyMap<string, Change>): Promise<void> {
    const batch = this.#datastore.batch()
    for (const [id, { value }] of changes) {
      const bytes = value?.()
      if (bytes === undefined) batch.delete(new Key(keyOf(id)))
      else batch.put(new Key(keyOf(id)), bytes)
    }
    await batch.commit()
  }

  #finish (batch: ReadonlyMap<string, Change>, error: RuleStoreError | undefined): void {
    this.#writing = undefined
    if (error !== undefined) this.#again(batch)
    for (const { waiters } of batch.values()) {
      for (const { resolve, reject, deadline } of waiters) {
        if (deadline?.waiting !== true) continue
        this.#deadlines.remove(deadline)
        this.#waiters--
        if (error === undefined) resolve()
        else reject(error)
      }
    }
    if (error !== undefined) {
      this.#onError(error)
      if (this.#running) {
        this.#retry = this.#clock.schedule(Math.min(LAST_RETRY, FIRST_RETRY * 2 ** (this.#failures - 1)), () => {
          this.#retry = undefined
          this.#pump()
        })
      }
      return
    }
    this.#pump()
  }
}
