import { smoke } from '@cordon/bench-harness/smoke'
import { describe, expect, it } from 'vitest'

describe('handshake-flood', () => {
  it('floods a bare and a composed node, and says no verdict where the bare one does not suffer', { timeout: 120_000 }, async () => {
    const { code, rows, notes } = await smoke(new URL('../src/index.ts', import.meta.url))

    expect(code, notes).toBe(0)
    expect(rows.map(({ row, arm }) => [row, arm])).toEqual([
      ['stall-5', 'bare'],
      ['stall-5', 'composed'],
      ['stall-500x100-shared', 'bare'],
      ['stall-500x100-shared', 'composed']
    ])

    for (const row of rows) {
      // no times where nobody got in
      const times = row['legitOk'] === 0 ? [] : ['p50Ms', 'p99Ms']

      for (const field of ['legitTry', ...times, 'rssPeakMb', 'loopMaxMs']) {
        expect(row[field], field).toBeGreaterThan(0)
      }
    }

    const [single, singleComposed, crowd, crowdComposed] = rows.map(({ legitOk }) => Number(legitOk))

    expect(singleComposed).toBeGreaterThan(single ?? NaN)
    expect(crowdComposed).toBeGreaterThan(crowd ?? NaN)
  })
})
