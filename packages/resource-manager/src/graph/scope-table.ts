import type { Kind } from './kind.ts'
import type { Scope } from './scope.ts'

/**
 * All peers, or protocols, or services. A scope goes when its last user leaves, but a bounded number lingers: in the
 * order in which they were left they wait in a line, and who is found unused at its end goes. Nothing ever looks at
 * all of them.
 */
export class ScopeTable {
  readonly kind: Kind<Scope>
  readonly #maxIdle: number
  /** As many as have users, and `maxIdle` */
  readonly #scopes = new Map<string, Scope>()
  /** The line, at most `maxIdle` long, and a circle from then on. Who is used again keeps its place. */
  readonly #line: Scope[] = []
  /** Who is at the end of the circle */
  #next = 0

  constructor (kind: Kind<Scope>, maxIdle: number) {
    this.kind = kind
    this.#maxIdle = maxIdle
  }

  /** The scope by this name, or an empty one that stands in for it until the next call; `enter` makes it real */
  find (name: string): Scope {
    return this.#scopes.get(name) ?? this.kind.standIn(name, '')
  }

  /** What `find` returned is about to be used */
  enter (scope: Scope): Scope {
    if (scope === this.kind.vacant) this.#scopes.set(scope.name, this.kind.enter())
    return scope
  }

  /** After something was taken from it: lets it linger where nobody uses it any more */
  settle (scope: Scope): void {
    if (!scope.lingers && scope.unused) this.#linger(scope)
  }

  /** Other limits apply from now on */
  limit (): void {
    const { limits } = this.kind
    for (const scope of this.#scopes.values()) scope.limits = limits.of(scope.name)
  }

  values (): IterableIterator<Scope> {
    return this.#scopes.values()
  }

  #linger (scope: Scope): void {
    const line = this.#line
    if (line.length < this.#maxIdle) {
      line.push(scope)
    } else {
      const oldest = line[this.#next]
      if (oldest === undefined) {
        this.#forget(scope)
        return
      }
      line[this.#next] = scope
      this.#next = (this.#next + 1) % line.length
      oldest.lingers = false
      if (oldest.unused) this.#forget(oldest)
    }
    scope.lingers = true
  }

  #forget (scope: Scope): void {
    this.#scopes.delete(scope.name)
    this.kind.absorb(scope)
  }
}
