import type { ForeignRecord } from './foreign-record.ts'

/** Groups of up to so many are equally large */
const SMALL_GROUP = 2

/** Who has to go first: the oldest of the largest group, and so on */
export function byWhoGoes (records: readonly ForeignRecord[]): ForeignRecord[] {
  const groups = [...Map.groupBy(records, ({ address }) => address.share).values()]
  // a map keeps the order in which groups began, and so does sorting: of several that are largest the first has the oldest member
  return groups.sort((a, b) => sizeOf(b) - sizeOf(a)).flat()
}

function sizeOf ({ length }: readonly ForeignRecord[]): number {
  return Math.max(SMALL_GROUP, length)
}
