import { show } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/**
 * What peer ids are (libp2p's specs/peer-ids): the SHA-256 of a key, or an Ed25519 or secp256k1 key itself; in hex,
 * without the byte 0 that stands before a key
 */
const SHA_256 = /^1220[0-9a-f]{64}$/
const KEY = /^(?:2408011220[0-9a-f]{64}|2508021221[0-9a-f]{66})$/

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
  if (isPeerId(text)) return undefined
  const spelling = /^(?:baf|k[25]|f01|z)/i.test(text) ? 'this looks like a CID, which no connection is compared with; ' : ''
  return `names no peer: ${spelling}a peer must be spelt in base58, as PeerId.toString() does, such as 12D3… or Qm…`
}

function isPeerId (text: string): boolean {
  if (text.length < 46 || text.length > 53) return false
  let value = 0n
  for (const char of text) {
    const digit = BASE58.indexOf(char)
    if (digit === -1) return false
    value = value * 58n + BigInt(digit)
  }
  // each leading 1 is a byte 0
  const zeros = text.length - text.replace(/^1+/, '').length
  const hex = value.toString(16)
  return zeros === 0 ? SHA_256.test(hex) : zeros === 1 && KEY.test(hex)
}
