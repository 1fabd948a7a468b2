import { setTimeout as delay } from 'node:timers/promises'
import { turnedAway } from './door.ts'
import type { Answer, Door } from './door.ts'
import type { Visitor } from './visitors.ts'

/** What was seen of a visitor that was shut out and then let in again */
export interface Rehearsed {
  readonly name: string
  /** Whether it comes from an address of its own, so that a rule about it holds before there is a socket */
  readonly byAddress: boolean
  /** Whether it was there before, and as greedy as it can be */
  readonly came: boolean
  /** How many of its connections were cut */
  readonly cut: number
  /** How many of its attempts were refused, and how many of these before there was a socket */
  readonly turnedAway: number
  readonly early: number
  /** Whether all of its connections went, and none came, while it was shut out */
  readonly gone: boolean
  /** Whether it was there again after it was let in */
  readonly returned: boolean
}

export interface RehearsalInit {
  readonly visitor: Visitor
  readonly door: Door
  /** How many connections the visitor has */
  readonly live: () => number
  /** Whether it has taken what it can get, which is when it is to be shut out */
  readonly isFull: () => boolean
  readonly say: (answer: Answer) => void
}

/** In ms: how long it waits for what the visitor does each second, and how often it looks */
const PATIENCE = 5_000
const INTERVAL = 50

/**
 * Shuts a visitor out and lets it in again, as an operator would.
 *
 * @throws {AbortError} when the signal aborts
 */
export async function rehearse ({ visitor, door, live, isFull, say }: RehearsalInit, signal: AbortSignal): Promise<Rehearsed> {
  const { name, address } = visitor
  const state = (): { cut: number, turnedAway: number, early: number } => {
    const found = door.shutOut.find(shutOut => shutOut.name === name)
    return found == null ? { cut: 0, turnedAway: 0, early: 0 } : { cut: found.cut, turnedAway: turnedAway(found), early: found.early }
  }

  const came = await until(() => isFull() && live() > 0, signal)
  say(await door.block(name))
  // one attempt each second is not enough to tell that nothing gets in: a few are
  await until(() => state().turnedAway >= 3, signal)
  const seen = { ...state(), gone: live() === 0 }
  say(await door.unblock(name))
  const returned = await until(() => live() > 0, signal)
  return { name, byAddress: address != null, came, ...seen, returned }
}

/** Whether a condition holds before long */
async function until (condition: () => boolean, signal: AbortSignal): Promise<boolean> {
  for (let waited = 0; waited < PATIENCE; waited += INTERVAL) {
    if (condition()) return true
    await delay(INTERVAL, undefined, { signal })
  }
  return condition()
}
