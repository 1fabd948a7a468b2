import type { RuleAction, SubjectKind } from '@cordon/interface-connection-gater'

/** The kinds of subjects as bits, so that a set of them is a number; the most specific is the highest */
export const KIND: Readonly<Record<SubjectKind, number>> = { peer: 1 << 7, ip: 1 << 6, pattern: 1 << 5, cidr: 1 << 4, relay: 1 << 3, transport: 1 << 2, relayed: 1 << 1, predicate: 1 }

/** What an IP address is looked up for */
export const RANGES = KIND.ip | KIND.cidr

/** What can cover somebody whose address is known */
export const BY_ADDRESS = 0xff & ~KIND.peer

/** What is looked up by a name that the address has */
export const BY_NAME = KIND.pattern | KIND.relay | KIND.transport | KIND.relayed

/** What can cover somebody whose peer id is known */
export const BY_PEER = KIND.peer | KIND.predicate

/** The kinds of block rules are in the lower half of what `Counts.present` has, those of allow rules in the upper */
export const ALLOWS = 0xff00

/** How many rules of each action and kind there are */
export class Counts {
  /** By the bits of `present` */
  readonly #counts = new Uint32Array(16)
  #size = 0
  #present = 0

  get size (): number {
    return this.#size
  }

  /** Of which kinds there are any */
  get present (): number {
    return this.#present
  }

  /**
   * @param change - 1 or -1
   * @returns whether it was the first of its kind, or the last
   */
  add (action: RuleAction, kind: SubjectKind, change: number): boolean {
    const bit = action === 'block' ? KIND[kind] : KIND[kind] << 8
    const at = 31 - Math.clz32(bit)
    const left = (this.#counts[at] ?? 0) + change
    this.#counts[at] = left
    this.#size += change
    const before = this.#present
    this.#present = left === 0 ? before & ~bit : before | bit
    return this.#present !== before
  }
}

/** The kinds of one action among those of both */
export function kindsOf (action: RuleAction, present: number): number {
  return (action === 'block' ? present : present >>> 8) & 0xff
}
