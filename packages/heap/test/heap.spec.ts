import { Heap } from '@cordon/heap'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

interface Item {
  readonly name: number
  key: number
  place: number
}

describe('a heap', () => {
  it('is empty at first', () => {
    const heap = new Heap<Item>(({ key }) => key)

    expect([heap.size, heap.least, heap.first]).toEqual([0, Infinity, undefined])
  })

  it('has the smallest key first, whatever is put in, changed and taken out', () => {
    const steps = fc.array(fc.record({ name: fc.nat(20), key: fc.nat(50), out: fc.boolean() }), { maxLength: 200 })

    fc.assert(fc.property(steps, all => {
      const items = Array.from({ length: 21 }, (_, name): Item => ({ name, key: 0, place: -1 }))
      const inside = new Set<Item>()
      const heap = new Heap<Item>(({ key }) => key)

      for (const { name, key, out } of all) {
        const item = items[name] as Item
        if (out) {
          heap.remove(item)
          inside.delete(item)
        } else {
          item.key = key
          heap.put(item)
          inside.add(item)
        }

        const least = Math.min(Infinity, ...[...inside].map(other => other.key))
        expect([heap.size, heap.least, heap.first?.key ?? Infinity]).toEqual([inside.size, least, least])
        expect(items.every(other => (other.place !== -1) === inside.has(other))).toBe(true)
      }

      const order: number[] = []
      for (let first = heap.first; first !== undefined; first = heap.first) {
        order.push(first.key)
        heap.remove(first)
      }
      expect(order).toEqual([...order].sort((a, b) => a - b))
      expect(order).toHaveLength(inside.size)
    }))
  })
})
