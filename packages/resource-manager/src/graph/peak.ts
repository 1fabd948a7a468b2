import type { Scope } from './scope.ts'
import type { LimitKey } from '@cordon/interface-resource-manager'

/** The most that was used at once */
export type Peak = Record<LimitKey, number>

/** Raises `peak` to whatever is higher in a scope. Runs for every scope that goes, so it allocates nothing. */
export function raise (peak: Peak, scope: Scope): void {
  if (scope.peakConnections > peak.connections) peak.connections = scope.peakConnections
  if (scope.peakConnectionsInbound > peak.connectionsInbound) peak.connectionsInbound = scope.peakConnectionsInbound
  if (scope.peakConnectionsOutbound > peak.connectionsOutbound) peak.connectionsOutbound = scope.peakConnectionsOutbound
  if (scope.peakStreams > peak.streams) peak.streams = scope.peakStreams
  if (scope.peakStreamsInbound > peak.streamsInbound) peak.streamsInbound = scope.peakStreamsInbound
  if (scope.peakStreamsOutbound > peak.streamsOutbound) peak.streamsOutbound = scope.peakStreamsOutbound
  if (scope.peakFileDescriptors > peak.fileDescriptors) peak.fileDescriptors = scope.peakFileDescriptors
  if (scope.peakMemory > peak.memory) peak.memory = scope.peakMemory
}
