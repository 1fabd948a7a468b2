import { threshold } from '../limits/limits.ts'
import { MEMORY, STREAMS, STREAMS_INBOUND, STREAMS_OUTBOUND } from './causes.ts'
import { NO_USE } from './usage.ts'
import type { Limits } from '../limits/limits.ts'
import type { Kind } from './kind.ts'
import type { Peak } from './peak.ts'
import type { Tally } from './tally.ts'
import type { ScopeUsage } from '@cordon/interface-resource-manager'

/**
 * What counts streams and memory: the share of a peer in a protocol or a service, and, with connections, any other node of
 * the graph. Flat counters, and questions that change nothing.
 *
 * Every stream passes here several times, so it is written for V8: fields that the constructor sets are only declared,
 * since what was once undefined is checked at every read; and no imported constant is read where something is
 * admitted, since what a module exports is loaded and checked each time.
 */
export class Share {
  declare readonly kind: Kind
  /** Of a peer, a protocol or a service; empty for those that are there once */
  declare name: string
  /** Whose share it is */
  declare peer: string
  declare limits: Limits
  streamsInbound = 0
  streamsOutbound = 0
  /** In bytes. -0 is a floating point number, which V8 would make of it everywhere as soon as one passes 2 GiB. */
  memory = -0
  peakStreams = 0
  peakStreamsInbound = 0
  peakStreamsOutbound = 0
  peakMemory = -0
  /** Allocated with the first refusal */
  refusals: Tally | undefined
  /** Those of the same peer in other protocols, or in other services, of whichever is the first of them: see `findShare` */
  others: Map<string, Share> | undefined

  constructor (kind: Kind, name: string, peer: string, limits: Limits) {
    this.kind = kind
    this.name = name
    this.peer = peer
    this.limits = limits
  }

  /** Nobody uses it. Memory is use: it is that of a stream. */
  get unused (): boolean {
    return (this.streamsInbound | this.streamsOutbound) === 0
  }

  /** Whether one more stream fits: direction, then total. The cause, or 0. */
  refusesStream (inbound: boolean): number {
    const limits = this.limits
    if (inbound) {
      if (this.streamsInbound >= limits.streamsInbound) return STREAMS_INBOUND
    } else if (this.streamsOutbound >= limits.streamsOutbound) return STREAMS_OUTBOUND
    return this.streamsInbound + this.streamsOutbound >= limits.streams ? STREAMS : 0
  }

  /** Whether a stream fits as it moves here with the memory it holds: memory comes first then, as in go-libp2p. The cause, or 0. */
  refusesArrivalOfStream (inbound: boolean, memory: number): number {
    return memory > 0 && this.memory + memory > this.limits.memory ? MEMORY : this.refusesStream(inbound)
  }

  /** Whether so much more memory may not fit into a share of the limit. Where it may not, `lacksMemory` knows. */
  mayLackMemory (size: number, share: number): boolean {
    return size + this.memory > share * this.limits.exactMemory
  }

  lacksMemory (size: number, priority: number): boolean {
    return size > 0 && this.memory + size > threshold(this.limits.memory, priority)
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

  /** For whom it serves next: nobody uses it, and it has nothing left of what it was */
  renew (): void {
    this.peakStreams = 0
    this.peakStreamsInbound = 0
    this.peakStreamsOutbound = 0
    this.peakMemory = -0
    this.refusals = undefined
    this.others = undefined
  }

  /** How much is in use of what a cause is about */
  used (cause: number): number {
    switch (cause) {
      case STREAMS_INBOUND: return this.streamsInbound
      case STREAMS_OUTBOUND: return this.streamsOutbound
      case STREAMS: return this.streamsInbound + this.streamsOutbound
      // none is shown as 0, not as -0
      default: return this.memory + 0
    }
  }

  usage (): ScopeUsage {
    return { ...NO_USE, streamsInbound: this.streamsInbound, streamsOutbound: this.streamsOutbound, memory: this.memory + 0 }
  }

  /** Raises `peak` to whatever is higher here. Runs for everything that goes, so it allocates nothing. */
  raise (peak: Peak): void {
    if (this.peakStreams > peak.streams) peak.streams = this.peakStreams
    if (this.peakStreamsInbound > peak.streamsInbound) peak.streamsInbound = this.peakStreamsInbound
    if (this.peakStreamsOutbound > peak.streamsOutbound) peak.streamsOutbound = this.peakStreamsOutbound
    if (this.peakMemory > peak.memory) peak.memory = this.peakMemory
  }
}

/**
 * The shares of one peer in protocols, or in services, are known by the first of them, because most peers use one at a
 * time; it has a map of the others from the second on. Each is there for as long as somebody uses it.
 */
export function findShare (first: Share | undefined, name: string): Share | undefined {
  return first === undefined || first.name === name ? first : first.others?.get(name)
}

/** Adds one that is not there; returns the first */
export function addShare (first: Share | undefined, share: Share): Share {
  if (first === undefined) return share
  // as many as the peer has streams of different protocols at once, bounded by its limit of streams
  first.others ??= new Map()
  first.others.set(share.name, share)
  return first
}

/** After something was taken from one of them: lets it go where nobody uses it any more; returns the first */
export function settleShare (first: Share | undefined, share: Share): Share | undefined {
  if (!share.unused) return first
  const rest = share === first ? firstOf(share.others) : first
  if (share !== first) first?.others?.delete(share.name)
  share.kind.recycle(share)
  return rest
}

/** Makes one of them the first of the others */
function firstOf (others: Map<string, Share> | undefined): Share | undefined {
  if (others === undefined) return undefined
  for (const share of others.values()) {
    others.delete(share.name)
    share.others = others
    return share
  }
  return undefined
}

export function * sharesOf (first: Share | undefined): Generator<Share> {
  if (first === undefined) return
  yield first
  if (first.others !== undefined) yield * first.others.values()
}
