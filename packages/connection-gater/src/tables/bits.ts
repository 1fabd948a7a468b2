/** 128 bits that belong to neighbours lie next to each other: what a short prefix covers is set in one go */
export const GROUP = 128

/** 1 where it is */
export function isSet (bits: Int32Array, at: number): number {
  return ((bits[at >>> 5] ?? 0) >>> (at & 31)) & 1
}

/**
 * Sets the block of 2^`power` bits that one is in.
 *
 * @returns how many of them were not set
 */
export function fill (bits: Int32Array, at: number, power: number): number {
  if (power >= 5) {
    const first = (at >>> power) << (power - 5)
    const isNew = bits[first] !== -1
    bits.fill(-1, first, first + 2 ** (power - 5))
    return isNew ? 2 ** power : 0
  }
  const count = 2 ** power
  const mask = (2 ** count - 1) << (at & 31 & -count)
  const before = bits[at >>> 5] ?? 0
  bits[at >>> 5] = before | mask
  return (before & mask) === mask ? 0 : count
}

/** The power of two that has room for so many, within bounds */
export function powerFor (size: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, Math.ceil(Math.log2(Math.max(1, size)))))
}

/** The bits of a word that belong to the first `bits` bits of an address, where the word starts at bit `offset` */
export function maskOf (bits: number, offset: number): number {
  const length = bits - offset
  return length <= 0 ? 0 : length >= 32 ? -1 : -1 << (32 - length)
}
