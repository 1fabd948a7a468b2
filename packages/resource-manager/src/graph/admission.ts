import type { Graph } from './graph.ts'
import type { Scope } from './scope.ts'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { Lifted } from '@cordon/interface-resource-manager'

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
  /** Of a stream, or what stands in for it */
  peer: Scope

  constructor (graph: Graph) {
    this.#graph = graph
    this.transient = graph.transient
    this.root = graph.system
    this.full = graph.system
    this.peer = graph.peers.find('')
  }

  /** The cause, or 0. Who has asked the allowlist already says what it lifted. */
  connection (inbound: boolean, descriptors: number, address: NormalisedAddress | undefined, peer: string | undefined, lifted?: Lifted): number {
    const graph = this.#graph
    this.full = graph.connection.vacant
    const cause = this.full.refusesConnection(inbound, descriptors)
    if (cause !== 0) return cause
    const normal = this.#connectionIn(graph.transient, graph.system, inbound, descriptors)
    if (normal === 0 || !graph.trusts) return normal
    const { lane } = lifted ?? graph.lifts(address, peer)
    // all of it once more: an allowlist that uses the manager leaves its own answers here
    if (!lane) return this.#connectionIn(graph.transient, graph.system, inbound, descriptors)
    return this.#connectionIn(graph.allowlistedTransient, graph.allowlistedSystem, inbound, descriptors)
  }

  /** The cause, or 0 */
  stream (inbound: boolean, name: string, address: NormalisedAddress | undefined): number {
    const graph = this.#graph
    const cause = this.#streamOf(name, inbound)
    if (cause !== 0) return cause
    const normal = this.#streamIn(graph.transient, graph.system, inbound)
    if (normal === 0 || !graph.trusts) return normal
    const { lane } = graph.lifts(address, name)
    const changed = this.#streamOf(name, inbound)
    if (changed !== 0) return changed
    return lane ? this.#streamIn(graph.allowlistedTransient, graph.allowlistedSystem, inbound) : this.#streamIn(graph.transient, graph.system, inbound)
  }

  /** What is asked before the scopes of a lane: its own limit, and its peer */
  #streamOf (name: string, inbound: boolean): number {
    const graph = this.#graph
    this.full = graph.stream.vacant
    const own = this.full.refusesStream(inbound)
    if (own !== 0) return own
    this.full = this.peer = graph.peers.find(name)
    return this.full.refusesStream(inbound)
  }

  #connectionIn (transient: Scope, root: Scope, inbound: boolean, descriptors: number): number {
    this.transient = this.full = transient
    this.root = root
    const cause = transient.refusesConnection(inbound, descriptors)
    if (cause !== 0) return cause
    this.full = root
    return root.refusesConnection(inbound, descriptors)
  }

  #streamIn (transient: Scope, root: Scope, inbound: boolean): number {
    this.transient = this.full = transient
    this.root = root
    const cause = transient.refusesStream(inbound)
    if (cause !== 0) return cause
    this.full = root
    return root.refusesStream(inbound)
  }
}
