import { NONE } from './causes.ts'
import type { Graph } from './graph.ts'
import type { Scope } from './scope.ts'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'

/**
 * Finds where a connection or a stream has room, and changes nothing: first in the normal scopes, then, where the
 * transient or the system scope is full, in the allowlisted ones. The answer is in its fields, so that asking
 * allocates nothing.
 */
export class Admission {
  readonly #graph: Graph
  /** The pair in which there is room */
  transient: Scope
  root: Scope
  /** Who has no room */
  full: Scope

  constructor (graph: Graph) {
    this.#graph = graph
    this.transient = graph.transient
    this.root = graph.system
    this.full = graph.system
  }

  /** The cause, or `NONE` */
  connection (inbound: boolean, descriptors: number, address: NormalisedAddress | undefined, peer: string | undefined): number {
    const graph = this.#graph
    this.full = graph.connection.vacant
    const cause = this.full.refusesConnection(inbound, descriptors)
    if (cause !== NONE) return cause
    const normal = this.#connectionIn(graph.transient, graph.system, inbound, descriptors)
    if (normal === NONE || !graph.trusts || !graph.lifts(address, peer).lane) return normal
    return this.#connectionIn(graph.allowlistedTransient, graph.allowlistedSystem, inbound, descriptors)
  }

  /** The cause, or `NONE` */
  stream (inbound: boolean, peer: Scope, address: NormalisedAddress | undefined): number {
    const graph = this.#graph
    this.full = graph.stream.vacant
    const own = this.full.refusesStream(inbound)
    if (own !== NONE) return own
    this.full = peer
    const cause = peer.refusesStream(inbound)
    if (cause !== NONE) return cause
    const normal = this.#streamIn(graph.transient, graph.system, inbound)
    if (normal === NONE || !graph.trusts || !graph.lifts(address, peer.name).lane) return normal
    return this.#streamIn(graph.allowlistedTransient, graph.allowlistedSystem, inbound)
  }

  #connectionIn (transient: Scope, root: Scope, inbound: boolean, descriptors: number): number {
    this.transient = this.full = transient
    this.root = root
    const cause = transient.refusesConnection(inbound, descriptors)
    if (cause !== NONE) return cause
    this.full = root
    return root.refusesConnection(inbound, descriptors)
  }

  #streamIn (transient: Scope, root: Scope, inbound: boolean): number {
    this.transient = this.full = transient
    this.root = root
    const cause = transient.refusesStream(inbound)
    if (cause !== NONE) return cause
    this.full = root
    return root.refusesStream(inbound)
  }
}
