import { TooManyRulesError } from '@cordon/interface-connection-gater'
import { BLOCKS, Entries } from '../tables/entries.ts'
import { anchorOf, anchorsOf, matches } from './pattern.ts'
import type { Pattern } from './pattern.ts'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'

/** What is compared with every address of its anchor, one after the other */
const MAX_PATTERNS = 1_024

interface PatternEntry {
  readonly pattern: Pattern
  readonly text: string
  readonly index: number
}

/** Patterns with the rules of each, found by what of them can be looked up */
export class PatternTable {
  readonly entries = new Entries()
  /** At most `MAX_PATTERNS`, by their text, and by their anchor */
  readonly #patterns = new Map<string, PatternEntry>()
  readonly #anchors = new Map<string, PatternEntry[]>()

  /** The index of a pattern; -1 where it is not there */
  find (text: string): number {
    return this.#patterns.get(text)?.index ?? -1
  }

  /**
   * The index of a pattern, which is put in where it was not there.
   *
   * @throws {TooManyRulesError} when there is no room
   */
  enter (text: string, pattern: Pattern): number {
    const known = this.#patterns.get(text)
    if (known !== undefined) return known.index
    if (this.#patterns.size >= MAX_PATTERNS) throw new TooManyRulesError('patterns', MAX_PATTERNS)
    const entry = { pattern, text, index: this.entries.take() }
    this.#patterns.set(text, entry)
    const anchor = anchorOf(pattern)
    const anchored = this.#anchors.get(anchor)
    if (anchored === undefined) this.#anchors.set(anchor, [entry])
    else anchored.push(entry)
    return entry.index
  }

  /** Takes out a pattern that has no rule any more */
  remove (text: string): void {
    const entry = this.#patterns.get(text)
    if (entry === undefined) return
    this.#patterns.delete(text)
    this.entries.drop(entry.index)
    const anchor = anchorOf(entry.pattern)
    const left = (this.#anchors.get(anchor) ?? []).filter(other => other !== entry)
    if (left.length === 0) this.#anchors.delete(anchor)
    else this.#anchors.set(anchor, left)
  }

  /** The index of each */
  * indices (): Generator<number> {
    for (const { index } of this.#patterns.values()) yield index
  }

  textAt (index: number): string {
    for (const entry of this.#patterns.values()) if (entry.index === index) return entry.text
    return ''
  }

  /**
   * The longest pattern that covers an address and has a rule of a kind.
   *
   * @param variants - which kinds, as a set of bits
   * @returns its index, or -1
   */
  best (address: NormalisedAddress, variants: number): number {
    if (this.#patterns.size === 0) return -1
    let best: PatternEntry | undefined
    for (const entry of anchorsOf(address).flatMap(anchor => this.#anchors.get(anchor) ?? [])) {
      if ((this.entries.variants(entry.index) & variants) === 0 || !matches(entry.pattern, address)) continue
      if (best === undefined || isBefore(entry.text, best.text)) best = entry
    }
    return best?.index ?? -1
  }

  /** Every pattern that covers an address and has a rule of a kind */
  * all (address: NormalisedAddress, variants: number): Generator<number> {
    for (const { pattern, index } of this.#patterns.values()) {
      if ((this.entries.variants(index) & variants) !== 0 && matches(pattern, address)) yield index
    }
  }

  /** Whether one of them shuts out IP addresses */
  blocksAddresses (): boolean {
    for (const { pattern, index } of this.#patterns.values()) {
      if (pattern.host.type === 'prefix' && this.entries.variants(index) >= BLOCKS) return true
    }
    return false
  }
}

/** Among patterns that match the longest is reported, whichever was there first */
function isBefore (text: string, other: string): boolean {
  return text.length === other.length ? text < other : text.length > other.length
}
