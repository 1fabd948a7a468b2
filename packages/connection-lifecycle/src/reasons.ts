import type { CloseReason } from '@cordon/interface-connection-lifecycle'

/** What we ourselves have begun to do to a connection, noted before its end is seen, because libp2p does not tell who closed it */
export interface Intent {
  readonly how: 'local-close' | 'local-abort'
  readonly error?: Error
}

/** What is told of the end of a raw connection */
export interface LossCause {
  readonly local?: boolean
  readonly error?: Error
}

/** To close in order and then to cut is to cut; nothing takes that back */
export function nextIntent (noted: Intent | undefined, how: Intent['how'], error?: Error): Intent {
  if (noted == null || (noted.how === 'local-close' && how === 'local-abort')) return error == null ? { how } : { how, error }
  return noted
}

/**
 * Why a raw connection has ended: what we noted counts, then what the event says, and what is left was the remote.
 * While the node stops, libp2p closes connections and listeners destroy sockets without a word: what is not
 * an error of the remote was the stop.
 */
export function reasonOfLoss (cause: LossCause, intent: Intent | undefined, stopping = false): CloseReason {
  const error = intent?.error ?? cause.error
  const withError = error == null ? {} : { error }
  if (stopping && (intent != null || cause.local === true || cause.error == null)) return { code: 'shutdown', by: 'local', ...withError }
  if (intent != null) return { code: intent.how, by: 'local', ...withError }
  if (cause.local === true) return { code: cause.error == null ? 'local-close' : 'local-abort', by: 'local', ...withError }
  return { code: cause.error == null ? 'remote-close' : 'remote-reset', by: 'remote', ...withError }
}

/** Statuses of a raw connection of which nothing is left to end */
export function hasEnded (status: string): boolean {
  return status === 'closed' || status === 'aborted' || status === 'reset'
}
