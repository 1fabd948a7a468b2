import type { RuleStoreError, StoredRuleError } from './errors.ts'
import type { ListReport, ListSource } from './lists.ts'
import type { Rule, RuleAction, RuleDirection, RuleOptions, RuleOrigin } from './rule.ts'
import type { Offender, Strike } from './strike.ts'
import type { GateTarget, Subject } from './subject.ts'
import type { GateCause, GateRefusal, Verdict } from './verdict.ts'
import type { TypedEventTarget } from '@libp2p/interface'

export interface GaterEvents {
  /** A rule is in force from now on, by the operator or by strikes; `close` says whether what is open is to be closed */
  'rule:added': CustomEvent<{ readonly rule: Rule, readonly close: boolean }>

  /** A rule was taken back by the operator, or had to make room */
  'rule:removed': CustomEvent<{ readonly rule: Rule }>

  /** The time of a rule is over */
  'rule:expired': CustomEvent<{ readonly rule: Rule }>

  /** A rule decided; at most one event for each rule and second */
  'rule:hit': CustomEvent<{ readonly rule: Rule, readonly target: GateTarget }>

  /** A list was loaded, or loaded anew; its rules are in force */
  'list:loaded': CustomEvent<ListReport>

  /** A list was dropped; its rules are no longer in force */
  'list:dropped': CustomEvent<{ readonly name: string }>

  /** Everything that was kept has been read and is in force */
  'store:loaded': CustomEvent<{ readonly rules: number }>

  /** The datastore failed, did not answer in time, or holds something that is no rule. Decisions do not wait for it. */
  'store:failed': CustomEvent<{ readonly error: RuleStoreError | StoredRuleError }>
}

/** Which rule is meant, where a subject has several */
export interface RuleFilter {
  readonly action?: RuleAction | undefined
  readonly direction?: RuleDirection | undefined
  readonly origin?: RuleOrigin | undefined
}

/** How it stands with a gater */
export interface GaterStatus {
  /** How many rules there are, by who made them */
  readonly rules: Readonly<Record<RuleOrigin, number>>

  /** How many rules there have been since it was made, and how many of them are gone again; those of lists left out */
  readonly changes: Readonly<Record<'added' | 'removed' | 'expired', number>>

  /** How often it refused, by what refused */
  readonly refusals: Readonly<Partial<Record<GateCause, number>>>

  /** Whether rules are kept: `none` where there is no datastore, `loading` until all are read, `failing` after an error until something was written again */
  readonly store: 'none' | 'stopped' | 'loading' | 'ready' | 'failing'

  /** How many changes wait to be written */
  readonly unwritten: number

  /** How many subjects have strikes */
  readonly struck: number

  /** How many automatic rules had to make room for others */
  readonly evicted: number

  readonly lists: readonly ListReport[]

  /** What is missing, in sentences */
  readonly missing: readonly string[]
}

/** Says who may connect */
export interface ConnectionGater extends TypedEventTarget<GaterEvents> {
  readonly [connectionGaterSymbol]: true

  /**
   * Blocks somebody at once.
   *
   * @returns once the rule is durable, where there is a datastore
   * @throws {InvalidRuleError} for a subject or an option that cannot be understood
   * @throws {TooManyRulesError} when there is no room
   * @throws {RuleStoreError} when it is in force but could not be written
   */
  block (subject: Subject, options?: RuleOptions): Promise<Rule>

  /** Allows somebody at once, unless a block rule covers them as well. Otherwise as `block`. */
  allow (subject: Subject, options?: RuleOptions): Promise<Rule>

  /**
   * Takes back what `block`, or strikes, said of exactly this subject: in the datastore first, then in force.
   *
   * @returns how many rules there were
   * @throws {RuleStoreError} when it could not be removed; it stays in force
   */
  unblock (subject: Subject, options?: { readonly direction?: RuleDirection | undefined }): Promise<number>

  /** Takes back what `allow` said of exactly this subject; otherwise as `unblock` */
  disallow (subject: Subject, options?: { readonly direction?: RuleDirection | undefined }): Promise<number>

  /** The rules, those of lists included */
  rules (filter?: RuleFilter): IterableIterator<Rule>

  /**
   * What the rules say, without the default; counts nothing.
   *
   * @throws {InvalidRuleError} when the target has no direction, or an address that is not normalised, such as a text
   */
  verdict (target: GateTarget): Verdict

  /**
   * Decides: the rules, then what is done with the unknown. What may still turn out to be allowed once more is known
   * (the peer, the address) is not refused yet.
   *
   * @throws {InvalidRuleError} as `verdict` does
   */
  decide (target: GateTarget): GateRefusal | undefined

  /**
   * Remembers that somebody misbehaved, and blocks them for a while at the threshold.
   *
   * @param weight - how badly, in points; the thresholds are options
   * @throws {InvalidRuleError} when the weight is no number above 0, or there is neither peer nor address, or one that is not normalised
   */
  strike (offender: Offender, weight: number, reason: string): Strike

  /**
   * Loads a list, in place of the one that had this name; in slices, so that nothing else has to wait. Its rules are not
   * copied to the datastore.
   *
   * @throws {ListLoadError} when nothing of it could be read; the one before stays in force
   */
  loadList (name: string, source: ListSource): Promise<ListReport>

  /** Takes a list out of force; returns whether there was one */
  dropList (name: string): boolean

  /** Writes rules down, a piece at a time, as `loadList` reads them; the operator's own by default */
  export (format: 'text' | 'json', filter?: RuleFilter): IterableIterator<string>

  status (): GaterStatus
}

/** What implements `ConnectionGater` carries `true` under this symbol */
export const connectionGaterSymbol = Symbol.for('@cordon/connection-gater')

/** Tells a gater from other services */
export function isConnectionGater (value: unknown): value is ConnectionGater {
  return typeof value === 'object' && value != null && connectionGaterSymbol in value
}
