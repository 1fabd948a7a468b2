/** Thrown for a rule whose subject or options cannot be understood */
export class InvalidRuleError extends Error {
  static override name = 'InvalidRuleError'
  override name = 'InvalidRuleError'
  /** What was given, cut */
  readonly value: string

  constructor (message: string, value: string, options?: ErrorOptions) {
    super(message, options)
    this.value = value
  }
}

/** Thrown, or reported, for an entry of a list that cannot be understood; the others are loaded all the same */
export class ListError extends Error {
  static override name = 'ListError'
  override name = 'ListError'
  /** The name of the list */
  readonly list: string
  /** Where the entry begins; 1 is the first line */
  readonly line: number
  /** The entry, cut */
  readonly value: string

  constructor (list: string, line: number, value: string, reason: string, options?: ErrorOptions) {
    super(`line ${line} of the list ${list}: ${reason}`, options)
    this.list = list
    this.line = line
    this.value = value
  }
}

/** Thrown when a list cannot be loaded at all; the rules that it had before stay in force */
export class ListLoadError extends Error {
  static override name = 'ListLoadError'
  override name = 'ListLoadError'
  /** The name of the list */
  readonly list: string

  constructor (list: string, reason: string, options?: ErrorOptions) {
    super(`the list ${list} was not loaded: ${reason}`, options)
    this.list = list
  }
}

/** Thrown when there is no room for another rule */
export class TooManyRulesError extends Error {
  static override name = 'TooManyRulesError'
  override name = 'TooManyRulesError'
  /** How many there may be */
  readonly limit: number

  constructor (what: string, limit: number) {
    super(`there are ${limit} ${what} already, which is all there may be`)
    this.limit = limit
  }
}

/** Reported for an entry of the datastore that is no rule, or not one that this version can read; it is skipped and left where it is */
export class StoredRuleError extends Error {
  static override name = 'StoredRuleError'
  override name = 'StoredRuleError'
  /** The key in the datastore */
  readonly key: string
  /** What was found there, cut */
  readonly value: string

  constructor (key: string, value: string, reason: string, options?: ErrorOptions) {
    super(`${key} in the datastore holds no rule: ${reason}`, options)
    this.key = key
    this.value = value
  }
}

/** Thrown when a rule could not be written or removed in time; a block is in force all the same, and what was to be unblocked stays blocked */
export class RuleStoreError extends Error {
  static override name = 'RuleStoreError'
  override name = 'RuleStoreError'
}
