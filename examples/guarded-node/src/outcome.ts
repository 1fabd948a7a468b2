import type { Pings } from './ledger.ts'
import type { Rehearsed } from './rehearsal.ts'
import type { CloseReason } from '@cordon/interface-connection-lifecycle'

/** What is judged at the end of `--once` */
export interface Evidence {
  readonly pings: Pings
  /** How many pings each honest visitor had answered */
  readonly answered: readonly number[]
  /** How many connections ended, by reason */
  readonly closed: Readonly<Partial<Record<CloseReason['code'], number>>>
  /** How often the resource manager said no */
  readonly overLimit: number
  /** What was seen of the one that was shut out for a while */
  readonly rehearsed: Rehearsed
}

/**
 * What is wrong with a run, in sentences; nothing is when the honest were served and the attackers were there:
 * a run without attack proves nothing.
 */
export function judge ({ pings, answered, closed, overLimit, rehearsed }: Evidence): string[] {
  const problems: string[] = []
  if (pings.failed > 0) {
    problems.push(`${pings.failed} of ${pings.ok + pings.failed} honest pings failed, the last one because ${pings.lastError ?? 'of something unknown'}`)
  }
  answered.forEach((count, index) => {
    if (count === 0) problems.push(`honest visitor ${index + 1} had no ping answered`)
  })
  if (sum(closed.crowded, closed.deadline) === 0) problems.push('no stalled connection was dropped: the one who stalls was not there, or was not noticed')
  if (sum(closed['upgrade-failed']) === 0) problems.push('no garbage was dropped: the one who sends it was not there, or was not noticed')
  if (overLimit === 0) problems.push('nothing was over a limit: the one who is greedy was not there, or was not noticed')
  return [...problems, ...judgeRule(rehearsed)]
}

function judgeRule ({ name, byAddress, came, cut, turnedAway, early, gone, returned }: Rehearsed): string[] {
  if (!came) return [`${name} was not there in time, so nobody could be shut out`]
  const problems: string[] = []
  if (cut === 0) problems.push(`${name} was shut out, and none of its connections was cut`)
  if (turnedAway === 0) problems.push(`${name} was shut out, and was not seen to be turned away`)
  else if (byAddress && early === 0) problems.push(`${name} was turned away only when it had a socket, and not before`)
  if (!gone) problems.push(`${name} was shut out, and was there all the same`)
  if (!returned) problems.push(`${name} was let in again, and did not come back in time`)
  return problems
}

function sum (...counts: Array<number | undefined>): number {
  return counts.reduce<number>((total, count) => total + (count ?? 0), 0)
}
