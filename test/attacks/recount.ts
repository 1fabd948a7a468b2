import { prefixKey } from '@cordon/address'
import { participantSymbol } from '@cordon/interface-connection-lifecycle'
import type { ConnectionRecord, Participant, ParticipantModule, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { ResourceSnapshot, ScopeSnapshot, ScopeUsage } from '@cordon/interface-resource-manager'

/** The most of each kind that there were at once, of inbound connections and streams that were admitted */
export interface Most {
  readonly connections: number
  readonly perShare: number
  readonly per56: number
  readonly per48: number
  readonly perPeer: number
  readonly unnegotiated: number
  readonly unnegotiatedPerConnection: number
}

/** Counts by name, and the highest of them ever; a name leaves when its count is 0 */
class Counts {
  readonly #counts = new Map<unknown, number>()
  most = 0

  add (name: unknown): void {
    const count = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, count)
    this.most = Math.max(this.most, count)
  }

  remove (name: unknown): void {
    const count = (this.#counts.get(name) ?? 0) - 1
    if (count < 0) throw new Error(`${String(name)} was let go more often than it was taken`)
    if (count === 0) this.#counts.delete(name)
    else this.#counts.set(name, count)
  }
}

/**
 * Stands last in line and counts, in the plainest way and at each step, what was admitted: the limits of the resource
 * manager are checked against this and not against its own numbers.
 */
export class Recount implements ParticipantModule {
  readonly [participantSymbol]: Participant
  readonly #connections = new Counts()
  readonly #shares = new Counts()
  readonly #nets56 = new Counts()
  readonly #nets48 = new Counts()
  readonly #peers = new Counts()
  readonly #unnegotiated = new Counts()
  readonly #perConnection = new Counts()
  readonly #identified = new WeakSet<ConnectionRecord>()
  readonly #waiting = new WeakSet<StreamRecord>()

  /** How many inbound streams were admitted in all */
  streams = 0

  constructor () {
    const inbound = ({ direction }: { readonly direction: string }): boolean => direction === 'inbound'
    this[participantSymbol] = {
      stage: 'observe',
      opened: record => {
        if (inbound(record)) this.#change('add', record)
        return undefined
      },
      identified: record => {
        this.#identified.add(record)
        if (inbound(record)) this.#peers.add(String(record.remotePeer))
        return undefined
      },
      closed: record => {
        if (!inbound(record)) return
        this.#change('remove', record)
        if (this.#identified.has(record)) this.#peers.remove(String(record.remotePeer))
      },
      streamOpened: stream => {
        if (!inbound(stream)) return undefined
        this.streams++
        this.#waiting.add(stream)
        this.#unnegotiated.add('all')
        this.#perConnection.add(stream.connection)
        return undefined
      },
      streamNegotiated: stream => {
        this.#settle(stream)
        return undefined
      },
      streamClosed: stream => { this.#settle(stream) }
    }
  }

  get most (): Most {
    return {
      connections: this.#connections.most,
      perShare: this.#shares.most,
      per56: this.#nets56.most,
      per48: this.#nets48.most,
      perPeer: this.#peers.most,
      unnegotiated: this.#unnegotiated.most,
      unnegotiatedPerConnection: this.#perConnection.most
    }
  }

  #change (how: 'add' | 'remove', { address }: ConnectionRecord): void {
    this.#connections[how]('all')
    this.#shares[how](address.share)
    if (address.family !== 6) return
    this.#nets56[how](prefixKey(address, 56))
    this.#nets48[how](prefixKey(address, 48))
  }

  #settle (stream: StreamRecord): void {
    if (!this.#waiting.delete(stream)) return
    this.#unnegotiated.remove('all')
    this.#perConnection.remove(stream.connection)
  }
}

const KEYS: ReadonlyArray<keyof ScopeUsage> = ['connectionsInbound', 'connectionsOutbound', 'streamsInbound', 'streamsOutbound', 'fileDescriptors', 'memory']

/** What is wrong with one snapshot: a value below 0 or above its limit, or a scope that is not the sum of what is in it */
export function contradictions (snapshot: ResourceSnapshot): string[] {
  const { system, transient, allowlistedSystem, allowlistedTransient, services, protocols, peers } = snapshot
  const scopes: ScopeSnapshot[] = [
    system, transient, allowlistedSystem, allowlistedTransient, ...services, ...protocols, ...peers, ...peers.flatMap(peer => [...peer.protocols, ...peer.services])
  ]
  const sum = (key: keyof ScopeUsage): number => peers.reduce((total, { usage }) => total + usage[key], transient.usage[key])
  return [
    ...scopes.flatMap(outOfBounds),
    ...(['connectionsInbound', 'connectionsOutbound', 'fileDescriptors'] as const)
      .filter(key => sum(key) !== system.usage[key])
      .map(key => `system has ${system.usage[key]} ${key}, transient and the peers have ${sum(key)}`)
  ]
}

function outOfBounds ({ name, usage, limits }: ScopeSnapshot): string[] {
  const totals = { connections: usage.connectionsInbound + usage.connectionsOutbound, streams: usage.streamsInbound + usage.streamsOutbound }
  const values = { ...usage, ...totals }
  return [...KEYS, 'connections' as const, 'streams' as const]
    .filter(key => !(values[key] >= 0 && values[key] <= limits[key]))
    .map(key => `${name} has ${values[key]} of ${limits[key]} ${key}`)
}
