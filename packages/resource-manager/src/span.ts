import { ScopeClosedError } from '@cordon/interface-resource-manager'
import { MEMORY } from './causes.ts'
import { bound, charge, credit, drop, hold } from './holder.ts'
import { exceeds } from './limits.ts'
import { GoneRefusal, LimitRefusal } from './refusals.ts'
import { checkPriority, checkSize, Token } from './reservation.ts'
import { NO_USE } from './usage.ts'
import type { Graph } from './graph.ts'
import type { Holder } from './holder.ts'
import type { Limits } from './limits.ts'
import type { Reservation, ResourceRefusal, ScopeUsage, Span } from '@cordon/interface-resource-manager'

/** A part of a scope, or of another span. Its own memory is compared with the limit of the scope before anybody above is asked. */
export class SpanHandle implements Span, Holder {
  readonly #graph: Graph
  readonly #owner: Holder
  readonly #id: number
  #memory = 0
  #closed = false

  constructor (graph: Graph, owner: Holder) {
    this.#graph = graph
    this.#owner = owner
    this.#id = graph.nextId()
    owner[hold]()
  }

  get class (): 'span' {
    return 'span'
  }

  get name (): string {
    return `${this.#owner.name}.span-${this.#id}`
  }

  get [bound] (): Limits {
    return this.#owner[bound]
  }

  usage (): ScopeUsage {
    return { ...NO_USE, memory: this.#memory }
  }

  reserveMemory (size: number, priority = 255): Reservation | ResourceRefusal {
    checkSize(size)
    checkPriority(priority)
    if (this.#closed) throw new ScopeClosedError(this.name)
    return this[charge](size, priority) ?? new Token(this, size, priority)
  }

  beginSpan (): Span {
    if (this.#closed) throw new ScopeClosedError(this.name)
    return new SpanHandle(this.#graph, this)
  }

  release (): void {
    if (this.#closed) return
    this.#closed = true
    this.#owner[credit](this.#memory)
    this.#memory = 0
    this.#owner[drop]()
  }

  [Symbol.dispose] (): void {
    this.release()
  }

  [charge] (size: number, priority: number): ResourceRefusal | undefined {
    if (this.#closed) return new GoneRefusal('span', this)
    const limits = this[bound]
    if (size > 0 && exceeds(this.#memory + size, limits.memory, priority)) {
      this.#graph.countLeaf('span', MEMORY)
      return new LimitRefusal('span', this, '', limits, MEMORY, this.#memory, size, undefined, priority)
    }
    const refusal = this.#owner[charge](size, priority)
    if (refusal === undefined) this.#memory += size
    return refusal
  }

  [credit] (size: number): void {
    if (this.#closed) return
    this.#memory -= size
    this.#owner[credit](size)
  }

  /** What is in a span ends with it */
  [hold] (): void {}
  [drop] (): void {}
}
