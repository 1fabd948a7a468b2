import { threshold } from '../limits/limits.ts'
import { CONNECTIONS, CONNECTIONS_INBOUND, CONNECTIONS_OUTBOUND, DESCRIPTORS, MEMORY, STREAMS, STREAMS_INBOUND, STREAMS_OUTBOUND } from './causes.ts'
import type { Limits } from '../limits/limits.ts'
import type { Kind } from './kind.ts'
import type { SubScopes } from './sub-scopes.ts'
import type { Tally } from './tally.ts'
import type { ScopePeak, ScopeUsage } from '@cordon/interface-resource-manager'

/**
 * A node of the graph: flat counters, and questions that change nothing. It knows nothing of the nodes above it:
 * whoever holds something names every ancestor once, asks all of them, and then tells all of them.
 *
 * Every connection and stream passes here several times, so it is written for V8: fields that the constructor sets are
 * only declared, since what was once undefined is checked at every read; and no imported constant is read where
 * something is admitted, since a module's exports are loaded and checked each time.
 */
export class Scope {
  declare readonly kind: Kind
  /** Of a peer, a protocol or a service; empty for those that are there once. The name of a share of a peer is that of its protocol or service. */
  declare name: string
  /** Whose share it is */
  declare peer: string
  declare limits: Limits
  connectionsInbound = 0
  connectionsOutbound = 0
  streamsInbound = 0
  streamsOutbound = 0
  fileDescriptors = 0
  /** In bytes. -0 is a floating point number, which V8 would make of it in all scopes as soon as one of them passes 2 GiB. */
  memory = -0
  peakConnections = 0
  peakConnectionsInbound = 0
  peakConnectionsOutbound = 0
  peakStreams = 0
  peakStreamsInbound = 0
  peakStreamsOutbound = 0
  peakFileDescriptors = 0
  peakMemory = -0
  /** Handles, spans and direct reservations that need it */
  pins = 0
  /** Allocated with the first refusal */
  refusals: Tally | undefined
  /** It waits to be forgotten, see `ScopeTable` */
  lingers = false
  /** The shares of a peer in protocols and services */
  protocols: SubScopes | undefined
  services: SubScopes | undefined

  constructor (kind: Kind, name: string, peer: string, limits: Limits) {
    this.kind = kind
    this.name = name
    this.peer = peer
    this.limits = limits
  }

  /** Nobody uses it. Memory is use: it is that of a stream or a connection, or has a pin of its own. */
  get unused (): boolean {
    return (this.streamsInbound | this.streamsOutbound | this.connectionsInbound | this.connectionsOutbound | this.pins) === 0
  }

  /** Whether one more connection fits: direction, total, descriptors, in this order, as in go-libp2p. The cause, or 0. */
  refusesConnection (inbound: boolean, descriptors: number): number {
    const limits = this.limits
    if (inbound) {
      if (this.connectionsInbound >= limits.connectionsInbound) return CONNECTIONS_INBOUND
    } else if (this.connectionsOutbound >= limits.connectionsOutbound) return CONNECTIONS_OUTBOUND
    if (this.connectionsInbound + this.connectionsOutbound >= limits.connections) return CONNECTIONS
    return descriptors > 0 && this.fileDescriptors + descriptors > limits.fileDescriptors ? DESCRIPTORS : 0
  }

  /** Whether one more stream fits: direction, then total. The cause, or 0. */
  refusesStream (inbound: boolean): number {
    const limits = this.limits
    if (inbound) {
      if (this.streamsInbound >= limits.streamsInbound) return STREAMS_INBOUND
    } else if (this.streamsOutbound >= limits.streamsOutbound) return STREAMS_OUTBOUND
    return this.streamsInbound + this.streamsOutbound >= limits.streams ? STREAMS : 0
  }

  /** Whether so much more memory may not fit into a share of the limit. Where it may not, `lacksMemory` knows. */
  mayLackMemory (size: number, share: number): boolean {
    return size + this.memory > share * this.limits.exactMemory
  }

  lacksMemory (size: number, priority: number): boolean {
    return size > 0 && this.memory + size > threshold(this.limits.memory, priority)
  }

  /** Whether a whole connection fits, as it moves here with the memory it holds: memory comes first then, as in go-libp2p. The cause, or 0. */
  refusesArrivalOfConnection (inbound: boolean, descriptors: number, memory: number): number {
    return memory > 0 && this.memory + memory > this.limits.memory ? MEMORY : this.refusesConnection(inbound, descriptors)
  }

  /** As for a connection */
  refusesArrivalOfStream (inbound: boolean, memory: number): number {
    return memory > 0 && this.memory + memory > this.limits.memory ? MEMORY : this.refusesStream(inbound)
  }

  addConnection (inbound: boolean, descriptors: number, memory: number): void {
    if (inbound) {
      if (++this.connectionsInbound > this.peakConnectionsInbound) this.peakConnectionsInbound = this.connectionsInbound
    } else if (++this.connectionsOutbound > this.peakConnectionsOutbound) this.peakConnectionsOutbound = this.connectionsOutbound
    const total = this.connectionsInbound + this.connectionsOutbound
    if (total > this.peakConnections) this.peakConnections = total
    if (descriptors > 0 && (this.fileDescriptors += descriptors) > this.peakFileDescriptors) this.peakFileDescriptors = this.fileDescriptors
    if (memory > 0) this.addMemory(memory)
  }

  removeConnection (inbound: boolean, descriptors: number, memory: number): void {
    if (inbound) this.connectionsInbound--
    else this.connectionsOutbound--
    this.fileDescriptors -= descriptors
    if (memory > 0) this.memory -= memory
  }

  addStream (inbound: boolean, memory: number): void {
    if (inbound) {
      if (++this.streamsInbound > this.peakStreamsInbound) this.peakStreamsInbound = this.streamsInbound
    } else if (++this.streamsOutbound > this.peakStreamsOutbound) this.peakStreamsOutbound = this.streamsOutbound
    const total = this.streamsInbound + this.streamsOutbound
    if (total > this.peakStreams) this.peakStreams = total
    if (memory > 0) this.addMemory(memory)
  }

  removeStream (inbound: boolean, memory: number): void {
    if (inbound) this.streamsInbound--
    else this.streamsOutbound--
    if (memory > 0) this.memory -= memory
  }

  addMemory (size: number): void {
    const memory = size + this.memory
    this.memory = memory
    if (memory > this.peakMemory) this.peakMemory = memory
  }
}

export function usageOf (scope: Scope): ScopeUsage {
  return {
    connectionsInbound: scope.connectionsInbound,
    connectionsOutbound: scope.connectionsOutbound,
    streamsInbound: scope.streamsInbound,
    streamsOutbound: scope.streamsOutbound,
    fileDescriptors: scope.fileDescriptors,
    memory: scope.memory + 0
  }
}

export function peakOf (scope: Scope): ScopePeak {
  return {
    connections: scope.peakConnections,
    connectionsInbound: scope.peakConnectionsInbound,
    connectionsOutbound: scope.peakConnectionsOutbound,
    streams: scope.peakStreams,
    streamsInbound: scope.peakStreamsInbound,
    streamsOutbound: scope.peakStreamsOutbound,
    fileDescriptors: scope.peakFileDescriptors,
    memory: scope.peakMemory + 0
  }
}
