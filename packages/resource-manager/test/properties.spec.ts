import { seededRandom } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { createResourceManager } from '../src/index.ts'
import { managerWith, only, SHARE } from './support.ts'
import { randomLimits, Trace } from './trace.ts'
import type { LimitConfig, ResourceManager } from '@cordon/interface-resource-manager'

/** Every limit, times a factor */
function higher (limits: LimitConfig, factor: number): LimitConfig {
  const raise = (value: unknown): unknown => typeof value === 'number' ? Math.ceil(value * factor) + 1 : Object.fromEntries(Object.entries(value as object).map(([key, inner]) => [key, raise(inner)]))
  return raise(limits) as LimitConfig
}

/** Opens and moves until something is refused; how far it came */
function accepted (manager: ResourceManager, seed: number): number {
  const random = seededRandom(seed)
  for (let step = 0; step < 60; step++) {
    const direction = random.chance(0.5) ? 'inbound' as const : 'outbound' as const
    const peer = random.pick(['a', 'b', 'c'])
    const connection = manager.openConnection(direction, { usesDescriptor: random.chance(0.5) })
    if ('code' in connection || connection.setPeer(peer) !== undefined) return step
    const stream = manager.openStream(peer, direction)
    if ('code' in stream) return step
    if (random.chance(0.7) && stream.setProtocol(random.pick(['/x', '/y'])) !== undefined) return step
    if ('code' in stream.reserveMemory(random.int(0, 50), random.pick([101, 255]))) return step
    if (random.chance(0.3)) stream.release()
    if (random.chance(0.3)) connection.release()
  }
  return Infinity
}

describe('properties', () => {
  it('P1: while limits rise, nothing is ever above them, and they are what admits and refuses', () => {
    for (let seed = 0; seed < 150 * SHARE; seed++) {
      const random = seededRandom(seed)
      let limits = randomLimits(random)
      const trace = new Trace(random, limits, 10)
      for (let step = 0; step < 300; step++) {
        if (step === 100 || step === 200) {
          limits = higher(limits, 1.3)
          trace.manager.setLimits(only(limits))
          trace.reference.limit(limits)
        }
        const wrong = trace.step() ?? trace.compare()
        if (wrong !== undefined) expect.fail(`seed ${seed}, step ${step}: ${wrong}`)
      }
      expect(trace.refusals).toBeGreaterThan(0)
    }
  })

  it('P9: what is refused at a priority is refused at every lower one', () => {
    const random = seededRandom(9)
    for (let run = 0; run < 500 * SHARE; run++) {
      const manager = managerWith({ system: { memory: random.int(0, 10_000) } })
      using system = manager.scope('system')
      system.reserveMemory(random.int(0, 5_000))
      const size = random.int(1, 5_000)
      let refusedAbove = false
      for (let priority = 255; priority >= 0; priority -= random.int(1, 20)) {
        const result = system.reserveMemory(size, priority)
        if ('code' in result) refusedAbove = true
        else {
          expect(refusedAbove).toBe(false)
          result.release()
        }
      }
    }
  })

  it('P10: a trace that is accepted whole under some limits is accepted whole under higher ones', () => {
    let whole = 0
    for (let seed = 0; seed < 8_000 * SHARE; seed++) {
      const limits = higher(randomLimits(seededRandom(seed)), 6)
      if (accepted(createResourceManager({ limits: only(limits) }), seed) !== Infinity) continue
      whole++
      expect(accepted(createResourceManager({ limits: only(higher(limits, 1.5)) }), seed)).toBe(Infinity)
    }
    expect(whole).toBeGreaterThan(20 * SHARE)
  })
})
