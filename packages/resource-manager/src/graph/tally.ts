import { CAUSES } from './causes.ts'
import type { Share } from './share.ts'
import type { RefusalCause, RefusalCounts } from '@cordon/interface-resource-manager'

/** How often each cause occurred, by its number */
export type Tally = number[]

export function increment (tally: Tally, cause: number): void {
  tally[cause] = (tally[cause] ?? 0) + 1
}

/** Counts a refusal for the scope and for its kind; for the kind alone where the scope was not even made */
export function count (scope: Share, cause: number): void {
  increment(scope.kind.refusals, cause)
  if (scope !== scope.kind.vacant) increment(scope.refusals ??= CAUSES.map(() => 0), cause)
}

/** What never happened is left out */
export function countsOf (tally: Tally | undefined): RefusalCounts {
  const counts: Partial<Record<RefusalCause, number>> = {}
  for (const [index, cause] of CAUSES.entries()) {
    const count = tally?.[index] ?? 0
    if (cause != null && count > 0) counts[cause] = count
  }
  return counts
}
