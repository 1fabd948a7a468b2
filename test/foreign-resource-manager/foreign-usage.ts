import type { LimitKey, ScopePeak, ScopeUsage } from '@cordon/interface-resource-manager'

export const NOTHING: ScopeUsage = { connectionsInbound: 0, connectionsOutbound: 0, streamsInbound: 0, streamsOutbound: 0, fileDescriptors: 0, memory: 0 }

export const NO_PEAK: ScopePeak = { ...NOTHING, connections: 0, streams: 0 }

/** In the order in which a scope asks */
export const LIMIT_KEYS: readonly LimitKey[] = [
  'memory',
  'streamsInbound', 'streamsOutbound', 'streams',
  'connectionsInbound', 'connectionsOutbound', 'connections',
  'fileDescriptors'
]

export function add (a: ScopeUsage, b: ScopeUsage): ScopeUsage {
  return {
    connectionsInbound: a.connectionsInbound + b.connectionsInbound,
    connectionsOutbound: a.connectionsOutbound + b.connectionsOutbound,
    streamsInbound: a.streamsInbound + b.streamsInbound,
    streamsOutbound: a.streamsOutbound + b.streamsOutbound,
    fileDescriptors: a.fileDescriptors + b.fileDescriptors,
    memory: a.memory + b.memory
  }
}

/** What limits are compared with */
export function amounts (usage: ScopeUsage): ScopePeak {
  return { ...usage, connections: usage.connectionsInbound + usage.connectionsOutbound, streams: usage.streamsInbound + usage.streamsOutbound }
}

export function highest (a: ScopePeak, b: ScopePeak): ScopePeak {
  return Object.fromEntries(LIMIT_KEYS.map(key => [key, Math.max(a[key], b[key])])) as ScopePeak
}
