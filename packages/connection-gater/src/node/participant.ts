import { targetOfDial, targetOfRecord } from './targets.ts'
import type { ConnectionGater } from '@cordon/interface-connection-gater'
import type { ConnectionRecord, DialTarget, Participant, Refusal } from '@cordon/interface-connection-lifecycle'

/** Asks about every dial and connection: by its address as soon as there is one, by its peer once that is authenticated */
export class GateParticipant implements Participant {
  readonly stage = 'gate'
  readonly #gater: ConnectionGater

  constructor (gater: ConnectionGater) {
    this.#gater = gater
  }

  dial (target: DialTarget): Refusal | undefined {
    return this.#gater.decide(targetOfDial(target))
  }

  opened (record: ConnectionRecord): Refusal | undefined {
    return this.#gater.decide(targetOfRecord(record))
  }

  identified (record: ConnectionRecord): Refusal | undefined {
    return this.#gater.decide(targetOfRecord(record))
  }
}
