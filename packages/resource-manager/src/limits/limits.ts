import type { LimitKey, PartialScopeLimits, ScopeLimits } from '@cordon/interface-resource-manager'

/**
 * No bound. A number like any other on the hot path: a counter never passes what a number holds exactly, so that no
 * sum is ever rounded.
 */
export const UNLIMITED = Number.MAX_SAFE_INTEGER

/** Up to here a 256th of a limit is exact, however often it is taken: 2^45 times 256 is 2^53 */
const EXACT = 2 ** 45

/**
 * The limits of one scope, as they are compared with. Each is a number from the start: V8 would check at every
 * read what was once undefined.
 */
export class Limits {
  readonly connections: number = 0
  readonly connectionsInbound: number = 0
  readonly connectionsOutbound: number = 0
  readonly streams: number = 0
  readonly streamsInbound: number = 0
  readonly streamsOutbound: number = 0
  readonly fileDescriptors: number = 0
  readonly memory: number = 0
  /** A limit of memory of which every share is exact, and no higher than the real one: what fits a share of it fits */
  readonly exactMemory: number = 0
  /** Where in the configuration they are set, such as `protocol["/x/1"]` */
  readonly path: string

  constructor (limits: ScopeLimits, path: string) {
    this.connections = Math.min(limits.connections, UNLIMITED)
    this.connectionsInbound = Math.min(limits.connectionsInbound, UNLIMITED)
    this.connectionsOutbound = Math.min(limits.connectionsOutbound, UNLIMITED)
    this.streams = Math.min(limits.streams, UNLIMITED)
    this.streamsInbound = Math.min(limits.streamsInbound, UNLIMITED)
    this.streamsOutbound = Math.min(limits.streamsOutbound, UNLIMITED)
    this.fileDescriptors = Math.min(limits.fileDescriptors, UNLIMITED)
    this.memory = Math.min(limits.memory, UNLIMITED)
    this.exactMemory = this.memory <= EXACT ? this.memory : this.memory - this.memory % 256
    this.path = path
  }
}

/** The limits of all scopes of one kind */
export class LimitSet {
  readonly byDefault: Limits
  readonly named: ReadonlyMap<string, Limits>

  constructor (byDefault: Limits, named: ReadonlyMap<string, Limits> = new Map()) {
    this.byDefault = byDefault
    this.named = named
  }

  of (name: string): Limits {
    return this.named.size === 0 ? this.byDefault : this.named.get(name) ?? this.byDefault
  }
}

/**
 * How much memory may be used at most by a reservation of this priority: `floor(limit * (1 + priority) / 256)`,
 * exactly for every limit, which is why it is divided first.
 */
export function threshold (limit: number, priority: number): number {
  if (priority === 255 || limit === UNLIMITED) return limit
  const rest = limit % 256
  return (limit - rest) / 256 * (1 + priority) + Math.floor(rest * (1 + priority) / 256)
}

/** As people read it */
export function shown (limit: number): number {
  return limit === UNLIMITED ? Infinity : limit
}

export function publicLimits (limits: Limits): ScopeLimits {
  return mapLimits(key => shown(limits[key]))
}

export function mapLimits (value: (key: LimitKey) => number): ScopeLimits {
  return {
    connections: value('connections'),
    connectionsInbound: value('connectionsInbound'),
    connectionsOutbound: value('connectionsOutbound'),
    streams: value('streams'),
    streamsInbound: value('streamsInbound'),
    streamsOutbound: value('streamsOutbound'),
    fileDescriptors: value('fileDescriptors'),
    memory: value('memory')
  }
}

/** What is set, over what is there without */
export function overlay (defaults: ScopeLimits, set: PartialScopeLimits | undefined): ScopeLimits {
  return set == null ? defaults : mapLimits(key => set[key] ?? defaults[key])
}
