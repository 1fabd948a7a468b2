import { Deadlines } from '@cordon/clock'
import { RuleStoreError } from '@cordon/interface-connection-gater'
import { Key } from 'interface-datastore'
import { Change } from './change.ts'
import { keyOf } from './codec.ts'
import { retryAfter } from './retry.ts'
import type { Remover, Waiter } from './change.ts'
import type { Clock, ScheduleOptions, Timer } from '@cordon/interface-connection-lifecycle'
import type { Datastore } from 'interface-datastore'

/** How many changes go to the datastore at once: encoding and handing over more would hold up everything else */
const BATCH = 256

/** After so many batches everything else has its turn: a datastore in memory answers before anything else can run */
const STREAK = 4

/** How many callers may wait for the datastore */
const MAX_WAITERS = 65_536

type Changes = ReadonlyMap<string, Change>

/** What is being written */
interface Batch {
  readonly changes: Changes
  readonly deadline: Timer
  /** The datastore has not answered in time */
  isLate: boolean
}

export interface WriterInit {
  readonly datastore: Datastore
  readonly clock: Clock
  /** In ms */
  readonly timeout: number
  readonly onError: (error: RuleStoreError) => void
  /** The rule of an id as it is; nothing where it is not in force */
  readonly encode: (id: string) => Uint8Array | undefined
}

/**
 * Writes rules to the datastore, one batch at a time and each as it is in that moment, so that changes of one rule are
 * never written in another order than they were made. Nobody has to wait for it: who does, waits until a deadline.
 *
 * A rule that is to be removed is in force until it is; whoever asked for that is told before anything else is written.
 */
export class Writer {
  readonly #init: WriterInit
  readonly #deadlines: Deadlines<Waiter>
  /** By id; never more than there are rules and what the datastore has, and one batch of which nobody knows whether it has it */
  #waiting = new Map<string, Change>()
  #writing: Batch | undefined
  #settled: Promise<void> = Promise.resolve()
  #waiters = 0
  /** Counts starts, so that a stop that is still under way leaves the next run alone */
  #run = 0
  #state: 'stopped' | 'running' | 'stopping' = 'stopped'
  #failures = 0
  /** Batches that were written one right after the other */
  #streak = 0
  /** Until then nothing is written */
  #pause: Timer | undefined

  constructor (init: WriterInit) {
    const { clock, timeout } = init
    this.#init = init
    this.#deadlines = new Deadlines<Waiter>(clock, [timeout], waiter => {
      this.#leave(waiter)
      waiter.fail(new RuleStoreError(this.#state === 'stopped' ? 'the gater is not started: what was made is in force and will be written once it starts, what was to be removed stays' : `the datastore did not answer within ${timeout} ms`))
      // somebody waits: without an answer the process would end in silence where nothing else keeps it
    }, { ref: true })
  }

  /** How many changes are not in the datastore yet */
  get unwritten (): number {
    return this.#waiting.size + (this.#writing?.changes.size ?? 0)
  }

  /** The rules that the datastore does not have as they are, by id */
  * ids (): Generator<string> {
    yield * this.#waiting.keys()
    if (this.#writing !== undefined) yield * this.#writing.changes.keys()
  }

  get failing (): boolean {
    return this.#failures > 0 || this.#writing?.isLate === true
  }

  start (): void {
    this.#run++
    this.#state = 'running'
    if (this.#writing?.isLate === true) this.#abandon(this.#writing)
    this.#pump()
  }

  /** Writes what is left, for as long as a caller would wait; never rejects */
  async stop (): Promise<void> {
    const { clock, timeout } = this.#init
    const run = this.#run
    const end = clock.now() + timeout
    this.#state = 'stopping'
    this.#pause?.cancel()
    this.#pause = undefined
    // what failed before may work by now; what fails from here on is not tried again
    this.#pump()
    while (run === this.#run && this.#writing !== undefined && clock.now() < end) {
      let timer: Timer | undefined
      const late = new Promise<void>(resolve => { timer = clock.schedule(end - clock.now(), resolve, { ref: true }) })
      await Promise.race([this.#settled, late])
      timer?.cancel()
    }
    if (run !== this.#run) return
    this.#state = 'stopped'
    if (this.#writing !== undefined) this.#abandon(this.#writing)
  }

  /**
   * A rule is new, or has changed. Whoever wants it to be gone is overruled.
   *
   * @param isNew - nothing of it has been read or written so far
   */
  put (id: string, isNew = false): void {
    const writing = this.#writing?.changes.get(id)
    for (const change of [writing, this.#waiting.get(id)]) {
      for (const remover of change?.removers ?? []) {
        this.#leave(remover)
        remover.overruled()
      }
    }
    this.#change(id, isNew && writing === undefined)
    this.#pump()
  }

  /** What is known of a rule has changed, and nobody depends on that: without effect on one that is to be removed */
  refresh (id: string): void {
    if ((this.#writing?.changes.get(id)?.removers.size ?? 0) > 0) return
    this.#change(id, false)
    this.#pump()
  }

  /**
   * A rule is gone, and nobody waits for that.
   *
   * @returns whether there is anything to remove
   */
  drop (id: string): boolean {
    const known = this.#waiting.get(id)
    // whoever makes and loses rules faster than they can be written would otherwise fill the memory with what is gone
    if (known?.isNew === true && known.waits === 0) {
      this.#waiting.delete(id)
      return false
    }
    this.#change(id, false)
    this.#pump()
    return true
  }

  /**
   * A rule is to be removed.
   *
   * @param gone - called as soon as it is no longer in the datastore; it must not be in force afterwards. Not called where the rule was made anew meanwhile.
   * @returns once that is so
   * @throws {RuleStoreError} when it could not be removed
   */
  async remove (id: string, gone: () => void): Promise<void> {
    this.#checkRoom()
    const { removers } = this.#change(id, false)
    await new Promise<void>((resolve, reject) => {
      const remover: Remover = {
        done: () => {
          gone()
          resolve()
        },
        overruled: resolve,
        fail: error => {
          // it may still be removed by what is being written: what is in force has to be there afterwards
          this.#change(id, false)
          reject(error)
        },
        among: removers
      }
      removers.add(remover)
      this.#enlist(remover)
      this.#pump()
    })
  }

  /**
   * Waits until the newest state of a rule is in the datastore.
   *
   * @throws {RuleStoreError} when it failed or took too long
   */
  async written (id: string): Promise<void> {
    const change = this.#waiting.get(id) ?? this.#writing?.changes.get(id)
    if (change === undefined) return
    this.#checkRoom()
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = { done: resolve, fail: reject, among: change.waiters }
      change.waiters.add(waiter)
      this.#enlist(waiter)
    })
  }

  #checkRoom (): void {
    if (this.#waiters >= MAX_WAITERS) throw new RuleStoreError(`${MAX_WAITERS} changes wait for the datastore already`)
  }

  #enlist (waiter: Waiter): void {
    this.#waiters++
    waiter.deadline = this.#deadlines.add(0, waiter, this.#init.clock.now())
  }

  #leave (waiter: Waiter): void {
    if (!waiter.among.delete(waiter)) return
    this.#waiters--
    if (waiter.deadline !== undefined) this.#deadlines.remove(waiter.deadline)
  }

  /** The change of a rule that is written next */
  #change (id: string, isNew: boolean): Change {
    let change = this.#waiting.get(id)
    if (change === undefined) this.#waiting.set(id, change = new Change(isNew))
    return change
  }

  #pump (): void {
    if (this.#waiting.size === 0) this.#streak = 0
    if (this.#state === 'stopped' || this.#writing !== undefined || this.#pause !== undefined || this.#waiting.size === 0) return
    const { clock, timeout, onError } = this.#init
    const changes = new Map<string, Change>()
    for (const [id, change] of this.#waiting) {
      if (changes.size === BATCH) break
      changes.set(id, change)
      this.#waiting.delete(id)
    }
    const deadline = clock.schedule(timeout, () => {
      batch.isLate = true
      onError(new RuleStoreError(`the datastore did not answer within ${timeout} ms; nothing else is written until it does`))
    })
    const batch: Batch = { changes, deadline, isLate: false }
    this.#writing = batch
    this.#settled = this.#commit(changes).then(() => { this.#finish(batch) }, (err: unknown) => {
      this.#finish(batch, new RuleStoreError(`the datastore failed: ${err instanceof Error ? err.message : 'no error was given'}`, { cause: err }))
    })
  }

  // a store may throw where it should reject, or be synchronous
  async #commit (changes: Changes): Promise<void> {
    const batch = this.#init.datastore.batch()
    for (const [id, { removers }] of changes) {
      const bytes = removers.size > 0 ? undefined : this.#init.encode(id)
      if (bytes === undefined) batch.delete(new Key(keyOf(id)))
      else batch.put(new Key(keyOf(id)), bytes)
    }
    await batch.commit()
  }

  #finish (batch: Batch, error?: RuleStoreError): void {
    batch.deadline.cancel()
    batch.isLate = false
    if (batch !== this.#writing) {
      // what was written since then may have been undone by it
      for (const id of batch.changes.keys()) this.#change(id, false)
    } else if (error === undefined) {
      this.#failures = 0
      // nothing else is written before whoever waited knows: rules that are removed are in force until then
      this.#tell(batch.changes)
      this.#writing = undefined
      if (++this.#streak % STREAK === 0 && this.#waiting.size > 0 && this.#state === 'running') this.#wait(0, { ref: true })
    } else {
      this.#failed(batch, error)
    }
    this.#pump()
  }

  #failed ({ changes }: Batch, error: RuleStoreError): void {
    this.#failures++
    if (this.#state === 'running') this.#wait(retryAfter(this.#failures))
    // it was the last attempt
    else this.#state = 'stopped'
    this.#tell(changes, error)
    this.#again(changes)
    this.#writing = undefined
    this.#init.onError(error)
  }

  /** Writes nothing for so many ms, or until it stops */
  #wait (delay: number, options?: ScheduleOptions): void {
    this.#pause = this.#init.clock.schedule(delay, () => {
      this.#pause = undefined
      this.#pump()
    }, options)
  }

  #tell (changes: Changes, error?: RuleStoreError): void {
    for (const { waiters, removers } of changes.values()) {
      for (const waiter of [...removers, ...waiters]) {
        this.#leave(waiter)
        if (error === undefined) waiter.done()
        else waiter.fail(error)
      }
    }
  }

  /** Whatever becomes of it, it is written again: nobody waits any longer for a datastore that has not answered in an earlier run */
  #abandon ({ changes, deadline }: Batch): void {
    deadline.cancel()
    this.#failures = Math.max(1, this.#failures)
    this.#again(changes)
    this.#writing = undefined
  }

  /** Before everything else, so that what a failed batch may have left in the datastore is never more than that batch */
  #again (changes: Changes): void {
    const waiting = this.#waiting
    this.#waiting = new Map()
    for (const [id, change] of changes) {
      const again = this.#change(id, false)
      again.take(change)
      const newer = waiting.get(id)
      if (newer !== undefined) again.take(newer)
    }
    for (const [id, change] of waiting) if (!this.#waiting.has(id)) this.#waiting.set(id, change)
  }
}
