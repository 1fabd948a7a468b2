import type { Pings } from './ledger.ts'
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
}

/**
 * What is wrong with a run, in sentences; nothing is when the honest were served and the attackers were there:
 * a run without attack proves nothing.
 */
export function judge ({ pings, answered, closed, overLimit }: Evidence): string[] {
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
  return problems
}

function sum (...counts: Array<number | undefined>): number {
  return counts.reduce<number>((total, count) => total + (count ?? 0), 0)
}
