import { ProtocolNotSetError, ScopeAttachedError, ScopeClosedError } from '@cordon/interface-resource-manager'
import { checkName } from '../graph/names.ts'
import { addShare, findShare, settleShare } from '../graph/share.ts'
import { NO_USE } from '../graph/usage.ts'
import { GoneRefusal, refuse, refuseMemory } from '../reports/refusals.ts'
import { bound, charge, credit, ended, Holder, home, refuseLeaf } from './holder.ts'
import type { Graph } from '../graph/graph.ts'
import type { Scope } from '../graph/scope.ts'
import type { Share } from '../graph/share.ts'
import type { Limits } from '../limits/limits.ts'
import type { Direction } from '@cordon/interface-connection-lifecycle'
import type { ResourceRefusal, ScopeUsage, StreamScope } from '@cordon/interface-resource-manager'

/**
 * One stream, with a field for each scope above it. Their order decides who is blamed: the peer, its shares, transient or
 * the protocol, the service, the system.
 */
export class StreamHandle extends Holder implements StreamScope {
  readonly #graph: Graph
  readonly #id: number
  readonly #inbound: boolean
  readonly #peer: Scope
  readonly #root: Scope
  /** The transient scope, then the protocol's */
  #near: Scope
  /** The peer's share of the protocol, once there is one */
  #protocolPeer: Share | undefined
  #service: Scope | undefined
  /** The peer's share of the service, where there is one */
  #servicePeer: Share | undefined
  #memory = 0
  #closed = false

  /** For what was found to have room, and counts it */
  constructor (graph: Graph, inbound: boolean, peer: Scope, transient: Scope, root: Scope) {
    super()
    this.#graph = graph
    this.#id = graph.nextId()
    this.#inbound = inbound
    this.#peer = peer
    this.#root = root
    this.#near = transient
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
    // not by its share, which belongs to somebody else once this stream has ended
    return this.#protocolPeer === undefined ? undefined : this.#near.name
  }

  get service (): string | undefined {
    return this.#service?.name
  }

  get allowlisted (): boolean {
    return this.#root === this.#graph.allowlistedSystem
  }

  get [bound] (): Limits {
    return this.#graph.streamLimits
  }

  get [ended] (): boolean {
    return this.#closed
  }

  get [home] (): Graph {
    return this.#graph
  }

  usage (): ScopeUsage {
    if (this.#closed) return NO_USE
    const [streamsInbound, streamsOutbound] = this.#inbound ? [1, 0] : [0, 1]
    return { ...NO_USE, streamsInbound, streamsOutbound, memory: this.#memory }
  }

  setProtocol (protocol: string): ResourceRefusal | undefined {
    checkName('protocol', protocol)
    if (this.#closed) throw new ScopeClosedError(this.name)
    if (this.#protocolPeer !== undefined) throw new ScopeAttachedError(this.name, `protocol:${this.#near.name}`)
    const { protocols, protocolPeer, admitted } = this.#graph
    const inbound = this.#inbound
    const memory = this.#memory

    const found = protocols.find(protocol)
    const cause = found.refusesArrivalOfStream(inbound, memory)
    if (cause !== 0) return refuse(found, cause, inbound, memory)
    const peer = this.#peer
    const known = findShare(peer.protocols, protocol)
    const share = known ?? protocolPeer.standIn(protocol, peer.name)
    const shareCause = share.refusesArrivalOfStream(inbound, memory)
    if (shareCause !== 0) return refuse(share, shareCause, inbound, memory)

    this.#near.removeStream(inbound, memory)
    const near = this.#near = protocols.enter(found)
    const mine = this.#protocolPeer = known ?? protocolPeer.enter()
    if (known === undefined) peer.protocols = addShare(peer.protocols, mine)
    near.addStream(inbound, memory)
    mine.addStream(inbound, memory)
    if (inbound) admitted.streamsNegotiatedInbound++
    else admitted.streamsNegotiatedOutbound++
    return undefined
  }

  setService (service: string): ResourceRefusal | undefined {
    checkName('service', service)
    if (this.#closed) throw new ScopeClosedError(this.name)
    if (this.#service !== undefined) throw new ScopeAttachedError(this.name, `service:${this.#service.name}`)
    if (this.#protocolPeer === undefined) throw new ProtocolNotSetError(this.name)
    const { services, servicePeer, admitted } = this.#graph
    const inbound = this.#inbound
    const memory = this.#memory

    const found = services.find(service)
    const cause = found.refusesArrivalOfStream(inbound, memory)
    if (cause !== 0) return refuse(found, cause, inbound, memory)
    const peer = this.#peer
    const known = findShare(peer.services, service)
    const share = known ?? servicePeer.standIn(service, peer.name)
    const shareCause = share.refusesArrivalOfStream(inbound, memory)
    if (shareCause !== 0) return refuse(share, shareCause, inbound, memory)

    const entered = this.#service = services.enter(found)
    const mine = this.#servicePeer = known ?? servicePeer.enter()
    if (known === undefined) peer.services = addShare(peer.services, mine)
    entered.addStream(inbound, memory)
    mine.addStream(inbound, memory)
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
    this.#graph.memoryOfStreams -= memory
    this.#root.removeStream(inbound, memory)
    peer.removeStream(inbound, memory)
    this.#near.removeStream(inbound, memory)
    if (this.#protocolPeer !== undefined) {
      protocols.settle(this.#near)
      this.#protocolPeer.removeStream(inbound, memory)
      peer.protocols = settleShare(peer.protocols, this.#protocolPeer)
    }
    if (this.#service !== undefined) {
      this.#service.removeStream(inbound, memory)
      services.settle(this.#service)
    }
    if (this.#servicePeer !== undefined) {
      this.#servicePeer.removeStream(inbound, memory)
      peer.services = settleShare(peer.services, this.#servicePeer)
    }
    peers.settle(peer)
  }

  [charge] (size: number, priority: number): ResourceRefusal | undefined {
    const share = (1 + priority) / 256
    const graph = this.#graph
    const peer = this.#peer
    const near = this.#near
    const root = this.#root
    const protocolPeer = this.#protocolPeer
    const service = this.#service
    const servicePeer = this.#servicePeer
    const memory = size + this.#memory
    if (
      this.#closed || memory > share * graph.streamLimits.exactMemory ||
      peer.mayLackMemory(size, share) || near.mayLackMemory(size, share) || root.mayLackMemory(size, share) ||
      (protocolPeer !== undefined && protocolPeer.mayLackMemory(size, share)) ||
      (service !== undefined && service.mayLackMemory(size, share)) ||
      (servicePeer !== undefined && servicePeer.mayLackMemory(size, share))
    ) {
      const refusal = this.#refuseMemory(size, priority)
      if (refusal !== undefined) return refusal
    }
    this.#memory = memory
    peer.addMemory(size)
    near.addMemory(size)
    root.addMemory(size)
    if (protocolPeer !== undefined) protocolPeer.addMemory(size)
    if (service !== undefined) service.addMemory(size)
    if (servicePeer !== undefined) servicePeer.addMemory(size)
    graph.memoryOfStreams += size
    graph.admitted.reservations++
    return undefined
  }

  [credit] (size: number): void {
    if (this.#closed) return
    this.#memory -= size
    this.#peer.memory -= size
    this.#near.memory -= size
    this.#root.memory -= size
    this.#graph.memoryOfStreams -= size
    if (this.#protocolPeer !== undefined) this.#protocolPeer.memory -= size
    if (this.#service !== undefined) this.#service.memory -= size
    if (this.#servicePeer !== undefined) this.#servicePeer.memory -= size
  }

  /** By the first that has no room; nothing where all of them have some after all */
  #refuseMemory (size: number, priority: number): ResourceRefusal | undefined {
    if (this.#closed) return new GoneRefusal('stream', this)
    const refusal = refuseLeaf(this, this.#memory, size, priority)
    if (refusal !== undefined) return refusal
    for (const scope of [this.#peer, this.#protocolPeer, this.#servicePeer, this.#near, this.#service, this.#root]) {
      if (scope?.lacksMemory(size, priority) === true) return refuseMemory(scope, size, priority)
    }
    return undefined
  }
}
