import { describe, expect, it } from 'vitest'
import { runNode } from '../lib/run.ts'

describe('a command', () => {
  it('gives its exit code and what it wrote', async () => {
    expect(await runNode(['-e', 'console.log("out"); process.exitCode = 3'])).toEqual({ code: 3, output: 'out\n' })
  })

  it.each([['SIGKILL', 1], ['SIGTERM', 130]])('that %s ended has the code %i, and says so', async (signal, code) => {
    expect(await runNode(['-e', `process.kill(process.pid, '${signal}'); setInterval(() => {}, 1_000)`])).toEqual({ code, output: `ended by ${signal}` })
  })

  it('that takes too long is ended, and says so', async () => {
    expect(await runNode(['-e', 'setInterval(() => {}, 1_000)'], { timeout: 300 })).toEqual({ code: 1, output: '\nit took longer than 300 ms, and was ended by SIGKILL' })
  })

  it('that cannot be started has the code 127', async () => {
    expect(await runNode(['-e', ''], { cwd: '/nowhere/at/all' })).toMatchObject({ code: 127, output: expect.stringContaining('ENOENT') as unknown })
  })
})
