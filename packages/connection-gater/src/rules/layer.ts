import { Heap } from '@cordon/heap'
import { covering, variantOf, VARIANTS } from '../tables/entries.ts'
import { rangeIndex, rangeLength } from '../tables/prefix-table.ts'
import { BY_NAME, Counts, KIND, kindsOf, RANGES } from './kinds.ts'
import { RELAYED } from './subject.ts'
import { Subjects } from './subjects.ts'
import type { Details, Entries, Variant } from '../tables/entries.ts'
import type { PrefixTable } from '../tables/prefix-table.ts'
import type { Parsed } from './subject.ts'
import type { Expected, Place } from './subjects.ts'
import type { Placed } from '@cordon/heap'
import type { GatePredicate, GateTarget, RuleAction, RuleDirection, SubjectKind } from '@cordon/interface-connection-gater'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'

/** Where a rule lies */
export interface Found extends Place {
  readonly layer: Layer
  readonly variant: Variant
  /** Of a range that was looked for by an address, in bits; otherwise 0 */
  readonly length: number
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

/**
 * The rules of one source: the operator, strikes, or one list. Finds the most specific of those that cover somebody
 * without looking at the others.
 */
export class Layer {
  readonly #subjects: Subjects
  /** Those of the above that every lookup begins with */
  readonly #v4: PrefixTable
  readonly #v6: PrefixTable
  readonly #counts = new Counts()
  #lifting = 0
  #peerLanes = 0
  /** Never more than there are rules */
  readonly #endings = new Heap<Ending>(({ due }) => due)
  #ledger: Ledger | undefined
  #changed: (() => void) | undefined

  /** Why its rules are there, where they do not say it themselves */
  readonly reason: string | undefined

  /** @param seed - of the hashes of its tables */
  constructor (seed: number, expected: Expected = {}, reason?: string) {
    this.reason = reason
    this.#subjects = new Subjects(seed, expected)
    this.#v4 = this.#subjects.v4
    this.#v6 = this.#subjects.v6
  }

  get size (): number {
    return this.#counts.size
  }

  get bytes (): number {
    return this.#subjects.bytes
  }

  /** Whether it lets a peer use the allowlisted scopes, whoever that is */
  get liftsLaneOfPeer (): boolean {
    return this.#peerLanes > 0
  }

  /** Whether a rule of it lifts limits */
  get lifts (): boolean {
    return this.#lifting > 0
  }

  /** The rule whose time is over first */
  get ending (): Ending | undefined {
    return this.#endings.first ?? this.#ledger?.ending()
  }

  /** When that is, in ms of the clock; `Infinity` where none ends */
  get nextEnding (): number {
    return Math.min(this.#endings.least, this.#ledger === undefined ? Infinity : this.#ledger.nextEnding)
  }

  /** From now on what is known of all rules is elsewhere, and nothing of it is said when they are added */
  keepIn (ledger: Ledger): void {
    this.#ledger = ledger
    const { v4, v6, names, patterns } = this.#subjects
    for (const { entries } of [v4, v6, names, patterns]) entries.keepIn(index => ledger.details(entries, index))
  }

  /** @param changed - is called from now on when there is the first rule of a kind, and when the last one is gone */
  watch (changed: () => void): void {
    this.#changed = changed
  }

  /** As that of `Counts` */
  get present (): number {
    return this.#counts.present
  }

  isEmpty (action: RuleAction): boolean {
    return this.kinds(action) === 0
  }

  /** The kinds of which it has rules of one action, as bits */
  kinds (action: RuleAction): number {
    return kindsOf(action, this.#counts.present)
  }

  /** Whether it shuts out IP addresses, or some of them */
  blocksAddresses (): boolean {
    return (this.kinds('block') & RANGES) !== 0 || this.#subjects.patterns.blocksAddresses()
  }

  /**
   * Puts a rule in, or gives one that is there new details.
   *
   * @param due - when its time is over, in ms of the clock; `Infinity` where it has none
   * @returns whether it was not there
   * @throws {TooManyRulesError} when there are too many patterns or predicates
   */
  add (subject: Parsed, action: RuleAction, direction: RuleDirection, details?: Details, due = Infinity): boolean {
    const index = this.#subjects.enter(subject)
    if (due === Infinity) return this.#set(this.#subjects.entriesOf(subject), index, subject.kind, action, direction, details)
    const ending: Ending = { place: -1, due, subject, action, direction }
    const added = this.#set(this.#subjects.entriesOf(subject), index, subject.kind, action, direction, { ...details, due, ending })
    this.#endings.put(ending)
    return added
  }

  /** As `add` without details, for an IPv4 range of at least one bit whose other bits are 0 */
  addIPv4 (word: number, length: number, action: RuleAction, direction: RuleDirection): void {
    this.#set(this.#v4.entries, this.#v4.enter4(word, length), length === 32 ? 'ip' : 'cidr', action, direction, undefined)
  }

  /** The same for an IPv6 range */
  addIPv6 (a: number, b: number, c: number, d: number, length: number, action: RuleAction, direction: RuleDirection): void {
    this.#set(this.#v6.entries, this.#v6.enter6(a, b, c, d, length), length === 128 ? 'ip' : 'cidr', action, direction, undefined)
  }

  /** As `add` without details, for a peer id in base58 that lies in `bytes` */
  addPeer (bytes: Uint8Array, start: number, end: number, action: RuleAction, direction: RuleDirection): void {
    const { names } = this.#subjects
    this.#set(names.entries, names.enterBytes(bytes, start, end), 'peer', action, direction, undefined)
  }

  /** @returns whether it was there */
  remove (subject: Parsed, action: RuleAction, direction: RuleDirection): boolean {
    const entries = this.#subjects.entriesOf(subject)
    const index = this.#subjects.find(subject)
    const variant = variantOf(action, direction)
    if (index === -1 || (entries.variants(index) & (1 << variant)) === 0) return false
    this.#forget(subject.kind, entries.details(index, variant))
    this.#count(action, subject.kind, -1)
    if (entries.clear(index, variant) === 0) this.#subjects.remove(subject, index)
    return true
  }

  /** Where exactly this rule lies */
  find (subject: Parsed, action: RuleAction, direction: RuleDirection): Found | undefined {
    const entries = this.#subjects.entriesOf(subject)
    const index = this.#subjects.find(subject)
    const variant = variantOf(action, direction)
    return index === -1 || (entries.variants(index) & (1 << variant)) === 0 ? undefined : this.#found(entries, index, 1 << variant, subject.kind)
  }

  /** The most specific rule of one action that covers somebody, predicates left out */
  best (target: GateTarget, action: RuleAction): Found | undefined {
    const kinds = kindsOf(action, this.#counts.present)
    const wanted = covering(action, target.direction)
    const { peer, address } = target
    if (peer !== undefined && (kinds & KIND.peer) !== 0) {
      const found = this.#named(peer, wanted, 'peer')
      if (found !== undefined) return found
    }
    if (address === undefined) return undefined
    let range = 0
    if ((kinds & RANGES) !== 0) {
      if (address.family === 4) range = this.#v4.longest(address.words, wanted)
      else if (address.family === 6) range = this.#v6.longest(address.words, wanted)
    }
    // nothing of what is left is on the way of most
    return range === 0 && (kinds & BY_NAME) === 0 ? undefined : this.#byAddress(address, range, kinds, wanted)
  }

  /** Every rule of one action that covers somebody, predicates left out */
  * all (target: GateTarget, action: RuleAction): Generator<Found> {
    const wanted = covering(action, target.direction)
    const names: Array<readonly [SubjectKind, string]> = target.peer === undefined ? [] : [['peer', target.peer]]
    const { address } = target
    if (address !== undefined) {
      names.push(['pattern', address.key], ['transport', `/${address.transport}`])
      if (address.class === 'relayed') names.push(['relayed', RELAYED], ['relay', relayText(address.relay ?? '')])
    }
    for (const [kind, name] of names) {
      const found = this.#named(name, wanted, kind)
      if (found !== undefined) yield found
    }
    if (address === undefined) return
    for (const index of this.#subjects.patterns.all(address, wanted)) yield this.#found(this.#subjects.patterns.entries, index, wanted, 'pattern')
    if (address.family === 0) return
    const table = this.#subjects.tableOf(address.family)
    const full = address.family === 4 ? 32 : 128
    for (let range = table.longest(address.words, wanted); range !== 0; range = table.longest(address.words, wanted, rangeLength(range))) {
      yield this.#found(table.entries, rangeIndex(range), wanted, rangeLength(range) === full ? 'ip' : 'cidr', rangeLength(range))
    }
  }

  /** The functions of one action, for `target`; what they do is for the caller to see */
  * predicates (target: GateTarget, action: RuleAction): Generator<readonly [GatePredicate, Found]> {
    if ((this.kinds(action) & KIND.predicate) === 0) return
    const wanted = covering(action, target.direction)
    const { entries } = this.#subjects.predicates
    for (const { predicate, index } of this.#subjects.predicates.all()) {
      if ((entries.variants(index) & wanted) !== 0) yield [predicate, this.#found(entries, index, wanted, 'predicate')]
    }
  }

  /** Where every rule lies. What is added or removed meanwhile may or may not be among them. */
  * rules (): Generator<Found> {
    for (const { entries, index, kind } of this.#subjects.all()) {
      for (let variant = 0; variant < VARIANTS; variant++) {
        const bit = entries.variants(index) & (1 << variant)
        if (bit !== 0) yield this.#found(entries, index, bit, kind)
      }
    }
  }

  /** The canonical text of a subject that is no pattern */
  textAt (entries: Entries, index: number): string {
    return this.#subjects.textOf({ entries, index, kind: this.#subjects.kindAt(entries, index) })
  }

  /** The canonical text of a subject */
  textOf (found: Found): string {
    return this.#subjects.textOf(found)
  }

  /** As that of its tables */
  settle (entries: number): boolean {
    return this.#subjects.settle(entries)
  }

  /** @param range - the longest one, as `PrefixTable.longest` has it */
  #byAddress (address: NormalisedAddress, range: number, kinds: number, wanted: number): Found | undefined {
    const { entries } = address.family === 6 ? this.#v6 : this.#v4
    if (range !== 0 && rangeLength(range) === (address.family === 6 ? 128 : 32)) return this.#found(entries, rangeIndex(range), wanted, 'ip')
    const found = (kinds & KIND.pattern) === 0 ? undefined : this.#byPattern(address, wanted)
    if (found !== undefined) return found
    return range === 0 ? this.#byRoute(address, kinds, wanted) : this.#found(entries, rangeIndex(range), wanted, 'cidr', rangeLength(range))
  }

  /** By how it is reached: the relay, the transport, or any relay */
  #byRoute ({ relay, transport, class: kind }: NormalisedAddress, kinds: number, wanted: number): Found | undefined {
    let found: Found | undefined
    if (relay !== undefined && (kinds & KIND.relay) !== 0) found = this.#named(relayText(relay), wanted, 'relay')
    if (found === undefined && (kinds & KIND.transport) !== 0) found = this.#named(`/${transport}`, wanted, 'transport')
    return found ?? (kind === 'relayed' && (kinds & KIND.relayed) !== 0 ? this.#named(RELAYED, wanted, 'relayed') : undefined)
  }

  #byPattern (address: NormalisedAddress, wanted: number): Found | undefined {
    const exact = address.family === 0 ? this.#named(address.key, wanted, 'pattern') : undefined
    if (exact !== undefined) return exact
    const index = this.#subjects.patterns.best(address, wanted)
    return index === -1 ? undefined : this.#found(this.#subjects.patterns.entries, index, wanted, 'pattern')
  }

  #named (name: string, wanted: number, kind: SubjectKind): Found | undefined {
    const { names } = this.#subjects
    const index = names.find(name)
    return index !== -1 && (names.entries.variants(index) & wanted) !== 0 ? this.#found(names.entries, index, wanted, kind) : undefined
  }

  /** @param wanted - a set of variants, of which the highest that there is counts: a direction before both */
  #found (entries: Entries, index: number, wanted: number, kind: SubjectKind, length = 0): Found {
    return { layer: this, entries, index, variant: 31 - Math.clz32(entries.among(index, wanted)), kind, length }
  }

  #set (entries: Entries, index: number, kind: SubjectKind, action: RuleAction, direction: RuleDirection, details: Details | undefined): boolean {
    const variant = variantOf(action, direction)
    this.#forget(kind, entries.details(index, variant))
    const added = entries.set(index, variant, details)
    if (added) this.#count(action, kind, 1)
    if (details?.lifts !== undefined) this.#lifting++
    if (kind === 'peer' && details?.lifts?.includes('lane') === true) this.#peerLanes++
    return added
  }

  #count (action: RuleAction, kind: SubjectKind, change: number): void {
    if (this.#counts.add(action, kind, change)) this.#changed?.()
  }

  #forget (kind: SubjectKind, details: Details | undefined): void {
    if (details?.lifts !== undefined) this.#lifting--
    if (kind === 'peer' && details?.lifts?.includes('lane') === true) this.#peerLanes--
    if (details?.ending !== undefined) this.#endings.remove(details.ending as Ending)
  }
}

function relayText (relay: string): string {
  return `/p2p/${relay}/p2p-circuit`
}
