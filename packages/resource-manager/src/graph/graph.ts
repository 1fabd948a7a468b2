import { answerOf, NOTHING_LIFTED } from '../allowlist.ts'
import { Prefixes } from '../prefixes/prefixes.ts'
import { Kind } from './kind.ts'
import { ScopeTable } from './scope-table.ts'
import { Scope } from './scope.ts'
import { Share, sharesOf } from './share.ts'
import type { Limits } from '../limits/limits.ts'
import type { LimitTable } from '../limits/table.ts'
import type { Clock, NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource, Lifted, ScopeClass } from '@cordon/interface-resource-manager'

/** How often something was admitted, by what it entered. Flat, because every admission counts here. */
export interface Admitted {
  connectionsOpenedInbound: number
  connectionsOpenedOutbound: number
  connectionsIdentifiedInbound: number
  connectionsIdentifiedOutbound: number
  streamsOpenedInbound: number
  streamsOpenedOutbound: number
  streamsNegotiatedInbound: number
  streamsNegotiatedOutbound: number
  streamsServedInbound: number
  streamsServedOutbound: number
  /** Of memory, wherever */
  reservations: number
}

export interface GraphInit {
  readonly limits: LimitTable
  readonly clock: Clock
  readonly maxIdleScopes: number
  readonly maxPrefixes: number
  readonly allowlist: AllowlistSource | undefined
  /** Told once of what an allowlist threw */
  readonly onFault: (error: unknown) => void
}

type ShareClass = 'service-peer' | 'protocol-peer'

export type Kinds = Readonly<Record<Exclude<ScopeClass, ShareClass>, Kind<Scope>> & Record<ShareClass, Kind>>

/** All scopes of one node, and what those that are handed out need of it */
export class Graph {
  readonly kinds: Kinds
  readonly system: Scope
  readonly transient: Scope
  readonly allowlistedSystem: Scope
  readonly allowlistedTransient: Scope
  readonly peers: ScopeTable
  readonly protocols: ScopeTable
  readonly services: ScopeTable
  readonly prefixes: Prefixes
  readonly connection: Kind<Scope>
  readonly stream: Kind<Scope>
  /** What each connection and each stream may hold */
  connectionLimits: Limits
  streamLimits: Limits
  readonly protocolPeer: Kind
  readonly servicePeer: Kind
  readonly admitted: Admitted = {
    connectionsOpenedInbound: 0,
    connectionsOpenedOutbound: 0,
    connectionsIdentifiedInbound: 0,
    connectionsIdentifiedOutbound: 0,
    streamsOpenedInbound: 0,
    streamsOpenedOutbound: 0,
    streamsNegotiatedInbound: 0,
    streamsNegotiatedOutbound: 0,
    streamsServedInbound: 0,
    streamsServedOutbound: 0,
    reservations: 0
  }

  /** How many have not been released */
  spans = 0
  /** What all of a kind hold together, in bytes; in spans each byte counts once. For -0 see `Share`. */
  memoryOfConnections = -0
  memoryOfStreams = -0
  memoryOfSpans = -0

  #allowlist: AllowlistSource | undefined
  readonly #onFault: GraphInit['onFault']
  #faulty = false
  #ids = 0

  constructor ({ limits, clock, maxIdleScopes, maxPrefixes, allowlist, onFault }: GraphInit) {
    const kinds = this.kinds = makeKinds(limits)
    const single = (kind: Kind<Scope>): Scope => kind.make()
    this.system = single(kinds.system)
    this.transient = single(kinds.transient)
    this.allowlistedSystem = single(kinds.allowlistedSystem)
    this.allowlistedTransient = single(kinds.allowlistedTransient)
    this.peers = new ScopeTable(kinds.peer, maxIdleScopes)
    this.protocols = new ScopeTable(kinds.protocol, maxIdleScopes)
    this.services = new ScopeTable(kinds.service, maxIdleScopes)
    this.prefixes = new Prefixes(limits.prefixes, clock, maxPrefixes, kinds.prefix.refusals)
    this.connection = kinds.connection
    this.stream = kinds.stream
    this.connectionLimits = kinds.connection.limits.byDefault
    this.streamLimits = kinds.stream.limits.byDefault
    this.protocolPeer = kinds['protocol-peer']
    this.servicePeer = kinds['service-peer']
    this.#allowlist = allowlist
    this.#onFault = onFault
  }

  /** Whether anybody is trusted at all */
  get trusts (): boolean {
    return this.#allowlist !== undefined
  }

  set allowlist (source: AllowlistSource | undefined) {
    this.#allowlist = source
    this.#faulty = false
  }

  /**
   * Asks whoever knows; who throws trusts nobody. It may use the manager before it answers, so nothing that was found
   * before is certain after it.
   */
  lifts (address: NormalisedAddress | undefined, peer: string | undefined): Lifted {
    if (this.#allowlist === undefined) return NOTHING_LIFTED
    try {
      return answerOf(this.#allowlist, address, peer)
    } catch (error) {
      if (!this.#faulty) {
        this.#faulty = true
        this.#onFault(error)
      }
      return NOTHING_LIFTED
    }
  }

  /** For the names of connections, streams and spans */
  nextId (): number {
    return ++this.#ids
  }

  /** Counts a refusal by something that has no scope of its own */
  countLeaf (kind: 'connection' | 'stream' | 'span', cause: number): void {
    const { refusals } = this.kinds[kind]
    refusals[cause] = (refusals[cause] ?? 0) + 1
  }

  /** Other limits apply from now on, to every scope there is */
  limit (limits: LimitTable): void {
    for (const kind of Object.values(this.kinds)) kind.limit(limits.of(kind.name))
    this.connectionLimits = this.connection.limits.byDefault
    this.streamLimits = this.stream.limits.byDefault
    for (const scope of [this.system, this.transient, this.allowlistedSystem, this.allowlistedTransient]) scope.limits = scope.kind.limits.byDefault
    for (const table of [this.peers, this.protocols, this.services]) table.limit()
    for (const peer of this.peers.values()) {
      for (const first of [peer.protocols, peer.services]) {
        for (const share of sharesOf(first)) share.limits = share.kind.limits.of(share.name)
      }
    }
    this.prefixes.limit(limits.prefixes)
  }
}

function makeKinds (limits: LimitTable): Kinds {
  const scope = (name: ScopeClass): Kind<Scope> => new Kind(name, limits.of(name), Scope)
  const share = (name: ScopeClass): Kind => new Kind(name, limits.of(name), Share)
  return {
    system: scope('system'),
    transient: scope('transient'),
    allowlistedSystem: scope('allowlistedSystem'),
    allowlistedTransient: scope('allowlistedTransient'),
    service: scope('service'),
    'service-peer': share('service-peer'),
    protocol: scope('protocol'),
    'protocol-peer': share('protocol-peer'),
    peer: scope('peer'),
    connection: scope('connection'),
    stream: scope('stream'),
    span: scope('span'),
    prefix: scope('prefix')
  }
}
