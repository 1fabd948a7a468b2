import { fakeClock } from '@cordon/testing'
import { describe, expect, it } from 'vitest'

describe('fakeClock', () => {
  it('stands still until it is moved', () => {
    const clock = fakeClock(5)
    expect(clock.now()).toBe(5)
    clock.tick(3)
    expect(clock.now()).toBe(8)
  })

  it('fires what is due in order, each at its own moment', () => {
    const clock = fakeClock(0)
    const seen: Array<[string, number]> = []
    const note = (name: string) => () => { seen.push([name, clock.now()]) }
    clock.schedule(20, note('b'))
    clock.schedule(10, note('a'))
    clock.schedule(20, note('c'))
    clock.schedule(31, note('later'))
    clock.tick(30)
    expect(seen).toEqual([['a', 10], ['b', 20], ['c', 20]])
    expect(clock.now()).toBe(30)
    expect(clock.pending).toBe(1)
    expect(clock.nextIn).toBe(1)
  })

  it('fires what is armed by a task within the same tick', () => {
    const clock = fakeClock(0)
    const seen: number[] = []
    clock.schedule(10, () => { clock.schedule(5, () => { seen.push(clock.now()) }) })
    clock.tick(15)
    expect(seen).toEqual([15])
  })

  it('jumps: everything sees the late moment', () => {
    const clock = fakeClock(0)
    const seen: Array<[string, number]> = []
    clock.schedule(20, () => { seen.push(['b', clock.now()]) })
    clock.schedule(10, () => {
      seen.push(['a', clock.now()])
      clock.schedule(0, () => { seen.push(['now', clock.now()]) })
      clock.schedule(1, () => { seen.push(['never', clock.now()]) })
    })
    clock.jump(1_000)
    expect(seen).toEqual([['a', 1_000], ['b', 1_000], ['now', 1_000]])
    expect(clock.pending).toBe(1)
  })

  it('cancels, also twice, also from within a task that is due at the same moment', () => {
    const clock = fakeClock(0)
    const seen: string[] = []
    const second = { timer: clock.schedule(0, () => {}) }
    second.timer.cancel()
    clock.schedule(10, () => {
      seen.push('first')
      second.timer.cancel()
      second.timer.cancel()
    })
    second.timer = clock.schedule(10, () => { seen.push('second') })
    clock.tick(10)
    expect(seen).toEqual(['first'])
    expect(clock.pending).toBe(0)
    expect(clock.nextIn).toBeUndefined()
  })

  it('stays consistent when a task throws', () => {
    const clock = fakeClock(0)
    clock.schedule(10, () => { throw new Error('oops') })
    clock.schedule(10, () => {})
    expect(() => { clock.tick(50) }).toThrow('oops')
    expect(clock.pending).toBe(1)
    clock.tick(0)
    expect(clock.pending).toBe(0)
  })

  it.each([NaN, Infinity, -Infinity])('refuses a delay of %s', (delay) => {
    expect(() => fakeClock().schedule(delay, () => {})).toThrow(RangeError)
  })

  it.each([NaN, Infinity, -1])('refuses to let %s ms pass', (ms) => {
    expect(() => { fakeClock().tick(ms) }).toThrow(RangeError)
    expect(() => { fakeClock().jump(ms) }).toThrow(RangeError)
  })

  it('ends a task that re-arms itself without delay', () => {
    const clock = fakeClock(0)
    const again = (): void => { clock.schedule(0, again) }
    again()
    expect(() => { clock.tick(1) }).toThrow('re-arms itself')
  })

  it('knows which timers would keep the process alive', () => {
    const clock = fakeClock()
    clock.schedule(10, () => {})
    clock.schedule(20, () => {}, { ref: true })
    expect([clock.pending, clock.pendingRef]).toEqual([2, 1])
    clock.tick(20)
    expect([clock.pending, clock.pendingRef]).toEqual([0, 0])
  })
})
