import { ScopeClosedError } from '@cordon/interface-resource-manager'
import { MEMORY } from './causes.ts'
import { bound, charge, credit, drop, hold } from './holder.ts'
import { scopeName } from './names.ts'
import { refuseMemory } from './refusals.ts'
import { checkPriority, checkSize, Token } from './reservation.ts'
import { usageOf } from './scope.ts'
import { SpanHandle } from './span.ts'
import { NO_USE } from './usage.ts'
import type { Graph } from './graph.ts'
import type { Holder } from './holder.ts'
import type { Limits } from './limits.ts'
import type { ScopeTable } from './scope-table.ts'
import type { Scope } from './scope.ts'
import type { Reservation, ResourceRefusal, ScopeClass, ScopeHandle, ScopeUsage, Span } from '@cordon/interface-resource-manager'

/**
 * A way to a scope that exists by itself. What is reserved through it stays when the handle is released, and keeps
 * the scope: then it is the memory that uses it.
 */
export class NamedScope implements ScopeHandle, Holder {
  readonly #graph: Graph
  readonly #scope: Scope
  readonly #parent: Scope | undefined
  /** Absent for scopes that are always there */
  readonly #table: ScopeTable | undefined
  #closed = false

  constructor (graph: Graph, scope: Scope, parent: Scope | undefined, table: ScopeTable | undefined) {
    this.#graph = graph
    this.#scope = scope
    this.#parent = parent
    this.#table = table
    scope.pins++
  }

  get class (): ScopeClass {
    return this.#scope.kind.name
  }

  get name (): string {
    return scopeName(this.#scope.kind.name, this.#scope.name, '')
  }

  get [bound] (): Limits {
    return this.#scope.limits
  }

  usage (): ScopeUsage {
    return this.#closed ? NO_USE : usageOf(this.#scope)
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
    this[drop]()
  }

  [Symbol.dispose] (): void {
    this.release()
  }

  [charge] (size: number, priority: number): ResourceRefusal | undefined {
    const scope = this.#scope
    const parent = this.#parent
    if (scope.refusesMemory(size, priority) === MEMORY) return refuseMemory(scope, size, priority)
    if (parent !== undefined && parent.refusesMemory(size, priority) === MEMORY) return refuseMemory(parent, size, priority)
    scope.addMemory(size)
    parent?.addMemory(size)
    this.#graph.admitted.reservations++
    return undefined
  }

  [credit] (size: number): void {
    this.#scope.memory -= size
    if (this.#parent !== undefined) this.#parent.memory -= size
  }

  [hold] (): void {
    this.#scope.pins++
  }

  [drop] (): void {
    this.#scope.pins--
    this.#table?.settle(this.#scope)
  }
}
