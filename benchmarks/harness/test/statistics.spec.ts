import { describe, expect, it } from 'vitest'
import { interquartile, median, quantile, quartiles } from '../src/statistics.ts'

describe('quantile', () => {
  it.each([
    { sample: [7], q: 0, value: 7 },
    { sample: [7], q: 1, value: 7 },
    { sample: [1, 2], q: 0.5, value: 1.5 },
    { sample: [3, 1, 2], q: 0.5, value: 2 },
    { sample: [4, 1, 3, 2], q: 0.25, value: 1.75 },
    { sample: [4, 1, 3, 2], q: 0.75, value: 3.25 },
    { sample: [10, 9, 100], q: 0.5, value: 10 },
    { sample: [-1, -10, 1], q: 0, value: -10 }
  ])('finds the value at $q of $sample', ({ sample, q, value }) => {
    expect(quantile(sample, q)).toBeCloseTo(value, 12)
  })

  it('finds the 99th percentile as NumPy does', () => {
    const sample = Array.from({ length: 100 }, (_, i) => i + 1)

    expect(quantile(sample, 0.99)).toBeCloseTo(99.01, 10)
  })

  it('has no value for an empty sample', () => {
    expect(quantile([], 0.5)).toBeNaN()
  })

  it('leaves the sample as it was', () => {
    const sample = [3, 1, 2]

    quantile(sample, 0.5)

    expect(sample).toEqual([3, 1, 2])
  })

  it.each([-0.01, 1.01, NaN])('refuses q = %s', q => {
    expect(() => quantile([1], q)).toThrow(RangeError)
  })
})

describe('quartiles', () => {
  it('are the quantiles at a quarter, a half and three quarters', () => {
    expect(quartiles([5, 1, 4, 2, 3])).toEqual({ q1: 2, median: 3, q3: 4 })
  })

  it('do not follow one wild value', () => {
    expect(quartiles([1, 2, 3, 4, 1e9])).toEqual(quartiles([1, 2, 3, 4, 5]))
  })
})

describe('median', () => {
  it('is the middle one, or half way between the middle two', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([9, 1, 5, 6])).toBe(5.5)
  })
})

describe('interquartile', () => {
  it('is the distance of the quartiles in medians', () => {
    expect(interquartile([1, 2, 3, 4, 5])).toBeCloseTo(2 / 3, 12)
    expect(interquartile([4, 4, 4])).toBe(0)
  })
})
