import { InvalidNameError } from '@cordon/interface-resource-manager'
import { show } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'
import { MAX_NAME_LENGTH } from '../constants.ts'
import type { ScopeClass } from '@cordon/interface-resource-manager'

/** What a scope is called where people read it, as in go-libp2p */
export function scopeName (kind: ScopeClass, name: string, peer: string): string {
  switch (kind) {
    case 'peer':
    case 'protocol':
    case 'service':
    case 'prefix':
      return `${kind}:${name}`
    case 'protocol-peer':
      return `protocol:${name}.peer:${peer}`
    case 'service-peer':
      return `service:${name}.peer:${peer}`
    case 'system':
    case 'transient':
    case 'allowlistedSystem':
    case 'allowlistedTransient':
      return kind
    default:
      return name === '' ? kind : name
  }
}

/** @throws {InvalidNameError} when it is no string, empty or longer than any name is */
export function checkName (kind: ScopeClass, name: unknown): asserts name is string {
  if (typeof name !== 'string') throw new InvalidNameError(kind, -1, MAX_NAME_LENGTH)
  if (name.length === 0 || name.length > MAX_NAME_LENGTH) throw new InvalidNameError(kind, name.length, MAX_NAME_LENGTH)
}

/**
 * Whether a direction is inbound.
 *
 * @throws {InvalidParametersError} when it is none
 */
export function isInbound (direction: unknown): boolean {
  if (direction === 'inbound') return true
  if (direction === 'outbound') return false
  throw new InvalidParametersError(`direction must be inbound or outbound, got ${show(direction)}`)
}
