import { peerOf } from '@cordon/address'
import { show } from '@cordon/options'
import { InvalidParametersError, isPeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { isMultiaddr } from '@multiformats/multiaddr'
import { MAX_ADDRESSES } from './constants.ts'
import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** A peer, and where to look for it if that was said */
export interface Target {
  readonly peer: PeerId
  readonly addresses: readonly Multiaddr[]
}

/**
 * Finds out who is meant.
 *
 * @param target - what `maintain` was given
 * @throws {InvalidParametersError} when it is neither a peer nor addresses that name exactly one
 */
export function parseTarget (target: unknown): Target {
  if (isPeerId(target)) return { peer: target, addresses: [] }
  const given: unknown[] = Array.isArray(target) ? target : [target]
  if (given.length === 0 || given.length > MAX_ADDRESSES) throw new InvalidParametersError(`a peer is maintained at 1 to ${MAX_ADDRESSES} addresses, got ${given.length}`)

  const addresses = given.map((address, i) => {
    if (isMultiaddr(address)) return address
    throw new InvalidParametersError(`address ${i} of a maintained peer must be a Multiaddr, or what is maintained a PeerId, got ${show(address)}${typeof address === 'string' ? ': multiaddr() and peerIdFromString() make one of a text' : ''}`)
  })
  const names = new Set(addresses.map(peerOf).filter(name => name != null))
  const [name] = names
  if (name == null) throw new InvalidParametersError('none of the addresses names its peer; one has to end with /p2p/<peer id>')
  if (names.size > 1) throw new InvalidParametersError(`the addresses name ${names.size} different peers`)

  const peer = parsePeer(name)
  // libp2p dials several addresses together only if all of them name the peer
  return { peer, addresses: addresses.map(address => peerOf(address) == null ? address.encapsulate(`/p2p/${name}`) : address) }
}

function parsePeer (name: string): PeerId {
  try {
    return peerIdFromString(name)
  } catch (err) {
    throw new InvalidParametersError(`the addresses name ${name}, which is not a peer id: ${err instanceof Error ? err.message : 'unknown'}`)
  }
}
