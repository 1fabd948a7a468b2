import { INSPECT, show } from '@cordon/options'
import { NAME } from './constants.ts'
import type { CloseReason, Direction, NormalisedAddress, Refusal } from '@cordon/interface-connection-lifecycle'

/** A refusal whose sentence is built for whoever reads it; a log that writes it as JSON, and Node's console, are among them */
abstract class Worded {
  abstract get message (): string

  toJSON (): object {
    return Object.assign({}, this, { message: this.message })
  }

  [INSPECT] (): object {
    return this.toJSON()
  }
}

/** There is no room among the handshaking; the sentence is built only for whoever reads it */
export class FullRefusal extends Worded implements Refusal {
  readonly module: string = NAME
  readonly resource: string = 'handshaking'
  readonly attempted: number = 1
  readonly code: 'crowded' | 'limit'
  readonly scope: string
  readonly direction: Direction
  readonly current: number
  readonly limit: number
  readonly configPath: string

  constructor (code: 'crowded' | 'limit', scope: string, direction: Direction, current: number, limit: number, option: string) {
    super()
    this.code = code
    this.scope = scope
    this.direction = direction
    this.current = current
    this.limit = limit
    this.configPath = `${NAME}.${option}`
  }

  get message (): string {
    const full = `${this.current} of ${this.limit} places for handshaking ${this.direction} connections in ${this.scope} were taken`
    const outcome = this.code === 'crowded' ? 'and this one had to go' : 'and none of them was free'
    return `${full}, ${outcome}; ${this.configPath} changes that`
  }
}

/** Dropped by `shed`, which somebody else called to make room */
export class ShedRefusal extends Worded implements Refusal {
  readonly module: string = NAME
  readonly code = 'crowded'
  readonly resource: string = 'handshaking'
  readonly scope: string
  readonly direction: Direction
  readonly current: number

  constructor (scope: string, direction: Direction, current: number) {
    super()
    this.scope = scope
    this.direction = direction
    this.current = current
  }

  get message (): string {
    return `room was needed, and this was the oldest that could go of the ${this.current} ${this.direction} connections without an authenticated peer in ${this.scope}`
  }
}

/** A participant threw, or answered with what is no answer */
export class FaultRefusal extends Worded implements Refusal {
  readonly code = 'fault'
  readonly module: string
  readonly step: string
  readonly #detail: unknown

  constructor (module: string, step: string, detail: unknown) {
    super()
    this.module = module
    this.step = step
    this.#detail = detail
  }

  get message (): string {
    const how = this.#detail instanceof Error ? `failed: ${this.#detail.message}` : `failed with ${show(this.#detail)}, and may answer with nothing or a refusal only`
    return `the step ${this.step} of ${this.module} ${how}; this is a bug in that module`
  }
}

/** The connection ended before the question was asked */
class GoneRefusal extends Worded implements Refusal {
  readonly module: string = NAME
  readonly code = 'gone'
  readonly reason: CloseReason | undefined

  constructor (reason: CloseReason | undefined) {
    super()
    this.reason = reason
  }

  get message (): string {
    return this.reason == null
      ? 'the connection had ended already'
      : `the connection had ended already: ${this.reason.code} by ${this.reason.by}`
  }
}

/** The node shuts down; always the same, so it is made once */
export const STOPPING: Refusal = {
  code: 'stopping',
  module: NAME,
  message: 'the node is shutting down'
}

/** What the caller of a step gets for a connection that was closed in the meantime */
export function refusalOf (reason: CloseReason | undefined): Refusal {
  if (reason?.refusal != null) return reason.refusal
  return reason?.code === 'shutdown' ? STOPPING : new GoneRefusal(reason)
}

/** What a group is called where people read it */
export function groupName (address: NormalisedAddress): string {
  return `group ${address.share}`
}
