import { formatPrefix } from '@cordon/address'
import { TooManyRulesError } from '@cordon/interface-connection-gater'
import { BLOCKS, covering, Entries, variantOf, VARIANTS } from '../tables/entries.ts'
import { Heap } from '../tables/heap.ts'
import { NameTable } from '../tables/name-table.ts'
import { PrefixTable } from '../tables/prefix-table.ts'
import { anchorOf, anchorsOf, formatKey, matches } from './pattern.ts'
import { RELAYED } from './subject.ts'
import type { Details, Variant } from '../tables/entries.ts'
import type { Placed } from '../tables/heap.ts'
import type { Pattern } from './pattern.ts'
import type { Parsed } from './subject.ts'
import type { GatePredicate, GateTarget, RuleAction, RuleDirection, SubjectKind } from '@cordon/interface-connection-gater'

/** What is compared with every address of its anchor, one after the other */
const MAX_PATTERNS = 1_024

/** Each is called for every decision that no other rule has made */
const MAX_PREDICATES = 64

/** The most specific first; ranges are further ordered by their length, which is below 256 */
const RANKS: Readonly<Record<SubjectKind, number>> = { peer: 7 << 8, ip: 6 << 8, pattern: 5 << 8, cidr: 4 << 8, relay: 3 << 8, transport: 2 << 8, relayed: 1 << 8, predicate: 0 }

/** Where a rule lies */
export interface Found {
  readonly layer: Layer
  readonly entries: Entries
  readonly index: number
  readonly variant: Variant
  readonly kind: SubjectKind
  readonly rank: number
}

interface PatternEntry {
  readonly pattern: Pattern
  readonly text: string
  readonly index: number
}

interface PredicateEntry {
  readonly predicate: GatePredicate
  readonly text: string
  readonly index: number
}

type Counts = Record<SubjectKind, number>

function noCounts (): Counts {
  return { peer: 0, ip: 0, pattern: 0, cidr: 0, relay: 0, transport: 0, relayed: 0, predicate: 0 }
}

/** A rule whose time will be over */
export interface Ending extends Placed {
  /** In ms of the clock */
  readonly due: number
  readonly subject: Parsed
  readonly action: RuleAction
  readonly direction: RuleDirection
}

/** Keeps what is known of block rules, and when they end, in less room than the layer itself would need */
export interface Ledger {
  details (entries: Entries, index: number): Details | undefined

  /** When the time of one of them is over next, in ms of the clock; `Infinity` where none ends */
  readonly nextEnding: number

  /** Which one that is */
  ending (): Ending | undefined
}

/** How many rules to make room for */
export interface Expected {
  readonly ipv4?: number
  readonly ipv6?: number
  readonly names?: number
}

/**
 * The rules of one source: the operator, strikes, or one list. Finds the most specific of those that cover somebody
 * without looking at the others.
 */
export class Layer {
  readonly #v4: PrefixTable
  readonly #v6: PrefixTable
  readonly #names: NameTable
  /** At most `MAX_PATTERNS`, by their text, and by their anchor */
  readonly #patterns = new Map<string, PatternEntry>()
  readonly #anchors = new Map<string, PatternEntry[]>()
  readonly #patternEntries = new Entries()
  /** At most `MAX_PREDICATES`, by their text */
  readonly #predicates = new Map<string, PredicateEntry>()
  readonly #predicateEntries = new Entries()
  readonly #counts: Readonly<Record<RuleAction, Counts>> = { allow: noCounts(), block: noCounts() }
  readonly #totals = { allow: 0, block: 0 }
  #lifting = 0
  #peerLanes = 0
  /** Never more than there are rules */
  readonly #endings = new Heap<Ending>(({ due }) => due)
  #ledger: Ledger | undefined

  /** Why its rules are there, where they do not say it themselves */
  readonly reason: string | undefined

  /** @param seed - of the hashes of its tables */
  constructor (seed: number, { ipv4 = 0, ipv6 = 0, names = 0 }: Expected = {}, reason?: string) {
    this.reason = reason
    this.#v4 = new PrefixTable(4, ipv4, seed)
    this.#v6 = new PrefixTable(6, ipv6, seed)
    this.#names = new NameTable(names, seed)
  }

  get size (): number {
    return this.#totals.allow + this.#totals.block
  }

  get bytes (): number {
    return this.#v4.bytes + this.#v6.bytes + this.#names.bytes
  }

  /** Whether it lets a peer use the allowlisted scopes, whoever that is */
  get liftsLaneOfPeer (): boolean {
    return this.#peerLanes > 0
  }

  /** The rule whose time is over first */
  get ending (): Ending | undefined {
    return this.#endings.first ?? this.#ledger?.ending()
  }

  /** When that is, in ms of the clock; `Infinity` where none ends */
  get nextEnding (): number {
    return this.#endings.first?.due ?? this.#ledger?.nextEnding ?? Infinity
  }

  /** From now on what is known of all rules is elsewhere, and nothing of it is said when they are added */
  keepIn (ledger: Ledger): void {
    this.#ledger = ledger
    for (const entries of [this.#v4.entries, this.#v6.entries, this.#names.entries, this.#patternEntries]) entries.keepIn(index => ledger.details(entries, index))
  }

  isEmpty (action: RuleAction): boolean {
    return this.#totals[action] === 0
  }

  /** How many rules there are of one action and kind */
  count (action: RuleAction, kind: SubjectKind): number {
    return this.#counts[action][kind]
  }

  /** Whether it shuts out IP addresses, or some of them */
  blocksAddresses (): boolean {
    const { ip, cidr, pattern } = this.#counts.block
    if (ip + cidr > 0) return true
    return pattern > 0 && [...this.#patterns.values()].some(({ pattern, index }) => pattern.host.type === 'prefix' && this.#patternEntries.variants(index) >= BLOCKS)
  }

  /** Whether a rule of it lifts limits */
  get lifts (): boolean {
    return this.#lifting > 0
  }

  /**
   * Puts a rule in, or gives one that is there new details.
   *
   * @param due - when its time is over, in ms of the clock; `Infinity` where it has none
   * @returns whether it was not there
   * @throws {TooManyRulesError} when there are too many patterns or predicates
   */
  add (subject: Parsed, action: RuleAction, direction: RuleDirection, details?: Details, due = Infinity): boolean {
    const entries = this.#entriesOf(subject)
    const index = this.#enter(subject)
    const variant = variantOf(action, direction)
    this.#forget(subject.kind, entries.details(index, variant))
    if (due !== Infinity) {
      const ending: Ending = { place: -1, due, subject, action, direction }
      this.#endings.add(ending)
      details = { ...details, ending }
    }
    const added = entries.set(index, variant, details)
    if (added) {
      this.#counts[action][subject.kind]++
      this.#totals[action]++
    }
    if (details?.lifts !== undefined) this.#lifting++
    if (subject.kind === 'peer' && details?.lifts?.includes('lane') === true) this.#peerLanes++
    return added
  }

  /** @returns whether it was there */
  remove (subject: Parsed, action: RuleAction, direction: RuleDirection): boolean {
    const entries = this.#entriesOf(subject)
    const index = this.#find(subject)
    const variant = variantOf(action, direction)
    if (index === -1 || (entries.variants(index) & (1 << variant)) === 0) return false
    this.#forget(subject.kind, entries.details(index, variant))
    this.#counts[action][subject.kind]--
    this.#totals[action]--
    if (entries.clear(index, variant) === 0) this.#leave(subject, index)
    return true
  }

  /** Where exactly this rule lies */
  find (subject: Parsed, action: RuleAction, direction: RuleDirection): Found | undefined {
    const entries = this.#entriesOf(subject)
    const index = this.#find(subject)
    const variant = variantOf(action, direction)
    return index === -1 || (entries.variants(index) & (1 << variant)) === 0 ? undefined : this.#found(entries, index, 1 << variant, subject.kind)
  }

  /** The most specific rule of one action that covers somebody, predicates left out */
  best (target: GateTarget, action: RuleAction): Found | undefined {
    const counts = this.#counts[action]
    const wanted = covering(action, target.direction)
    if (counts.peer > 0 && target.peer !== undefined) {
      const found = this.#named(target.peer, wanted, 'peer')
      if (found !== undefined) return found
    }
    const { address } = target
    if (address === undefined) return undefined
    let index = -1
    const table = address.family === 6 ? this.#v6 : this.#v4
    if (address.family !== 0 && counts.ip + counts.cidr > 0) {
      index = table.longest(address.words, wanted)
      if (index !== -1 && table.lengthAt(index) === (address.family === 4 ? 32 : 128)) return this.#found(table.entries, index, wanted, 'ip')
    }
    if (counts.pattern > 0) {
      const found = this.#byPattern(target, wanted)
      if (found !== undefined) return found
    }
    if (index !== -1) return this.#found(table.entries, index, wanted, 'cidr', table.lengthAt(index))
    if (counts.relay > 0 && address.relay !== undefined) {
      const found = this.#named(`/p2p/${address.relay}/p2p-circuit`, wanted, 'relay')
      if (found !== undefined) return found
    }
    const found = counts.transport > 0 ? this.#named(`/${address.transport}`, wanted, 'transport') : undefined
    return found ?? (counts.relayed > 0 && address.class === 'relayed' ? this.#named(RELAYED, wanted, 'relayed') : undefined)
  }

  /** Every rule of one action that covers somebody, predicates left out */
  * all (target: GateTarget, action: RuleAction): Generator<Found> {
    const wanted = covering(action, target.direction)
    const names: Array<readonly [SubjectKind, string]> = target.peer === undefined ? [] : [['peer', target.peer]]
    const { address } = target
    if (address !== undefined) {
      names.push(['pattern', address.key], ['transport', `/${address.transport}`])
      if (address.class === 'relayed') names.push(['relayed', RELAYED], ['relay', `/p2p/${address.relay ?? ''}/p2p-circuit`])
    }
    for (const [kind, name] of names) {
      const found = this.#named(name, wanted, kind)
      if (found !== undefined) yield found
    }
    if (address === undefined) return
    for (const { pattern, index } of this.#patterns.values()) {
      if ((this.#patternEntries.variants(index) & wanted) !== 0 && matches(pattern, address)) yield this.#found(this.#patternEntries, index, wanted, 'pattern')
    }
    if (address.family === 0) return
    const table = address.family === 4 ? this.#v4 : this.#v6
    const full = address.family === 4 ? 32 : 128
    for (let index = table.longest(address.words, wanted), length = full; index !== -1; index = length === 0 ? -1 : table.longest(address.words, wanted, length)) {
      length = table.lengthAt(index)
      yield this.#found(table.entries, index, wanted, length === full ? 'ip' : 'cidr', length)
    }
  }

  /** The functions of one action, for `target`; what they do is for the caller to see */
  * predicates (target: GateTarget, action: RuleAction): Generator<readonly [GatePredicate, Found]> {
    if (this.#counts[action].predicate === 0) return
    const wanted = covering(action, target.direction)
    for (const { predicate, index } of this.#predicates.values()) {
      if ((this.#predicateEntries.variants(index) & wanted) !== 0) yield [predicate, this.#found(this.#predicateEntries, index, wanted, 'predicate')]
    }
  }

  /** Where every rule lies. What is added or removed meanwhile may or may not be among them. */
  * rules (): Generator<Found> {
    for (const table of [this.#v4, this.#v6]) {
      for (let index = 0; index < table.entries.end; index++) {
        const full = table.lengthAt(index) === (table === this.#v4 ? 32 : 128)
        yield * this.#variants(table.entries, index, full ? 'ip' : 'cidr')
      }
    }
    for (let index = 0; index < this.#names.entries.end; index++) {
      if (this.#names.entries.variants(index) !== 0) yield * this.#variants(this.#names.entries, index, kindOfName(this.#names.nameAt(index)))
    }
    for (const { index } of this.#patterns.values()) yield * this.#variants(this.#patternEntries, index, 'pattern')
    for (const { index } of this.#predicates.values()) yield * this.#variants(this.#predicateEntries, index, 'predicate')
  }

  /** The canonical text of a subject that is no pattern */
  textAt (entries: Entries, index: number): string {
    return this.textOf({ entries, index, kind: entries === this.#names.entries ? kindOfName(this.#names.nameAt(index)) : 'cidr' })
  }

  /** The canonical text of a subject */
  textOf ({ entries, index, kind }: Pick<Found, 'entries' | 'index' | 'kind'>): string {
    switch (entries) {
      case this.#v4.entries: return formatPrefix(this.#v4.prefixAt(index))
      case this.#v6.entries: return formatPrefix(this.#v6.prefixAt(index))
      case this.#names.entries: return kind === 'pattern' ? formatKey(this.#names.nameAt(index)) : this.#names.nameAt(index)
      default: {
        const among: ReadonlyMap<string, { readonly index: number }> = kind === 'pattern' ? this.#patterns : this.#predicates
        for (const [text, entry] of among) if (entry.index === index) return text
        return ''
      }
    }
  }

  #forget (kind: SubjectKind, details: Details | undefined): void {
    if (details?.lifts !== undefined) this.#lifting--
    if (kind === 'peer' && details?.lifts?.includes('lane') === true) this.#peerLanes--
    if (details?.ending !== undefined) this.#endings.remove(details.ending as Ending)
  }

  * #variants (entries: Entries, index: number, kind: SubjectKind): Generator<Found> {
    for (let variant = 0; variant < VARIANTS; variant++) {
      const bit = entries.variants(index) & (1 << variant)
      if (bit !== 0) yield this.#found(entries, index, bit, kind)
    }
  }

  /** @param wanted - a set of variants, of which the highest that there is counts: a direction before both */
  #found (entries: Entries, index: number, wanted: number, kind: SubjectKind, length = 0): Found {
    const present = entries.variants(index) & wanted
    return { layer: this, entries, index, variant: 31 - Math.clz32(present), kind, rank: RANKS[kind] + length }
  }

  #named (name: string, wanted: number, kind: SubjectKind): Found | undefined {
    const index = this.#names.find(name)
    return index !== -1 && (this.#names.entries.variants(index) & wanted) !== 0 ? this.#found(this.#names.entries, index, wanted, kind) : undefined
  }

  #byPattern ({ address }: GateTarget, wanted: number): Found | undefined {
    if (address === undefined) return undefined
    const exact = address.family === 0 ? this.#named(address.key, wanted, 'pattern') : undefined
    if (exact !== undefined || this.#patterns.size === 0) return exact
    let best: PatternEntry | undefined
    for (const entry of anchorsOf(address).flatMap(anchor => this.#anchors.get(anchor) ?? [])) {
      if ((this.#patternEntries.variants(entry.index) & wanted) === 0 || !matches(entry.pattern, address)) continue
      if (best === undefined || isBefore(entry.text, best.text)) best = entry
    }
    return best === undefined ? undefined : this.#found(this.#patternEntries, best.index, wanted, 'pattern')
  }

  #entriesOf (subject: Parsed): Entries {
    switch (subject.type) {
      case 'prefix': return this.#tableOf(subject.prefix.family).entries
      case 'name': return this.#names.entries
      case 'pattern': return this.#patternEntries
      case 'predicate': return this.#predicateEntries
    }
  }

  #tableOf (family: 4 | 6): PrefixTable {
    return family === 4 ? this.#v4 : this.#v6
  }

  #find (subject: Parsed): number {
    switch (subject.type) {
      case 'prefix': return this.#tableOf(subject.prefix.family).find(subject.prefix)
      case 'name': return this.#names.find(subject.name)
      case 'pattern': return this.#patterns.get(subject.text)?.index ?? -1
      case 'predicate': return this.#predicates.get(subject.text)?.index ?? -1
    }
  }

  #enter (subject: Parsed): number {
    switch (subject.type) {
      case 'prefix': return this.#tableOf(subject.prefix.family).enter(subject.prefix)
      case 'name': return this.#names.enter(subject.name)
      case 'pattern': return this.#enterPattern(subject.text, subject.pattern)
      case 'predicate': {
        const index = this.#predicates.get(subject.text)?.index ?? take(this.#predicates.size, MAX_PREDICATES, 'predicates', this.#predicateEntries)
        this.#predicates.set(subject.text, { predicate: subject.predicate, text: subject.text, index })
        return index
      }
    }
  }

  #enterPattern (text: string, pattern: Pattern): number {
    const known = this.#patterns.get(text)
    if (known !== undefined) return known.index
    const entry = { pattern, text, index: take(this.#patterns.size, MAX_PATTERNS, 'patterns', this.#patternEntries) }
    this.#patterns.set(text, entry)
    const anchor = anchorOf(pattern)
    const anchored = this.#anchors.get(anchor)
    if (anchored === undefined) this.#anchors.set(anchor, [entry])
    else anchored.push(entry)
    return entry.index
  }

  #leave (subject: Parsed, index: number): void {
    switch (subject.type) {
      case 'prefix': { this.#tableOf(subject.prefix.family).remove(index); break }
      case 'name': { this.#names.remove(index); break }
      case 'pattern': { this.#leavePattern(subject.text, subject.pattern); break }
      case 'predicate': {
        this.#predicates.delete(subject.text)
        this.#predicateEntries.drop(index)
      }
    }
  }

  #leavePattern (text: string, pattern: Pattern): void {
    const entry = this.#patterns.get(text)
    if (entry === undefined) return
    this.#patterns.delete(text)
    this.#patternEntries.drop(entry.index)
    const anchor = anchorOf(pattern)
    const left = (this.#anchors.get(anchor) ?? []).filter(other => other !== entry)
    if (left.length === 0) this.#anchors.delete(anchor)
    else this.#anchors.set(anchor, left)
  }
}

function take (size: number, max: number, what: string, entries: Entries): number {
  if (size >= max) throw new TooManyRulesError(what, max)
  return entries.take()
}

/** Among patterns that match the longest is reported, whichever was there first */
function isBefore (text: string, other: string): boolean {
  return text.length === other.length ? text < other : text.length > other.length
}

/** Of a text in the table of names; peer ids have neither slash nor colon */
function kindOfName (name: string): SubjectKind {
  if (name.includes(':')) return 'pattern'
  if (!name.startsWith('/')) return 'peer'
  return name === RELAYED ? 'relayed' : name.startsWith('/p2p/') ? 'relay' : 'transport'
}
