/**
 * Every order of some arms. Arms that take turns in all orders share what drifts (temperature, neighbours on the
 * machine) and no arm is always the one that runs after another.
 */
export function permutations <T> (arms: readonly T[]): T[][] {
  if (arms.length < 2) {
    return [[...arms]]
  }

  return arms.flatMap((arm, i) => permutations(arms.toSpliced(i, 1)).map(rest => [arm, ...rest]))
}

/** The order for one round: for two arms ABBA, for more every order in turn */
export function rotate <T> (arms: readonly T[], round: number): T[] {
  const orders = permutations(arms)

  return orders[round % orders.length] ?? []
}

/** How far apart the values are, as a share of the largest; 0 when all are equal or there are none */
export function spread (values: readonly number[]): number {
  const largest = Math.max(0, ...values)

  return largest === 0 ? 0 : (largest - Math.min(...values)) / largest
}
