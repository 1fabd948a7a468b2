import { normaliseAddress, peerOf } from '@cordon/address'
import type { GateTarget } from '@cordon/interface-connection-gater'
import type { ConnectionRecord, DialTarget, Direction, NormalisedAddress } from '@cordon/interface-connection-lifecycle'

/** Who is meant, as far as it is known */
export function targetOf (direction: Direction, address: NormalisedAddress | undefined, peer: string | undefined): GateTarget {
  return { direction, address, peer }
}

/** Whom we are about to dial: the address may say who is there, and if somebody else is, the dial fails */
export function targetOfDial ({ peer, multiaddr, address }: DialTarget): GateTarget {
  return targetOf('outbound', address ?? (multiaddr === undefined ? undefined : normaliseAddress(multiaddr)), peer?.toString() ?? (multiaddr === undefined ? undefined : peerOf(multiaddr)))
}

/** Until the peer is known, whom we have dialled. An inbound address may name a peer as well, and is not believed */
export function targetOfRecord (record: ConnectionRecord): GateTarget {
  const { direction, address, remotePeer } = record
  // of an inbound one `remoteAddr` may not have been made yet
  return targetOf(direction, address, remotePeer?.toString() ?? (direction === 'outbound' ? peerOf(record.remoteAddr) : undefined))
}
