import { smoke } from '@cordon/bench-harness/smoke'
import { describe, expect, it } from 'vitest'

describe('shed', () => {
  it('measures what a refusal costs a plain server, the least above a transport, a stock node and a composed node, its resource manager, and its gater before there is a socket', { timeout: 120_000 }, async () => {
    const { code, rows, notes } = await smoke(new URL('../src/index.ts', import.meta.url))

    expect(code, notes).toBe(0)
    expect(rows.map(({ row }) => row)).toEqual(['floor', 'wrap', 'stock', 'composed', 'limited', 'blocked'])

    for (const row of rows) {
      for (const field of ['cpuMicros', 'perSecond', 'rssMb', 'refused']) {
        expect(row[field], field).toBeGreaterThan(0)
      }
    }
  })
})
