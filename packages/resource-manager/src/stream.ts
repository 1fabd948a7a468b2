import { ProtocolNotSetError, ScopeAttachedError, ScopeClosedError } from '@cordon/interface-resource-manager'
import { MEMORY, NONE } from './causes.ts'
import { bound, charge, credit, drop, hold } from './holder.ts'
import { exceeds } from './limits.ts'
import { checkName } from './names.ts'
import { GoneRefusal, LimitRefusal, refuse, refuseMemory } from './refusals.ts'
import { checkPriority, checkSize, Token } from './reservation.ts'
import { SpanHandle } from './span.ts'
import { SubScopes } from './sub-scopes.ts'
import { NO_USE } from './usage.ts'
import type { Graph } from './graph.ts'
import type { Holder } from './holder.ts'
import type { Limits } from './limits.ts'
import type { Scope } from './scope.ts'
import type { Direction } from '@cordon/interface-connection-lifecycle'
import type { Reservation, ResourceRefusal, ScopeUsage, Span, StreamScope } from '@cordon/interface-resource-manager'

/**
 * One stream, with a field for each scope above it. Their order decides who is blamed: the peer, transient until there
 * is a protocol, the peer's shares, the protocol, the service, the system.
 */
export class StreamHandle implements StreamScope, Holder {
  readonly #graph: Graph
  readonly #id: number
  readonly #inbound: boolean
  readonly #peer: Scope
  readonly #root: Scope
  #transient: Scope | undefined
  #protocolPeer: Scope | undefined
  #servicePeer: Scope | undefined
  #protocol: Scope | undefined
  #service: Scope | undefined
  #memory = 0
  #closed = false

  /** For what was found to have room, and counts it */
  constructor (graph: Graph, inbound: boolean, peer: Scope, transient: Scope, root: Scope) {
    this.#graph = graph
    this.#id = graph.nextId()
    this.#inbound = inbound
    this.#peer = peer
    this.#root = root
    this.#transient = transient
    this.#protocolPeer = undefined
    this.#servicePeer = undefined
    this.#protocol = undefined
    this.#service = undefined
    peer.addStream(inbound, 0)
    transient.addStream(inbound, 0)
    root.addStream(inbound, 0)
  }

  get class (): 'stream' {
    return 'stream'
  }

  get name (): string {
    return `stream-${this.#id}`
  }

  get direction (): Direction {
    return this.#inbound ? 'inbound' : 'outbound'
  }

  get peer (): string {
    return this.#peer.name
  }

  get protocol (): string | undefined {
    return this.#protocol?.name
  }

  get service (): string | undefined {
    return this.#service?.name
  }

  get allowlisted (): boolean {
    return this.#root === this.#graph.allowlistedSystem
  }

  get [bound] (): Limits {
    return this.#graph.stream.limits.byDefault
  }

  usage (): ScopeUsage {
    if (this.#closed) return NO_USE
    const [streamsInbound, streamsOutbound] = this.#inbound ? [1, 0] : [0, 1]
    return { ...NO_USE, streamsInbound, streamsOutbound, memory: this.#memory }
  }

  setProtocol (protocol: string): ResourceRefusal | undefined {
    checkName('protocol', protocol)
    if (this.#closed) throw new ScopeClosedError(this.name)
    if (this.#protocol !== undefined) throw new ScopeAttachedError(this.name, `protocol:${this.#protocol.name}`)
    const { protocols, protocolPeer, admitted } = this.#graph
    const inbound = this.#inbound
    const memory = this.#memory

    const found = protocols.find(protocol)
    const cause = found.refusesArrivalOfStream(inbound, memory)
    if (cause !== NONE) return refuse(found, cause, inbound, memory)
    const shares = this.#peer.protocols ??= new SubScopes(protocolPeer, this.#peer.name)
    const known = shares.get(protocol)
    const share = known ?? protocolPeer.standIn(protocol, this.#peer.name)
    const shareCause = share.refusesArrivalOfStream(inbound, memory)
    if (shareCause !== NONE) return refuse(share, shareCause, inbound, memory)

    this.#protocol = protocols.enter(found)
    this.#protocolPeer = known ?? shares.make(protocol)
    this.#protocol.addStream(inbound, memory)
    this.#protocolPeer.addStream(inbound, memory)
    this.#transient?.removeStream(inbound, memory)
    this.#transient = undefined
    if (inbound) admitted.streamsNegotiatedInbound++
    else admitted.streamsNegotiatedOutbound++
    return undefined
  }

  setService (service: string): ResourceRefusal | undefined {
    checkName('service', service)
    if (this.#closed) throw new ScopeClosedError(this.name)
    if (this.#service !== undefined) throw new ScopeAttachedError(this.name, `service:${this.#service.name}`)
    if (this.#protocol === undefined) throw new ProtocolNotSetError(this.name)
    const { services, servicePeer, admitted } = this.#graph
    const inbound = this.#inbound
    const memory = this.#memory

    const found = services.find(service)
    const cause = found.refusesArrivalOfStream(inbound, memory)
    if (cause !== NONE) return refuse(found, cause, inbound, memory)
    const shares = this.#peer.services ??= new SubScopes(servicePeer, this.#peer.name)
    const known = shares.get(service)
    const share = known ?? servicePeer.standIn(service, this.#peer.name)
    const shareCause = share.refusesArrivalOfStream(inbound, memory)
    if (shareCause !== NONE) return refuse(share, shareCause, inbound, memory)

    this.#service = services.enter(found)
    this.#servicePeer = known ?? shares.make(service)
    this.#service.addStream(inbound, memory)
    this.#servicePeer.addStream(inbound, memory)
    if (inbound) admitted.streamsServedInbound++
    else admitted.streamsServedOutbound++
    return undefined
  }

  release (): void {
    if (this.#closed) return
    this.#closed = true
    const inbound = this.#inbound
    const memory = this.#memory
    const { peers, protocols, services } = this.#graph
    const peer = this.#peer
    this.#memory = 0
    this.#root.removeStream(inbound, memory)
    peer.removeStream(inbound, memory)
    this.#transient?.removeStream(inbound, memory)
    if (this.#protocol !== undefined) {
      this.#protocol.removeStream(inbound, memory)
      protocols.settle(this.#protocol)
    }
    if (this.#protocolPeer !== undefined) {
      this.#protocolPeer.removeStream(inbound, memory)
      peer.protocols?.settle(this.#protocolPeer)
    }
    if (this.#service !== undefined) {
      this.#service.removeStream(inbound, memory)
      services.settle(this.#service)
    }
    if (this.#servicePeer !== undefined) {
      this.#servicePeer.removeStream(inbound, memory)
      peer.services?.settle(this.#servicePeer)
    }
    // last: it takes its shares along
    peers.settle(peer)
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
    if (this.#closed) return new GoneRefusal('stream', this)
    const limits = this[bound]
    if (size > 0 && exceeds(this.#memory + size, limits.memory, priority)) {
      this.#graph.countLeaf('stream', MEMORY)
      return new LimitRefusal('stream', this, '', limits, MEMORY, this.#memory, size, undefined, priority)
    }
    const full = this.#full(size, priority)
    if (full !== undefined) return refuseMemory(full, size, priority)
    this.#memory += size
    this.#peer.addMemory(size)
    this.#transient?.addMemory(size)
    this.#protocolPeer?.addMemory(size)
    this.#servicePeer?.addMemory(size)
    this.#protocol?.addMemory(size)
    this.#service?.addMemory(size)
    this.#root.addMemory(size)
    this.#graph.admitted.reservations++
    return undefined
  }

  [credit] (size: number): void {
    if (this.#closed) return
    this.#memory -= size
    this.#peer.memory -= size
    if (this.#transient !== undefined) this.#transient.memory -= size
    if (this.#protocolPeer !== undefined) this.#protocolPeer.memory -= size
    if (this.#servicePeer !== undefined) this.#servicePeer.memory -= size
    if (this.#protocol !== undefined) this.#protocol.memory -= size
    if (this.#service !== undefined) this.#service.memory -= size
    this.#root.memory -= size
  }

  /** What is in a stream ends with it */
  [hold] (): void {}
  [drop] (): void {}

  /** The first scope without room for so much memory */
  #full (size: number, priority: number): Scope | undefined {
    if (this.#peer.refusesMemory(size, priority) !== NONE) return this.#peer
    if (this.#transient !== undefined && this.#transient.refusesMemory(size, priority) !== NONE) return this.#transient
    if (this.#protocolPeer !== undefined && this.#protocolPeer.refusesMemory(size, priority) !== NONE) return this.#protocolPeer
    if (this.#servicePeer !== undefined && this.#servicePeer.refusesMemory(size, priority) !== NONE) return this.#servicePeer
    if (this.#protocol !== undefined && this.#protocol.refusesMemory(size, priority) !== NONE) return this.#protocol
    if (this.#service !== undefined && this.#service.refusesMemory(size, priority) !== NONE) return this.#service
    return this.#root.refusesMemory(size, priority) !== NONE ? this.#root : undefined
  }
}
