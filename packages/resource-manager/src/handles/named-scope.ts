import { ScopeClosedError } from '@cordon/interface-resource-manager'
import { scopeName } from '../graph/names.ts'
import { NO_USE } from '../graph/usage.ts'
import { refuseMemory } from '../reports/refusals.ts'
import { bound, charge, credit, drop, ended, hold, Holder, home } from './holder.ts'
import type { Graph } from '../graph/graph.ts'
import type { ScopeTable } from '../graph/scope-table.ts'
import type { Scope } from '../graph/scope.ts'
import type { Limits } from '../limits/limits.ts'
import type { Reservation, ResourceRefusal, ScopeClass, ScopeHandle, ScopeUsage } from '@cordon/interface-resource-manager'

/**
 * A way to a scope that exists by itself. What is reserved through it stays when the handle is released, and keeps
 * the scope: then it is the memory that uses it.
 */
export class NamedScope extends Holder implements ScopeHandle {
  readonly #graph: Graph
  readonly #scope: Scope
  readonly #parent: Scope | undefined
  /** Absent for scopes that are always there */
  readonly #table: ScopeTable | undefined
  #closed = false

  constructor (graph: Graph, scope: Scope, parent: Scope | undefined, table: ScopeTable | undefined) {
    super()
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

  get [ended] (): boolean {
    return this.#closed
  }

  get [home] (): Graph {
    return this.#graph
  }

  usage (): ScopeUsage {
    return this.#closed ? NO_USE : this.#scope.usage()
  }

  override reserveMemory (size: number, priority?: number): Reservation | ResourceRefusal {
    // what is in the scope goes on
    if (this.#closed) throw new ScopeClosedError(this.name)
    return super.reserveMemory(size, priority)
  }

  release (): void {
    if (this.#closed) return
    this.#closed = true
    this[drop]()
  }

  [charge] (size: number, priority: number): ResourceRefusal | undefined {
    const scope = this.#scope
    const parent = this.#parent
    if (scope.lacksMemory(size, priority)) return refuseMemory(scope, size, priority)
    if (parent !== undefined && parent.lacksMemory(size, priority)) return refuseMemory(parent, size, priority)
    scope.addMemory(size)
    parent?.addMemory(size)
    this.#graph.admitted.reservations++
    return undefined
  }

  [credit] (size: number): void {
    this.#scope.memory -= size
    if (this.#parent !== undefined) this.#parent.memory -= size
  }

  override [hold] (): void {
    this.#scope.pins++
  }

  override [drop] (): void {
    this.#scope.pins--
    this.#table?.settle(this.#scope)
  }
}
