import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { PEERS } from '../fakes.ts'
import { FakeRecord, securedOf, streamOf } from './records.ts'
import type { Remote } from './records.ts'
import type { CloseReason, DialTarget, Direction, Participant, Refusal } from '@cordon/interface-connection-lifecycle'
import type { PeerId } from '@libp2p/interface'

type Step = Exclude<keyof Participant, 'stage'>

/** Runs the steps of one participant as a lifecycle does, and minds what they answer */
export class Drive {
  readonly participant: Participant
  readonly refusals: Refusal[] = []

  constructor (participant: Participant) {
    this.participant = participant
  }

  dial (target: DialTarget): void {
    this.run('dial', target)
  }

  open (remote: Remote, direction: Direction, peer: PeerId = PEERS[0]): DrivenConnection {
    return new DrivenConnection(this, new FakeRecord(remote, direction), peer)
  }

  /** @throws {Error} when the step throws, or answers with anything but a refusal or nothing */
  run (step: Step, ...args: unknown[]): Refusal | undefined {
    const fn = this.participant[step] as ((...args: unknown[]) => unknown) | undefined
    let answer: unknown
    try {
      answer = fn?.call(this.participant, ...args)
    } catch (cause) {
      throw new Error(`the step ${step} threw: ${String(cause)}`, { cause })
    }
    if (answer === undefined) return undefined
    if (!isRefusal(answer)) throw new Error(`the step ${step} answered with ${describe(answer)} instead of a refusal or nothing`)
    this.refusals.push(answer)
    return answer
  }
}

function describe (answer: unknown): string {
  return typeof answer === 'object' && answer != null && 'then' in answer ? 'a promise' : String(answer)
}

interface DrivenStream {
  end (): void
}

/** One connection, from `opened` as far as it is asked to go, or until it is refused */
export class DrivenConnection {
  readonly #drive: Drive
  readonly #record: FakeRecord
  readonly #peer: PeerId
  #passed = false
  #ended = false

  constructor (drive: Drive, record: FakeRecord, peer: PeerId) {
    this.#drive = drive
    this.#record = record
    this.#peer = peer
  }

  /** Takes this many steps, or fewer where one refuses: the connection has ended then, as it would have */
  advance (steps: number): void {
    for (const step of [this.#opened, this.#raw, this.#identified, this.#secured, this.#ready].slice(0, steps)) {
      const refusal = step.call(this)
      if (refusal != null) {
        this.end({ code: 'refused', by: 'local', refusal })
        return
      }
    }
  }

  /** Idempotent; `closed` is not for those who refused at `opened`, or never were asked */
  end (reason: CloseReason): void {
    if (this.#ended) return
    this.#ended = true
    this.#record.end(reason)
    if (this.#passed) this.#drive.run('closed', this.#record, reason)
  }

  stream (direction: Direction, steps: number): DrivenStream | undefined {
    if (this.#ended) return undefined
    const stream = streamOf(this.#record, direction, direction === 'inbound')
    if (this.#drive.run('streamOpened', stream) != null) return undefined
    if (steps > 0) stream.stream = streamOf(this.#record, direction).stream
    if (steps > 1) {
      stream.protocol = '/echo/1.0.0'
      this.#drive.run('streamNegotiated', stream)
    }
    return { end: () => { this.#drive.run('streamClosed', stream) } }
  }

  #opened (): Refusal | undefined {
    const refusal = this.#drive.run('opened', this.#record)
    this.#passed = refusal == null
    return refusal
  }

  #raw (): Refusal | undefined {
    return this.#drive.run('raw', this.#record, this.#record.raw.raw)
  }

  #identified (): Refusal | undefined {
    this.#record.identify(this.#peer)
    return this.#drive.run('identified', this.#record)
  }

  #secured (): Refusal | undefined {
    return this.#drive.run('secured', this.#record, securedOf(this.#record))
  }

  #ready (): Refusal | undefined {
    this.#record.upgrade(this.#peer)
    this.#record.state = 'ready'
    return this.#drive.run('ready', this.#record)
  }
}
