import { isRefusal } from '@cordon/interface-connection-lifecycle'
import type { LimitKey } from './limits.ts'
import type { Refusal } from '@cordon/interface-connection-lifecycle'

/** The kinds of scopes. A `prefix` is a range of addresses from which inbound connections come, or one relay. */
export type ScopeClass =
  'system' | 'transient' | 'allowlistedSystem' | 'allowlistedTransient' |
  'service' | 'service-peer' | 'protocol' | 'protocol-peer' | 'peer' |
  'connection' | 'stream' | 'span' | 'prefix'

/** Which limit was in the way, or `rate`: too many connections in too short a time */
export type RefusalCause = LimitKey | 'rate'

/**
 * Why something was not admitted. `code` is `limit`, or `rate`, or `gone` where the scope that it was asked of had
 * ended already and nobody said no.
 */
export interface ResourceRefusal extends Refusal {
  /** The kind of the scope that refused */
  readonly scopeClass: ScopeClass

  readonly scope: string

  /** Which limit of it; absent where `code` is `gone` */
  readonly cause?: RefusalCause

  readonly resource: 'connections' | 'streams' | 'fileDescriptors' | 'memory'

  /** The priority at which memory was asked for */
  readonly priority?: number
}

/** Tells what a resource manager refused from what it admitted */
export function isResourceRefusal (value: unknown): value is ResourceRefusal {
  return isRefusal(value) && 'scopeClass' in value
}
