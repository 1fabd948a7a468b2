import { participantSymbol } from '@cordon/interface-connection-lifecycle'
import type { CloseReason, ConnectionRecord, Participant, ParticipantModule, StreamRecord } from '@cordon/interface-connection-lifecycle'

/** Stands first in line, and counts what begins and what ends */
export class Audit implements ParticipantModule {
  readonly [participantSymbol]: Participant
  readonly #live = new Set<ConnectionRecord>()
  readonly #streams = new Set<StreamRecord>()
  readonly #reasons = new Map<CloseReason['code'], number>()
  opened = 0
  closed = 0
  /** Ends of what had not begun, or had ended before */
  doubles = 0

  constructor () {
    this[participantSymbol] = {
      stage: 'gate',
      opened: record => {
        this.opened++
        this.#live.add(record)
        return undefined
      },
      closed: (record, { code }) => {
        this.closed++
        this.#reasons.set(code, (this.#reasons.get(code) ?? 0) + 1)
        if (!this.#live.delete(record)) this.doubles++
      },
      streamOpened: stream => {
        this.#streams.add(stream)
        return undefined
      },
      streamClosed: stream => {
        if (!this.#streams.delete(stream)) this.doubles++
      }
    }
  }

  get live (): number {
    return this.#live.size
  }

  get streams (): number {
    return this.#streams.size
  }

  /** How many ended for which reason */
  get reasons (): Partial<Record<CloseReason['code'], number>> {
    return Object.fromEntries(this.#reasons)
  }

  reset (): void {
    this.opened = this.closed = this.doubles = 0
    this.#reasons.clear()
  }
}
