import { boundsConnectionsSymbol, isRefusal, participantSymbol } from '@cordon/interface-connection-lifecycle'
import { allowlistSourceSymbol, InvalidNameError, isAllowlistModule, resourceManagerSymbol } from '@cordon/interface-resource-manager'
import { ForeignManager } from './foreign-manager.ts'
import type { ForeignManagerInit } from './foreign-manager.ts'
import type { Registry } from '@cordon/interface-component-registry'
import type { BoundsConnectionsModule, ConnectionRecord, DialTarget, NormalisedAddress, Participant, ParticipantModule, Refusal, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource, ConnectionScope, Lifted, OpenConnectionOptions, ResourceManager, ResourceManagerModule, StreamScope } from '@cordon/interface-resource-manager'

/** What opens a socket for each connection */
const TRANSPORTS_WITH_DESCRIPTORS = ['tcp', 'ws', 'wss', 'unix']

function optionsOf (address: NormalisedAddress | undefined): OpenConnectionOptions {
  return address == null ? {} : { address, usesDescriptor: TRANSPORTS_WITH_DESCRIPTORS.includes(address.transport) }
}

/** Takes and gives back in the name of connections and streams, and decides nothing itself */
class ForeignParticipant implements Participant {
  readonly stage = 'account'
  readonly #manager: ResourceManager
  readonly #connections = new Map<ConnectionRecord, ConnectionScope>()
  readonly #streams = new Map<StreamRecord, StreamScope>()
  readonly #agreed = new WeakSet<ConnectionRecord>()

  constructor (manager: ResourceManager) {
    this.#manager = manager
  }

  get size (): number {
    return this.#connections.size + this.#streams.size
  }

  dial ({ peer, address }: DialTarget): Refusal | undefined {
    return this.#manager.checkConnection('outbound', { ...optionsOf(address), peer: peer?.toString() })
  }

  opened (record: ConnectionRecord): Refusal | undefined {
    const scope = this.#manager.openConnection(record.direction, optionsOf(record.address))
    if (isRefusal(scope)) return scope
    this.#connections.set(record, scope)
    return undefined
  }

  identified (record: ConnectionRecord): Refusal | undefined {
    return record.remotePeer == null ? undefined : this.#connections.get(record)?.setPeer(record.remotePeer.toString())
  }

  /** Everybody has agreed to `opened` */
  raw (record: ConnectionRecord): void {
    this.#agreed.add(record)
  }

  closed (record: ConnectionRecord): void {
    const scope = this.#connections.get(record)
    this.#connections.delete(record)
    // a module that was asked after this one in the same step said no
    if (this.#agreed.has(record)) scope?.release()
    else scope?.cancel()
  }

  streamOpened (stream: StreamRecord): Refusal | undefined {
    const { connection, direction } = stream
    if (connection.remotePeer == null) return undefined
    const scope = this.#manager.openStream(connection.remotePeer.toString(), direction, { connection: this.#connections.get(connection) })
    if (isRefusal(scope)) return scope
    this.#streams.set(stream, scope)
    return undefined
  }

  streamNegotiated (stream: StreamRecord): Refusal | undefined {
    const scope = this.#streams.get(stream)
    const { protocol, service } = stream
    if (scope == null || protocol == null) return undefined
    try {
      return scope.setProtocol(protocol) ?? (service == null ? undefined : scope.setService(service))
    } catch (error) {
      // the remote may have chosen a name that is none
      if (error instanceof InvalidNameError) return { code: 'blocked', module: 'foreign-resource-manager', message: error.message }
      throw error
    }
  }

  streamClosed (stream: StreamRecord): void {
    this.#streams.get(stream)?.release()
    this.#streams.delete(stream)
  }
}

/** Trusts whom any of them trusts */
function anyOf (sources: () => readonly AllowlistSource[]): AllowlistSource {
  return {
    lifts: (address, peer): Lifted => {
      const lifted = sources().map(source => source.lifts(address, peer))
      return { lane: lifted.some(({ lane }) => lane), counts: lifted.some(({ counts }) => counts), buckets: lifted.some(({ buckets }) => buckets) }
    }
  }
}

/** The manager as a module of a node, with something that the interface does not ask for */
export class ForeignResourceManager extends ForeignManager implements ResourceManagerModule, ParticipantModule, BoundsConnectionsModule {
  readonly [Symbol.toStringTag] = '@cordon/foreign-resource-manager'
  readonly [boundsConnectionsSymbol] = true
  readonly [participantSymbol]: ForeignParticipant
  readonly #registry: Registry | undefined
  readonly #siblings: AllowlistSource[]

  constructor ({ allowlist, ...init }: ForeignManagerInit, registry: Registry | undefined) {
    const siblings: AllowlistSource[] = []
    super({ ...init, allowlist: anyOf(() => allowlist == null ? siblings : [allowlist, ...siblings]) })
    this.#siblings = siblings
    this.#registry = registry
    this[participantSymbol] = new ForeignParticipant(this)
  }

  get [resourceManagerSymbol] (): ResourceManager {
    return this
  }

  /** How many connections and streams have been admitted and not been given back */
  get held (): number {
    return this[participantSymbol].size
  }

  start (): void {
    const found = this.#registry?.modulesWith(allowlistSourceSymbol).filter(isAllowlistModule) ?? []
    this.#siblings.splice(0, Infinity, ...found.map(module => module[allowlistSourceSymbol]))
  }

  stop (): void {}
}

export function foreignResourceManager (init: ForeignManagerInit = {}): (components: { readonly registry?: Registry }) => ForeignResourceManager {
  return components => new ForeignResourceManager(init, components.registry)
}
