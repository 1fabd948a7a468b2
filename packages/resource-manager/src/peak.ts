import type { LimitKey, ScopePeak } from '@cordon/interface-resource-manager'

/** The most that was used at once */
export type Peak = Record<LimitKey, number>

/** Raises `peak` to whatever is higher in `other` */
export function raise (peak: Peak, other: ScopePeak): void {
  for (const key of Object.keys(peak) as LimitKey[]) {
    if (other[key] > peak[key]) peak[key] = other[key]
  }
}
