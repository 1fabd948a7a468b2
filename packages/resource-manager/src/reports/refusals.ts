import { INSPECT } from '@cordon/options'
import { NAME } from '../constants.ts'
import { CAUSES, MEMORY, RESOURCES } from '../graph/causes.ts'
import { scopeName } from '../graph/names.ts'
import { count, increment } from '../graph/tally.ts'
import { shown, threshold } from '../limits/limits.ts'
import type { Share } from '../graph/share.ts'
import type { Limits } from '../limits/limits.ts'
import type { Direction, Refusal } from '@cordon/interface-connection-lifecycle'
import type { InvalidNameError, LimitKey, ResourceRefusal, ScopeClass } from '@cordon/interface-resource-manager'

/** What was full, in words, by cause */
const WORDS: readonly string[] = [
  '', 'inbound connections', 'outbound connections', 'connections', 'file descriptors', 'inbound streams', 'outbound streams', 'streams', 'bytes of memory', ''
]

interface Named {
  readonly name: string
}

/** A refusal that builds much of what it says when it is read, where neither `JSON.stringify` nor `console.log` looks */
export abstract class LegibleRefusal {
  toJSON (): object {
    const { code, module, message, scopeClass, scope, cause, resource, direction, current, attempted, priority, limit, retryAfter, configPath } = this as Partial<ResourceRefusal>
    const fields = { code, module, message, scopeClass, scope, cause, resource, direction, current, attempted, priority, limit, retryAfter, configPath }
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  }

  [INSPECT] (): object {
    return this.toJSON()
  }
}

/** A scope had no room. Numbers are noted at once; names and the sentence are built for whoever reads them. */
export class LimitRefusal extends LegibleRefusal implements ResourceRefusal {
  readonly scopeClass: ScopeClass
  readonly direction?: Direction
  readonly current: number
  readonly attempted: number
  readonly priority?: number
  readonly #cause: number
  readonly #of: string | Named
  readonly #peer: string
  readonly #limits: Limits

  constructor (scopeClass: ScopeClass, of: string | Named, peer: string, limits: Limits, cause: number, current: number, attempted: number, direction?: Direction, priority?: number) {
    super()
    this.scopeClass = scopeClass
    this.current = current
    this.attempted = attempted
    if (direction != null) this.direction = direction
    if (priority != null) this.priority = priority
    this.#cause = cause
    this.#of = of
    this.#peer = peer
    this.#limits = limits
  }

  get code (): 'limit' {
    return 'limit'
  }

  get module (): string {
    return NAME
  }

  get scope (): string {
    return typeof this.#of === 'string' ? scopeName(this.scopeClass, this.#of, this.#peer) : this.#of.name
  }

  get cause (): LimitKey {
    return CAUSES[this.#cause] as LimitKey
  }

  get resource (): ResourceRefusal['resource'] {
    return RESOURCES[this.#cause] ?? 'memory'
  }

  get limit (): number {
    return shown(this.#limits[this.cause])
  }

  get configPath (): string {
    return `${NAME}.limits.${this.#limits.path}.${this.cause}`
  }

  get message (): string {
    const bound = this.priority == null || this.priority === 255
      ? `${this.limit}`
      : `${threshold(this.#limits[this.cause], this.priority)} (priority ${this.priority} of ${this.limit})`
    const asked = this.attempted > 1 ? ` and was asked for ${this.attempted} more` : ''
    return `${this.scope} has ${this.current} of ${bound} ${WORDS[this.#cause] ?? ''}${asked}; ${this.configPath} changes that`
  }
}

/** The scope that was asked had ended; nobody said no */
export class GoneRefusal extends LegibleRefusal implements ResourceRefusal {
  readonly code = 'gone'
  readonly resource = 'memory'
  readonly module: string = NAME
  readonly scopeClass: ScopeClass
  readonly #of: Named

  constructor (scopeClass: ScopeClass, of: Named) {
    super()
    this.scopeClass = scopeClass
    this.#of = of
  }

  get scope (): string {
    return this.#of.name
  }

  get message (): string {
    return `${this.scope} was released already, so nothing more can be reserved in it`
  }
}

/** One connection asks for more streams than it names protocols for */
export class UnnegotiatedRefusal extends LegibleRefusal implements Refusal {
  readonly code = 'limit'
  readonly module: string = NAME
  readonly resource = 'streams'
  readonly direction = 'inbound'
  readonly attempted = 1
  readonly configPath: string = `${NAME}.maxUnnegotiatedStreams`
  readonly scope: string
  readonly current: number
  readonly limit: number

  constructor (scope: string, current: number, limit: number) {
    super()
    this.scope = scope
    this.current = current
    this.limit = limit
  }

  get message (): string {
    return `${this.scope} has ${this.current} of ${this.limit} streams without a protocol; ${this.configPath} changes that`
  }
}

/** What was negotiated is no name that a protocol or a service can have */
export class InvalidNameRefusal extends LegibleRefusal implements Refusal {
  readonly code = 'blocked'
  readonly module: string = NAME
  readonly error: InvalidNameError

  constructor (error: InvalidNameError) {
    super()
    this.error = error
  }

  get message (): string {
    return this.error.message
  }
}

/** Says which scope has no room, without counting it */
export function describeRefusal (scope: Share, cause: number, inbound: boolean): LimitRefusal {
  return new LimitRefusal(scope.kind.name, scope.name, scope.peer, scope.limits, cause, scope.used(cause), 1, inbound ? 'inbound' : 'outbound')
}

/** No room for a connection or a stream; memory that came with it is asked for at the highest priority */
export function refuse (scope: Share, cause: number, inbound: boolean, memory: number): LimitRefusal {
  count(scope, cause)
  if (!inbound) increment(scope.kind.outboundRefusals, cause)
  return cause === MEMORY ? new LimitRefusal(scope.kind.name, scope.name, scope.peer, scope.limits, cause, scope.used(cause), memory) : describeRefusal(scope, cause, inbound)
}

export function refuseMemory (scope: Share, size: number, priority: number): LimitRefusal {
  count(scope, MEMORY)
  return new LimitRefusal(scope.kind.name, scope.name, scope.peer, scope.limits, MEMORY, scope.used(MEMORY), size, undefined, priority)
}
