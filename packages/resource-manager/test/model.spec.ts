import { seededRandom } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { SHARE } from './support.ts'
import { Trace, randomLimits } from './trace.ts'

const TRACES = 10_000 * SHARE
const STEPS = 200

/** Parts, so that no single test runs for long */
const PARTS = 10

describe('random traces against a model that counts everything anew', () => {
  it.each(Array.from({ length: PARTS }, (_, part) => part))(`P1 to P4, P6, P7: ${TRACES / PARTS} traces of ${STEPS} operations (part %d)`, part => {
    let refusals = 0
    for (let run = 0; run < TRACES / PARTS; run++) {
      const seed = part * TRACES + run
      const random = seededRandom(seed)
      const trace = new Trace(random, randomLimits(random), random.pick([0, 1, 1_000]))
      for (let step = 0; step < STEPS; step++) {
        const wrong = trace.step() ?? trace.compare() ?? (step % 20 === 0 ? trace.compareShares() : undefined)
        if (wrong !== undefined) expect.fail(`seed ${seed}, step ${step}: ${wrong}`)
      }
      const left = trace.end()
      if (left !== undefined) expect.fail(`seed ${seed}, at the end: ${left}`)
      refusals += trace.refusals
    }
    expect(refusals).toBeGreaterThan(TRACES / PARTS * 10)
  }, 120_000)
})
