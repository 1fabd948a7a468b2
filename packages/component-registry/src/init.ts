import { count, duration, lazy, object, optional, parseOptions } from '@cordon/options'
import { GATER_TIMEOUT, MAX_ANSWERS, MAX_PENDING_SOCKETS, MAX_PENDING_SOCKETS_PER_GROUP, SOCKET_TIMEOUT, START_TIMEOUT, STOP_TIMEOUT } from './constants.ts'
import type { RegistryInit } from './types.ts'

const SCHEMA = lazy(() => object({
  gaterTimeout: optional(duration(), GATER_TIMEOUT),
  startTimeout: optional(duration(), START_TIMEOUT),
  stopTimeout: optional(duration(), STOP_TIMEOUT),
  maxAnswers: optional(count(), MAX_ANSWERS),
  maxPendingSockets: optional(count(), MAX_PENDING_SOCKETS),
  maxPendingSocketsPerGroup: optional(count(), MAX_PENDING_SOCKETS_PER_GROUP),
  socketTimeout: optional(duration(), SOCKET_TIMEOUT)
}))

export function parseInit (init: RegistryInit = {}): Required<RegistryInit> {
  return parseOptions(SCHEMA, 'registry', init)
}
