import { createLab } from '@cordon/bench-harness'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Parsers } from './parsers.ts'
import type { Remote } from '@cordon/bench-harness'

/** In characters */
const LENGTH = 8_192
const LONG = 65_536

/** Twice the text takes at most so many times the steps */
const RATIO = 2.5

/** Steps for each character, and for what is done once */
const PER_CHARACTER = 40
const ONCE = 20_000

/** In ms: hundreds of times of what any of them takes, and nothing beside what one would that tries everything */
const DEADLINE = 30_000

describe('A54: the worst that a parser of addresses, rules and lists can be given', () => {
  let lab: ReturnType<typeof createLab>
  let remote: Remote<Parsers>
  let cases: string[]

  beforeAll(async () => {
    lab = createLab()
    remote = await lab.start<Parsers>(new URL('./parsers.ts', import.meta.url), { callTimeout: DEADLINE })
    cases = await remote.call('cases')
  })
  afterAll(async () => { await lab[Symbol.asyncDispose]() })

  it(`takes a number of steps that grows with its length: at most ${PER_CHARACTER} for each character, and ${RATIO} times as many for twice as much`, async () => {
    let most = 0
    for (const [index, what] of cases.entries()) {
      const [once = 0, twice = 0] = await remote.call('steps', index, [LENGTH, 2 * LENGTH])
      expect(once, what).toBeGreaterThan(0)
      expect(once, what).toBeLessThanOrEqual(PER_CHARACTER * LENGTH + ONCE)
      expect(twice, what).toBeLessThanOrEqual(RATIO * once + ONCE)
      most = Math.max(most, once / LENGTH)
    }
    // or nothing was counted
    expect(most).toBeGreaterThan(1)
  })

  it('comes to its end where it is long, also within the engine', async () => {
    for (const index of cases.keys()) await remote.call('run', index, LONG)
  })
})
