import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { FaultRefusal } from './refusals.ts'
import type { LifecycleRecord } from './record.ts'
import type { LifecycleStream } from './streams.ts'
import type { NamedParticipant, Participant, Refusal } from '@cordon/interface-connection-lifecycle'
import type { MessageStream, MultiaddrConnection } from '@libp2p/interface'

export interface StepsInit {
  readonly participants: readonly NamedParticipant[]

  /** A step threw, or answered with what is no answer */
  onFault (module: string, step: string, detail: unknown): void

  /** A participant refused */
  onRefusal (module: string): void
}

type Decision = 'opened' | 'identified' | 'ready'
type StreamDecision = 'streamOpened' | 'streamNegotiated'

/**
 * Runs the steps of the participants in their order and trusts none of them: one that throws, or answers with a
 * promise or anything else that is no answer, has refused, and its promise is not left unhandled.
 *
 * While a step runs, `running` of what it was asked about is not 0. Whoever releases it waits for that, so that no
 * participant is told of an end before it was told of everything else.
 */
export class Steps {
  /** How many of the participants, from the first one on, are of the stage `gate` */
  readonly gates: number
  readonly count: number
  readonly #participants: readonly NamedParticipant[]
  readonly #init: StepsInit

  constructor (init: StepsInit) {
    this.#participants = init.participants
    this.#init = init
    this.count = init.participants.length
    const beyond = init.participants.findIndex(({ participant }) => participant.stage !== 'gate')
    this.gates = beyond === -1 ? this.count : beyond
  }

  /** Asks before a dial; there is nothing to release */
  dial (target: Parameters<NonNullable<Participant['dial']>>[0]): Refusal | undefined {
    for (const module of this.#participants) {
      let refusal: Refusal | undefined
      try {
        refusal = this.#judge(module.name, 'dial', module.participant.dial?.(target))
      } catch (err) {
        refusal = this.#fault(module.name, 'dial', err)
      }
      if (refusal != null) return refusal
    }
  }

  /** Asks the participants from `from` to before `to`; stops where one refuses or the record is closed meanwhile */
  decide (step: Decision, record: LifecycleRecord, from: number, to: number): Refusal | undefined {
    record.running++
    let refusal: Refusal | undefined

    for (let i = from; i < to && refusal == null && !record.isClosed(); i++) {
      const module = this.#participants[i] as NamedParticipant
      try {
        refusal = this.#judge(module.name, step, module.participant[step]?.(record))
      } catch (err) {
        refusal = this.#fault(module.name, step, err)
      }
      if (step === 'opened' && passes(refusal)) record.passed = i + 1
    }

    record.running--
    return refusal
  }

  /** Shows the bytes to the participants from `from` to before `to` */
  show (step: 'raw' | 'secured', record: LifecycleRecord, bytes: MessageStream, from: number, to: number): Refusal | undefined {
    record.running++
    let refusal: Refusal | undefined

    for (let i = from; i < to && refusal == null && !record.isClosed(); i++) {
      const { name, participant } = this.#participants[i] as NamedParticipant
      try {
        refusal = this.#told(name, step, step === 'raw' ? participant.raw?.(record, bytes as MultiaddrConnection) : participant.secured?.(record, bytes))
      } catch (err) {
        refusal = this.#fault(name, step, err)
      }
    }

    record.running--
    return refusal
  }

  /** Tells each participant that has passed, last first */
  closed (record: LifecycleRecord): void {
    if (record.reason == null) return
    for (let i = record.passed - 1; i >= 0; i--) {
      const module = this.#participants[i] as NamedParticipant
      try {
        this.#told(module.name, 'closed', module.participant.closed?.(record, record.reason))
      } catch (err) {
        this.#fault(module.name, 'closed', err)
      }
    }
    record.passed = 0
  }

  decideStream (step: StreamDecision, stream: LifecycleStream, to = this.count): Refusal | undefined {
    stream.running++
    let refusal: Refusal | undefined

    for (let i = 0; i < to && refusal == null && !stream.hasEnded(); i++) {
      const module = this.#participants[i] as NamedParticipant
      try {
        refusal = this.#judge(module.name, step, module.participant[step]?.(stream))
      } catch (err) {
        refusal = this.#fault(module.name, step, err)
      }
      if (step === 'streamOpened' && passes(refusal)) stream.passed = i + 1
    }

    stream.running--
    return refusal
  }

  streamClosed (stream: LifecycleStream): void {
    for (let i = stream.passed - 1; i >= 0; i--) {
      const module = this.#participants[i] as NamedParticipant
      try {
        this.#told(module.name, 'streamClosed', module.participant.streamClosed?.(stream))
      } catch (err) {
        this.#fault(module.name, 'streamClosed', err)
      }
    }
    stream.passed = 0
  }

  #judge (module: string, step: string, answer: unknown): Refusal | undefined {
    if (answer === undefined) return undefined
    if (!isRefusal(answer)) return this.#fault(module, step, answer)
    this.#init.onRefusal(module)
    return answer
  }

  /** What a step without a say answers is of no interest, unless it is a promise, whose work is not done yet, or a refusal, which nobody heeds */
  #told (module: string, step: string, answer: unknown): Refusal | undefined {
    if (isRefusal(answer)) return this.#fault(module, step, new TypeError('it answered with a refusal, and has no say'))
    return isThenable(answer) ? this.#fault(module, step, answer) : undefined
  }

  #fault (module: string, step: string, detail: unknown): FaultRefusal {
    if (isThenable(detail)) {
      // its rejection is the fault that was counted already
      Promise.resolve(detail).catch(() => {})
      detail = new TypeError('it answered with a promise, and steps are synchronous')
    }
    this.#init.onFault(module, step, detail)
    return new FaultRefusal(module, step, detail)
  }
}

/** A fault is not the participant's own word: it may have taken something before it failed, so it is told of the end */
function passes (refusal: Refusal | undefined): boolean {
  return refusal == null || refusal instanceof FaultRefusal
}

function isThenable (value: unknown): value is PromiseLike<unknown> {
  if (value == null || (typeof value !== 'object' && typeof value !== 'function')) return false
  try {
    return typeof (value as { then?: unknown }).then === 'function'
  } catch {
    return false
  }
}
