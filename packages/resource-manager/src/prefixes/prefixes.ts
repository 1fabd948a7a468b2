import { contains, prefixKey } from '@cordon/address'
import { CONNECTIONS, RATE } from '../graph/causes.ts'
import { countsOf } from '../graph/tally.ts'
import { shown, UNLIMITED } from '../limits/limits.ts'
import { Guests, NOWHERE } from './guests.ts'
import { PrefixRefusal } from './refusal.ts'
import { isLimited } from './rules.ts'
import { PrefixEntry, PrefixTable } from './table.ts'
import type { Tally } from '../graph/tally.ts'
import type { Guest, Places } from './guests.ts'
import type { PrefixRule, PrefixRules } from './rules.ts'
import type { Prefix } from '@cordon/address'
import type { Clock, NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { Lifted, PrefixesSnapshot, ResourceRefusal } from '@cordon/interface-resource-manager'

/** Which of the groups of an address has this length, see `NormalisedAddress.groups` */
const GROUP_LENGTHS = { 4: [32, 24, 16], 6: [128, 64, 56, 48] } as const

interface Level {
  readonly length: number
  /** See `groupAt` */
  readonly group: number
  readonly table: PrefixTable
}

interface Single {
  readonly prefix: Prefix
  readonly entry: PrefixEntry
}

/** Where in `groups` a prefix of this length stands; -1 where it has to be made */
export function groupAt (family: 4 | 6, length: number): number {
  return (GROUP_LENGTHS[family] as readonly number[]).indexOf(length)
}

/**
 * Where inbound connections come from: how many at once, and how fast. `check` changes nothing; `enter`, right after
 * it, takes what it found.
 */
export class Prefixes {
  readonly #clock: Clock
  readonly #max: number
  readonly #refusals: Tally
  #levels: Record<4 | 6, Level[]> = { 4: [], 6: [] }
  /** The most specific first */
  #singles: Record<4 | 6, Single[]> = { 4: [], 6: [] }
  readonly #relay: PrefixTable
  /** All relays together */
  readonly #relayed: PrefixEntry
  readonly #other: PrefixTable
  readonly #global: PrefixEntry
  readonly #guests = new Guests()
  /** What `check` found, the narrowest first; what it leaves is overwritten by the next. To make it shorter would cost more than to count. */
  readonly #found: PrefixEntry[] = []
  #matched = 0
  /** How many of them count connections; the others have a bucket alone */
  #counting = 0
  #now = 0
  #counted = 0
  #most = 0
  #version = 0

  constructor (rules: PrefixRules, clock: Clock, max: number, refusals: Tally) {
    this.#clock = clock
    this.#max = max
    this.#refusals = refusals
    this.#relay = new PrefixTable(rules.relay, max)
    this.#relayed = new PrefixEntry('relayed', rules.relayed, undefined)
    this.#other = new PrefixTable(rules.other, max)
    this.#global = new PrefixEntry('all', rules.global, undefined)
    this.limit(rules)
  }

  /** Other rules apply from now on, also to those who are here; what has the same length or name keeps its bucket */
  limit (rules: PrefixRules): void {
    this.#version++
    this.#now = this.#clock.now()
    for (const guest of this.#guests) this.#vacate(guest)
    this.#adopt(rules)
    for (const guest of this.#guests) {
      if (guest.address !== undefined) this.#match(guest.address)
      guest.places = this.#occupy(true, false)
    }
  }

  #adopt (rules: PrefixRules): void {
    const level = (family: 4 | 6) => ({ length, rule }: { length: number, rule: PrefixRule }): Level => {
      const table = this.#levels[family].find(known => known.length === length)?.table ?? new PrefixTable(rule, this.#max)
      table.limit(rule, this.#now)
      return { length, table, group: groupAt(family, length) }
    }
    this.#levels = { 4: rules.ipv4.map(level(4)), 6: rules.ipv6.map(level(6)) }
    const known = new Map(this.#entries.map(entry => [entry.name, entry]))
    const singles = rules.entries.map(({ name, prefix, rule }) => {
      const entry = known.get(name) ?? new PrefixEntry(name, rule, undefined)
      entry.follow(rule, this.#now)
      return { prefix, entry }
    })
    this.#singles = { 4: singles.filter(({ prefix }) => prefix.family === 4), 6: singles.filter(({ prefix }) => prefix.family === 6) }
    this.#relay.limit(rules.relay, this.#now)
    this.#relayed.follow(rules.relayed, this.#now)
    this.#other.limit(rules.other, this.#now)
    this.#global.follow(rules.global, this.#now)
  }

  /** Whether one more connection may come from here; asks the buckets first, as go-libp2p does */
  check (address: NormalisedAddress, lifted: Lifted, counted = true): ResourceRefusal | undefined {
    this.#match(address)
    const found = this.#found
    this.#now = 0
    if (!lifted.buckets) {
      for (let index = 0; index < this.#matched; index++) {
        const entry = found[index] as PrefixEntry
        if (entry.rule.interval === 0) continue
        if (this.#now === 0) this.#now = this.#clock.now()
        const wait = entry.wait(this.#now)
        if (wait > 0) return this.#refuse(entry, wait, counted)
      }
    }
    if (!lifted.counts) {
      for (let index = 0; index < this.#counting; index++) {
        const entry = found[index] as PrefixEntry
        if (entry.connections >= entry.rule.connections) return this.#refuse(entry, 0, counted)
      }
    }
    return undefined
  }

  /** Takes what `check` has found room for */
  enter (guest: Guest, lifted: Lifted): void {
    // nobody asked a bucket, but whoever makes room has to know which are full
    if (lifted.buckets) this.#now = this.#clock.now()
    const places = this.#occupy(!lifted.counts, !lifted.buckets)
    if (lifted.counts) return
    guest.places = places
    this.#guests.add(guest)
  }

  /** It counts no longer; without effect where it does not count */
  leave (guest: Guest): void {
    if (guest.places === undefined) return
    this.#vacate(guest)
    this.#guests.remove(guest)
    guest.places = undefined
  }

  /** How many rules there were; at least 1 */
  get version (): number {
    return this.#version
  }

  /** Gives back what `enter` took from the buckets by the same rules */
  refund (address: NormalisedAddress): void {
    this.#match(address)
    for (const entry of this.#found.slice(0, this.#matched)) {
      if (entry.rule.interval === 0) continue
      entry.refund()
      entry.table?.settle(entry)
    }
  }

  /** How many are remembered */
  get tracked (): number {
    return this.#tables.reduce((sum, { size }) => sum + size, 0)
  }

  /** How many of these nobody comes from, so that they are remembered for their buckets alone */
  get idle (): number {
    return this.#tables.reduce((sum, { idle }) => sum + idle, 0)
  }

  /** From how many there are connections that count; with those that have a name of their own, which are never forgotten */
  get inUse (): number {
    return this.tracked - this.idle + this.#named.filter(({ connections }) => connections > 0).length
  }

  /** How many connections take a place, each of them once */
  get counted (): number {
    return this.#counted
  }

  /** How many took one of the same prefix at once, at most */
  get most (): number {
    return this.#most
  }

  /** What each table limits, by where that is set */
  get rules (): readonly PrefixRule[] {
    return [...this.#tables.map(({ rule }) => rule), this.#relayed.rule]
  }

  snapshot (max: number): PrefixesSnapshot {
    const tables = this.#tables
    const entries = [...tables.flatMap(table => [...table.values()]), ...this.#named]
    const largest = entries.filter(({ connections }) => connections > 0).sort((a, b) => b.connections - a.connections).slice(0, max)
    return {
      largest: largest.map(({ name, connections, rule }) => ({ name, connections, limit: shown(rule.connections) })),
      tracked: this.tracked,
      evicted: tables.reduce((sum, { evicted }) => sum + evicted, 0),
      refusals: countsOf(this.#refusals)
    }
  }

  /** Takes what `#match` has found: places, where one counts, and tokens, where one is metered */
  #occupy (counts: boolean, metered: boolean): Places {
    const found = this.#found
    let places = NOWHERE
    for (let index = 0; index < this.#matched; index++) {
      let entry = found[index] as PrefixEntry
      const hasPlace = counts && index < this.#counting && entry.rule.connections < UNLIMITED
      const hasBucket = metered && entry.rule.interval > 0
      if (!hasPlace && !hasBucket) continue
      if (entry.table !== undefined) entry = entry.table.enter(entry, this.#now)
      if (hasBucket) entry.take(this.#now)
      if (hasPlace) {
        if (++entry.connections > this.#most) this.#most = entry.connections
        places = places === NOWHERE ? entry.alone : [...places, entry]
      }
      entry.table?.settle(entry)
    }
    if (places !== NOWHERE) this.#counted++
    return places
  }

  #vacate ({ places = NOWHERE }: Guest): void {
    if (places === NOWHERE) return
    this.#counted--
    for (let index = 0; index < places.length; index++) {
      const entry = places[index] as PrefixEntry
      entry.connections--
      if (entry.connections === 0) entry.table?.settle(entry)
    }
  }

  #match (address: NormalisedAddress): void {
    this.#matched = 0
    this.#counting = 0
    if (address.family !== 0) {
      if (this.#matchSingles(address.family, address)) return
      for (const { length, group, table } of this.#levels[address.family]) this.#add(table.find(address.groups[group] ?? prefixKey(address, length)))
    } else if (address.class === 'relayed') {
      this.#addOne(this.#relay, address.relay === undefined ? address.key : `relay:${address.relay}`)
      if (isLimited(this.#relayed.rule)) this.#add(this.#relayed)
    } else {
      this.#addOne(this.#other, address.key)
    }
    this.#counting = this.#matched
    if (this.#global.rule.interval > 0) this.#add(this.#global)
  }

  #add (entry: PrefixEntry): void {
    this.#found[this.#matched++] = entry
  }

  #addOne (table: PrefixTable, name: string): void {
    if (isLimited(table.rule)) this.#add(table.find(name))
  }

  /** Whether single entries decide; what has no limit at all is not even looked at again */
  #matchSingles (family: 4 | 6, address: NormalisedAddress): boolean {
    const singles = this.#singles[family]
    let matched = false
    for (let index = 0; index < singles.length; index++) {
      const { prefix, entry } = singles[index] as Single
      if (!contains(prefix, address)) continue
      const limited = isLimited(entry.rule)
      if (limited) this.#add(entry)
      if (!matched && limited) this.#counting = 1
      matched = true
    }
    return matched
  }

  get #tables (): PrefixTable[] {
    return [...[...this.#levels[4], ...this.#levels[6]].map(({ table }) => table), this.#relay, this.#other]
  }

  get #entries (): PrefixEntry[] {
    return [...this.#singles[4], ...this.#singles[6]].map(({ entry }) => entry)
  }

  get #named (): PrefixEntry[] {
    return [...this.#entries, this.#relayed]
  }

  #refuse (entry: PrefixEntry, wait: number, counted: boolean): ResourceRefusal {
    const cause = wait > 0 ? RATE : CONNECTIONS
    if (counted) this.#refusals[cause] = (this.#refusals[cause] ?? 0) + 1
    return new PrefixRefusal(entry, wait)
  }
}
