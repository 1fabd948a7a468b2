import type { DialTarget, Refusal, Stage } from '@cordon/interface-connection-lifecycle'

/** One change that composing made to what libp2p would have done by itself */
export interface Adjustment {
  /** The libp2p option, such as `connectionManager.maxIncomingPendingConnections` */
  readonly option: string

  /** What it would have been; absent where only libp2p knows */
  readonly from?: string

  readonly to: string

  readonly reason: string
}

export interface ModuleStatus {
  /** The name under which it was composed, and under which it is found in `node.services` */
  readonly name: string

  /** Where its participant stands, if it has one */
  readonly stage?: Stage

  readonly state: 'stopped' | 'starting' | 'started' | 'stopping' | 'failed'
}

/** What holds for connections over one transport */
export interface TransportStatus {
  /** libp2p's tag, such as `@libp2p/tcp` */
  readonly transport: string

  /** What is enforced, as short names: `records`, `deadlines`, `streams`, `arrivals`, `sockets`, `windows`, `addresses` */
  readonly enforced: readonly string[]

  /** What is not, one sentence each */
  readonly gaps: readonly string[]

  /** Handles of ended connections that could not be given back, and live until the remote or the process closes them */
  readonly unreturned: number
}

/** Sockets below a listener that have not become a raw connection */
export interface SocketStatus {
  /** How many exist now */
  readonly pending: number

  /** How many never became a raw connection and were destroyed at the deadline */
  readonly expired: number

  /** How many were destroyed because too many were pending */
  readonly dropped: number
}

export interface RegistryStatus {
  /** In the order in which they start */
  readonly modules: readonly ModuleStatus[]
  readonly transports: readonly TransportStatus[]
  readonly sockets: SocketStatus

  /** How often a method of the user's own gater threw, or did not answer in time */
  readonly gaterFaults: number
}

/** A registry carries `true` under this symbol */
export const registrySymbol = Symbol.for('@cordon/registry')

/** How a node was put together, and what that enforces */
export interface Registry {
  readonly [registrySymbol]: true

  /** Every option of libp2p that composing changed; what the user set is left alone and not listed */
  readonly adjustments: readonly Adjustment[]

  status (): RegistryStatus

  /**
   * The modules that offer something under a symbol, in the order in which they start. For modules that work with
   * siblings they do not name; to be asked in `start` and later.
   */
  modulesWith (symbol: symbol): readonly object[]

  /**
   * Ends dials that are under way, for a module that has come to forbid what it allowed a moment ago: `dial` of a
   * participant is asked only before a dial begins, and a record exists only once the transport has connected.
   *
   * @param judge - asked about each address that is being dialled; a peer that is known is its last `/p2p`. What it
   *   returns is the `cause` of the error with which the dial rejects
   * @returns how many were ended
   */
  endDials (judge: (target: DialTarget) => Refusal | undefined): number
}

/** Tells a registry from other services */
export function isRegistry (value: unknown): value is Registry {
  return typeof value === 'object' && value != null && registrySymbol in value
}
