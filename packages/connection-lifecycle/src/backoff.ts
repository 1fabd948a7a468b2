/** From 0 to below 1 */
export type Random = () => number

/**
 * How long to wait before the next attempt: drawn evenly between 0 and a bound that doubles with each attempt
 * ("full jitter", which spreads the herd best: AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).
 *
 * @param attempts - how many there were without lasting success
 * @param minDelay - the bound for the first attempt, in ms
 * @param maxDelay - what the bound does not grow beyond, in ms
 * @param random - where the draw comes from
 * @returns in ms
 */
export function backoff (attempts: number, minDelay: number, maxDelay: number, random: Random): number {
  // an exponent of 1,024 makes Infinity, which the bound takes care of
  const bound = Math.min(maxDelay, minDelay * 2 ** Math.min(attempts, 1_023))
  return Math.floor(random() * bound)
}
