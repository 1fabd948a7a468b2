import { fakeClock } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { FLUSH_HITS } from '../src/constants.ts'
import { HitLog } from '../src/rules/hit-log.ts'
import { Layer } from '../src/rules/layer.ts'
import { parseText } from '../src/rules/subject.ts'
import type { Found } from '../src/rules/layer.ts'
import type { Clock } from '@cordon/interface-connection-lifecycle'
import type { FakeClock } from '@cordon/testing'

const RULES = 1_000

interface Scene {
  readonly log: HitLog
  readonly clock: FakeClock
  readonly rules: readonly Found[]
  /** What was written, in order */
  readonly written: Found[]
}

/** Rules that have all decided, each of which takes 1 ms to write */
function scene (): Scene {
  const clock = fakeClock()
  const layer = new Layer(1)
  const rules = Array.from({ length: RULES }, (_, i) => {
    const subject = parseText(`10.0.${i >> 8}.${i & 255}`)
    layer.add(subject, 'block', 'any', undefined, Infinity)
    const found = layer.find(subject, 'block', 'any')
    if (found === undefined) throw new Error('the rule is not there')
    return found
  })
  const written: Found[] = []
  const slow: Clock = { now: () => clock.now() + written.length, schedule: (delay, task, options) => clock.schedule(delay, task, options) }
  const log = new HitLog(slow, found => { written.push(found) })
  log.start()
  for (const found of rules) log.add(found)
  return { log, clock, rules, written }
}

/** Lets what is scheduled for now run, until nothing is */
async function settle (clock: FakeClock): Promise<number> {
  for (let turns = 0; ; turns++) {
    for (let i = 0; i < 5; i++) await Promise.resolve()
    if (clock.nextIn !== 0) return turns
    clock.tick(0)
  }
}

describe('counts of hits', () => {
  it('are written after a minute, each once, and in slices', async () => {
    const { log, clock, rules, written } = scene()
    for (const found of rules) log.add(found)
    clock.tick(FLUSH_HITS - 1)
    expect(written).toEqual([])
    clock.tick(1)
    expect(written.length).toBeLessThan(50)
    expect(await settle(clock)).toBeGreaterThan(RULES / 50)
    expect(new Set(written).size).toBe(RULES)
    expect(written).toHaveLength(RULES)
    expect(clock.pending).toBe(0)
  })

  it('are not written of rules that are gone, also while the others are', () => {
    const { log, clock, rules, written } = scene()
    clock.tick(FLUSH_HITS)
    const left = rules.filter(found => !written.includes(found))
    for (const found of left) log.forget(found)
    log.stop()
    expect(written.filter(found => left.includes(found))).toEqual([])
  })

  it('are written at once where the gater stops, and by nobody else afterwards', async () => {
    const { log, clock, written } = scene()
    clock.tick(FLUSH_HITS)
    log.stop()
    expect(written).toHaveLength(RULES)
    await settle(clock)
    expect(written).toHaveLength(RULES)
  })

  it('of a stopped gater wait for the next start', () => {
    const { log, clock, rules, written } = scene()
    log.stop()
    written.length = 0
    for (const found of rules) log.add(found)
    expect([clock.pending, written.length]).toEqual([0, 0])
    log.start()
    expect(clock.pending).toBe(1)
  })
})
