import { InvalidRuleError } from '@cordon/interface-connection-gater'
import { show } from '@cordon/options'
import type { GateTarget } from '@cordon/interface-connection-gater'

/** @throws {InvalidRuleError} with what is no target */
export function checkTarget (target: GateTarget | undefined): void {
  const { direction, address, peer } = target ?? {}
  if (direction !== 'inbound' && direction !== 'outbound') throw new InvalidRuleError(`a target is { direction, address, peer } with at least a direction, inbound or outbound, got ${show(target)}`, show(target))
  if (address !== undefined) checkAddress(address)
  if (peer !== undefined) checkPeer(peer)
  else if (address === undefined) checkKeys(target as GateTarget)
}

/** Somebody of whom nothing is known may be somebody whose address or peer is misspelt */
function checkKeys (target: GateTarget): void {
  const unknown = Object.keys(target).find(key => key !== 'direction' && key !== 'address' && key !== 'peer')
  if (unknown !== undefined) throw new InvalidRuleError(`a target has no ${show(unknown)}: it has direction, address, peer`, show(unknown))
}

/**
 * Targets and offenders name a peer by its text: nothing would cover an object.
 *
 * @throws {InvalidRuleError} when it is something else
 */
function checkPeer (peer: unknown): void {
  if (typeof peer !== 'string') throw new InvalidRuleError(`a peer must be the text of a peer id, which is its toString(), got ${show(peer)}`, show(peer))
}

/**
 * Targets and offenders have normalised addresses, which a text would not be read as: nothing would cover it.
 *
 * @throws {InvalidRuleError} when it is something else
 */
export function checkAddress (address: unknown): void {
  if (typeof address === 'object' && address !== null && 'share' in address && 'key' in address) return
  throw new InvalidRuleError(`an address must be what normaliseAddress() of @cordon/address returns, got ${show(address)}`, show(address))
}
