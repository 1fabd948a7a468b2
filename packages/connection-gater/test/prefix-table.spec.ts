import { contains, normaliseIPBytes, prefixOf } from '@cordon/address'
import { seededRandom } from '@cordon/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PrefixTable, rangeIndex, rangeLength } from '../src/tables/prefix-table.ts'
import type { Prefix } from '@cordon/address'
import type { SeededRandom } from '@cordon/testing'

const BLOCK = 1 << 3
const ALLOW = 1

/** Prefixes in a map, with a look for each length: what a table has to agree with */
class Reference {
  readonly #family: 4 | 6
  readonly #variants = new Map<string, number>()
  readonly #lengths = new Map<number, number>()

  constructor (family: 4 | 6) {
    this.#family = family
  }

  get size (): number {
    return this.#variants.size
  }

  has (prefix: Prefix): boolean {
    return this.#variants.has(keyOf(prefix))
  }

  set (prefix: Prefix, variants: number): void {
    const change = Number(variants !== 0) - Number(this.has(prefix))
    this.#lengths.set(prefix.length, (this.#lengths.get(prefix.length) ?? 0) + change)
    if (variants === 0) this.#variants.delete(keyOf(prefix))
    else this.#variants.set(keyOf(prefix), variants)
  }

  longest (words: readonly number[], variants: number, below = 129): string | undefined {
    for (let length = Math.min(below - 1, this.#family === 4 ? 32 : 128); length >= 0; length--) {
      if ((this.#lengths.get(length) ?? 0) === 0) continue
      const key = keyOf(cut(this.#family, words, length))
      if (((this.#variants.get(key) ?? 0) & variants) !== 0) return key
    }
    return undefined
  }
}

function keyOf ({ words, length }: Prefix): string {
  return `${words.join()}/${length}`
}

function cut (family: 4 | 6, words: readonly number[], length: number): Prefix {
  return { family, length, words: words.map((word, index) => length >= index * 32 + 32 ? word : length <= index * 32 ? 0 : (word & (-1 << (32 - length + index * 32))) >>> 0) }
}

/** A table and its reference, in which the same is done */
class Pair {
  readonly family: 4 | 6
  readonly table: PrefixTable
  readonly reference: Reference

  constructor (family: 4 | 6, expected: number, seed: number) {
    this.family = family
    this.table = new PrefixTable(family, expected, seed)
    this.reference = new Reference(family)
  }

  add (prefix: Prefix, variant: number): void {
    const index = this.table.enter(prefix)
    this.table.entries.set(index, variant, undefined)
    this.reference.set(prefix, this.table.entries.variants(index))
  }

  remove (prefix: Prefix): void {
    const index = this.table.find(prefix)
    if ((index !== -1) !== this.reference.has(prefix)) expect(index !== -1).toBe(this.reference.has(prefix))
    if (index === -1) return
    for (let variant = 0; variant < 6; variant++) if ((this.table.entries.variants(index) & (1 << variant)) !== 0) this.table.entries.clear(index, variant)
    this.table.remove(index)
    this.reference.set(prefix, 0)
  }

  check (words: readonly number[], variants = ALLOW | BLOCK, below = 129): void {
    const range = this.table.longest(words, variants, below)
    const found = range === 0 ? undefined : keyOf(this.table.prefixAt(rangeIndex(range)))
    if (range !== 0 && rangeLength(range) !== this.table.lengthAt(rangeIndex(range))) expect(rangeLength(range)).toBe(this.table.lengthAt(rangeIndex(range)))
    // expect() takes longer than all else here
    if (found !== this.reference.longest(words, variants, below)) expect(found).toBe(this.reference.longest(words, variants, below))
  }
}

/** Few different values of the bits that matter, so that prefixes contain one another, and any of the others */
const words4 = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.array(fc.constantFrom(0, 1, 127, 128, 255), { minLength: 4, maxLength: 4 }).map(([a = 0, b = 0, c = 0, d = 0]) => ((a << 24) | (b << 16) | (c << 8) | d) >>> 0)).map(word => [word])
const word6 = fc.oneof(fc.constantFrom(0, 1, 0x80000000, 0xffffffff, 0x20010db8, 0x00010000), fc.integer({ min: 0, max: 0xffffffff }))
const words6 = fc.tuple(word6, word6, word6, word6)

const families = fc.constantFrom<readonly [4 | 6, fc.Arbitrary<readonly number[]>]>([4, words4], [6, words6])

interface Step {
  readonly add: boolean
  readonly words: readonly number[]
  readonly length: number
  readonly variant: number
}

const scenario = families.chain(([family, words]) => fc.record({
  family: fc.constant(family),
  steps: fc.array(fc.record<Step>({ add: fc.boolean(), words, length: fc.nat(family === 4 ? 32 : 128), variant: fc.constantFrom(0, 3) }), { maxLength: 200, size: 'max' }),
  others: fc.array(words, { maxLength: 20 }),
  expected: fc.constantFrom(0, 3, 10_000),
  seed: fc.integer()
}))

describe('a table of prefixes', () => {
  it('finds the longest that covers an address, and none that is gone, as a reference does', () => {
    fc.assert(fc.property(scenario, fc.nat(129), ({ family, steps, others, expected, seed }, below) => {
      const pair = new Pair(family, expected, seed)
      const added: Prefix[] = []
      for (const { add, words, length, variant } of steps) {
        const prefix = cut(family, words, length)
        // most of what is taken out is there
        const former = added[(words[0] ?? 0) % Math.max(1, added.length)]
        if (add) added.push(prefix)
        if (add) pair.add(prefix, variant)
        else pair.remove(former ?? prefix)
        pair.check(words)
      }
      for (const words of [...steps.map(({ words }) => words), ...others]) {
        for (const variants of [ALLOW, BLOCK, ALLOW | BLOCK]) pair.check(words, variants)
        pair.check(words, BLOCK, below)
      }
    }), { numRuns: 500 })
  })

  it.each([
    [4, 0, 24], [4, 5_000, 24], [4, 0, 17], [4, 0, 32], [4, 500, 9],
    [6, 0, 48], [6, 5_000, 48], [6, 0, 32], [6, 0, 25], [6, 300, 16], [6, 0, 128]
  ] as const)('of IPv%i misses nothing while it grows to 5,000 and shrinks, with room for %i, mostly of /%i', (family, expected, most) => {
    const random = seededRandom(most + expected + family)
    const pair = new Pair(family, expected, random.int(0, 0x7fffffff))
    const full = family === 4 ? 32 : 128
    // the addresses that are asked about lie where the prefixes do
    const words = (): number[] => family === 4 ? [random.int(0, 0x0fffffff)] : [random.int(0x20010000, 0x2001003f), random.int(0, 0xffffffff), random.int(0, 0xffffffff), random.int(0, 0xffffffff)]
    const live: Prefix[] = []
    const asked: number[][] = []
    const check = (): void => {
      for (const one of asked.splice(0)) pair.check(one, BLOCK)
      for (let i = 0; i < 50; i++) pair.check(words(), BLOCK)
      for (let i = 0; i < 50; i++) {
        const prefix = live[random.int(0, live.length)]
        if (prefix !== undefined) pair.check(within(prefix, words()), BLOCK)
      }
    }
    for (let step = 0; step < 5_000; step++) {
      const length = random.chance(0.75) ? most : random.int(1, full)
      const prefix = cut(family, words(), length)
      pair.add(prefix, 3)
      live.push(prefix)
      asked.push(within(prefix, words()))
      // one in four goes again, so that places are used twice
      if (random.chance(0.25)) takeOut(pair, live, random)
      if (step % 1_000 === 0 || step < 200) check()
    }
    while (live.length > 0) {
      takeOut(pair, live, random)
      if (live.length % 1_000 === 0 || live.length < 200) check()
    }
    expect(pair.table.entries.size).toBe(0)
    expect(pair.reference.size).toBe(0)
  })

  it.each([[4, 200_000, 0], [4, 200_000, 200_000], [6, 50_000, 0], [6, 50_000, 50_000]] as const)('of IPv%i has %i and misses no address in any of them, with room for %i', (family, size, expected) => {
    const random = seededRandom(expected + family)
    const table = new PrefixTable(family, expected, random.int(0, 0x7fffffff))
    const word = (): number => random.int(0, 0xffffffff)
    const words = (): number[] => family === 4 ? [word()] : [word(), word(), word(), word()]
    const prefixes = Array.from({ length: size }, () => cut(family, words(), random.int(family === 4 ? 16 : 24, family === 4 ? 32 : 128)))
    for (const prefix of prefixes) table.entries.set(table.enter(prefix), 3, undefined)
    const missed = (): Prefix[] => prefixes.filter(prefix => {
      const range = table.longest(within(prefix, words()), BLOCK)
      return range === 0 || rangeLength(range) < prefix.length
    })
    expect(missed()).toEqual([])
    while (!table.settle(1_000)) { /* until nothing is left to do */ }
    expect(missed()).toEqual([])
  })

  it('misses no address in what a short prefix covers', () => {
    for (const seed of [0, 1, -5]) {
      for (let length = 1; length <= 32; length++) {
        const pair = new Pair(4, 0, seed)
        const prefix = cut(4, [0xac123456], length)
        pair.add(prefix, 3)
        const first = prefix.words[0] ?? 0
        const last = first + 2 ** (32 - length) - 1
        for (let i = 0; i <= 300; i++) pair.check([Math.floor(first + (last - first) * i / 300)])
        for (const beside of [first - 1, last + 1]) if (beside >= 0 && beside <= 0xffffffff) pair.check([beside])
      }
    }
  })

  it('forgets prefixes that are gone, of which it would otherwise think for ever', () => {
    const table = new PrefixTable(4, 2_000_000, 3)
    const { bytes } = table
    const prefixes = Array.from({ length: 1_000 }, (_, i) => cut(4, [(i << 20) >>> 0], 20))
    for (const prefix of prefixes) table.entries.set(table.enter(prefix), 3, undefined)
    for (const prefix of prefixes) {
      table.entries.clear(table.find(prefix), 3)
      table.remove(table.find(prefix))
    }
    // with a bit and four more for each /24 it took 10 MB
    expect(table.bytes).toBeLessThan(bytes - 9_000_000)
  })

  it('does not grow when prefixes come and go', () => {
    const random = seededRandom(7)
    const table = new PrefixTable(4, 0, 5)
    const once = (): number => {
      const prefixes = Array.from({ length: 2_000 }, () => cut(4, [random.int(0, 0xffffffff)], random.int(17, 32)))
      for (const prefix of prefixes) table.entries.set(table.enter(prefix), 3, undefined)
      for (const prefix of prefixes) {
        const index = table.find(prefix)
        if (index === -1) continue
        table.entries.clear(index, 3)
        table.remove(index)
      }
      return table.bytes
    }
    const largest = Math.max(once(), once())
    for (let i = 0; i < 20; i++) expect(once()).toBeLessThanOrEqual(largest * 2)
  })
})

/** An address in a prefix, with other bits as given */
function within (prefix: Prefix, words: readonly number[]): number[] {
  const mask = cut(prefix.family, prefix.words.map(() => 0xffffffff), prefix.length).words
  return prefix.words.map((word, index) => (word | ((words[index] ?? 0) & ~(mask[index] ?? 0))) >>> 0)
}

function takeOut (pair: Pair, live: Prefix[], random: SeededRandom): void {
  const at = random.int(0, live.length - 1)
  const prefix = live[at]
  const last = live.pop()
  if (prefix === undefined || last === undefined) return
  if (at < live.length) live[at] = last
  pair.remove(prefix)
}

it('the reference agrees with the scan of @cordon/address', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(128), fc.nat(128), (bytes, flipped, length) => {
    const address = normaliseIPBytes(Uint8Array.of(0x2a, ...bytes.subarray(1)))
    const prefix = prefixOf(address, length)
    if (prefix === undefined) throw new Error('no IP address')
    expect(cut(6, address.words, length)).toEqual(prefix)
    const other = address.words.map((word, index) => (index === flipped >>> 5 ? word ^ (1 << (31 - (flipped & 31))) : word) >>> 0)
    const reference = new Reference(6)
    reference.set(prefix, 1)
    expect(reference.longest(other, 1) !== undefined).toBe(contains(prefix, { ...address, words: other }))
  }))
})
