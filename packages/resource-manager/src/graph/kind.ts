import { CAUSES } from './causes.ts'
import { raise } from './peak.ts'
import { Scope } from './scope.ts'
import type { LimitSet } from '../limits/limits.ts'
import type { Peak } from './peak.ts'
import type { Tally } from './tally.ts'
import type { ScopeClass } from '@cordon/interface-resource-manager'

/** All scopes of one kind: what limits them, and what is kept of those that are gone */
export class Kind {
  readonly name: ScopeClass
  limits: LimitSet
  /** Of all that ever were, together */
  readonly refusals: Tally = CAUSES.map(() => 0)
  /** Those among them of what is outbound; memory has no direction */
  readonly outboundRefusals: Tally = CAUSES.map(() => 0)
  /** The highest of those that are gone */
  readonly peak: Peak = { connections: 0, connectionsInbound: 0, connectionsOutbound: 0, streams: 0, streamsInbound: 0, streamsOutbound: 0, fileDescriptors: 0, memory: 0 }
  /** Stands in for a scope that does not exist, so that it need not be made before it is known to have room */
  readonly vacant: Scope

  constructor (name: ScopeClass, limits: LimitSet) {
    this.name = name
    this.limits = limits
    this.vacant = new Scope(this, '', '', limits.byDefault)
  }

  /** Other limits apply from now on */
  limit (limits: LimitSet): void {
    this.limits = limits
    this.vacant.limits = limits.byDefault
  }

  /** An empty scope by this name that nothing may be added to; until the next call */
  standIn (name: string, peer: string): Scope {
    const scope = this.vacant
    scope.name = name
    scope.peer = peer
    scope.limits = this.limits.of(name)
    return scope
  }

  /** Keeps what is to be remembered of a scope that goes */
  absorb (scope: Scope): void {
    raise(this.peak, scope)
  }
}
