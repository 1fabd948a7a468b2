import { describe, expect, it } from 'vitest'
import { coverageOf, missed } from '../lib/coverage.ts'

const file = (lines: number, branches: number): { lines: { total: number, covered: number }, branches: { total: number, covered: number } } =>
  ({ lines: { total: 100, covered: lines }, branches: { total: 100, covered: branches } })

describe('coverage', () => {
  it('is that of all sources of a package, and of no other', () => {
    expect(coverageOf('a', '/top/packages/a', { '/top/packages/a/src/x.ts': file(90, 80), '/top/packages/a/src/y.ts': file(100, 100), '/top/packages/ab/src/x.ts': file(0, 0), total: file(0, 0) }))
      .toEqual({ name: 'a', lines: 95, branches: 90 })
  })

  it('is whole where there is nothing to cover', () => {
    expect(coverageOf('a', '/top/packages/a', {})).toEqual({ name: 'a', lines: 100, branches: 100 })
  })

  it('has floors', () => {
    expect(missed({ name: 'a', lines: 95, branches: 90 })).toEqual([])
    expect(missed({ name: 'a', lines: 94.9, branches: 89.9 })).toEqual([
      'packages/a: 94.9 % of the lines are covered, 95 % have to be',
      'packages/a: 89.9 % of the branches are covered, 90 % have to be'
    ])
  })
})
