import { ConnectionRefusedError, isRefusal, WrongPeerError } from '@cordon/interface-connection-lifecycle'
import { InvalidPeerIdError, UnsupportedProtocolError } from '@libp2p/interface'

/** How deep and how wide a chain of errors is followed; libp2p makes one error for each of at most 25 addresses */
const MAX_ERRORS = 100

/** The last is what libp2p says of whoever dials itself (3.3.11) */
const HOPELESS: ReadonlySet<unknown> = new Set([WrongPeerError.name, UnsupportedProtocolError.name, InvalidPeerIdError.name])

/**
 * Whether trying again cannot help: the peer behind the address is another one or we ourselves, it speaks none of our
 * protocols, or a module of ours said so. Looks at the names of errors and never at their text, through `cause` and through
 * the members of an `AggregateError`. Of several addresses each has to be hopeless.
 */
export function isPermanent (error: unknown): boolean {
  let budget = MAX_ERRORS

  const hopeless = (err: unknown): boolean => {
    if (typeof err !== 'object' || err == null || budget-- <= 0) return false
    const { name, cause, errors } = err as { name?: unknown, cause?: unknown, errors?: unknown }
    if (HOPELESS.has(name)) return true
    if (name === ConnectionRefusedError.name && isRefusal(cause)) return cause.permanent === true
    if (Array.isArray(errors) && errors.length > 0) return errors.every(hopeless)
    return hopeless(cause)
  }

  return hopeless(error)
}
