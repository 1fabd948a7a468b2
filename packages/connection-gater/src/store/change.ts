import type { Deadline } from '@cordon/clock'
import type { RuleStoreError } from '@cordon/interface-connection-gater'

/** A caller that waits; both ends are called at once, and never within another change */
export interface Waiter {
  readonly done: () => void
  readonly fail: (error: RuleStoreError) => void
  /** Those who wait for the same: it leaves them when its time is over */
  among: Set<Waiter>
  deadline?: Deadline<Waiter>
}

/** Somebody who wants a rule to be gone, and has to know whether it is */
export interface Remover extends Waiter {
  /** The rule was made anew meanwhile: it is not removed */
  readonly overruled: () => void
}

/** A rule that the datastore does not have as it is. What is written is looked up when that is done. */
export class Change {
  /** The datastore has nothing of it: where the rule is gone before it was written, nothing is left to do */
  readonly isNew: boolean
  /** Who waits until the newest state of the rule is there */
  readonly waiters = new Set<Waiter>()
  /** As long as there are any, the rule is taken out of the datastore, though it is in force still */
  readonly removers = new Set<Remover>()

  constructor (isNew: boolean) {
    this.isNew = isNew
  }

  get waits (): number {
    return this.waiters.size + this.removers.size
  }

  /** Whoever waits for another change of the same rule waits for this one instead */
  take ({ waiters, removers }: Change): void {
    for (const waiter of waiters) {
      waiter.among = this.waiters
      this.waiters.add(waiter)
    }
    for (const remover of removers) {
      remover.among = this.removers
      this.removers.add(remover)
    }
    waiters.clear()
    removers.clear()
  }
}
