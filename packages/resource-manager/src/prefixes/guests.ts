import { scopeOf } from './refusal.ts'
import type { PrefixEntry } from './table.ts'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'

/** The prefixes among whose connections one is counted */
export type Places = readonly PrefixEntry[]

/** It counts, but no prefix that it comes from has a limit */
export const NOWHERE: Places = []

/** An inbound connection that counts where it comes from. All but its address is for `Prefixes` alone to write. */
export interface Guest {
  readonly address: NormalisedAddress | undefined
  /** Nothing where it does not count */
  places: Places | undefined
  older: Guest | undefined
  newer: Guest | undefined
}

/** Whether it is counted in the prefix that a refusal names */
export function isCountedIn ({ places }: Guest, scope: string): boolean {
  return places?.some(({ name }) => scopeOf(name) === scope) === true
}

/** All that count, the youngest first. Links are in the guests themselves: a node has as many of them as anything. */
export class Guests {
  #youngest: Guest | undefined

  add (guest: Guest): void {
    guest.older = this.#youngest
    if (this.#youngest !== undefined) this.#youngest.newer = guest
    this.#youngest = guest
  }

  remove (guest: Guest): void {
    const { older, newer } = guest
    if (newer === undefined) this.#youngest = older
    else newer.older = older
    if (older !== undefined) older.newer = newer
    guest.older = guest.newer = undefined
  }

  * [Symbol.iterator] (): Generator<Guest, undefined> {
    for (let guest = this.#youngest; guest !== undefined; guest = guest.older) yield guest
  }
}
