import { describe, expect, it } from 'vitest'
import { run } from '../lib/run.ts'
import { workspaces } from '../lib/workspace.ts'

describe('npm run bench', () => {
  it.each([
    [[], 'which benchmark?'],
    [['harness'], 'there is no benchmark harness.'],
    [['../scripts'], 'there is no benchmark ../scripts.']
  ])('with %j says which benchmarks there are', async (args, words) => {
    const { code, output } = await run(process.execPath, ['scripts/bench.ts', ...args])
    const names = workspaces('benchmarks').map(({ folder }) => folder).filter(name => name !== 'harness')
    expect({ code, output }).toEqual({ code: 1, output: `${words} npm run bench -- <name>, with one of: ${names.join(', ')}\n` })
    expect(names).toContain('overhead')
  })
})
