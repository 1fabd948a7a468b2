import { isRefusal } from '@cordon/interface-connection-lifecycle'
import type { ForeignRecord } from './foreign-record.ts'
import type { NamedParticipant, Participant, Refusal } from '@cordon/interface-connection-lifecycle'

type Step = Exclude<keyof Participant, 'stage'>

interface AskOptions {
  /** Takes who has to be told of the end */
  readonly passed?: NamedParticipant[]
  readonly stops?: () => boolean
}

/** Asks participants, whatever they do */
export class ForeignSteps {
  /** By module: how often a step failed */
  readonly faults: Record<string, number> = {}
  readonly #participants: () => readonly NamedParticipant[]

  constructor (participants: () => readonly NamedParticipant[]) {
    this.#participants = participants
  }

  /** `opened` of the gates or of all others */
  opened (record: ForeignRecord, gates: boolean): Refusal | undefined {
    const asked = this.#participants().filter(({ participant }) => (participant.stage === 'gate') === gates)
    return this.#about(record, () => this.#ask(asked, 'opened', [record], { passed: record.passed, stops: () => record.isClosed() }))
  }

  /** `raw` of everybody who has passed `opened` and was not shown it before, where there is something to show */
  raw (record: ForeignRecord): Refusal | undefined {
    const { raw } = record.raw
    if (!record.appeared || raw == null) return undefined
    const asked = record.passed.slice(record.shown)
    record.shown = record.passed.length
    return this.#about(record, () => this.#ask(asked, 'raw', [record, raw], { stops: () => record.isClosed() }))
  }

  /** The first refusal; nobody is asked once `stops` says so */
  ask (step: Step, args: readonly unknown[], options?: AskOptions): Refusal | undefined {
    return this.#ask(this.#participants(), step, args, options)
  }

  letGo (passed: readonly NamedParticipant[], step: 'closed' | 'streamClosed', ...args: unknown[]): void {
    for (const named of passed.toReversed()) this.#run(named, step, ...args)
  }

  #about (record: ForeignRecord, ask: () => Refusal | undefined): Refusal | undefined {
    record.asking = true
    try {
      return ask()
    } finally {
      record.asking = false
    }
  }

  #ask (asked: readonly NamedParticipant[], step: Step, args: readonly unknown[], { passed, stops }: AskOptions = {}): Refusal | undefined {
    for (const named of asked) {
      if (stops?.() === true) return undefined
      const refusal = this.#run(named, step, ...args)
      if (refusal == null || refusal.code === 'fault') passed?.push(named)
      if (refusal != null) return refusal
    }
    return undefined
  }

  #run ({ name, participant }: NamedParticipant, step: Step, ...args: unknown[]): Refusal | undefined {
    let result: unknown
    try {
      result = (participant[step] as ((...args: unknown[]) => unknown) | undefined)?.call(participant, ...args)
      if (result === undefined || isRefusal(result)) return result
      if (result instanceof Promise) result.catch(() => {})
    } catch (err) {
      result = err
    }
    count(this.faults, name)
    return { code: 'fault', module: name, message: `${step} failed: ${String(result)}` }
  }
}

export function count (totals: Record<string, number>, key: string): void {
  totals[key] = (totals[key] ?? 0) + 1
}
