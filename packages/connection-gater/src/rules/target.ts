import { InvalidRuleError } from '@cordon/interface-connection-gater'
import { show } from '@cordon/options'
import type { GateTarget } from '@cordon/interface-connection-gater'

/** @throws {InvalidRuleError} with what is no target */
export function checkTarget (target: GateTarget | undefined): void {
  const { direction, address } = target ?? {}
  if (direction !== 'inbound' && direction !== 'outbound') throw new InvalidRuleError(`a target needs a direction, inbound or outbound, got ${show(target)}`, show(target))
  if (address !== undefined) checkAddress(address)
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
