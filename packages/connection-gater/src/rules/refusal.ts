import { INSPECT } from '@cordon/options'
import { NAME } from '../constants.ts'
import type { GateCause, GateRefusal, GateTarget, Rule } from '@cordon/interface-connection-gater'

/** The setting that changes what is done with whom no rule covers */
const SETTINGS = { default: `${NAME}.default`, unproven: `${NAME}.relayedUnknown` } as const

/** Why somebody was not let in; the sentence is made when it is read. The rule is not: it may be gone by then, and another in its place. */
export class Refused implements GateRefusal {
  readonly code = 'blocked'
  readonly module = NAME
  readonly cause: GateCause
  readonly direction: 'inbound' | 'outbound'
  /** Where there is nothing to wait for */
  readonly permanent: boolean
  readonly configPath?: string
  readonly retryAfter?: number
  readonly rule: Rule | undefined
  readonly #target: GateTarget
  readonly #faulty: boolean

  constructor (target: GateTarget, cause: GateCause, found?: { readonly rule: Rule, readonly faulty: boolean, readonly endsIn: number }) {
    this.cause = cause
    this.direction = target.direction
    this.permanent = found !== undefined && found.endsIn === Infinity && !found.faulty
    if (cause === 'default' || cause === 'unproven') this.configPath = SETTINGS[cause]
    if (found !== undefined && found.endsIn !== Infinity) this.retryAfter = Math.max(0, found.endsIn)
    this.#target = target
    this.rule = found?.rule
    this.#faulty = found?.faulty ?? false
  }

  get message (): string {
    const who = this.#target.peer ?? this.#target.address?.key ?? 'an unknown peer'
    const { rule } = this
    if (rule === undefined) {
      if (this.cause === 'malformed') return `${who} is no name of a host: a transport would read another one in it`
      return this.cause === 'default'
        ? `no rule allows ${who}, and ${SETTINGS.default} blocks whom none does`
        : `${who} came through a relay, which hides addresses that rules block; ${SETTINGS.unproven} changes that`
    }
    const { id, origin, list, reason } = rule
    const by = origin === 'list' ? `the list ${list ?? ''}` : origin === 'automatic' ? 'strikes' : 'the operator'
    return this.#faulty ? `${id} failed when it was asked about ${who}, which refuses` : `${who} is covered by "${id}" of ${by}${reason === undefined || reason === list ? '' : `: ${printable(reason)}`}`
  }

  /** The sentence is built when it is read, where neither `JSON.stringify` nor `console.log` looks */
  toJSON (): object {
    return Object.assign({}, this, { message: this.message })
  }

  [INSPECT] (): object {
    return this.toJSON()
  }
}

/** Reasons may come from feeds and quote peers, and messages go to terminals and logs */
function printable (text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd')
}
