import { HandshakeTimeoutError } from '@cordon/interface-connection-lifecycle'
import { byWhoGoes } from './foreign-room.ts'
import { count } from './foreign-steps.ts'
import type { ForeignFullInit } from './foreign-init.ts'
import type { ForeignRecord } from './foreign-record.ts'
import type { CloseCode, CloseReason, HandshakePhase } from '@cordon/interface-connection-lifecycle'

/** What a lifecycle does when it has let go of a record */
type Released = (record: ForeignRecord, reason: CloseReason) => void

/** Every way out: deadlines, refusals, losses and orders */
export class ForeignTeardown {
  /** By code: how many have ended */
  readonly closed: Record<string, number> = {}
  /** The node is stopping */
  draining = false
  readonly #init: ForeignFullInit
  readonly #live: Set<ForeignRecord>
  readonly #released: Released
  readonly #ending = new Set<ForeignRecord>()

  constructor (init: ForeignFullInit, live: Set<ForeignRecord>, released: Released) {
    this.#init = init
    this.#live = live
    this.#released = released
  }

  /** How many have ended and still hold something */
  get size (): number {
    return this.#ending.size
  }

  /** The record has a place, and not for ever */
  begin (record: ForeignRecord): void {
    const { total } = this.#init.deadlines
    record.totalTimer = this.#init.clock.schedule(total, () => { this.#late(record, 'total', total) })
    this.wait(record, 'encrypt')
  }

  wait (record: ForeignRecord, phase: HandshakePhase): void {
    record.phaseTimer?.cancel()
    record.phase = phase
    const deadline = this.#init.deadlines[phase]
    record.phaseTimer = this.#init.clock.schedule(deadline, () => { this.#late(record, phase, deadline) })
  }

  /** The record waits for nothing any more */
  disarm (record: ForeignRecord): void {
    delete record.phase
    record.phaseTimer?.cancel()
    record.totalTimer?.cancel()
  }

  lost (record: ForeignRecord, { local = false, error }: { local?: boolean, error?: Error }): void {
    if (this.#ending.has(record)) {
      this.#release(record)
      return
    }
    const by = local || record.intent != null ? 'local' : 'remote'
    const why = record.intent?.error ?? error
    const seen: CloseCode = error == null ? `${by}-close` : by === 'local' ? 'local-abort' : 'remote-reset'
    this.end(record, { code: record.intent?.code ?? seen, by, ...(why == null ? {} : { error: why }) }, 'abort')
  }

  end (record: ForeignRecord, reason: CloseReason, how: 'close' | 'abort'): void {
    if (record.isClosed()) {
      if (how === 'abort') this.#cut(record)
      return
    }
    record.state = 'closed'
    record.reason = reason
    this.disarm(record)
    this.#live.delete(record)
    this.#ending.add(record)
    record.control.abort(reason)
    record.settled.resolve(undefined)
    const cut = (): void => { this.#cut(record) }
    if (how === 'abort') {
      cut()
      return
    }
    record.totalTimer = this.#init.clock.schedule(this.#init.closeTimeout, cut)
    record.raw.close({}).then(() => { this.#release(record) }, cut)
    if (record.direction === 'inbound' && !this.draining) this.#cutCrowd(record)
  }

  /** The timers of a record that is ready or has ended are cancelled, so it is still handshaking */
  #late (record: ForeignRecord, phase: string, deadline: number): void {
    this.end(record, { code: 'deadline', by: 'local', error: new HandshakeTimeoutError(phase, deadline) }, 'abort')
  }

  /** As many may be closing as may be handshaking */
  #cutCrowd ({ address: { share } }: ForeignRecord): void {
    const closing = [...this.#ending].filter(({ direction }) => direction === 'inbound')
    const group = closing.filter(({ address }) => address.share === share)
    if (group.length > this.#init.maxHandshakingPerGroup) {
      if (group[0] != null) this.#cut(group[0])
    } else if (closing.length > this.#init.maxHandshaking) {
      const [oldest] = byWhoGoes(closing.slice(0, -1))
      if (oldest != null) this.#cut(oldest)
    }
  }

  #cut (record: ForeignRecord): void {
    if (!this.#ending.has(record)) return
    record.raw.abort(record.reason?.error ?? new Error(record.reason?.code))
    this.#release(record)
  }

  #release (record: ForeignRecord): void {
    const { reason } = record
    if (!this.#ending.delete(record) || reason == null) return
    this.disarm(record)
    count(this.closed, reason.code)
    this.#released(record, reason)
  }
}
