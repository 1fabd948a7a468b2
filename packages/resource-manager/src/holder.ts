import type { Limits } from './limits.ts'
import type { ResourceRefusal } from '@cordon/interface-resource-manager'

/** Takes memory from a holder */
export const charge = Symbol('charge')
/** Gives memory back to a holder */
export const credit = Symbol('credit')
/** Something of a holder's lives on: a span, a reservation */
export const hold = Symbol('hold')
/** It lives no longer */
export const drop = Symbol('drop')
/** The limits that a span has to keep */
export const bound = Symbol('bound')

/**
 * What memory can be taken from, as reservations and spans see it. The methods are symbols that nobody else has: who
 * gives back more than was taken would take it from others.
 */
export interface Holder {
  readonly name: string

  /** All or nothing. Where the holder has ended, a refusal with the code `gone`. */
  [charge] (size: number, priority: number): ResourceRefusal | undefined

  /** Without effect where the holder has ended: it gave everything back itself */
  [credit] (size: number): void

  [hold] (): void
  [drop] (): void

  readonly [bound]: Limits
}
