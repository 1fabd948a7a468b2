import { FairSet } from '@cordon/fair-set'
import { Notes } from '@cordon/notes'
import type { LifecycleRecord } from './record.ts'
import type { Direction, HandshakePhase } from '@cordon/interface-connection-lifecycle'
import type { Connection, PeerId } from '@libp2p/interface'

/**
 * Every record of a node, by what it is looked up with. Its size is what the bounds of the handshaking, and
 * libp2p's or a module's own bound of ready connections, leave; peers choose neither ids nor more than one peer id
 * for each connection.
 */
export class RecordTable {
  /** By id, oldest first */
  readonly #live = new Map<string, LifecycleRecord>()
  /** By peer; an entry goes with its last record */
  readonly #peers = new Map<string, Set<LifecycleRecord>>()
  readonly #connections = new Notes<Connection, LifecycleRecord>()
  /** Closed, but not released yet: those that are closed in order, and those a step of which is on the stack */
  readonly #draining = new Set<LifecycleRecord>()
  /** Inbound ones that are closed in order; each leaves within the close timeout, or earlier for want of room */
  readonly #closing = new FairSet<LifecycleRecord>()
  readonly #handshaking: Readonly<Record<Direction, FairSet<LifecycleRecord>>> = { inbound: new FairSet(), outbound: new FairSet() }
  /** Those of the handshaking whose peer is not authenticated yet */
  readonly #anonymous: Readonly<Record<Direction, FairSet<LifecycleRecord>>> = { inbound: new FairSet(), outbound: new FairSet() }

  get size (): number {
    return this.#live.size + this.#draining.size
  }

  get draining (): number {
    return this.#draining.size
  }

  handshaking (direction: Direction): FairSet<LifecycleRecord> {
    return this.#handshaking[direction]
  }

  /** Those of the handshaking whose peer is not authenticated yet */
  anonymous (direction: Direction): FairSet<LifecycleRecord> {
    return this.#anonymous[direction]
  }

  /** Inbound ones that are closed in order */
  get closing (): FairSet<LifecycleRecord> {
    return this.#closing
  }

  get (id: string): LifecycleRecord | undefined {
    return this.#live.get(id)
  }

  forConnection (connection: Connection): LifecycleRecord | undefined {
    return this.#connections.get(connection)
  }

  forPeer (peer: string): LifecycleRecord[] {
    return [...this.#peers.get(peer) ?? []]
  }

  isConnected (peer: string): boolean {
    return this.#peers.has(peer)
  }

  live (): IterableIterator<LifecycleRecord> {
    return this.#live.values()
  }

  /** All that are not released, closed ones included */
  all (): LifecycleRecord[] {
    return [...this.#live.values(), ...this.#draining]
  }

  add (record: LifecycleRecord): void {
    this.#live.set(record.id, record)
  }

  /** Counts it among the handshaking */
  place (record: LifecycleRecord): void {
    record.place = this.handshaking(record.direction).add(record.address.share, record)
    if (record.remotePeer == null) record.anonymous = this.anonymous(record.direction).add(record.address.share, record)
  }

  /** It is ready, and takes no place among the handshaking any more */
  unplace (record: LifecycleRecord): void {
    this.#name(record)
    if (record.place == null) return
    this.handshaking(record.direction).remove(record.place)
    record.place = undefined
  }

  identify (record: LifecycleRecord, peer: PeerId): void {
    const key = peer.toString()
    const records = this.#peers.get(key)
    record.remotePeer = peer
    this.#name(record)
    if (records == null) this.#peers.set(key, new Set([record]))
    else records.add(record)
  }

  connect (record: LifecycleRecord, connection: Connection): void {
    record.connection = connection
    this.#connections.set(connection, record)
  }

  /** Takes a closed record off every list; notes whether it was the last one of its peer */
  remove (record: LifecycleRecord): void {
    this.unplace(record)
    this.#live.delete(record.id)
    if (record.remotePeer == null) return

    const key = record.remotePeer.toString()
    const records = this.#peers.get(key)
    if (records?.delete(record) === true && records.size === 0) {
      this.#peers.delete(key)
      record.last = true
    }
  }

  drain (record: LifecycleRecord): void {
    this.#draining.add(record)
  }

  /** Counts it among those that are closed in order */
  hold (record: LifecycleRecord): void {
    record.closing = this.#closing.add(record.address.share, record)
  }

  unhold (record: LifecycleRecord): void {
    if (record.closing == null) return
    this.#closing.remove(record.closing)
    record.closing = undefined
  }

  drained (record: LifecycleRecord): void {
    this.#draining.delete(record)
  }

  /** Counted when asked, so that there is nothing that could differ from the records */
  count (): { states: Record<'new' | 'handshaking' | 'ready' | 'closed', number>, phases: Record<HandshakePhase, number>, directions: Record<Direction, number> } {
    const states = { new: 0, handshaking: 0, ready: 0, closed: this.#draining.size }
    const phases = { encrypt: 0, multiplex: 0, handshake: 0 }
    const directions = { inbound: 0, outbound: 0 }
    for (const record of this.#live.values()) {
      states[record.state]++
      directions[record.direction]++
      if (record.phase != null) phases[record.phase]++
    }
    return { states, phases, directions }
  }

  /** It is known who it is, or does not matter any more */
  #name (record: LifecycleRecord): void {
    if (record.anonymous == null) return
    this.anonymous(record.direction).remove(record.anonymous)
    record.anonymous = undefined
  }
}
