import { Ring } from './ring.ts'
import { Scope } from './scope.ts'
import type { Kind } from './kind.ts'

/**
 * All peers, or protocols, or services. A scope goes when its last user leaves; a bounded number lingers, the one
 * that was left first goes first. Nothing ever looks at all of them.
 */
export class ScopeTable {
  readonly kind: Kind
  readonly #maxIdle: number
  /** As many as have users, and `maxIdle` */
  readonly #scopes = new Map<string, Scope>()
  /** Those that linger, in the order in which they were left */
  readonly #lingering = new Ring<Scope>()

  constructor (kind: Kind, maxIdle: number) {
    this.kind = kind
    this.#maxIdle = maxIdle
  }

  /** How many there are, those that linger included */
  get size (): number {
    return this.#scopes.size
  }

  /** How many linger */
  get idle (): number {
    return this.#lingering.size
  }

  get (name: string): Scope | undefined {
    return this.#scopes.get(name)
  }

  /** The scope by this name, or an empty one that stands in for it until the next call; `enter` makes it real */
  find (name: string): Scope {
    return this.#scopes.get(name) ?? this.kind.standIn(name, '')
  }

  /** What `find` returned is about to be used */
  enter (scope: Scope): Scope {
    if (scope === this.kind.vacant) {
      const made = new Scope(this.kind, scope.name, '', scope.limits)
      this.#scopes.set(made.name, made)
      return made
    }
    if (scope.ring !== undefined) scope.ring.remove(scope)
    return scope
  }

  /** After something was taken from it: lets it linger where nobody uses it any more */
  settle (scope: Scope): void {
    if (scope.ring !== undefined || !scope.unused) return
    this.#lingering.push(scope)
    const { oldest } = this.#lingering
    if (this.#lingering.size > this.#maxIdle && oldest !== undefined) this.#forget(oldest)
  }

  /** Other limits apply from now on */
  limit (): void {
    const { limits } = this.kind
    for (const scope of this.#scopes.values()) scope.limits = limits.of(scope.name)
  }

  values (): IterableIterator<Scope> {
    return this.#scopes.values()
  }

  #forget (scope: Scope): void {
    this.#lingering.remove(scope)
    this.#scopes.delete(scope.name)
    this.kind.absorb(scope)
    scope.protocols?.absorb()
    scope.services?.absorb()
  }
}
