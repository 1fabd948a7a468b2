import { Deadlines } from '@cordon/clock'
import { ConnectionRefusedError, HandshakeTimeoutError } from '@cordon/interface-connection-lifecycle'
import { MAX_DROPS } from './constants.ts'
import { hasEnded, reasonOfLoss } from './reasons.ts'
import { transition } from './state.ts'
import type { Context } from './context.ts'
import type { LossCause } from './reasons.ts'
import type { LifecycleRecord } from './record.ts'
import type { CloseReason, HandshakePhase } from '@cordon/interface-connection-lifecycle'

/** The queues of deadlines, by their index */
const QUEUES = ['encrypt', 'multiplex', 'handshake', 'total', 'close'] as const
const TOTAL = 3
const CLOSE = 4

/** What ends a raw connection */
export type Ending =
  /** In order, and cut at the deadline */
  'close' |
  /** At once: everything is released before this returns */
  'abort' |
  /** It has ended by itself */
  'ended'

/**
 * The only way out. State first: whoever is called from here finds the record closed and off every list. Then the
 * signal, then the transport, then, once the raw connection has ended or was cut, the participants in reverse, the
 * events, and whoever keeps the peer connected.
 */
export class Teardown {
  readonly #context: Context
  readonly #deadlines: Deadlines<LifecycleRecord>

  /** Made once: who is cut does not need a stack, and a flood of them would pay for it each time */
  readonly #timeouts: Readonly<Record<string, HandshakeTimeoutError>>
  readonly #cut = new Error('the connection was cut by this node')
  readonly #late: Error

  readonly #crowded = new Error('too many connections were being closed')

  /** The node is stopping, so what ends without an error of the remote ends because of that */
  stopping = false

  constructor (context: Context) {
    const { encrypt, multiplex, handshake, total } = context.options.deadlines
    const { closeTimeout } = context.options
    const durations = { encrypt, multiplex, handshake, total }
    this.#context = context
    this.#late = new Error(`the connection did not close within ${closeTimeout} ms`)
    this.#timeouts = Object.fromEntries(Object.entries(durations).map(([phase, ms]) => [phase, new HandshakeTimeoutError(phase, ms)]))
    this.#deadlines = new Deadlines(context.clock, [encrypt, multiplex, handshake, total, closeTimeout], (record, queue) => { this.#expire(record, queue) })
  }

  /** Begins a phase, whose deadline replaces that of the phase before */
  enter (record: LifecycleRecord, phase: HandshakePhase): void {
    const first = record.phase == null
    const from = first ? record.openedAt : this.#context.clock.now()
    if (record.phaseDeadline != null) this.#deadlines.remove(record.phaseDeadline)
    record.phase = phase
    record.phaseDeadline = this.#deadlines.add(QUEUES.indexOf(phase), record, from)
    if (first) record.totalDeadline = this.#deadlines.add(TOTAL, record, from)
  }

  /** There is nothing left to wait for */
  leave (record: LifecycleRecord): void {
    if (record.phaseDeadline != null) this.#deadlines.remove(record.phaseDeadline)
    if (record.totalDeadline != null) this.#deadlines.remove(record.totalDeadline)
    record.phaseDeadline = record.totalDeadline = undefined
    record.phase = undefined
  }

  /**
   * Closes a record. The first caller decides why, how, and whether a maintained peer is dialled again; later
   * ones have no effect.
   */
  finish (record: LifecycleRecord, reason: CloseReason, ending: Ending, reconnects: boolean): void {
    if (record.isClosed()) return
    // its opener gets a refusal, and from then on nobody would tell of its end
    if (record.state === 'new' && ending === 'close') ending = 'abort'

    record.state = transition(record.state, 'closed')
    record.reason = reason
    record.reconnects = reconnects
    this.leave(record)
    this.#context.table.remove(record)
    this.#context.totals.closed.add(reason.code)
    if (record.last) this.#context.watcher.closing(record)

    if (reason.code === 'handshake-failed' && reason.error != null && record.announced && this.#context.events.wants('handshake:failed')) {
      this.#context.events.emit({ type: 'handshake:failed', record, error: reason.error })
    }
    record.settle()
    record.abortSignal()

    if (ending === 'close') this.#close(record)
    else this.cut(record, this.#errorFor(record, reason))
  }

  /** The raw connection has ended, or is of no more use */
  lost (record: LifecycleRecord, cause: LossCause): void {
    if (record.isClosed()) {
      this.cut(record)
    } else {
      this.finish(record, reasonOfLoss(cause, record.intent, this.stopping), 'ended', true)
    }
  }

  /** Cuts what has not ended yet, and releases everything; without effect on what is released */
  cut (record: LifecycleRecord, error = this.#cut): void {
    const { transport } = record
    if (record.released || transport == null) return

    try {
      if (!hasEnded(transport.status)) transport.abort(error)
    } catch (err) {
      this.#context.log.error('could not cut connection %s - %e', record.id, err)
    }

    record.closer?.abort(error)
    this.#release(record)
  }

  /** To be called whenever the steps of a record have run: releases what was closed meanwhile */
  settle (record: LifecycleRecord): void {
    if (record.releaseDue) this.#release(record)
  }

  #close (record: LifecycleRecord): void {
    if (record.released || record.transport == null) return
    const closer = record.closer = new AbortController()
    this.#context.table.drain(record)
    record.closeDeadline = this.#deadlines.add(CLOSE, record, this.#context.clock.now())

    const failed = (err: unknown): void => { this.cut(record, err instanceof Error ? err : this.#cut) }
    const closed = (): void => {
      // most transports have told by now that they are lost; one that closes in silence is gone as well
      if (record.transport != null && hasEnded(record.transport.status)) this.cut(record)
    }

    try {
      record.transport.close({ signal: closer.signal }).then(closed, failed)
    } catch (err) {
      failed(err)
    }
    this.#hold(record)
  }

  /**
   * Finds room for one that is closed in order, as for one that is handshaking: a remote that never answers the end
   * would otherwise keep as much as it can open within the close timeout. A node that stops has no newcomers.
   */
  #hold (record: LifecycleRecord): void {
    const { options: { maxHandshaking, maxHandshakingPerGroup }, table } = this.#context
    const { address: { share }, direction } = record
    if (direction !== 'inbound' || this.stopping) return

    for (let cuts = 0; !record.released && !record.releaseDue; cuts++) {
      const groupFull = table.closing.sizeOf(share) >= maxHandshakingPerGroup
      if (!groupFull && table.closing.size < maxHandshaking) {
        table.hold(record)
        return
      }
      // participants that are told of an end may close others in order, so it looks again each time
      const oldest = groupFull ? table.closing.oldestOf(share) : table.closing.oldestOfLargest()
      this.cut(cuts < MAX_DROPS ? oldest ?? record : record, this.#crowded)
    }
  }

  #release (record: LifecycleRecord): void {
    if (record.released) return
    this.#context.table.unhold(record)
    record.releaseDue = record.running > 0
    if (record.releaseDue) {
      this.#context.table.drain(record)
      return
    }

    record.released = true
    record.letGo()
    if (record.closeDeadline != null) this.#deadlines.remove(record.closeDeadline)
    record.closeDeadline = undefined
    this.#context.table.drained(record)
    this.#context.steps.closed(record)
    this.#tell(record)
    record.tellReleased()
    if (record.last) this.#context.watcher.gone(record)
  }

  #tell (record: LifecycleRecord): void {
    const { events } = this.#context
    const { reason, announced } = record
    if (reason == null) return

    const refused = reason.code === 'refused' || (reason.code === 'crowded' && !announced)
    if (refused && reason.refusal != null && events.wants('connection:refused')) {
      events.emit({ type: 'connection:refused', record, refusal: reason.refusal })
    }
    if (announced && events.wants('connection:closed')) {
      events.emit({ type: 'connection:closed', record, reason })
    }
  }

  #expire (record: LifecycleRecord, queue: number): void {
    if (queue === CLOSE) {
      this.cut(record, this.#late)
      return
    }
    const error = this.#timeouts[QUEUES[queue] ?? '']
    this.finish(record, { code: 'deadline', by: 'local', ...(error == null ? {} : { error }) }, 'abort', true)
  }

  /** What a raw connection is aborted with; nobody but a local dialler reads it */
  #errorFor (record: LifecycleRecord, reason: CloseReason): Error {
    if (reason.error != null) return reason.error
    if (reason.refusal != null && record.direction === 'outbound') return new ConnectionRefusedError(reason.refusal)
    return this.#cut
  }
}
