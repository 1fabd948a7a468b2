import { TooManyRulesError } from '@cordon/interface-connection-gater'
import { Entries } from '../tables/entries.ts'
import type { GatePredicate } from '@cordon/interface-connection-gater'

/** Each is called for every decision that no other rule has made */
const MAX_PREDICATES = 64

interface PredicateEntry {
  readonly predicate: GatePredicate
  readonly index: number
}

/** Functions with the rules of each, by their names */
export class PredicateTable {
  readonly entries = new Entries()
  /** At most `MAX_PREDICATES`, by their text */
  readonly #predicates = new Map<string, PredicateEntry>()

  all (): Iterable<PredicateEntry> {
    return this.#predicates.values()
  }

  /** The index of a predicate; -1 where it is not there */
  find (text: string): number {
    return this.#predicates.get(text)?.index ?? -1
  }

  /**
   * The index of a predicate, which is put in where it was not there, and in the place of the one of its name where it was.
   *
   * @throws {TooManyRulesError} when there is no room
   */
  enter (text: string, predicate: GatePredicate): number {
    const known = this.#predicates.get(text)
    if (known === undefined && this.#predicates.size >= MAX_PREDICATES) throw new TooManyRulesError('predicates', MAX_PREDICATES)
    const index = known?.index ?? this.entries.take()
    this.#predicates.set(text, { predicate, index })
    return index
  }

  /** Takes out a predicate that has no rule any more */
  remove (text: string): void {
    const entry = this.#predicates.get(text)
    if (entry === undefined) return
    this.#predicates.delete(text)
    this.entries.drop(entry.index)
  }

  textAt (index: number): string {
    for (const [text, entry] of this.#predicates) if (entry.index === index) return text
    return ''
  }
}
