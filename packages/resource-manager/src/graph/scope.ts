import { CONNECTIONS, CONNECTIONS_INBOUND, CONNECTIONS_OUTBOUND, DESCRIPTORS, MEMORY } from './causes.ts'
import { Share } from './share.ts'
import type { Kind } from './kind.ts'
import type { Peak } from './peak.ts'
import type { ScopeUsage } from '@cordon/interface-resource-manager'

/**
 * A node of the graph that connections are counted in too. It knows nothing of the nodes above it: whoever holds
 * something names every ancestor once, asks all of them, and then tells all of them.
 */
export class Scope extends Share {
  declare readonly kind: Kind<Scope>
  connectionsInbound = 0
  connectionsOutbound = 0
  fileDescriptors = 0
  peakConnections = 0
  peakConnectionsInbound = 0
  peakConnectionsOutbound = 0
  peakFileDescriptors = 0
  /** Handles, spans and direct reservations that need it */
  pins = 0
  /** It waits to be forgotten, see `ScopeTable` */
  lingers = false
  /** The first of the shares of a peer in protocols, and in services */
  protocols: Share | undefined
  services: Share | undefined

  /** Nobody uses it. Memory is use: it is that of a stream or a connection, or has a pin of its own. */
  override get unused (): boolean {
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

  /** Whether a connection fits as it moves here with the memory it holds: memory comes first then, as in go-libp2p. The cause, or 0. */
  refusesArrivalOfConnection (inbound: boolean, descriptors: number, memory: number): number {
    return memory > 0 && this.memory + memory > this.limits.memory ? MEMORY : this.refusesConnection(inbound, descriptors)
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

  override used (cause: number): number {
    switch (cause) {
      case CONNECTIONS_INBOUND: return this.connectionsInbound
      case CONNECTIONS_OUTBOUND: return this.connectionsOutbound
      case CONNECTIONS: return this.connectionsInbound + this.connectionsOutbound
      case DESCRIPTORS: return this.fileDescriptors
      default: return super.used(cause)
    }
  }

  override usage (): ScopeUsage {
    return {
      connectionsInbound: this.connectionsInbound,
      connectionsOutbound: this.connectionsOutbound,
      streamsInbound: this.streamsInbound,
      streamsOutbound: this.streamsOutbound,
      fileDescriptors: this.fileDescriptors,
      memory: this.memory + 0
    }
  }

  override raise (peak: Peak): void {
    super.raise(peak)
    if (this.peakConnections > peak.connections) peak.connections = this.peakConnections
    if (this.peakConnectionsInbound > peak.connectionsInbound) peak.connectionsInbound = this.peakConnectionsInbound
    if (this.peakConnectionsOutbound > peak.connectionsOutbound) peak.connectionsOutbound = this.peakConnectionsOutbound
    if (this.peakFileDescriptors > peak.fileDescriptors) peak.fileDescriptors = this.peakFileDescriptors
  }
}
