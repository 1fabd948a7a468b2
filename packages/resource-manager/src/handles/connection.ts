import { ScopeAttachedError, ScopeClosedError } from '@cordon/interface-resource-manager'
import { INSPECT } from '@cordon/options'
import { NOTHING_LIFTED } from '../allowlist.ts'
import { checkName } from '../graph/names.ts'
import { NO_USE } from '../graph/usage.ts'
import { isCountedIn } from '../prefixes/guests.ts'
import { GoneRefusal, refuse, refuseMemory } from '../reports/refusals.ts'
import { bound, charge, credit, ended, Holder, home, refuseLeaf } from './holder.ts'
import type { Graph } from '../graph/graph.ts'
import type { Scope } from '../graph/scope.ts'
import type { Limits } from '../limits/limits.ts'
import type { Guest, Places } from '../prefixes/guests.ts'
import type { Direction, NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { ConnectionScope, ResourceRefusal, ScopeUsage } from '@cordon/interface-resource-manager'

/** One connection: counted in the transient scope, later in that of its peer, and always in the system scope of its lane */
export class ConnectionHandle extends Holder implements ConnectionScope, Guest {
  readonly address: NormalisedAddress | undefined
  places: Places | undefined = undefined
  older: Guest | undefined = undefined
  newer: Guest | undefined = undefined
  readonly #graph: Graph
  readonly #id: number
  readonly #inbound: boolean
  readonly #descriptors: number
  /** By which rules it took a token of each of its prefixes, see `Prefixes.version`; 0 if it took none */
  readonly #metered: number
  /** The transient scope, then the peer's */
  #near: Scope
  #root: Scope
  #memory = 0
  #closed = false

  /** For what was found to have room, and counts it */
  constructor (graph: Graph, inbound: boolean, descriptors: number, address: NormalisedAddress | undefined, metered: number, transient: Scope, root: Scope) {
    super()
    this.address = address
    this.#graph = graph
    this.#id = graph.nextId()
    this.#inbound = inbound
    this.#descriptors = descriptors
    this.#metered = metered
    this.#near = transient
    this.#root = root
    transient.addConnection(inbound, descriptors, 0)
    root.addConnection(inbound, descriptors, 0)
  }

  get class (): 'connection' {
    return 'connection'
  }

  get name (): string {
    return `conn-${this.#id}`
  }

  get direction (): Direction {
    return this.#inbound ? 'inbound' : 'outbound'
  }

  get usesDescriptor (): boolean {
    return this.#descriptors > 0
  }

  get allowlisted (): boolean {
    return this.#root === this.#graph.allowlistedSystem
  }

  get peer (): string | undefined {
    return this.#attached ? this.#near.name : undefined
  }

  get #attached (): boolean {
    return this.#near.kind.name === 'peer'
  }

  isCountedIn (scope: string): boolean {
    return isCountedIn(this, scope)
  }

  get [bound] (): Limits {
    return this.#graph.connectionLimits
  }

  get [ended] (): boolean {
    return this.#closed
  }

  get [home] (): Graph {
    return this.#graph
  }

  /** For logs: not all the others that its neighbours lead to */
  toJSON (): object {
    const { name, direction, peer, address, allowlisted } = this
    return { name, direction, peer, address: address?.key, allowlisted, usage: this.usage() }
  }

  [INSPECT] (): object {
    return this.toJSON()
  }

  usage (): ScopeUsage {
    if (this.#closed) return NO_USE
    const [connectionsInbound, connectionsOutbound] = this.#inbound ? [1, 0] : [0, 1]
    return { ...NO_USE, connectionsInbound, connectionsOutbound, fileDescriptors: this.#descriptors, memory: this.#memory }
  }

  setPeer (peer: string): ResourceRefusal | undefined {
    checkName('peer', peer)
    // before anything is looked at: the allowlist may use the manager, and this connection
    const lifted = this.places !== undefined || this.allowlisted ? this.#graph.lifts(this.address, peer) : NOTHING_LIFTED
    if (this.#closed) throw new ScopeClosedError(this.name)
    if (this.#attached) throw new ScopeAttachedError(this.name, `peer:${this.#near.name}`)
    const graph = this.#graph
    const inbound = this.#inbound
    const root = this.allowlisted && !lifted.lane ? graph.system : this.#root

    // what it gains: the peer, and the normal system scope where the allowlist does not name this peer
    const left = this.#root === root ? undefined : this.#root
    if (left !== undefined) {
      const cause = root.refusesArrivalOfConnection(inbound, this.#descriptors, this.#memory)
      if (cause !== 0) return refuse(root, cause, inbound, this.#memory)
    }
    const found = graph.peers.find(peer)
    const cause = found.refusesArrivalOfConnection(inbound, this.#descriptors, this.#memory)
    if (cause !== 0) return refuse(found, cause, inbound, this.#memory)

    const scope = graph.peers.enter(found)
    if (left !== undefined) {
      root.addConnection(inbound, this.#descriptors, this.#memory)
      left.removeConnection(inbound, this.#descriptors, this.#memory)
      this.#root = root
    }
    scope.addConnection(inbound, this.#descriptors, this.#memory)
    this.#near.removeConnection(inbound, this.#descriptors, this.#memory)
    this.#near = scope
    if (inbound) graph.admitted.connectionsIdentifiedInbound++
    else graph.admitted.connectionsIdentifiedOutbound++
    // it turns out that this peer needs no place among its prefixes
    if (lifted.counts) graph.prefixes.leave(this)
    return undefined
  }

  release (): void {
    if (this.#closed) return
    this.#closed = true
    this.#near.removeConnection(this.#inbound, this.#descriptors, this.#memory)
    this.#root.removeConnection(this.#inbound, this.#descriptors, this.#memory)
    this.#graph.memoryOfConnections -= this.#memory
    this.#memory = 0
    this.#graph.prefixes.leave(this)
    if (this.#attached) this.#graph.peers.settle(this.#near)
  }

  cancel (): void {
    if (this.#closed) return
    const { address } = this
    // who has proven who it is was let in: what ends now is no admission that came to nothing. By other rules it would get back what it never took.
    const cameToNothing = this.#metered === this.#graph.prefixes.version && !this.#attached
    this.release()
    if (cameToNothing && address !== undefined) this.#graph.prefixes.refund(address)
  }

  [charge] (size: number, priority: number): ResourceRefusal | undefined {
    if (this.#closed) return new GoneRefusal('connection', this)
    const near = this.#near
    const root = this.#root
    const refusal = refuseLeaf(this, this.#memory, size, priority)
    if (refusal !== undefined) return refusal
    if (near.lacksMemory(size, priority)) return refuseMemory(near, size, priority)
    if (root.lacksMemory(size, priority)) return refuseMemory(root, size, priority)
    this.#memory += size
    near.addMemory(size)
    root.addMemory(size)
    this.#graph.memoryOfConnections += size
    this.#graph.admitted.reservations++
    return undefined
  }

  [credit] (size: number): void {
    if (this.#closed) return
    this.#memory -= size
    this.#near.memory -= size
    this.#root.memory -= size
    this.#graph.memoryOfConnections -= size
  }
}
