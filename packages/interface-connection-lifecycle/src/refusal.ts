/**
 * Why something was not let in. Refusals are values, not errors: making one allocates no stack, because a node
 * under attack makes very many of them.
 */
export interface Refusal {
  /**
   * What kind of refusal this is.
   *
   * - `limit`: a hard upper bound would be passed
   * - `rate`: too many in too short a time; `retryAfter` says when it may succeed
   * - `blocked`: a rule forbids it
   * - `gater`: the user's own connection gater said no, threw, or did not answer in time
   * - `crowded`: dropped while handshaking, to make room in a full group or a full node
   * - `fault`: a participant threw or answered with a promise; a bug in that module, never the fault of the peer
   * - `stopping`: the node is shutting down
   * - `gone`: the connection had ended before the question could be asked; nobody said no
   */
  readonly code: 'limit' | 'rate' | 'blocked' | 'gater' | 'crowded' | 'fault' | 'stopping' | 'gone'

  /** The name of the module that refused */
  readonly module: string

  /** A sentence that says what was full, by how much and which setting changes it; may be built on first read */
  readonly message: string

  /** Trying again will not help; a maintained peer that was dialled is given up */
  readonly permanent?: boolean

  /** The scope that was full, such as `system` or `peer:12D3…` */
  readonly scope?: string

  /** What ran out, such as `connections`, `streams`, `memory` */
  readonly resource?: string

  readonly direction?: 'inbound' | 'outbound'

  /** How much was in use */
  readonly current?: number

  /** How much more was asked for */
  readonly attempted?: number

  /** The upper bound */
  readonly limit?: number

  /** In ms; when it may succeed */
  readonly retryAfter?: number

  /** The setting that changes the decision, such as `lifecycle.maxHandshaking` */
  readonly configPath?: string
}

/**
 * Tells a refusal from anything else a step could return, by its shape: a module may be newer than the list of codes.
 * Reads `code` and `module` once, and not `message`, which may be built on first read. Never throws.
 */
export function isRefusal (value: unknown): value is Refusal {
  if (typeof value !== 'object' || value == null) return false
  try {
    if (!('code' in value && 'module' in value && 'message' in value)) return false
    return typeof value.code === 'string' && typeof value.module === 'string'
  } catch {
    return false
  }
}
