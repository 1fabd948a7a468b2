import type { ScopeUsage } from '@cordon/interface-resource-manager'

/** What a scope uses that is released */
export const NO_USE: ScopeUsage = { connectionsInbound: 0, connectionsOutbound: 0, streamsInbound: 0, streamsOutbound: 0, fileDescriptors: 0, memory: 0 }
