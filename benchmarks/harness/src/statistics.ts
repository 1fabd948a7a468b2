/** The middle of a sample and the half of it that lies around the middle */
export interface Quartiles {
  readonly q1: number
  readonly median: number
  readonly q3: number
}

/**
 * The value below which a share `q` of the sample lies, with linear interpolation between neighbours (type 7 of
 * Hyndman and Fan, what R and NumPy do by default).
 *
 * @returns `NaN` for an empty sample
 * @throws {RangeError} when `q` is not between 0 and 1
 */
export function quantile (sample: readonly number[], q: number): number {
  if (!(q >= 0 && q <= 1)) {
    throw new RangeError(`q must be between 0 and 1, got ${q}`)
  }

  const sorted = [...sample].sort((a, b) => a - b)
  const position = (sorted.length - 1) * q
  const below = sorted[Math.floor(position)] ?? NaN
  const above = sorted[Math.ceil(position)] ?? NaN

  return below + (above - below) * (position - Math.floor(position))
}

export function median (sample: readonly number[]): number {
  return quantile(sample, 0.5)
}

export function quartiles (sample: readonly number[]): Quartiles {
  return { q1: quantile(sample, 0.25), median: median(sample), q3: quantile(sample, 0.75) }
}

/** The distance between the quartiles as a share of the median: how much a sample scatters, outliers left out */
export function interquartile (sample: readonly number[]): number {
  const { q1, median, q3 } = quartiles(sample)

  return (q3 - q1) / median
}
