import type { LimitKey, RefusalCause } from '@cordon/interface-resource-manager'

/** Why a scope says no, as a small number on the hot path; 0 is yes */
export const CONNECTIONS_INBOUND = 1
export const CONNECTIONS_OUTBOUND = 2
export const CONNECTIONS = 3
export const DESCRIPTORS = 4
export const STREAMS_INBOUND = 5
export const STREAMS_OUTBOUND = 6
export const STREAMS = 7
export const MEMORY = 8
export const RATE = 9

/** By number */
export const CAUSES: ReadonlyArray<RefusalCause | undefined> = [
  undefined, 'connectionsInbound', 'connectionsOutbound', 'connections', 'fileDescriptors', 'streamsInbound', 'streamsOutbound', 'streams', 'memory', 'rate'
]

/** Which resource each cause is about, by number */
export const RESOURCES = [
  'memory', 'connections', 'connections', 'connections', 'fileDescriptors', 'streams', 'streams', 'streams', 'memory', 'connections'
] as const

/** All limits of a scope, in the order in which go-libp2p writes them */
export const LIMIT_KEYS: readonly LimitKey[] = [
  'streams', 'streamsInbound', 'streamsOutbound', 'connections', 'connectionsInbound', 'connectionsOutbound', 'fileDescriptors', 'memory'
]
