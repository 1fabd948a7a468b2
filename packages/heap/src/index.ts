/**
 * @packageDocumentation
 *
 * The item with the smallest key first, and any item out again. Cordon's modules order with it what ends by itself.
 *
 * @example Who is due first
 *
 * ```ts run
 * import { Heap } from '@cordon/heap'
 *
 * const [soon, late] = [{ due: 1, place: -1 }, { due: 2, place: -1 }]
 * const heap = new Heap<typeof soon>(({ due }) => due)
 * for (const item of [late, soon]) heap.put(item)
 *
 * console.info(heap.first === soon, heap.least) // true 1
 * heap.remove(soon)
 * console.info(heap.least) // 2
 * ```
 */

export { Heap } from './heap.ts'
export type { Placed } from './heap.ts'
