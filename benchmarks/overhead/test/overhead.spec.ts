import { smoke } from '@cordon/bench-harness/smoke'
import { describe, expect, it } from 'vitest'

describe('overhead', () => {
  it('compares connections, streams and bytes of a bare and a composed node', { timeout: 120_000 }, async () => {
    const { code, rows, notes } = await smoke(new URL('../src/index.ts', import.meta.url))

    expect(code, notes).toBe(0)
    expect(rows.map(({ row }) => row)).toEqual(['connections', 'streams', 'bulk'])

    for (const row of rows) {
      for (const field of ['bare', 'composed', 'ratio', 'q1', 'q3', 'same']) {
        expect(row[field], field).toBeGreaterThan(0)
      }
    }

    for (const field of ['windows', 'own', 'ownCpu']) {
      expect(rows[2]?.[field], field).toBeGreaterThan(0)
    }
  })
})
