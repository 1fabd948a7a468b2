import { isPeerIdText, normaliseAddress } from '@cordon/address'

/** How a CID begins whose codec is `libp2p-key`, in base 32, and for each kind of peer id in base 36 and 58 */
const LIBP2P_KEY = /^(?:bafz[a-p]|k(?:2k4r8|51qzi5uqu5d|zwfwjn5ji4pu)|z(?:dvgq|5AanNVJCxn|KPJ7QRXxW7m))/

/**
 * The spelling of `PeerId.toString()` of a peer that is spelt as a CID, as go-libp2p reads it too; any other text is
 * returned as it is.
 */
export function canonicalPeer (text: string): string {
  if (!LIBP2P_KEY.test(text)) return text
  try {
    const peer = normaliseAddress(`p2p:${text}`).key.slice('p2p:'.length)
    return isPeerIdText(peer) ? peer : text
  } catch {
    return text
  }
}
