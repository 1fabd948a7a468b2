import { isRefusal } from '@cordon/interface-connection-lifecycle'
import type { LimitKey } from './limits.ts'
import type { Refusal } from '@cordon/interface-connection-lifecycle'

/** The kinds of scopes. A `prefix` is a range of addresses from which inbound connections come, one relay, or all of them. */
export type ScopeClass =
  'system' | 'transient' | 'allowlistedSystem' | 'allowlistedTransient' |
  'service' | 'service-peer' | 'protocol' | 'protocol-peer' | 'peer' |
  'connection' | 'stream' | 'span' | 'prefix'

/** Which limit was in the way, or `rate`: too many connections in too short a time */
export type RefusalCause = LimitKey | 'rate'

/**
 * Why something was not admitted. `code` is `limit`, or `rate` (then `limit` is the burst, and `retryAfter` says when
 * one more is granted, if ever), or `gone` where the scope that it was asked of had ended already and nobody said no:
 * `scope` is then the nearest that had ended. What is `gone` is not counted.
 */
export interface ResourceRefusal extends Refusal {
  /** The kind of the scope that refused */
  readonly scopeClass: ScopeClass

  /**
   * Its name, as in `ResourceScope.name`; that of a prefix is `prefix:192.0.2.0/24`, with addresses as in
   * `NormalisedAddress`, or `prefix:` and the key of an address that is no IP address, such as `prefix:relay:12D3…`, or `prefix:relayed` for all relays together
   */
  readonly scope: string

  /** Which limit of it; absent where `code` is `gone` */
  readonly cause?: RefusalCause

  readonly resource: 'connections' | 'streams' | 'fileDescriptors' | 'memory'

  /** The priority at which memory was asked for; absent for what moved */
  readonly priority?: number
}

/** Tells what a resource manager refused from what it admitted */
export function isResourceRefusal (value: unknown): value is ResourceRefusal {
  return isRefusal(value) && 'scopeClass' in value
}
