import { describe, expect, it } from 'vitest'
import { systemClock } from '../src/index.ts'

describe('systemClock', () => {
  it('never goes back', () => {
    const first = systemClock.now()
    expect(systemClock.now()).toBeGreaterThanOrEqual(first)
  })

  it('calls a task once, and not one that was cancelled', async () => {
    const calls: string[] = []
    systemClock.schedule(0, () => { calls.push('cancelled') }).cancel()

    await new Promise<void>(resolve => {
      systemClock.schedule(1, () => {
        calls.push('fired')
        resolve()
      })
    })

    expect(calls).toEqual(['fired'])
  })

  it('does not fire at once for a delay beyond what timers can hold', async () => {
    let fired = false
    const timer = systemClock.schedule(2 ** 40, () => { fired = true })
    await new Promise<void>(resolve => { systemClock.schedule(5, resolve) })
    timer.cancel()

    expect(fired).toBe(false)
  })

  it.skipIf(!('process' in globalThis))('keeps the process alive only where it is asked to', () => {
    // the resources that keep the event loop alive
    const timers = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
    const before = timers()
    const idle = systemClock.schedule(60_000, () => {})
    expect(timers() - before).toBe(0)
    const awaited = systemClock.schedule(60_000, () => {}, { ref: true })
    expect(timers() - before).toBe(1)
    awaited.cancel()
    idle.cancel()
    expect(timers() - before).toBe(0)
  })
})
