/**
 * @packageDocumentation
 *
 * A set whose members belong to groups, and which knows at once who has to go when there is no room: the oldest of
 * a group that is full, or the oldest of the largest group, where groups of one and two count as equally large. With
 * it a node holds what is not authenticated yet so that no single group crowds out the others. It sets no bound of its
 * own: ask `size` and `sizeOf` first.
 *
 * @example Let the largest group pay
 *
 * ```ts run
 * import { FairSet } from '@cordon/fair-set'
 *
 * const waiting = new FairSet<string>()
 * const places = ['b1', 'a1', 'a2', 'a3'].map(name => waiting.add(name.charAt(0), name))
 *
 * console.info(waiting.size, waiting.oldestOfLargest()) // 4 a1
 * places.forEach(place => { waiting.remove(place) })
 * ```
 */

export { FairSet } from './fair-set.ts'
export type { Place } from './fair-set.ts'
