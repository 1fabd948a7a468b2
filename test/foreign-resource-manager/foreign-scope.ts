import { add, NO_PEAK, NOTHING } from './foreign-usage.ts'
import type { RefusalCause, ScopeClass, ScopeLimits, ScopePeak, ScopeUsage } from '@cordon/interface-resource-manager'

/** What there are limits of: the limits, and where they are set */
export interface Bounds {
  readonly limits: ScopeLimits
  readonly path: string
}

export interface ScopeInit {
  readonly class: ScopeClass
  readonly name: string
  readonly bounds: () => Bounds
  readonly parents?: readonly Scope[]
  /** Where its line ends: one of the two system scopes */
  readonly root?: Scope
  /** Stands directly below the root, whichever that is */
  readonly rooted?: boolean
  /** The name of the protocol or service, and that of the peer */
  readonly of?: string
  readonly peer?: string
}

/**
 * One scope. It knows its parents, what it holds itself and the spans within it, and nothing of what counts in it:
 * that is asked of everybody who stands below.
 */
export class Scope {
  readonly class: ScopeClass
  readonly name: string
  readonly bounds: () => Bounds
  readonly rooted: boolean
  readonly of?: string
  readonly peer?: string
  parents: readonly Scope[]
  root: Scope | undefined
  /** What it holds besides memory, once it has a place: one connection, or one stream */
  base: ScopeUsage = NOTHING
  readonly reservations = new Set<{ readonly size: number }>()
  readonly spans = new Set<Scope>()
  readonly handles = new Set<object>()
  readonly refusals: Partial<Record<RefusalCause, number>> = {}
  peak: ScopePeak = NO_PEAK
  ended = false
  begun = 0

  constructor (init: ScopeInit) {
    this.class = init.class
    this.name = init.name
    this.bounds = init.bounds
    this.parents = init.parents ?? []
    this.root = init.root
    this.rooted = init.rooted ?? false
    if (init.of != null) this.of = init.of
    if (init.peer != null) this.peer = init.peer
  }

  /** Where its line ends */
  get lane (): Scope | undefined {
    return this.class === 'span' ? this.parents[0]?.lane : this.root
  }

  /**
   * This scope and all above it, the nearest first, each once; without those that have ended, and whatever is only
   * reached through them.
   */
  line (parents: readonly Scope[] = this.parents, root: Scope | undefined = this.lane): Set<Scope> {
    const line = new Set<Scope>([this])
    // what is added to a set while it is walked is walked as well: level by level
    for (const scope of line) {
      const above = scope === this ? parents : scope.parents
      for (const parent of scope.rooted && root != null ? [...above, root] : above) {
        if (!parent.ended) line.add(parent)
      }
    }
    return line
  }

  /** What it holds itself, with what its spans hold */
  total (): ScopeUsage {
    const memory = [...this.reservations].reduce((sum, { size }) => sum + size, 0)
    return [...this.spans].reduce((sum, span) => add(sum, span.total()), add(this.base, { ...NOTHING, memory }))
  }

  /** The nearest that has ended: this scope, or one through which it was reached */
  gone (): Scope | undefined {
    if (this.ended) return this
    if (this.class !== 'span') return undefined
    return this.parents[0]?.gone()
  }

  beginSpan (): Scope {
    const span = new Scope({ class: 'span', name: `${this.name}.span-${++this.begun}`, bounds: this.bounds, parents: [this] })
    this.spans.add(span)
    return span
  }
}
