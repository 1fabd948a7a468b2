import { describe, expect, it } from 'vitest'
import { judge } from '../src/outcome.ts'
import type { Evidence } from '../src/outcome.ts'

const REHEARSED: Evidence['rehearsed'] = { name: 'greedy', byAddress: true, came: true, cut: 8, turnedAway: 3, early: 3, gone: true, returned: true }
const GOOD: Evidence = { pings: { ok: 10, failed: 0 }, answered: [2, 2, 2, 2, 2], closed: { crowded: 8, 'upgrade-failed': 4 }, overLimit: 12, rehearsed: REHEARSED }

describe('the judgement of --once', () => {
  it('finds nothing wrong when the honest were served under attack', () => {
    expect(judge(GOOD)).toEqual([])
  })

  it('takes a missed deadline for a dropped one too', () => {
    expect(judge({ ...GOOD, closed: { deadline: 1, 'upgrade-failed': 1 } })).toEqual([])
  })

  it('tells of one ping that failed', () => {
    expect(judge({ ...GOOD, pings: { ok: 9, failed: 1, lastError: 'it took too long' } })).toEqual(['1 of 10 honest pings failed, the last one because it took too long'])
  })

  it('tells of a visitor that was never served, and of all when none was there', () => {
    expect(judge({ ...GOOD, answered: [5, 5, 0] })).toEqual(['honest visitor 3 had no ping answered'])
  })

  it.each<[Evidence['closed'], RegExp]>([
    [{ 'upgrade-failed': 1, 'remote-close': 9 }, /^no stalled connection was dropped/],
    [{ deadline: 1, 'remote-reset': 9 }, /^no garbage was dropped/]
  ])('proves nothing without an attack: %j', (closed, problem) => {
    expect(judge({ ...GOOD, closed })).toEqual([expect.stringMatching(problem)])
  })

  it('proves nothing where nobody was greedy', () => {
    expect(judge({ ...GOOD, overLimit: 0 })).toEqual([expect.stringMatching(/^nothing was over a limit/)])
  })

  it.each<[Partial<Evidence['rehearsed']>, string[]]>([
    [{ came: false, cut: 0, turnedAway: 0, early: 0, gone: true, returned: false }, ['greedy was not there in time, so nobody could be shut out']],
    [{ cut: 0 }, ['greedy was shut out, and none of its connections was cut']],
    [{ turnedAway: 0, early: 0 }, ['greedy was shut out, and was not seen to be turned away']],
    [{ early: 0 }, ['greedy was turned away only when it had a socket, and not before']],
    [{ gone: false }, ['greedy was shut out, and was there all the same']],
    [{ returned: false }, ['greedy was let in again, and did not come back in time']],
    [{ byAddress: false, early: 0 }, []]
  ])('tells of a rule that did not do what it should: %j', (rehearsed, problems) => {
    expect(judge({ ...GOOD, rehearsed: { ...REHEARSED, ...rehearsed } })).toEqual(problems)
  })
})
