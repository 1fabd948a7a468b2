import { NAME } from '../constants.ts'
import { shown } from '../limits/limits.ts'
import { LegibleRefusal } from '../reports/refusals.ts'
import type { PrefixRule } from './rules.ts'
import type { PrefixEntry } from './table.ts'
import type { ResourceRefusal } from '@cordon/interface-resource-manager'

/** What a prefix is called in refusals */
export function scopeOf (name: string): string {
  return `prefix:${name}`
}

/** Too many connections from one prefix, or too fast */
export class PrefixRefusal extends LegibleRefusal implements ResourceRefusal {
  readonly scopeClass = 'prefix'
  readonly direction = 'inbound'
  readonly resource = 'connections'
  readonly attempted = 1
  readonly code: 'limit' | 'rate'
  readonly current: number
  readonly retryAfter?: number
  readonly #name: string
  readonly #rule: PrefixRule

  constructor (entry: PrefixEntry, wait: number) {
    super()
    this.code = wait > 0 ? 'rate' : 'limit'
    this.current = wait > 0 ? entry.rule.burst : entry.connections
    if (wait > 0 && wait < Infinity) this.retryAfter = Math.ceil(wait)
    this.#name = entry.name
    this.#rule = entry.rule
  }

  get module (): string {
    return NAME
  }

  get scope (): string {
    return scopeOf(this.#name)
  }

  get cause (): 'connections' | 'rate' {
    return this.code === 'rate' ? 'rate' : 'connections'
  }

  get limit (): number {
    return this.code === 'rate' ? this.#rule.burst : shown(this.#rule.connections)
  }

  get configPath (): string {
    return `${NAME}.limits.prefixes.${this.#rule.path}.${this.cause}`
  }

  get message (): string {
    if (this.code === 'limit') return `${this.scope} has ${this.current} of ${this.limit} inbound connections; ${this.configPath} changes that`
    const rate = this.#rule.interval === Infinity ? 'may not connect at all' : `connects more often than ${1_000 / this.#rule.interval} times a second after a burst of ${this.limit}`
    return `${this.scope} ${rate}; ${this.configPath} changes that`
  }
}
