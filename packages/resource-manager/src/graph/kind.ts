import { CAUSES } from './causes.ts'
import { emptyPeak } from './peak.ts'
import type { Limits, LimitSet } from '../limits/limits.ts'
import type { Peak } from './peak.ts'
import type { Share } from './share.ts'
import type { Tally } from './tally.ts'
import type { ScopeClass } from '@cordon/interface-resource-manager'

/**
 * How many shares that nobody uses are kept for others: new ones, which their peers kept, made `churnn` of
 * `bench -- resource-manager` take 0.44 of go-libp2p's time at a million peers, instead of 0.25 to 0.32. One would do where
 * streams come one by one.
 */
const MAX_SPARES = 16

/** What a scope of some kind is */
type Made<S extends Share> = new (kind: Kind, name: string, peer: string, limits: Limits) => S

/** All scopes of one kind: what limits them, and what is kept of those that are gone */
export class Kind<S extends Share = Share> {
  readonly name: ScopeClass
  limits: LimitSet
  /** Of all that ever were, together */
  readonly refusals: Tally = CAUSES.map(() => 0)
  /** Those among them of what is outbound; memory has no direction */
  readonly outboundRefusals: Tally = CAUSES.map(() => 0)
  /** The highest of those that are gone */
  readonly peak: Peak = emptyPeak()
  readonly #Made: Made<S>
  readonly #spares: S[] = []
  /** Stands in for a scope that does not exist, so that it need not be made before it is known to have room */
  vacant: S

  constructor (name: ScopeClass, limits: LimitSet, made: Made<S>) {
    this.name = name
    this.limits = limits
    this.#Made = made
    this.vacant = this.make()
  }

  /** Other limits apply from now on */
  limit (limits: LimitSet): void {
    this.limits = limits
    this.vacant.limits = limits.byDefault
  }

  /** One without a name */
  make (): S {
    return new this.#Made(this, '', '', this.limits.byDefault)
  }

  /** An empty scope by this name that nothing may be added to, unless it enters; until the next call */
  standIn (name: string, peer: string): S {
    const scope = this.vacant
    scope.name = name
    scope.peer = peer
    scope.limits = this.limits.of(name)
    return scope
  }

  /** What stands in becomes real, and something else stands in from now on */
  enter (): S {
    const scope = this.vacant
    this.vacant = this.#spares.pop() ?? this.make()
    return scope
  }

  /** Keeps what is to be remembered of a scope that goes */
  absorb (scope: S): void {
    scope.raise(this.peak)
  }

  /** The same for a share that nobody uses any more, which may be another one from now on. Not for scopes: handles read their names after they have ended. */
  recycle (share: S): void {
    this.absorb(share)
    if (this.#spares.length === MAX_SPARES) return
    share.renew()
    this.#spares.push(share)
  }
}
