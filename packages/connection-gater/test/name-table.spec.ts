import { seededRandom } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { variantOf } from '../src/tables/entries.ts'
import { NameTable } from '../src/tables/name-table.ts'

const RULE = variantOf('block', 'any')

describe('a table of names', () => {
  it('has what was put in and not removed, whatever came and went, and little room beside it', () => {
    const random = seededRandom(11)
    const table = new NameTable(0, 11)
    const expected = new Map<string, number>()
    for (let step = 0; step < 20_000; step++) {
      const name = `n${random.int(0, 3_000)}-${'x'.repeat(random.int(0, 3) * 20)}`
      const index = table.find(name)
      expect(index).toBe(expected.get(name) ?? -1)
      if (index === -1) {
        expected.set(name, table.enter(name))
        table.entries.set(table.find(name), RULE, undefined)
      } else if (random.chance(0.7)) {
        table.entries.clear(index, RULE)
        table.remove(index)
        expected.delete(name)
      }
    }
    expect(table.entries.size).toBe(expected.size)
    for (const [name, index] of expected) expect([table.find(name), table.nameAt(index)]).toEqual([index, name])
    const text = [...expected.keys()].join('').length
    // 15 bytes for each index there ever was, with half as much again, two slots of 8 at least half of which are free, and the text
    expect(table.bytes).toBeLessThan(1.3 * text + table.entries.end * (15 * 1.5 + 48) + 4_096)
  })
})
