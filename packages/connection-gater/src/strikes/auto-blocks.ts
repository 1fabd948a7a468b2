import { formatPrefix } from '@cordon/address'
import { parseText } from '../rules/subject.ts'
import { hashWords } from '../tables/hash.ts'
import { IndexHeap } from '../tables/index-heap.ts'
import type { Ending, Found, Layer, Ledger } from '../rules/layer.ts'
import type { Parsed } from '../rules/subject.ts'
import type { Details, Entries } from '../tables/entries.ts'
import type { Prefix } from '@cordon/address'

/** To what blocks of single places are drawn together: /32 of IPv4 to a /24, /64 of IPv6 to a /56. Either has 256 places. */
const TOGETHER = { 4: { from: 32, to: 24 }, 6: { from: 64, to: 56 } } as const
const PLACES = 256

const FIRST = 64

/** What is to be done about a new block */
export interface Changes {
  /** Whom to block: the subject, or the wider range */
  readonly add: Parsed
  readonly severity: number
  /** What no longer is */
  readonly remove: readonly Parsed[]
  /** How many of these have to make room */
  readonly evicted: number
}

/** What is kept of a block */
export interface Block {
  /** Blocks with less of it make room first; the new one has a place in any case, because it happens now */
  readonly severity: number
  readonly reason?: string | undefined
  /** In ms since the epoch */
  readonly expires?: number | undefined
  /** The same in ms of the clock */
  readonly due: number
}

/**
 * The blocks that strikes led to: so many and not more. The least severe make room, and neighbours are drawn together.
 * What is known of them lies in columns, 48 bytes each: as objects they would take 600.
 */
export class AutoBlocks implements Ledger {
  readonly #layer: Layer
  readonly #max: number
  readonly #aggregateAt: number
  readonly #seed: number
  /** The columns grow together, to at most `max` */
  #severities = new Float64Array(FIRST)
  #expires = new Float64Array(FIRST)
  #due = new Float64Array(FIRST)
  #at = new Int32Array(FIRST)
  readonly #reasons: Array<string | undefined> = []
  readonly #entries: Entries[] = []
  /** For each table of the layer, by the index of its entries: where in the columns a block is, counted from 1 */
  readonly #places: Int32Array[] = []
  readonly #free: number[] = []
  #used = 0
  readonly #mildest = new IndexHeap(place => this.#severities[place] ?? 0)
  readonly #soonest = new IndexHeap(place => this.#due[place] ?? 0)
  /** How many blocks there are of the wider ranges that meet in one hash: where they are few, nobody has to look for neighbours */
  #crowds = new Uint16Array(0)

  /**
   * @param layer - where its rules are, which nobody else makes or removes
   * @param seed - of the hashes of ranges
   */
  constructor (layer: Layer, { max, aggregateAt, seed }: { readonly max: number, readonly aggregateAt: number, readonly seed: number }) {
    this.#layer = layer
    this.#max = max
    this.#aggregateAt = aggregateAt
    this.#seed = seed
    layer.keepIn(this)
  }

  get size (): number {
    return this.#mildest.size
  }

  get nextEnding (): number {
    const { first } = this.#soonest
    return first === -1 ? Infinity : this.#due[first] ?? Infinity
  }

  ending (): Ending | undefined {
    const { first } = this.#soonest
    return first === -1 ? undefined : { place: -1, due: this.nextEnding, subject: this.#subjectAt(first), action: 'block', direction: 'any' }
  }

  details (entries: Entries, index: number): Details | undefined {
    const place = this.#placeOf(entries, index)
    if (place === -1) return undefined
    const expires = this.#expires[place] ?? Infinity
    return { reason: this.#reasons[place], expires: expires === Infinity ? undefined : expires, due: this.#due[place] }
  }

  severityOf ({ entries, index }: Found): number | undefined {
    const place = this.#placeOf(entries, index)
    return place === -1 ? undefined : this.#severities[place]
  }

  /** What it would take to block somebody; what is to be removed has to be gone before `put` */
  plan (subject: Parsed, severity: number): Changes {
    const neighbours = this.#neighbours(subject)
    if (neighbours.length + 1 >= this.#aggregateAt && subject.type === 'prefix') {
      const worst = neighbours.reduce((most, found) => Math.max(most, this.severityOf(found) ?? 0), severity)
      // whoever is drawn together makes more room than that takes
      return { add: parseText(formatPrefix(widerOf(subject.prefix))), severity: worst, remove: [...neighbours.map(found => parseText(this.#layer.textOf(found))), ...this.#layer.find(subject, 'block', 'any') === undefined ? [] : [subject]], evicted: 0 }
    }
    const { first } = this.#mildest
    const evicts = this.size >= this.#max && first !== -1 && this.#layer.find(subject, 'block', 'any') === undefined
    return { add: subject, severity, remove: evicts ? [this.#subjectAt(first)] : [], evicted: evicts ? 1 : 0 }
  }

  /** @throws {Error} where there is no room, because what `plan` says was not done */
  put (subject: Parsed, { severity, reason, expires = Infinity, due }: Block): void {
    if (this.size >= this.#max && this.#layer.find(subject, 'block', 'any') === undefined) throw new Error(`there are ${this.#max} blocks already`)
    const isNew = this.#layer.add(subject, 'block', 'any')
    const found = this.#layer.find(subject, 'block', 'any')
    if (found === undefined) return
    const place = isNew ? this.#enter(found) : this.#placeOf(found.entries, found.index)
    this.#severities[place] = severity
    this.#expires[place] = expires
    this.#due[place] = due
    this.#reasons[place] = reason
    this.#mildest.put(place)
    this.#soonest.put(place)
    if (isNew) this.#count(subject, 1)
  }

  /** It was taken back, has to make room, or its time is over; returns whether it was there */
  remove (subject: Parsed): boolean {
    const found = this.#layer.find(subject, 'block', 'any')
    if (found === undefined) return false
    const place = this.#placeOf(found.entries, found.index)
    this.#mildest.remove(place)
    this.#soonest.remove(place)
    this.#reasons[place] = undefined
    this.#free.push(place)
    const places = this.#places[this.#entries.indexOf(found.entries)]
    if (places !== undefined) places[found.index] = 0
    this.#count(subject, -1)
    return this.#layer.remove(subject, 'block', 'any')
  }

  #enter ({ entries, index }: Found): number {
    const place = this.#free.pop() ?? this.#used++
    if (place >= this.#at.length) this.#grow()
    let table = this.#entries.indexOf(entries)
    if (table === -1) table = this.#entries.push(entries) - 1
    let places = this.#places[table] ?? new Int32Array(0)
    if (index >= places.length) this.#places[table] = places = copied(places, new Int32Array(entries.capacity))
    places[index] = place + 1
    // an index has 24 bits, see `MAX_INDEX`
    this.#at[place] = (table << 24) | index
    return place
  }

  #grow (): void {
    const length = Math.min(this.#at.length * 2, this.#max)
    this.#severities = copied(this.#severities, new Float64Array(length))
    this.#expires = copied(this.#expires, new Float64Array(length))
    this.#due = copied(this.#due, new Float64Array(length))
    this.#at = copied(this.#at, new Int32Array(length))
  }

  #placeOf (entries: Entries, index: number): number {
    return (this.#places[this.#entries.indexOf(entries)]?.[index] ?? 0) - 1
  }

  #subjectAt (place: number): Parsed {
    const at = this.#at[place] ?? 0
    const entries = this.#entries[at >>> 24]
    if (entries === undefined) throw new Error('there is no block at this place')
    return parseText(this.#layer.textAt(entries, at & 0xffffff))
  }

  /** The blocks that one of this subject would be drawn together with, if they are enough for that */
  #neighbours (subject: Parsed): Found[] {
    if (!isPlace(subject) || (this.#crowds[this.#crowdOf(subject.prefix)] ?? 0) + 1 < this.#aggregateAt) return []
    const found: Found[] = []
    for (let host = 0; host < PLACES; host++) {
      const prefix = placeIn(subject.prefix, host)
      const one = prefix.words.every((word, index) => word === subject.prefix.words[index]) ? undefined : this.#layer.find({ ...subject, prefix }, 'block', 'any')
      if (one !== undefined) found.push(one)
    }
    return found
  }

  #count (subject: Parsed, by: 1 | -1): void {
    if (!isPlace(subject)) return
    if (this.#crowds.length === 0) this.#crowds = new Uint16Array(2 ** Math.ceil(Math.log2(Math.max(FIRST, this.#max * 2))))
    const at = this.#crowdOf(subject.prefix)
    this.#crowds[at] = (this.#crowds[at] ?? 0) + by
  }

  #crowdOf (prefix: Prefix): number {
    const { family, words: [a = 0, b = 0] } = widerOf(prefix)
    return hashWords(this.#seed, family, a, b, 0) & (this.#crowds.length - 1)
  }
}

type Place = Parsed & { readonly type: 'prefix' }

/** Whether it is something of which several are drawn together */
function isPlace (subject: Parsed): subject is Place {
  return subject.type === 'prefix' && subject.prefix.length === TOGETHER[subject.prefix.family].from
}

function widerOf ({ family, words: [a = 0, b = 0] }: Prefix): Prefix {
  return { family, length: TOGETHER[family].to, words: family === 4 ? [(a & ~0xff) >>> 0] : [a, (b & ~0xff) >>> 0, 0, 0] }
}

/** One of the 256 places of the wider range */
function placeIn (prefix: Prefix, host: number): Prefix {
  const { family, words: [a = 0, b = 0] } = widerOf(prefix)
  return { family, length: prefix.length, words: family === 4 ? [a + host] : [a, b + host, 0, 0] }
}

function copied<T extends Float64Array | Int32Array> (from: T, to: T): T {
  to.set(from)
  return to
}
