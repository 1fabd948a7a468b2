/** How long after a failure the datastore is tried again, in ms; doubles with each in a row */
const FIRST_RETRY = 1_000
const LAST_RETRY = 60_000

/** In ms, after so many failures in a row */
export function retryAfter (failures: number): number {
  return Math.min(LAST_RETRY, FIRST_RETRY * 2 ** (failures - 1))
}
