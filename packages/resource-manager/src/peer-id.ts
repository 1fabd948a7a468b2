import { isPeerIdText } from '@cordon/address'
import { show } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'

/**
 * Checks that this is a peer id in the spelling of `PeerId.toString()`, the only one that connections are compared with.
 *
 * @throws {InvalidParametersError} when it is none, or one that is spelt as a CID
 */
export function checkPeerId (text: string): string {
  const fault = peerIdFault(text)
  if (fault === undefined) return text
  throw new InvalidParametersError(`${show(text)} ${fault}`)
}

/** What is wrong with a text that should be a peer id, to follow its name in a sentence; nothing where it is one */
export function peerIdFault (text: string): string | undefined {
  if (isPeerIdText(text)) return undefined
  const spelling = /^(?:baf|k[25]|f01|z)/i.test(text) ? 'this looks like a CID, which no connection is compared with; ' : ''
  return `names no peer: ${spelling}a peer must be spelt in base58, as PeerId.toString() does, such as 12D3… or Qm…`
}
