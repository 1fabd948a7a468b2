import { ScopeAttachedError, ScopeClosedError } from '@cordon/interface-resource-manager'
import { NOTHING_LIFTED } from './allowlist.ts'
import { MEMORY, NONE } from './causes.ts'
import { bound, charge, credit, drop, hold } from './holder.ts'
import { exceeds } from './limits.ts'
import { checkName } from './names.ts'
import { NOWHERE } from './prefixes.ts'
import { GoneRefusal, LimitRefusal, refuse, refuseMemory } from './refusals.ts'
import { checkPriority, checkSize, Token } from './reservation.ts'
import { SpanHandle } from './span.ts'
import { NO_USE } from './usage.ts'
import type { Graph } from './graph.ts'
import type { Holder } from './holder.ts'
import type { Limits } from './limits.ts'
import type { Place } from './prefixes.ts'
import type { Scope } from './scope.ts'
import type { Direction, NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { ConnectionScope, Reservation, ResourceRefusal, ScopeUsage, Span } from '@cordon/interface-resource-manager'

/** One connection: counted in the transient scope, later in that of its peer, and always in the system scope of its lane */
export class ConnectionHandle implements ConnectionScope, Holder {
  readonly address: NormalisedAddress | undefined
  readonly #graph: Graph
  readonly #id: number
  readonly #inbound: boolean
  readonly #descriptors: number
  /** Where it is counted among the connections of its prefixes */
  #place: Place
  /** The transient scope, then the peer's */
  #near: Scope
  #root: Scope
  #attached = false
  #memory = 0
  #closed = false

  /** For what was found to have room, and counts it */
  constructor (graph: Graph, inbound: boolean, descriptors: number, address: NormalisedAddress | undefined, place: Place, transient: Scope, root: Scope) {
    this.address = address
    this.#graph = graph
    this.#id = graph.nextId()
    this.#inbound = inbound
    this.#descriptors = descriptors
    this.#place = place
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

  get [bound] (): Limits {
    return this.#graph.connection.limits.byDefault
  }

  usage (): ScopeUsage {
    if (this.#closed) return NO_USE
    const [connectionsInbound, connectionsOutbound] = this.#inbound ? [1, 0] : [0, 1]
    return { ...NO_USE, connectionsInbound, connectionsOutbound, fileDescriptors: this.#descriptors, memory: this.#memory }
  }

  setPeer (peer: string): ResourceRefusal | undefined {
    checkName('peer', peer)
    // before anything is looked at: the allowlist may use the manager, and this connection
    const lifted = this.#place.length > 0 || this.allowlisted ? this.#graph.lifts(this.address, peer) : NOTHING_LIFTED
    if (this.#closed) throw new ScopeClosedError(this.name)
    if (this.#attached) throw new ScopeAttachedError(this.name, `peer:${this.#near.name}`)
    const graph = this.#graph
    const inbound = this.#inbound
    const root = this.allowlisted && !lifted.lane ? graph.system : this.#root

    // what it gains: the peer, and the normal system scope where the allowlist does not name this peer
    const left = this.#root === root ? undefined : this.#root
    if (left !== undefined) {
      const cause = root.refusesArrivalOfConnection(inbound, this.#descriptors, this.#memory)
      if (cause !== NONE) return refuse(root, cause, inbound, this.#memory)
    }
    const found = graph.peers.find(peer)
    const cause = found.refusesArrivalOfConnection(inbound, this.#descriptors, this.#memory)
    if (cause !== NONE) return refuse(found, cause, inbound, this.#memory)

    const scope = graph.peers.enter(found)
    if (left !== undefined) {
      root.addConnection(inbound, this.#descriptors, this.#memory)
      left.removeConnection(inbound, this.#descriptors, this.#memory)
      this.#root = root
    }
    scope.addConnection(inbound, this.#descriptors, this.#memory)
    this.#near.removeConnection(inbound, this.#descriptors, this.#memory)
    this.#near = scope
    this.#attached = true
    if (inbound) graph.admitted.connectionsIdentifiedInbound++
    else graph.admitted.connectionsIdentifiedOutbound++
    if (lifted.counts) {
      // it turns out that this peer needs no place among its prefixes
      graph.prefixes.leave(this.#place)
      this.#place = NOWHERE
    }
    return undefined
  }

  release (): void {
    if (this.#closed) return
    this.#closed = true
    this.#near.removeConnection(this.#inbound, this.#descriptors, this.#memory)
    this.#root.removeConnection(this.#inbound, this.#descriptors, this.#memory)
    this.#memory = 0
    this.#graph.prefixes.leave(this.#place)
    if (this.#attached) this.#graph.peers.settle(this.#near)
  }

  cancel (): void {
    if (this.#closed) return
    // first, so that an allowlist that uses this connection finds it released
    this.release()
    if (this.#inbound && this.address !== undefined) this.#graph.prefixes.refund(this.address, this.#graph.lifts(this.address, undefined))
  }

  [Symbol.dispose] (): void {
    this.release()
  }

  reserveMemory (size: number, priority = 255): Reservation | ResourceRefusal {
    checkSize(size)
    checkPriority(priority)
    if (this.#closed) throw new ScopeClosedError(this.name)
    return this[charge](size, priority) ?? new Token(this, size, priority)
  }

  beginSpan (): Span {
    if (this.#closed) throw new ScopeClosedError(this.name)
    return new SpanHandle(this.#graph, this)
  }

  [charge] (size: number, priority: number): ResourceRefusal | undefined {
    if (this.#closed) return new GoneRefusal('connection', this)
    const limits = this[bound]
    if (size > 0 && exceeds(this.#memory + size, limits.memory, priority)) {
      this.#graph.countLeaf('connection', MEMORY)
      return new LimitRefusal('connection', this, '', limits, MEMORY, this.#memory, size, undefined, priority)
    }
    if (this.#near.refusesMemory(size, priority) === MEMORY) return refuseMemory(this.#near, size, priority)
    if (this.#root.refusesMemory(size, priority) === MEMORY) return refuseMemory(this.#root, size, priority)
    this.#memory += size
    this.#near.addMemory(size)
    this.#root.addMemory(size)
    this.#graph.admitted.reservations++
    return undefined
  }

  [credit] (size: number): void {
    if (this.#closed) return
    this.#memory -= size
    this.#near.memory -= size
    this.#root.memory -= size
  }

  /** What is in a connection ends with it */
  [hold] (): void {}
  [drop] (): void {}
}
