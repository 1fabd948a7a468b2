import { InvalidTransitionError } from '@cordon/interface-connection-lifecycle'
import type { ConnectionState } from '@cordon/interface-connection-lifecycle'

/** What each state becomes. `ready` straight from `new` is for connections that come secured, such as within one process. */
const BECOMES: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  new: ['handshaking', 'ready', 'closed'],
  handshaking: ['ready', 'closed'],
  ready: ['closed'],
  closed: []
}

/**
 * The state machine: answers the state to store, or throws and leaves it to the caller that nothing changed.
 *
 * @throws {InvalidTransitionError} when there is no such transition; a state does not become itself either
 */
export function transition (from: ConnectionState, to: ConnectionState): ConnectionState {
  if (!BECOMES[from].includes(to)) throw new InvalidTransitionError(from, to)
  return to
}
