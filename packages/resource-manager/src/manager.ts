import { ScopeAttachedError } from '@cordon/interface-resource-manager'
import { show } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'
import { NOTHING_LIFTED } from './allowlist.ts'
import { SNAPSHOT_PEERS } from './constants.ts'
import { Admission } from './graph/admission.ts'
import { checkName, isInbound } from './graph/names.ts'
import { ConnectionHandle } from './handles/connection.ts'
import { home } from './handles/holder.ts'
import { NamedScope } from './handles/named-scope.ts'
import { StreamHandle } from './handles/stream.ts'
import { describeRefusal, refuse } from './reports/refusals.ts'
import { takeSnapshot, takeStat } from './reports/snapshots.ts'
import type { Graph } from './graph/graph.ts'
import type { CoreResourceManager } from './index.ts'
import type { LimitTable } from './limits/table.ts'
import type { Warnings } from './reports/warnings.ts'
import type { Direction, NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource, CheckConnectionOptions, ConnectionScope, LimitConfig, LimitWarning, OpenConnectionOptions, OpenStreamOptions, ResourceRefusal, ResourceSnapshot, ResourceStat, ScopeHandle, SnapshotOptions, StreamScope } from '@cordon/interface-resource-manager'

/** What a manager is made of */
export interface Parts {
  readonly graph: Graph
  readonly source: AllowlistSource
  readonly warnings: Warnings
  /** Reads whom a user trusts, or throws */
  readonly trust: (allowlist: AllowlistSource | readonly string[]) => AllowlistSource
  /** Turns limits that a user wrote into a table, or throws */
  readonly read: (limits: unknown) => LimitTable
}

const NO_OPTIONS = {}

/** Puts what was asked for to the graph, and hands out what was admitted */
export class ResourceManagerClass implements CoreResourceManager {
  readonly #graph: Graph
  readonly #admission: Admission
  readonly #warnings: Warnings
  readonly #trust: Parts['trust']
  readonly #read: Parts['read']
  #allowlist: AllowlistSource

  constructor ({ graph, source, warnings, trust, read }: Parts) {
    this.#graph = graph
    this.#admission = new Admission(graph)
    this.#allowlist = source
    this.#warnings = warnings
    this.#trust = trust
    this.#read = read
  }

  get allowlist (): AllowlistSource {
    return this.#allowlist
  }

  get warnings (): readonly LimitWarning[] {
    return this.#warnings.all
  }

  setAllowlist (allowlist: AllowlistSource | readonly string[]): void {
    this.#allowlist = this.#graph.allowlist = this.#trust(allowlist)
  }

  openConnection (direction: Direction, options: OpenConnectionOptions = NO_OPTIONS): ConnectionScope | ResourceRefusal {
    const inbound = isInbound(direction)
    checkOptions(options)
    const { address } = options
    const graph = this.#graph
    const descriptors = descriptorsOf(options)
    const limited = inbound && address !== undefined
    const lifted = limited ? graph.lifts(address, undefined) : NOTHING_LIFTED
    if (limited) {
      const refusal = graph.prefixes.check(address, lifted)
      if (refusal !== undefined) return refusal
    }
    const admission = this.#admission
    const cause = admission.connection(inbound, descriptors, address, undefined, limited ? lifted : undefined)
    if (cause !== 0) return refuse(admission.full, cause, inbound, 0)
    if (inbound) graph.admitted.connectionsOpenedInbound++
    else graph.admitted.connectionsOpenedOutbound++
    const connection = new ConnectionHandle(graph, inbound, descriptors, address, limited && !lifted.buckets ? graph.prefixes.version : 0, admission.transient, admission.root)
    if (limited) graph.prefixes.enter(connection, lifted)
    return connection
  }

  checkConnection (direction: Direction, options: CheckConnectionOptions = NO_OPTIONS): ResourceRefusal | undefined {
    const inbound = isInbound(direction)
    checkOptions(options)
    const { address, peer } = options
    const graph = this.#graph
    const descriptors = descriptorsOf(options)
    if (peer !== undefined) checkName('peer', peer)
    if (inbound && address !== undefined) {
      const refusal = graph.prefixes.check(address, graph.lifts(address, undefined), false)
      if (refusal !== undefined) return refusal
    }
    const cause = this.#admission.connection(inbound, descriptors, address, peer)
    if (cause !== 0) return describeRefusal(this.#admission.full, cause, inbound)
    if (peer === undefined) return undefined
    const scope = graph.peers.find(peer)
    const peerCause = scope.refusesConnection(inbound, descriptors)
    return peerCause === 0 ? undefined : describeRefusal(scope, peerCause, inbound)
  }

  openStream (peer: string, direction: Direction, options: OpenStreamOptions = NO_OPTIONS): StreamScope | ResourceRefusal {
    checkName('peer', peer)
    const inbound = isInbound(direction)
    checkObject(options)
    const { connection } = options
    const graph = this.#graph
    const address = connection === undefined ? undefined : addressOf(connection, peer, graph)
    const admission = this.#admission
    const cause = admission.stream(inbound, peer, address)
    if (cause !== 0) return refuse(admission.full, cause, inbound, 0)
    if (inbound) graph.admitted.streamsOpenedInbound++
    else graph.admitted.streamsOpenedOutbound++
    return new StreamHandle(graph, inbound, graph.peers.enter(admission.peer), admission.transient, admission.root)
  }

  scope (kind: 'system' | 'transient' | 'allowlistedSystem' | 'allowlistedTransient' | 'peer' | 'protocol' | 'service', name?: string): ScopeHandle {
    const graph = this.#graph
    switch (kind) {
      case 'system':
        return new NamedScope(graph, graph.system, undefined, undefined)
      case 'transient':
        return new NamedScope(graph, graph.transient, graph.system, undefined)
      case 'allowlistedSystem':
        return new NamedScope(graph, graph.allowlistedSystem, undefined, undefined)
      case 'allowlistedTransient':
        return new NamedScope(graph, graph.allowlistedTransient, graph.allowlistedSystem, undefined)
      case 'peer':
      case 'protocol':
      case 'service': {
        checkName(kind, name)
        const table = kind === 'peer' ? graph.peers : kind === 'protocol' ? graph.protocols : graph.services
        return new NamedScope(graph, table.enter(table.find(name)), graph.system, table)
      }
      default:
        throw new InvalidParametersError(`the kind of a scope must be system, transient, allowlistedSystem, allowlistedTransient, peer, protocol or service, got ${show(kind)}`)
    }
  }

  snapshot (options: SnapshotOptions = NO_OPTIONS): ResourceSnapshot {
    const given: unknown = options
    if (typeof given !== 'object' || given === null || Object.keys(given).some(key => key !== 'peers')) throw new InvalidParametersError(`a snapshot takes { peers: n }, got ${show(options)}`)
    const { peers = SNAPSHOT_PEERS } = options
    if (!(Number.isSafeInteger(peers) || peers === Infinity) || peers < 0) throw new InvalidParametersError(`peers must be a whole number of at least 0, or Infinity, got ${show(peers)}`)
    return takeSnapshot(this.#graph, peers)
  }

  stat (): ResourceStat {
    return takeStat(this.#graph)
  }

  setLimits (limits: LimitConfig): void {
    this.#graph.limit(this.#read(limits))
  }
}

/** What comes through a relay is carried by a connection that has a descriptor already */
function descriptorsOf ({ usesDescriptor, address }: OpenConnectionOptions): number {
  return usesDescriptor === true && address?.class !== 'relayed' ? 1 : 0
}

function checkObject (options: unknown): void {
  if (typeof options !== 'object' || options === null) throw new InvalidParametersError(`the options must be an object, got ${show(options)}`)
}

function checkOptions (options: OpenConnectionOptions): void {
  checkObject(options)
  const address: unknown = options.address
  if (address === undefined) return
  if (typeof address !== 'object' || address === null || !('groups' in address)) throw new InvalidParametersError(`address must be what normaliseAddress() returns, got ${show(address)}`)
}

function addressOf (connection: ConnectionScope, peer: string, graph: Graph): NormalisedAddress | undefined {
  if (!(connection instanceof ConnectionHandle) || connection[home] !== graph) throw new InvalidParametersError(`connection must be a scope that openConnection of this manager returned, got ${show(connection)}`)
  if (connection.peer !== peer) throw new ScopeAttachedError(connection.name, connection.peer === undefined ? undefined : `peer:${connection.peer}`)
  return connection.address
}
