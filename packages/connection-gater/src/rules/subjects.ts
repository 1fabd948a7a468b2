import { formatPrefix } from '@cordon/address'
import { NameTable } from '../tables/name-table.ts'
import { PrefixTable } from '../tables/prefix-table.ts'
import { PatternTable } from './pattern-table.ts'
import { formatKey } from './pattern.ts'
import { PredicateTable } from './predicate-table.ts'
import { RELAYED } from './subject.ts'
import type { Entries } from '../tables/entries.ts'
import type { Parsed } from './subject.ts'
import type { SubjectKind } from '@cordon/interface-connection-gater'

/** How many subjects to make room for */
export interface Expected {
  readonly ipv4?: number
  readonly ipv6?: number
  readonly names?: number
}

/** A subject with its rules, by where they lie */
export interface Place {
  readonly entries: Entries
  readonly index: number
  readonly kind: SubjectKind
}

/** The tables of one layer: of each type of subject one */
export class Subjects {
  readonly v4: PrefixTable
  readonly v6: PrefixTable
  readonly names: NameTable
  readonly patterns = new PatternTable()
  readonly predicates = new PredicateTable()

  /** @param seed - of the hashes */
  constructor (seed: number, { ipv4 = 0, ipv6 = 0, names = 0 }: Expected) {
    this.v4 = new PrefixTable(4, ipv4, seed)
    this.v6 = new PrefixTable(6, ipv6, seed)
    this.names = new NameTable(names, seed)
  }

  get bytes (): number {
    return this.v4.bytes + this.v6.bytes + this.names.bytes
  }

  /** Where the rules of a subject of this type lie */
  entriesOf (subject: Parsed): Entries {
    switch (subject.type) {
      case 'prefix': return this.tableOf(subject.prefix.family).entries
      case 'name': return this.names.entries
      case 'pattern': return this.patterns.entries
      case 'predicate': return this.predicates.entries
    }
  }

  tableOf (family: 4 | 6): PrefixTable {
    return family === 4 ? this.v4 : this.v6
  }

  /** The index of a subject; -1 where it is not there */
  find (subject: Parsed): number {
    switch (subject.type) {
      case 'prefix': return this.tableOf(subject.prefix.family).find(subject.prefix)
      case 'name': return this.names.find(subject.name)
      case 'pattern': return this.patterns.find(subject.text)
      case 'predicate': return this.predicates.find(subject.text)
    }
  }

  /**
   * The index of a subject, which is put in where it was not there, and then has to get a rule at once.
   *
   * @throws {TooManyRulesError} when there are too many patterns or predicates
   */
  enter (subject: Parsed): number {
    switch (subject.type) {
      case 'prefix': return this.tableOf(subject.prefix.family).enter(subject.prefix)
      case 'name': return this.names.enter(subject.name)
      case 'pattern': return this.patterns.enter(subject.text, subject.pattern)
      case 'predicate': return this.predicates.enter(subject.text, subject.predicate)
    }
  }

  /** Takes out a subject that has no rule any more */
  remove (subject: Parsed, index: number): void {
    switch (subject.type) {
      case 'prefix': { this.tableOf(subject.prefix.family).remove(index); break }
      case 'name': { this.names.remove(index); break }
      case 'pattern': { this.patterns.remove(subject.text); break }
      case 'predicate': { this.predicates.remove(subject.text) }
    }
  }

  /** All that have rules. What is entered or removed meanwhile may or may not be among them. */
  * all (): Generator<Place> {
    for (const { entries, table, full } of [{ entries: this.v4.entries, table: this.v4, full: 32 }, { entries: this.v6.entries, table: this.v6, full: 128 }]) {
      for (let index = 0; index < entries.end; index++) {
        if (entries.variants(index) !== 0) yield { entries, index, kind: table.lengthAt(index) === full ? 'ip' : 'cidr' }
      }
    }
    const { entries } = this.names
    for (let index = 0; index < entries.end; index++) {
      if (entries.variants(index) !== 0) yield { entries, index, kind: kindOfName(this.names.nameAt(index)) }
    }
    for (const index of this.patterns.indices()) yield { entries: this.patterns.entries, index, kind: 'pattern' }
    for (const { index } of this.predicates.all()) yield { entries: this.predicates.entries, index, kind: 'predicate' }
  }

  /** The kind of a subject that is no pattern and no function, as far as its text depends on it */
  kindAt (entries: Entries, index: number): SubjectKind {
    return entries === this.names.entries ? kindOfName(this.names.nameAt(index)) : 'cidr'
  }

  /** The canonical text of a subject */
  textOf ({ entries, index, kind }: Place): string {
    switch (entries) {
      case this.v4.entries: return formatPrefix(this.v4.prefixAt(index))
      case this.v6.entries: return formatPrefix(this.v6.prefixAt(index))
      case this.names.entries: return kind === 'pattern' ? formatKey(this.names.nameAt(index)) : this.names.nameAt(index)
      case this.patterns.entries: return this.patterns.textAt(index)
      default: return this.predicates.textAt(index)
    }
  }

  /**
   * Does some of what is left to do since the tables have grown; whoever enters something does so as well.
   *
   * @param entries - how many, at most, of each table
   * @returns whether that was all
   */
  settle (entries: number): boolean {
    const left = [this.v4, this.v6, this.names].filter(table => !table.settle(entries))
    return left.length === 0
  }
}

/** Of a text in the table of names; peer ids have neither slash nor colon */
function kindOfName (name: string): SubjectKind {
  if (name.includes(':')) return 'pattern'
  if (!name.startsWith('/')) return 'peer'
  return name === RELAYED ? 'relayed' : name.startsWith('/p2p/') ? 'relay' : 'transport'
}
