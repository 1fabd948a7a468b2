import { normaliseAddress } from '@cordon/address'
import { createConnectionGater } from '@cordon/connection-gater'
import { fakeClock } from '@cordon/testing'
import type { ConnectionGaterInit, CoreConnectionGater } from '@cordon/connection-gater'
import type { GateTarget } from '@cordon/interface-connection-gater'
import type { FakeClock } from '@cordon/testing'

export const PEER = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'
export const OTHER = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'
export const RELAY = 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'

/** When the clock of `make` begins, in ms since the epoch */
export const EPOCH = 1_700_000_000_000

export interface Made {
  readonly gater: CoreConnectionGater
  readonly clock: FakeClock
}

/** A gater whose time moves only when the test says so */
export function make (init: ConnectionGaterInit = {}, clock: FakeClock = fakeClock()): Made {
  return { gater: createConnectionGater({ clock, wallClock: () => EPOCH + clock.now(), random: () => 0.5, ...init }), clock }
}

export function from (text: string, peer?: string): GateTarget {
  return { direction: 'inbound', address: normaliseAddress(text), ...(peer === undefined ? {} : { peer }) }
}

export function to (text: string, peer?: string): GateTarget {
  return { ...from(text, peer), direction: 'outbound' }
}

/** Whether it is let in */
export function lets (gater: CoreConnectionGater, target: GateTarget): boolean {
  return gater.decide(target) === undefined
}
