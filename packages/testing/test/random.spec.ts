import { seededRandom } from '@cordon/testing'
import { describe, expect, it } from 'vitest'

describe('seededRandom', () => {
  it('repeats itself for the same seed only', () => {
    const draw = (seed: number): number[] => {
      const random = seededRandom(seed)
      return [random.next(), random.int(0, 1_000), ...random.bytes(8), ...random.shuffle([1, 2, 3, 4, 5])]
    }
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
  })

  it('stays the same across releases, so that seeds in reports remain good', () => {
    const random = seededRandom(1)
    expect([random.int(0, 999), random.int(0, 999), random.int(0, 999)]).toEqual([646, 328, 81])
  })

  it('keeps its bounds', () => {
    const random = seededRandom(3)
    const ints = Array.from({ length: 1_000 }, () => random.int(2, 4))
    expect(new Set(ints)).toEqual(new Set([2, 3, 4]))
    const floats = Array.from({ length: 1_000 }, () => random.next())
    expect(Math.min(...floats)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...floats)).toBeLessThan(1)
    expect([random.chance(0), random.chance(1)]).toEqual([false, true])
    expect(random.bytes(5)).toHaveLength(5)
  })

  it('picks from what is there, and shuffles a copy', () => {
    const random = seededRandom(4)
    const from = ['a', 'b', 'c']
    expect(new Set(Array.from({ length: 100 }, () => random.pick(from)))).toEqual(new Set(from))
    expect(random.shuffle(from).toSorted()).toEqual(from)
    expect(from).toEqual(['a', 'b', 'c'])
    expect(() => random.pick([])).toThrow(RangeError)
  })
})
