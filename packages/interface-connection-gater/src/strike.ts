import type { Rule } from './rule.ts'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'

/** Who misbehaved */
export interface Offender {
  /** In base58, and authenticated: a claimed one would let anybody frame a peer */
  readonly peer?: string | undefined

  /** Where it came from; used where there is no peer */
  readonly address?: NormalisedAddress | undefined

  /**
   * How many other authenticated peers are connected from the same place. A strike against the place is divided among
   * all of them, and blocks nobody.
   *
   * @default 0
   */
  readonly sharers?: number | undefined
}

/** What a strike led to */
export interface Strike {
  /** The narrowest subject that was proven: a peer, or the range that shares one allowance */
  readonly subject: string

  /** The sum of its strikes, each halved once per half-life */
  readonly score: number

  /** What is to be done now: nothing, close the connection, or nothing more, because it is blocked */
  readonly outcome: 'noted' | 'disconnect' | 'blocked'

  /** The rule that was made; its subject may be a wider range, where many of it are blocked */
  readonly rule?: Rule
}
