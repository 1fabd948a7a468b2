import type { LimitKey } from '@cordon/interface-resource-manager'

/** The most that was used at once */
export type Peak = Record<LimitKey, number>

export function emptyPeak (): Peak {
  return { connections: 0, connectionsInbound: 0, connectionsOutbound: 0, streams: 0, streamsInbound: 0, streamsOutbound: 0, fileDescriptors: 0, memory: 0 }
}
