import { CODE_P2P, CODE_P2P_CIRCUIT, multiaddr } from '@multiformats/multiaddr'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Peer ids between two texts of the same length, both included */
export interface PeerIdRange {
  readonly first: string
  readonly last: string
}

/**
 * What peer ids are (libp2p's specs/peer-ids): the SHA-256 of a key, an Ed25519 key, or a secp256k1 key, which begins with 2 or
 * 3. All that comes before the last 32 bytes is fixed but for that, so each kind has one length in base58, whose digits are
 * in the order of their codes: a text is of a kind if it lies between the lowest and the highest of it.
 */
export const PEER_ID_RANGES: readonly PeerIdRange[] = [
  { first: 'QmNLei78zWmzUdbeRB3CiUfAizWUrbeeZh5K1rhAQKCh51', last: 'QmfZy5bvk7a3DQAjCbGNtmrPXWkyVvPrdnZMyBZ5q5ieKG' },
  { first: '12D3KooW9pNAk8aiBuGVQtWRdbkLmo5qVL3e2h5UxbN2Nz9ttwiw', last: '12D3KooWT3gYEvLJyx1FyyHqrmvdy1tMjpgxmu9aSeKMEuafQtyC' },
  { first: '16Uiu2HAkuRfynyeQUyaKG6D44mPBuzAaiqVCWqAW9GHmv9rSiQ3y', last: '16Uiu2HAmVtJinZ9c553rQFmtX7jnJRmdDpmr1FJh7NCRdzhykJYW' }
]

const BASE58 = /^[1-9A-HJ-NP-Za-km-z]+$/

/**
 * Whether a text is a peer id in the spelling of `PeerId.toString()`, the only one that connections are compared with: one
 * with a character too few or too many names nobody.
 */
export function isPeerIdText (text: string): boolean {
  return PEER_ID_RANGES.some(({ first, last }) => text.length === first.length && text >= first && text <= last) && BASE58.test(text)
}

/**
 * The peer at the end of an address, and not a relay on the way, in the spelling of `PeerId.toString()`; undefined where
 * the address names none.
 */
export function peerOf (address: Multiaddr): string | undefined {
  // from its bytes, in which every spelling of a peer id is the same
  const components = multiaddr(address.bytes).getComponents()
  const circuit = components.findLastIndex(({ code }) => code === CODE_P2P_CIRCUIT)
  return components.findLast(({ code }, index) => code === CODE_P2P && index > circuit)?.value
}
