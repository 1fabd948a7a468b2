import { Deadlines } from '@cordon/clock'
import { fakeClock } from '@cordon/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Deadline } from '@cordon/clock'
import type { Clock } from '@cordon/interface-connection-lifecycle'

interface Waiting {
  readonly item: number
  readonly queue: number
  readonly due: number
}

function inOrder (one: Waiting, other: Waiting): number {
  if (one.due !== other.due) return one.due - other.due
  return one.queue === other.queue ? one.item - other.item : one.queue - other.queue
}

describe('Deadlines', () => {
  it('arms one timer for very many, and anew only for an earlier one', () => {
    const clock = fakeClock()
    let scheduled = 0
    const counting: Clock = {
      now: () => clock.now(),
      schedule: (delay, task) => {
        scheduled++
        return clock.schedule(delay, task)
      }
    }
    const expired: number[] = []
    const deadlines = new Deadlines<number>(counting, [300, 100], item => { expired.push(item) })

    for (let i = 0; i < 10_000; i++) deadlines.add(0, i, clock.now())
    expect([clock.pending, scheduled]).toEqual([1, 1])
    deadlines.add(1, -1, clock.now())
    expect([clock.pending, scheduled]).toEqual([1, 2])

    clock.tick(99)
    expect(expired).toEqual([])
    clock.tick(1)
    expect(expired).toEqual([-1])
    clock.tick(200)
    expect(expired).toHaveLength(10_001)
    expect([clock.pending, scheduled, deadlines.size]).toEqual([0, 3, 0])
  })

  it('goes on after an exception', () => {
    const clock = fakeClock()
    const expired: number[] = []
    const deadlines = new Deadlines<number>(clock, [100], item => {
      expired.push(item)
      if (item === 1) throw new Error('boom')
    })
    for (const item of [0, 1, 2]) deadlines.add(0, item, clock.now())
    expect(() => { clock.tick(100) }).toThrow('boom')
    expect([expired, clock.pending, clock.nextIn]).toEqual([[0, 1], 1, 0])
    clock.tick(0)
    expect([expired, clock.pending]).toEqual([[0, 1, 2], 0])
    // also where it was the last one
    deadlines.add(0, 1, clock.now())
    expect(() => { clock.tick(100) }).toThrow('boom')
    deadlines.add(0, 3, clock.now())
    clock.tick(100)
    expect([expired, clock.pending]).toEqual([[0, 1, 2, 1, 3], 0])
  })

  it('has no timer when nothing waits', () => {
    const clock = fakeClock()
    const deadlines = new Deadlines<string>(clock, [100], () => {})
    const deadline = deadlines.add(0, 'a', clock.now())
    deadlines.remove(deadline)
    deadlines.remove(deadline)
    expect([deadlines.size, clock.pending]).toEqual([0, 0])
  })

  it('keeps what began a little earlier in front of what was added before', () => {
    const clock = fakeClock()
    const expired: string[] = []
    const deadlines = new Deadlines<string>(clock, [100], item => { expired.push(item) })
    deadlines.add(0, 'late', clock.now())
    deadlines.add(0, 'later', clock.now() + 1)
    deadlines.add(0, 'early', clock.now() - 5)
    clock.tick(95)
    expect(expired).toEqual(['early'])
    clock.tick(10)
    expect(expired).toEqual(['early', 'late', 'later'])
  })

  it('may be stopped while something waits, and goes on with what is added', () => {
    const clock = fakeClock()
    const expired: string[] = []
    const deadlines = new Deadlines<string>(clock, [100], item => { expired.push(item) })
    deadlines.add(0, 'a', clock.now())
    deadlines.stop()
    expect([clock.pending, deadlines.size]).toEqual([0, 1])
    deadlines.add(0, 'b', clock.now())
    clock.tick(100)
    expect(expired).toEqual(['a', 'b'])
  })

  it('takes everything that is overdue after a jump, the earliest first', () => {
    const clock = fakeClock()
    const expired: string[] = []
    const deadlines = new Deadlines<string>(clock, [300, 200, 100], (item, queue) => { expired.push(`${item}${queue}`) })
    deadlines.add(0, 'a', clock.now())
    clock.tick(50)
    deadlines.add(1, 'b', clock.now())
    deadlines.add(2, 'c', clock.now())
    deadlines.add(0, 'd', clock.now())
    clock.jump(100_000)
    expect(expired).toEqual(['c2', 'b1', 'a0', 'd0'])
    expect(clock.pending).toBe(0)
  })

  it('lets what expires add and remove others', () => {
    const clock = fakeClock()
    const expired: string[] = []
    const deadlines: Deadlines<string> = new Deadlines<string>(clock, [100], item => {
      expired.push(item)
      if (item === 'a') deadlines.remove(other)
      if (item === 'a') deadlines.add(0, 'c', clock.now())
    })
    deadlines.add(0, 'a', clock.now())
    const other = deadlines.add(0, 'b', clock.now())
    clock.tick(100)
    expect(expired).toEqual(['a'])
    expect(clock.pending).toBe(1)
    clock.tick(100)
    expect(expired).toEqual(['a', 'c'])
  })

  it.each([undefined, { ref: true }])('asks for a timer with %j', options => {
    const asked: unknown[] = []
    const clock: Clock = {
      now: () => 0,
      schedule: (_delay, _task, given) => {
        asked.push(given)
        return { cancel: () => {} }
      }
    }
    new Deadlines<string>(clock, [10], () => {}, options).add(0, 'a', 0)
    expect(asked).toEqual([options ?? {}])
  })

  it('never asks for a delay that is not a whole number', () => {
    let now = 0.25
    const delays: number[] = []
    const clock: Clock = {
      now: () => now,
      schedule: delay => {
        delays.push(delay)
        return { cancel: () => {} }
      }
    }
    const deadlines = new Deadlines<string>(clock, [0.5, 10], () => {})
    deadlines.add(1, 'a', now)
    now = 1.1
    deadlines.add(0, 'b', now)
    expect(delays).toEqual([10, 1])
  })

  it('behaves as a list that is searched', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(60)), { maxLength: 60 }), steps => {
      const clock = fakeClock(0)
      const durations = [50, 20, 80]
      const expired: number[] = []
      const deadlines = new Deadlines<number>(clock, durations, item => { expired.push(item) })
      const handles: Array<Deadline<number>> = []
      let naive: Waiting[] = []
      const gone: number[] = []

      steps.forEach(([op, value], item) => {
        if (op < 3) {
          // what began a little earlier than those before it comes before them
          const from = clock.now() - value % 10
          handles.push(deadlines.add(op, item, from))
          naive.push({ item, queue: op, due: from + (durations[op] ?? 0) })
        } else if (op === 3) {
          const victim = handles[value % Math.max(1, handles.length)]
          if (victim == null) return
          deadlines.remove(victim)
          naive = naive.filter(({ item }) => item !== victim.item)
        } else {
          clock.jump(value)
          const due = naive.filter(({ due }) => due <= clock.now())
          gone.push(...due.sort(inOrder).map(({ item }) => item))
          naive = naive.filter(({ due }) => due > clock.now())
        }
        expect(expired).toEqual(gone)
        expect(deadlines.size).toBe(naive.length)
        expect(clock.pending).toBe(naive.length === 0 ? 0 : 1)
      })
    }), { numRuns: 1_000 })
  })
})
