/** Thrown when a scope that was released is asked to reserve, to move or to begin a span */
export class ScopeClosedError extends Error {
  static override name = 'ScopeClosedError'
  override name = 'ScopeClosedError'
  /** The name of the scope, such as `stream-7` */
  readonly scope: string

  constructor (scope: string) {
    super(`${scope} was released already`)
    this.scope = scope
  }
}

/** Thrown when a connection is attached to a second peer, a stream to a second protocol or service, or a stream is opened for a peer that its connection does not have */
export class ScopeAttachedError extends Error {
  static override name = 'ScopeAttachedError'
  override name = 'ScopeAttachedError'
  /** The name of the scope, such as `stream-7` */
  readonly scope: string
  /** What it is attached to already; absent where it has no peer yet */
  readonly attachedTo: string | undefined

  constructor (scope: string, attachedTo: string | undefined) {
    super(attachedTo === undefined ? `${scope} has no peer yet` : `${scope} is attached to ${attachedTo} already`)
    this.scope = scope
    this.attachedTo = attachedTo
  }
}

/** Thrown when a stream is attached to a service before it has a protocol */
export class ProtocolNotSetError extends Error {
  static override name = 'ProtocolNotSetError'
  override name = 'ProtocolNotSetError'
  /** The name of the scope, such as `stream-7` */
  readonly scope: string

  constructor (scope: string) {
    super(`${scope} has no protocol yet, so it cannot be attached to a service`)
    this.scope = scope
  }
}

/** Thrown for a name of a peer, protocol or service that is no string, empty, or longer than 512 UTF-16 code units */
export class InvalidNameError extends Error {
  static override name = 'InvalidNameError'
  override name = 'InvalidNameError'
  /** How many characters it has; -1 where it is no string */
  readonly length: number

  constructor (kind: string, length: number, max: number) {
    super(`the name of a ${kind} must be a string of 1 to ${max} characters, got ${length < 0 ? 'no string' : `${length} characters`}`)
    this.length = length
  }
}

/** Thrown for an amount of memory that cannot be reserved: negative, fractional, not a number, or above 2^53 - 1; and for a priority that is none */
export class InvalidSizeError extends Error {
  static override name = 'InvalidSizeError'
  override name = 'InvalidSizeError'
}
