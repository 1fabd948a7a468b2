import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { InvalidNameError } from '@cordon/interface-resource-manager'
import { Notes } from '@cordon/notes'
import { serviceOf } from '../limits/defaults.ts'
import { InvalidNameRefusal, UnnegotiatedRefusal } from '../reports/refusals.ts'
import { Unnegotiated } from './unnegotiated.ts'
import type { Waiting } from './unnegotiated.ts'
import type { Place } from '@cordon/fair-set'
import type { ConnectionLifecycle, ConnectionRecord, DialTarget, Participant, Refusal, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { CheckConnectionOptions, ConnectionScope, ResourceManager, ResourceRefusal, ScopeClass, StreamScope } from '@cordon/interface-resource-manager'
import type { Logger } from '@libp2p/interface'

/** What it takes to make room */
export type Shed = Pick<ConnectionLifecycle, 'shed'>['shed']

export interface ResourceParticipantInit {
  readonly manager: ResourceManager
  readonly shed: Shed
  readonly maxUnnegotiated: number
  /** Counts one that was refused for that bound, which is none of the manager's */
  readonly countUnnegotiated: () => void
  readonly log: Logger
}

/** The scopes of what has no peer or no protocol yet */
type Lane = 'transient' | 'allowlistedTransient'

/** There was no room in one of them */
interface TransientRefusal extends ResourceRefusal {
  readonly scopeClass: Lane
}

/** Where those whose peer is not known take up room, by the scope that has none */
const LANES: Readonly<Partial<Record<ScopeClass, Lane>>> = {
  transient: 'transient',
  system: 'transient',
  allowlistedTransient: 'allowlistedTransient',
  allowlistedSystem: 'allowlistedTransient'
}

/**
 * How long nobody makes room in the system scope who has just come, in ms: most handshakes are over by then. Where places
 * are few, newcomers would otherwise push one another out, faster than any of them can say who it is.
 */
const SPARED_FOR = 500

/** What one connection holds */
interface Held {
  readonly scope: ConnectionScope
  /** No module refused it in the step in which it was opened */
  accepted: boolean
  /** Inbound streams without a protocol */
  unnegotiated: number
}

/** What one stream holds */
class HeldStream implements Waiting {
  readonly record: StreamRecord
  readonly peer: string
  readonly scope: StreamScope
  readonly connection: Held
  /** Until its protocol is known */
  place: Place<HeldStream> | undefined = undefined

  constructor (record: StreamRecord, peer: string, scope: StreamScope, connection: Held) {
    this.record = record
    this.peer = peer
    this.scope = scope
    this.connection = connection
  }

  /** The muxer has made it */
  get exists (): boolean {
    return this.record.stream !== undefined
  }
}

/** How bytes travel that take a descriptor of the operating system; what is relayed takes none, and its transport is `circuit` */
const DESCRIPTORS: ReadonlySet<string> = new Set(['tcp', 'ws', 'wss', 'unix'])

/** Reserves for every connection and stream before it exists, and gives back when it is gone */
export class ResourceParticipant implements Participant {
  readonly stage = 'account'
  readonly #init: ResourceParticipantInit
  readonly #manager: ResourceManager
  /** One for each record that is open; the manager bounds them */
  readonly #connections = new Notes<ConnectionRecord, Held>()
  readonly #streams = new Notes<StreamRecord, HeldStream>()
  /** One for each lane: what leaves one of them makes no room in the other */
  readonly #unnegotiated: Readonly<Record<Lane, Unnegotiated<HeldStream>>> = { transient: new Unnegotiated(), allowlistedTransient: new Unnegotiated() }
  #resets = 0

  constructor (init: ResourceParticipantInit) {
    this.#init = init
    this.#manager = init.manager
  }

  dial ({ peer, address }: DialTarget): Refusal | undefined {
    const refusal = this.#manager.checkConnection('outbound', { ...optionsOf(address), peer: peer?.toString() })
    // a dry check makes no room, but `opened` will: strangers that say nothing do not keep us from dialling
    const lane = refusal === undefined ? undefined : crowdedLane(refusal)
    return lane !== undefined && this.#hasStrangers(lane) ? undefined : refusal
  }

  opened (record: ConnectionRecord): Refusal | undefined {
    const options = optionsOf(record.address)
    let scope = this.#manager.openConnection(record.direction, options)

    if (isRefusal(scope) && this.#makeRoom(record, scope)) {
      scope = this.#manager.openConnection(record.direction, options)
    }

    if (isRefusal(scope)) return scope
    this.#connections.set(record, { scope, accepted: false, unnegotiated: 0 })
    return undefined
  }

  /** Runs once every module has agreed */
  raw (record: ConnectionRecord): void {
    this.#of(record).accepted = true
  }

  identified (record: ConnectionRecord): Refusal | undefined {
    return this.#of(record).scope.setPeer(String(record.remotePeer))
  }

  closed (record: ConnectionRecord): void {
    const held = this.#connections.get(record)
    this.#connections.delete(record)
    if (held?.accepted === true) held.scope.release()
    else held?.scope.cancel()
  }

  streamOpened (record: StreamRecord): Refusal | undefined {
    const { direction } = record
    const connection = this.#of(record.connection)
    const peer = connection.scope.peer ?? ''
    const inbound = direction === 'inbound'

    if (inbound && connection.unnegotiated >= this.#init.maxUnnegotiated) {
      this.#init.countUnnegotiated()
      return new UnnegotiatedRefusal(connection.scope.name, connection.unnegotiated, this.#init.maxUnnegotiated)
    }

    const options = { connection: connection.scope }
    let scope = this.#manager.openStream(peer, direction, options)

    if (isRefusal(scope) && isTransient(scope) && lacksOne(scope) && this.#resetFor(peer, scope)) {
      scope = this.#manager.openStream(peer, direction, options)
    }

    if (isRefusal(scope)) return scope
    const held = new HeldStream(record, peer, scope, connection)
    held.place = this.#unnegotiated[laneOf(scope)].add(direction, held)
    if (inbound) connection.unnegotiated++
    this.#streams.set(record, held)
    return undefined
  }

  streamNegotiated (record: StreamRecord): Refusal | undefined {
    const held = this.#streams.get(record)
    const { protocol } = record
    if (held === undefined || protocol === undefined) return undefined
    const service = record.service ?? serviceOf(protocol)

    try {
      const refusal = held.scope.setProtocol(protocol)
      if (refusal !== undefined) return refusal
      this.#negotiated(held)
      return service === undefined ? undefined : held.scope.setService(service)
    } catch (error) {
      // whoever chose it, it is no fault of this module
      if (error instanceof InvalidNameError) return new InvalidNameRefusal(error)
      throw error
    }
  }

  streamClosed (record: StreamRecord): void {
    const held = this.#streams.get(record)
    if (held === undefined) return
    this.#streams.delete(record)
    this.#negotiated(held)
    held.scope.release()
  }

  /** Has the lifecycle drop somebody who holds what the newcomer lacks, if anybody does; it is free when this returns */
  #makeRoom (newcomer: ConnectionRecord, refusal: ResourceRefusal): boolean {
    const lane = crowdedLane(refusal)
    if (lane !== undefined) return this.#shedFor(newcomer, lane, refusal)
    // what comes from an address is bounded by its bucket as well; where guests come from nobody can see
    return newcomer.address.class === 'relayed' && isFullPrefix(refusal) && this.#shedIn(newcomer, refusal.scope)
  }

  #shedFor (newcomer: ConnectionRecord, lane: Lane, { cause, scopeClass }: ResourceRefusal): boolean {
    const since = scopeClass === lane ? Infinity : newcomer.openedAt - SPARED_FOR
    const spares = (record: ConnectionRecord): boolean => {
      const scope = this.#connections.get(record)?.scope
      return scope === undefined || laneOf(scope) !== lane || record.openedAt > since || (cause === 'fileDescriptors' && !scope.usesDescriptor)
    }
    return this.#init.shed('inbound', { except: newcomer, spares }) != null
  }

  /** Guests that say nothing would otherwise keep everybody else's out: one stranger can be as many as there may be over a relay */
  #shedIn (newcomer: ConnectionRecord, scope: string): boolean {
    const spares = (record: ConnectionRecord): boolean => this.#connections.get(record)?.scope.isCountedIn(scope) !== true
    return this.#init.shed('inbound', { except: newcomer, spares }) != null
  }

  /** Whether there is anybody inbound whom nobody knows yet, where there was no room */
  #hasStrangers (lane: Lane): boolean {
    const scope = this.#manager.scope(lane)
    const { connectionsInbound } = scope.usage()
    scope.release()
    return connectionsInbound > 0
  }

  /** Makes room for a stream; the slot is free when this returns */
  #resetFor (newcomer: string, { cause, scopeClass }: TransientRefusal): boolean {
    const held = this.#unnegotiated[scopeClass].yields(cause, newcomer)
    if (held === undefined) return false
    this.#negotiated(held)
    held.scope.release()
    const count = ++this.#resets
    // a peer can cause this as often as it likes: tell the 1st, 2nd, 4th, 8th, ...
    if ((count & (count - 1)) === 0) this.#init.log('reset the oldest stream without a protocol of %s, which has most of them, to make room; number %d', held.peer, count)
    try {
      held.record.stream?.abort(RESET)
    } catch (error) {
      // what is reset is gone for us, whatever the muxer makes of it
      this.#init.log.error('a stream could not be reset - %e', error)
    }
    return true
  }

  /** It waits for its protocol no more. Idempotent. */
  #negotiated (held: HeldStream): void {
    if (held.place === undefined) return
    const { direction } = held.record
    this.#unnegotiated[laneOf(held.scope)].remove(direction, held.place)
    held.place = undefined
    if (direction === 'inbound') held.connection.unnegotiated--
  }

  #of (record: ConnectionRecord): Held {
    const held = this.#connections.get(record)
    if (held === undefined) throw new Error(`nothing was reserved for the connection ${record.id}`)
    return held
  }
}

/** Always the same: only a log sees it, and a flood would pay for each stack */
const RESET = new Error('a stream without a protocol made room for another')

function optionsOf (address: ConnectionRecord['address'] | undefined): CheckConnectionOptions {
  return { address, usesDescriptor: address !== undefined && DESCRIPTORS.has(address.transport) }
}

function isTransient (refusal: ResourceRefusal): refusal is TransientRefusal {
  return refusal.scopeClass === 'transient' || refusal.scopeClass === 'allowlistedTransient'
}

/** Whose room a connection was refused for want of, where inbound ones take it up whose peer is not known yet */
function crowdedLane (refusal: ResourceRefusal): Lane | undefined {
  return refusal.cause !== 'connectionsOutbound' && lacksOne(refusal) ? LANES[refusal.scopeClass] : undefined
}

/** Whether a connection was refused because there are too many from one prefix already; in which time they came is another matter */
function isFullPrefix (refusal: ResourceRefusal): boolean {
  return refusal.scopeClass === 'prefix' && refusal.cause === 'connections' && lacksOne(refusal)
}

/** Whether one place more is enough: limits that were lowered below what is in use take nothing away, and admit nobody */
function lacksOne ({ current, limit }: ResourceRefusal): boolean {
  return current !== undefined && limit !== undefined && limit > 0 && current <= limit
}

function laneOf ({ allowlisted }: ConnectionScope | StreamScope): Lane {
  return allowlisted ? 'allowlistedTransient' : 'transient'
}
