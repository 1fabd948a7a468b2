import { normaliseAddress } from '@cordon/address'
import { RESERVATION_PRIORITY } from '@cordon/interface-resource-manager'
import type { Direction } from '@cordon/interface-connection-lifecycle'

export const PROTOCOLS = ['/a/1', '/b/1', '/c/1', '/d/1']
export const SERVICES = ['svc.a', 'svc.b']
export const PRIORITIES = [RESERVATION_PRIORITY.low, RESERVATION_PRIORITY.medium, RESERVATION_PRIORITY.high, RESERVATION_PRIORITY.always]
export const LOOPBACK = normaliseAddress('/ip4/127.0.0.1/tcp/4001')

export function directionOf (drawn: number): Direction {
  return (drawn & 1) === 0 ? 'inbound' : 'outbound'
}

/** Element `drawn` of a list, as if it went round */
export function pick<T> (list: readonly T[], drawn: number): T {
  return list[drawn % list.length] as T
}

/** Removes element `index` by moving the last one into its place */
export function take<T> (list: T[], index: number): T {
  const taken = list[index] as T
  const last = list.pop() as T
  if (index < list.length) list[index] = last
  return taken
}
