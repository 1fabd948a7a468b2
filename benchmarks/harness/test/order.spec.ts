import { describe, expect, it } from 'vitest'
import { permutations, rotate, spread } from '../src/order.ts'

describe('permutations', () => {
  it('has every order once', () => {
    const orders = permutations(['a', 'b', 'c']).map(order => order.join(''))

    expect(orders.toSorted()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba'])
  })
})

describe('rotate', () => {
  it('alternates two arms as ABBA', () => {
    expect([...rotate(['a', 'b'], 0), ...rotate(['a', 'b'], 1)]).toEqual(['a', 'b', 'b', 'a'])
  })

  it('gives each of three arms each place equally often', () => {
    const rounds = [0, 1, 2, 3, 4, 5].map(round => rotate(['a', 'b', 'c'], round))

    for (const place of [0, 1, 2]) {
      expect(rounds.map(order => order[place]).toSorted()).toEqual(['a', 'a', 'b', 'b', 'c', 'c'])
    }
  })
})

describe('spread', () => {
  it.each([
    { values: [10, 8], expected: 0.2 },
    { values: [8, 10, 9], expected: 0.2 },
    { values: [5, 5], expected: 0 },
    { values: [0, 0], expected: 0 },
    { values: [0, 5], expected: 1 },
    { values: [], expected: 0 }
  ])('of $values is $expected', ({ values, expected }) => {
    expect(spread(values)).toBeCloseTo(expected, 12)
  })
})
