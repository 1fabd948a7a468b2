import { describe, expect, it } from 'vitest'
import { createBlockList } from '../src/node/block-list.ts'

describe('where there is no Node', () => {
  it('there is no list that a server could ask', () => {
    expect(createBlockList(() => true)).toBe(undefined)
  })
})
