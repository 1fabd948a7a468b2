import { Scope } from './scope.ts'
import type { Kind } from './kind.ts'

/**
 * The shares of one peer in protocols, or in services. The first is kept in place, because most peers use one at a
 * time; a map is made for the second. Of those that nobody uses only the one in place stays, and gives way to the
 * next.
 */
export class SubScopes {
  readonly #kind: Kind
  readonly #peer: string
  #first: Scope | undefined
  /** As many as the peer has streams of different protocols at once, bounded by its limit of streams */
  #more: Map<string, Scope> | undefined

  constructor (kind: Kind, peer: string) {
    this.#kind = kind
    this.#peer = peer
  }

  get (name: string): Scope | undefined {
    return this.#first?.name === name ? this.#first : this.#more?.get(name)
  }

  /** Makes a stand-in real */
  make (name: string): Scope {
    const scope = new Scope(this.#kind, name, this.#peer, this.#kind.limits.of(name))
    if (this.#first == null || this.#first.unused) {
      if (this.#first != null) this.#kind.absorb(this.#first)
      this.#first = scope
    } else {
      this.#more ??= new Map()
      this.#more.set(name, scope)
    }
    return scope
  }

  /** After something was taken from it: lets it go where nobody uses it any more */
  settle (scope: Scope): void {
    if (scope !== this.#first && scope.unused) {
      this.#more?.delete(scope.name)
      this.#kind.absorb(scope)
    }
  }

  /** The peer goes */
  absorb (): void {
    for (const scope of this) this.#kind.absorb(scope)
  }

  * [Symbol.iterator] (): Generator<Scope> {
    if (this.#first != null) yield this.#first
    if (this.#more != null) yield * this.#more.values()
  }
}
