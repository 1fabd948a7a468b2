/** How many handles and timers there are, by type */
export type HandleCounts = Readonly<Record<string, number>>

/** Types that come and go with the test runner and with reading files, and say nothing of a node */
const NOISE = new Set(['FSReqCallback', 'FSReqPromise', 'MessagePort', 'Immediate', 'TickObject', 'PipeWrap', 'FILEHANDLECLOSEREQ'])

/**
 * Counts what keeps this process alive: sockets, servers, timers, look-ups. Timers that do not keep it alive
 * are not seen by Node; those of a lifecycle are counted with `countingClock`.
 */
export function handleCounts (): HandleCounts {
  const counts: Record<string, number> = {}
  for (const type of process.getActiveResourcesInfo()) {
    if (!NOISE.has(type)) counts[type] = (counts[type] ?? 0) + 1
  }
  return counts
}

/** What is there now and was not there before, by type; empty when all has been given back */
export function handlesSince (before: HandleCounts): HandleCounts {
  const more: Record<string, number> = {}
  for (const [type, count] of Object.entries(handleCounts())) {
    const extra = count - (before[type] ?? 0)
    if (extra > 0) more[type] = extra
  }
  return more
}
