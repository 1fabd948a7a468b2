import type { ListError } from './errors.ts'
import type { RuleAction, RuleDirection } from './rule.ts'

/**
 * How rules are written down.
 *
 * - `text`: one subject a line, after `allow` or `block` and after `inbound` or `outbound` where they differ from what
 *   the list is loaded as; everything from a `#` or `;` that stands alone or begins the line is a comment
 * - `json`: an array of subjects or of objects `{ subject, action, direction, expires, reason, note, lifts }`,
 *   or such an array as `{ "version": 1, "rules": [] }`
 * - `hosts`: an address and names a line. Where the address is unspecified or loopback, as in lists of hosts that are
 *   to be shut out, the names are the subjects, otherwise the address is
 */
export type ListFormat = 'text' | 'json' | 'hosts'

/** A list from outside */
export interface ListSource {
  /** The whole text, or its pieces in order; a piece may end anywhere */
  readonly content: string | AsyncIterable<string | Uint8Array>

  /** @default 'text' */
  readonly format?: ListFormat | undefined

  /**
   * What is done with whom it names.
   *
   * @default 'block'
   */
  readonly action?: RuleAction | undefined

  /** @default 'any' */
  readonly direction?: RuleDirection | undefined

  /**
   * Its entries may say more than whom it is about: they may have the other action, and lift limits. For lists of your
   * own; a feed that is to block could let in whomever it likes.
   *
   * @default false
   */
  readonly trusted?: boolean | undefined

  /** Part of refusals; the name of the list by default */
  readonly reason?: string | undefined

  /** Gives up, and leaves the rules that were in force */
  readonly signal?: AbortSignal | undefined
}

/** What became of a list */
export interface ListReport {
  readonly name: string

  /** How many different rules it has */
  readonly rules: number

  /** How many entries could not be read */
  readonly invalid: number

  /** The first 100 of them */
  readonly errors: readonly ListError[]

  /** How many bytes its tables take */
  readonly bytes: number
}
