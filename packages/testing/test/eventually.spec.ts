import { countingClock, eventually, within } from '@cordon/testing'
import { describe, expect, it } from 'vitest'

describe('eventually', () => {
  it('answers with what the function answered at last', async () => {
    let tries = 0
    const answer = await eventually(() => {
      if (++tries < 3) throw new Error('not yet')
      return tries
    }, { interval: 1 })
    expect(answer).toBe(3)
  })

  it('gives up at the deadline and says why', async () => {
    await expect(eventually(() => { throw new Error('never') }, { deadline: 20, interval: 1 })).rejects.toThrow('not within 20 ms: never')
    await expect(eventually(() => false, { deadline: 20, interval: 1 })).rejects.toThrow('stayed false')
  })
})

describe('within', () => {
  it('passes on what came in time, and an error too', async () => {
    await expect(within(1_000, 'it', Promise.resolve(5))).resolves.toBe(5)
    await expect(within(1_000, 'it', Promise.reject(new Error('oops')))).rejects.toThrow('oops')
  })

  it('says what did not come', async () => {
    await expect(within(5, 'the answer', new Promise(() => {}))).rejects.toThrow('the answer: not within 5 ms')
  })
})

describe('countingClock', () => {
  it('knows which of its timers are armed', async () => {
    const clock = countingClock()
    const fired = new Promise<void>(resolve => { clock.schedule(1, resolve) })
    const timer = clock.schedule(60_000, () => {})
    expect([clock.pending, clock.scheduled]).toEqual([2, 2])
    timer.cancel()
    timer.cancel()
    expect(clock.pending).toBe(1)
    // a timer that does not keep the process alive still fires while something else does
    await Promise.all([fired, eventually(() => clock.pending === 0)])
    expect([clock.pending, clock.scheduled]).toEqual([0, 2])
  })
})
