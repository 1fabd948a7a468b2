import { afterEach, describe, expect, it } from 'vitest'
import { createLab } from '../src/lab.ts'
import type { Lab } from '../src/lab.ts'
import type { Procedures } from './fixtures/calculator.ts'

const CALCULATOR = new URL('./fixtures/calculator.ts', import.meta.url)

function alive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('lab', () => {
  let lab: Lab = createLab()

  afterEach(async () => {
    await lab[Symbol.asyncDispose]()
    lab = createLab()
  })

  it('calls procedures of another process', async () => {
    const calculator = await lab.start<Procedures>(CALCULATOR)

    expect(await calculator.call('add', 2, 3)).toBe(5)
    expect(await calculator.call('pid')).not.toBe(process.pid)
  })

  it('passes arguments to the process', async () => {
    const calculator = await lab.start<Procedures>(CALCULATOR, { args: ['bare'] })

    expect(await calculator.call('argument')).toBe('bare')
  })

  it('rejects with what the procedure threw', async () => {
    const calculator = await lab.start<Procedures>(CALCULATOR)

    await expect(calculator.call('fail')).rejects.toThrow('cannot divide')
  })

  it('rejects a call that takes too long', async () => {
    const calculator = await lab.start<Procedures>(CALCULATOR, { callTimeout: 2_000 })

    await expect(calculator.call('never')).rejects.toThrow('never took longer than 2000 ms')
  })

  it('rejects calls whose process ends, and later ones', async () => {
    const calculator = await lab.start<Procedures>(CALCULATOR)

    await expect(calculator.call('exit')).rejects.toThrow('ended (3)')
    await expect(calculator.call('add', 1, 1)).rejects.toThrow('is gone')
  })

  it('rejects a process that cannot be started', async () => {
    await expect(lab.start(new URL('./fixtures/missing.ts', import.meta.url))).rejects.toThrow('ended (1)')
  })

  it('starts a process through another command', async () => {
    const calculator = await lab.start<Procedures>(CALCULATOR, { through: ['env', 'CALCULATOR=through'], args: ['composed'] })

    expect(await calculator.call('variable', 'CALCULATOR')).toBe('through')
    expect(await calculator.call('argument')).toBe('composed')
    expect(await calculator.call('pid')).toBe(calculator.pid)
  })

  it('rejects where there is no such command', async () => {
    await expect(lab.start(CALCULATOR, { through: ['./no-such-command'] })).rejects.toThrow('ENOENT')
  })

  it('ends every process, also one that is busy for ever', async () => {
    const [idle, busy] = await Promise.all([lab.start<Procedures>(CALCULATOR), lab.start<Procedures>(CALCULATOR)])
    const pids = await Promise.all([idle.call('pid'), busy.call('pid')])
    const spinning = expect(busy.call('spin')).rejects.toThrow('SIGKILL')

    expect(pids.map(alive)).toEqual([true, true])
    await lab[Symbol.asyncDispose]()
    await spinning

    expect(pids.map(alive)).toEqual([false, false])
  })
})
