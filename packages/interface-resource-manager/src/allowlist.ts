import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'

/** What does not apply to somebody */
export interface Lifted {
  /** May use the allowlisted scopes where the normal ones are full */
  readonly lane: boolean

  /** Is not counted among the connections of its prefix */
  readonly counts: boolean

  /** Is not bound to the rate of its prefix */
  readonly buckets: boolean
}

/**
 * Knows whom the operator trusts.
 *
 * @example One peer, from wherever it comes
 *
 * ```ts
 * import type { AllowlistSource } from '@cordon/interface-resource-manager'
 *
 * const OPERATOR = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'
 *
 * export const operator: AllowlistSource = {
 *   lifts: (_address, peer) => ({ lane: peer == null || peer === OPERATOR, counts: peer === OPERATOR, buckets: false })
 * }
 * ```
 */
export interface AllowlistSource {
  /**
   * Asked when a connection is opened or cancelled, when its peer is known, and when the normal scopes refuse it or one
   * of its streams. It has to be fast: a flood asks for each connection. It should not throw; a resource manager takes
   * an answer that is thrown or is none for one that lifts nothing, and says so once. It may use the resource manager,
   * which counts rightly even then, but had better not: what it asks may ask it again.
   *
   * @param address - absent where a connection was opened without it, or a stream without its connection
   * @param peer - absent until it is authenticated: the answer is then what would hold if it were the right one, as
   *   far as `lane` is concerned; `counts` and `buckets` are lifted for an unknown peer only if they are for all peers
   */
  lifts (address: NormalisedAddress | undefined, peer: string | undefined): Lifted
}

/**
 * A module that knows whom the operator trusts shows it under this symbol. A resource manager that was not told itself
 * finds it when the node starts, with `registry.modulesWith(allowlistSourceSymbol)`.
 */
export const allowlistSourceSymbol = Symbol.for('@cordon/allowlist-source')

export interface AllowlistModule {
  readonly [allowlistSourceSymbol]: AllowlistSource
}

/** Whether a module knows whom the operator trusts */
export function isAllowlistModule (value: unknown): value is AllowlistModule {
  return typeof value === 'object' && value != null && allowlistSourceSymbol in value
}
