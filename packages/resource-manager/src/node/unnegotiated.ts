import { FairSet } from '@cordon/fair-set'
import type { Place } from '@cordon/fair-set'
import type { Direction } from '@cordon/interface-connection-lifecycle'
import type { RefusalCause } from '@cordon/interface-resource-manager'

/** Something that waits for its protocol, and whose */
export interface Waiting {
  readonly peer: string

  /** Whether there is anything yet that could be ended */
  readonly exists: boolean
}

/**
 * The streams whose protocol is not known yet, by peer: who has to give one up when there is no room for another.
 * Never more than the transient scopes admit.
 */
export class Unnegotiated<T extends Waiting> {
  // every stream counts: nothing bounds how fast a peer opens them, and no peer stands for several, as an address does
  readonly #inbound = new FairSet<T>(1)
  readonly #outbound = new FairSet<T>(1)

  get size (): number {
    return this.#inbound.size + this.#outbound.size
  }

  add (direction: Direction, stream: T): Place<T> {
    return (direction === 'inbound' ? this.#inbound : this.#outbound).add(stream.peer, stream)
  }

  /** Without effect when it was removed before */
  remove (direction: Direction, place: Place<T>): void {
    (direction === 'inbound' ? this.#inbound : this.#outbound).remove(place)
  }

  /**
   * The oldest stream of the peer that holds most, of those that exist; nobody, where that is the newcomer's own peer.
   *
   * @param cause - which limit was in the way: that of one direction takes from this direction only, that of all takes
   *   from what peers opened before it takes from what we opened
   */
  yields (cause: RefusalCause | undefined, newcomer: string): T | undefined {
    switch (cause) {
      case 'streamsInbound': return oldestBut(this.#inbound, newcomer)
      case 'streamsOutbound': return oldestBut(this.#outbound, newcomer)
      case 'streams': return this.#inbound.size > 0 ? oldestBut(this.#inbound, newcomer) : oldestBut(this.#outbound, newcomer)
      default: return undefined
    }
  }
}

function oldestBut<T extends Waiting> (set: FairSet<T>, newcomer: string): T | undefined {
  const oldest = set.oldestOfLargestBut(({ exists }) => !exists)
  return oldest === undefined || set.sizeOf(newcomer) >= set.sizeOf(oldest.peer) ? undefined : oldest
}
