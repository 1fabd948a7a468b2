import { afterEach, beforeEach, describe, vi } from 'vitest'
import { arrivals } from './lifecycle/arrivals.ts'
import { bounds } from './lifecycle/bounds.ts'
import { closing } from './lifecycle/closing.ts'
import { deadlines } from './lifecycle/deadlines.ts'
import { events } from './lifecycle/events.ts'
import { faults } from './lifecycle/faults.ts'
import { context } from './lifecycle/harness.ts'
import { maintain } from './lifecycle/maintain.ts'
import { refusals } from './lifecycle/refusals.ts'
import { states } from './lifecycle/states.ts'
import { streams } from './lifecycle/streams.ts'
import type { LifecycleSetup } from './lifecycle/args.ts'

/** In ms, of a test: time is faked, so one that takes longer waits for something that never comes */
const TIMEOUT = 5_000

/**
 * Everything that the interface promises of a `ConnectionLifecycle`, driven as the component registry would
 * drive it, with fake connections and time that stands still. `setup` makes a lifecycle that is neither attached nor
 * started yet; where it is a `Startable` the suite starts and stops it.
 */
export function lifecycleSuite (setup: LifecycleSetup): void {
  describe('a connection lifecycle', { timeout: TIMEOUT }, () => {
    let used = false
    const noting: LifecycleSetup = {
      setup: async args => {
        used = true
        return setup.setup(args)
      },
      teardown: async () => { await setup.teardown() }
    }

    beforeEach(() => {
      used = false
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] })
    })

    afterEach(async () => {
      vi.useRealTimers()
      if (used) await noting.teardown()
    })

    const its = context(noting)
    for (const part of [states, arrivals, refusals, faults, closing, bounds, deadlines, streams, events, maintain]) part(its)
  })
}
