import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Entries } from '../src/tables/entries.ts'
import { hashText, hashWords } from '../src/tables/hash.ts'
import { NameTable } from '../src/tables/name-table.ts'
import { PrefixTable } from '../src/tables/prefix-table.ts'
import { indexOf, Slots } from '../src/tables/slots.ts'
import type { Prefix } from '@cordon/address'

describe('slots', () => {
  it('lead to every entry of a hash and tag, also of hashes that meet, while a table follows another', () => {
    const hashes = fc.constantFrom(0, 1, 15, 16, 17, 31, 0x7fffffff, -1, -17, 0x10000)
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: -1, max: 3 }), hashes, fc.constantFrom(0, 1, 128)), { maxLength: 300, size: 'max' }), fc.constantFrom(0, 40), (steps, expected) => {
      const slots = new Slots(expected)
      const known: Array<{ readonly hash: number, readonly tag: number, readonly index: number }> = []
      const found = (hash: number, tag: number): number[] => {
        const all: number[] = []
        for (let slot = slots.first(hash, tag); slot !== -1; slot = slots.next(slot, hash, tag)) all.push(indexOf(slots.at(slot)))
        return all.sort((a, b) => a - b)
      }
      let index = 0
      for (const [step, hash, tag] of steps) {
        if (step === -1 && known.length > 0) {
          const [gone] = known.splice((index * 7) % known.length, 1)
          if (gone === undefined) continue
          let slot = slots.first(gone.hash, gone.tag)
          while (indexOf(slots.at(slot)) !== gone.index) slot = slots.next(slot, gone.hash, gone.tag)
          slots.remove(slot)
        } else {
          slots.add(hash, tag, index)
          known.push({ hash, tag, index: index++ })
        }
        expect(found(hash, tag)).toEqual(known.filter(one => one.hash === hash && one.tag === tag).map(one => one.index).sort((a, b) => a - b))
      }
      while (!slots.settle(3)) { /* a few at a time */ }
      for (const { hash, tag } of known) expect(found(hash, tag)).toEqual(known.filter(one => one.hash === hash && one.tag === tag).map(one => one.index).sort((a, b) => a - b))
    }), { numRuns: 300 })
  })

  it('have moved by the time half as many have come', () => {
    const slots = new Slots()
    const { bytes } = slots
    let index = 0
    while (slots.bytes === bytes) slots.add(index * 0x9e3779b1, 0, index++)
    expect(slots.bytes).toBe(3 * bytes)
    for (const end = index * 1.5; index < end;) slots.add(index * 0x9e3779b1, 0, index++)
    expect(slots.bytes).toBe(2 * bytes)
  })
})

// of a million some hundred meet: found here by trying, as there are only 2^32 hashes
describe('those that have the same hash', () => {
  const SEED = 5

  /** Four pairs of numbers of which the hashes are the same */
  function pairs (hashOf: (i: number) => number): Array<readonly [number, number]> {
    const known = new Map<number, number>()
    const found: Array<readonly [number, number]> = []
    for (let i = 0; found.length < 4; i++) {
      const before = known.get(hashOf(i))
      if (before !== undefined) found.push([before, i])
      known.set(hashOf(i), i)
    }
    return found
  }

  /** Enters both, then takes out and enters the second, then takes out the first */
  function expectApart <T> (table: { readonly entries: Entries, enter (given: T): number, find (given: T): number, remove (index: number): void }, first: T, second: T): void {
    const enter = (given: T): number => {
      const index = table.enter(given)
      table.entries.set(index, 3, undefined)
      return index
    }
    const remove = (index: number): void => {
      table.entries.clear(index, 3)
      table.remove(index)
    }
    const [a, b] = [enter(first), enter(second)]
    expect(a).not.toBe(b)
    expect([table.find(first), table.find(second)]).toEqual([a, b])
    remove(b)
    expect([table.find(first), table.find(second)]).toEqual([a, -1])
    const again = enter(second)
    expect([table.find(first), table.find(second)]).toEqual([a, again])
    remove(a)
    expect([table.find(first), table.find(second)]).toEqual([-1, again])
  }

  it('are kept apart among IPv6 prefixes', () => {
    const prefixOf = (i: number): Prefix => ({ family: 6, words: [0x20010db8, 0, Math.imul(i, 0x9e3779b1), i], length: 128 })
    for (const [one, other] of pairs(i => hashWords(SEED + 128, 0x20010db8, 0, Math.imul(i, 0x9e3779b1), i))) {
      for (const [first, second] of [[one, other], [other, one]] as const) expectApart(new PrefixTable(6, 0, SEED), prefixOf(first), prefixOf(second))
    }
  })

  it('are kept apart among names', () => {
    const nameOf = (i: number): string => `name-${i}`
    for (const [one, other] of pairs(i => hashText(SEED, nameOf(i)))) {
      for (const [first, second] of [[one, other], [other, one]] as const) expectApart(new NameTable(0, SEED), nameOf(first), nameOf(second))
    }
  })
})

describe('entries', () => {
  const ALLOW = 0
  const BLOCK = 3
  const of = (...rules: ReadonlyArray<readonly number[]>): Entries => {
    const entries = new Entries()
    for (const variants of rules) {
      const index = entries.take()
      for (const variant of variants) entries.set(index, variant, undefined)
    }
    return entries
  }
  const all = (entries: Entries, ...indices: number[]): number[] => indices.map(index => entries.among(index, 0x3f))

  it('know which rules each has, also where all have the same', () => {
    expect(all(of([BLOCK], [BLOCK]), 0, 1)).toEqual([8, 8])
    expect(all(of([BLOCK], [ALLOW]), 0, 1)).toEqual([8, 1])
    expect(all(of([ALLOW, BLOCK], [ALLOW, BLOCK]), 0, 1)).toEqual([9, 9])
    expect(of([BLOCK], [BLOCK]).among(1, 7)).toBe(0)
  })

  it('have no more details than were given last', () => {
    const entries = new Entries()
    const index = entries.take()
    entries.set(index, BLOCK, { reason: 'a' })
    entries.set(index, ALLOW, { reason: 'b' })
    entries.set(index, BLOCK, undefined)
    expect([ALLOW, BLOCK].map(variant => entries.details(index, variant as 0 | 3))).toEqual([{ reason: 'b' }, undefined])
    entries.set(index, BLOCK, { reason: 'c' })
    entries.clear(index, BLOCK)
    entries.set(index, BLOCK, undefined)
    expect(entries.details(index, BLOCK)).toBeUndefined()
  })

  it('know of the one that has lost a rule where all had the same', () => {
    const entries = of([ALLOW, BLOCK])
    entries.clear(0, BLOCK)
    expect(all(entries, 0)).toEqual([1])
  })

  it('know of the one that has come in the place of another', () => {
    const entries = of([BLOCK], [BLOCK], [BLOCK])
    entries.clear(1, BLOCK)
    entries.drop(1)
    const index = entries.take()
    entries.set(index, ALLOW, undefined)
    expect([index, ...all(entries, 0, 1, 2)]).toEqual([1, 8, 1, 8])
  })

  it('know of the last one, and of those that come after it', () => {
    const entries = of([ALLOW, BLOCK], [BLOCK])
    entries.clear(1, BLOCK)
    entries.drop(1)
    entries.clear(0, ALLOW)
    expect(all(entries, 0)).toEqual([8])
    entries.set(entries.take(), ALLOW, undefined)
    expect(all(entries, 0, 1)).toEqual([8, 1])
  })
})

describe('a table of names', () => {
  const name = fc.oneof(fc.constantFrom('a', 'b', 'ab', 'abcdefgh', 'abcdefghi'), fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 70 }))

  it('has what was entered and was not removed, whether it was entered as text or as bytes', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom('text', 'bytes', 'remove'), name), { maxLength: 150, size: 'max' }), fc.array(name), fc.constantFrom(0, 100), fc.integer(), (steps, others, expected, seed) => {
      const table = new NameTable(expected, seed)
      const known = new Map<string, number>()
      for (const [step, text] of steps) {
        const index = table.find(text)
        expect(index).toBe(known.get(text) ?? -1)
        if (step === 'remove' && index !== -1) {
          table.entries.clear(index, 0)
          table.remove(index)
          known.delete(text)
        } else if (step !== 'remove') {
          const entered = step === 'text' ? table.enter(text) : table.enterBytes(new TextEncoder().encode(`__${text}_`), 2, text.length + 2)
          if (index !== -1) expect(entered).toBe(index)
          table.entries.set(entered, 0, undefined)
          known.set(text, entered)
        }
      }
      for (const text of others) expect(table.find(text)).toBe(known.get(text) ?? -1)
      for (const [text, index] of known) expect(table.nameAt(index)).toBe(text)
      expect(table.entries.size).toBe(known.size)
    }), { numRuns: 500 })
  })

  it('keeps apart 50,000, more than one block and one chunk hold, and takes no more room for the next as many', () => {
    const table = new NameTable(0, 9)
    const namesOf = (round: number): string[] => Array.from({ length: 50_000 }, (_, i) => `${round}/${i}/${'x'.repeat(20 + i % 40)}`)
    let names = namesOf(0)
    const enter = (text: string): void => { table.entries.set(table.enter(text), 3, undefined) }
    names.forEach(enter)
    const { bytes } = table
    expect(names.map(text => table.find(text))).toEqual(names.map((_, i) => i))
    for (let round = 1; round < 4; round++) {
      for (const text of names) {
        const index = table.find(text)
        table.entries.clear(index, 3)
        table.remove(index)
      }
      expect(names.filter(text => table.find(text) !== -1)).toEqual([])
      names = namesOf(round)
      names.forEach(enter)
      expect(new Set(names.map(text => table.find(text))).size).toBe(names.length)
    }
    expect(table.bytes).toBeLessThan(bytes * 1.2)
  })
})

describe('entries', () => {
  it('keep what belongs to each, beyond one chunk, and begin anew where one was dropped', () => {
    const entries = new Entries(2)
    const count = 40_000
    for (let i = 0; i < count; i++) {
      expect(entries.take(i)).toBe(i)
      entries.setWord(i, 0, i * 2)
      entries.setWord(i, 1, ~i)
      entries.set(i, i % 6, i % 100 === 0 ? { reason: `${i}` } : undefined)
      for (let hit = 0; hit < i % 3; hit++) entries.hit(i, i % 6, 4_000_000_000)
    }
    for (let i = 0; i < count; i++) {
      expect([entries.noteOf(i), entries.word(i, 0), entries.word(i, 1), entries.variants(i)]).toEqual([i, i * 2, ~i, 1 << (i % 6)])
      expect(entries.details(i, i % 6)?.reason).toBe(i % 100 === 0 ? `${i}` : undefined)
      expect(entries.hitsOf(i, i % 6)).toEqual({ hits: i % 3, last: i % 3 === 0 ? 0 : 4_000_000_000 })
    }
    for (let i = 0; i < count; i += 2) {
      expect(entries.clear(i, i % 6)).toBe(0)
      entries.drop(i)
    }
    expect(entries.size).toBe(count / 2)
    for (let i = 0; i < count; i += 2) {
      const index = entries.take(5)
      expect(index % 2).toBe(0)
      expect([entries.noteOf(index), entries.word(index, 0), entries.variants(index), entries.details(index, 0), entries.hitsOf(index, 0)]).toEqual([5, 0, 0, undefined, { hits: 0, last: 0 }])
    }
    expect([entries.end, entries.size]).toEqual([count, count])
  })
})
