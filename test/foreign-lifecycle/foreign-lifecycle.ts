import { AlreadyAttachedError, InvalidTransitionError, lifecycleDriverSymbol } from '@cordon/interface-connection-lifecycle'
import { TypedEventEmitter } from '@libp2p/interface'
import { DEADLINES, DEFAULTS } from './foreign-init.ts'
import { ForeignMaintain } from './foreign-maintain.ts'
import { ForeignMonitor } from './foreign-monitor.ts'
import { ForeignRecord, own, ownStream } from './foreign-record.ts'
import { refuse } from './foreign-refusal.ts'
import { byWhoGoes } from './foreign-room.ts'
import { count, ForeignSteps } from './foreign-steps.ts'
import { ForeignStreams } from './foreign-streams.ts'
import { ForeignTeardown } from './foreign-teardown.ts'
import type { ForeignFullInit, ForeignInit } from './foreign-init.ts'
import type { CloseOptions, CloseReason, ConnectionLifecycle, ConnectionRecord, DialTarget, Direction, LifecycleDriver, LifecycleEvent, LifecycleEvents, LifecycleHost, LifecycleStats, Maintained, MaintainOptions, MonitorEvent, MonitorOptions, RawConnection, Refusal, ShedOptions } from '@cordon/interface-connection-lifecycle'
import type { Connection, MessageStream, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/**
 * Another lifecycle, written from `@cordon/interface-connection-lifecycle` alone: it looks through all records
 * where a good one would keep an order, has two timers for each of them, and keeps every promise of the interface.
 */
class ForeignLifecycle extends TypedEventEmitter<LifecycleEvents> implements ConnectionLifecycle {
  readonly [Symbol.toStringTag] = '@cordon/foreign-lifecycle'
  readonly [lifecycleDriverSymbol]: LifecycleDriver
  readonly #init: ForeignFullInit
  readonly #live = new Set<ForeignRecord>()
  readonly #steps = new ForeignSteps(() => this.#host?.participants ?? [])
  readonly #streams: ForeignStreams
  readonly #connections = new WeakMap<Connection, ForeignRecord>()
  readonly #monitors = new Set<ForeignMonitor>()
  readonly #maintain: ForeignMaintain
  readonly #teardown: ForeignTeardown
  readonly #totals = { opened: 0, readied: 0, refused: {} as Record<string, number> }
  #host?: LifecycleHost

  constructor (init: ForeignInit) {
    super()
    this.#init = { ...DEFAULTS, ...init, deadlines: { ...DEADLINES, ...init.deadlines } }
    this.#teardown = new ForeignTeardown(this.#init, this.#live, (record, reason) => { this.#released(record, reason) })
    this.#streams = new ForeignStreams(this.#steps, () => this.#init.clock.now(), this.#totals.refused)
    this.#maintain = new ForeignMaintain({
      clock: this.#init.clock,
      random: this.#init.random,
      host: () => this.#host,
      connected: peer => this.forPeer(peer).some(({ state }) => state === 'ready'),
      emit: event => { this.#emit(event) }
    })
    this[lifecycleDriverSymbol] = this.#makeDriver()
  }

  get size (): number {
    return this.#live.size + this.#teardown.size
  }

  get (id: string): ConnectionRecord | undefined {
    return [...this.#live].find(record => record.id === id)
  }

  forConnection (connection: Connection): ConnectionRecord | undefined {
    return this.#connections.get(connection)
  }

  forPeer (peer: PeerId): ConnectionRecord[] {
    return [...this.#live].filter(({ remotePeer }) => remotePeer?.equals(peer) === true)
  }

  records (): IterableIterator<ConnectionRecord> {
    return this.#live.values()
  }

  stats (): LifecycleStats {
    const all = [...this.#live]
    const number = (test: (record: ForeignRecord) => boolean): number => all.filter(test).length
    const inState = (state: string): number => number(record => record.state === state)
    const inPhase = (phase: string): number => number(record => record.phase === phase)
    return {
      records: { new: inState('new'), handshaking: inState('handshaking'), ready: inState('ready'), closed: this.#teardown.size },
      handshaking: { encrypt: inPhase('encrypt'), multiplex: inPhase('multiplex'), handshake: inPhase('handshake') },
      inbound: number(({ direction }) => direction === 'inbound'),
      outbound: number(({ direction }) => direction === 'outbound'),
      streams: this.#streams.size,
      opened: this.#totals.opened,
      readied: this.#totals.readied,
      closed: { ...this.#teardown.closed },
      refused: { ...this.#totals.refused },
      faults: { ...this.#steps.faults },
      maintained: this.#maintain.size,
      conflicts: this.#maintain.conflicts
    }
  }

  handshakeSucceeded (record: ForeignRecord): Refusal | undefined {
    if (record.phase !== 'handshake') throw new InvalidTransitionError(record.state, 'ready')
    return this.#ready(record)
  }

  handshakeFailed (record: ForeignRecord, error: Error): void {
    if (record.state === 'closed') return
    this.#emit({ type: 'handshake:failed', record, error })
    this.#teardown.end(record, { code: 'handshake-failed', by: 'local', error }, 'close')
  }

  lost (record: ForeignRecord, cause: { local?: boolean, error?: Error }): void {
    this.#teardown.lost(record, cause)
  }

  async close (record: ForeignRecord, reason: CloseReason, options?: CloseOptions): Promise<void> {
    await record.close(reason, options)
  }

  shed (direction: Direction, { except, spares }: ShedOptions = {}): ConnectionRecord | undefined {
    const waiting = this.#handshaking(direction).filter(({ phase }) => phase === 'encrypt')
    const victim = byWhoGoes(waiting).find(record => record !== except && !record.asking && spares?.(record) !== true)
    if (victim != null) this.#crowd(victim)
    return victim
  }

  maintain (target: PeerId | Multiaddr | Multiaddr[], options?: MaintainOptions): Maintained {
    return this.#maintain.add(target, options)
  }

  monitor (options: MonitorOptions = {}): AsyncIterableIterator<MonitorEvent> {
    const monitor = new ForeignMonitor(options, ended => { this.#monitors.delete(ended) })
    if (options.signal?.aborted !== true) this.#monitors.add(monitor)
    return monitor
  }

  start (): void {}

  stop (): void {
    this.#maintain.stop()
    for (const monitor of this.#monitors) monitor.end()
  }

  #makeDriver (): LifecycleDriver {
    return {
      attach: host => {
        if (this.#host != null) throw new AlreadyAttachedError()
        this.#host = host
      },
      dial: target => this.#dial(target),
      open: raw => this.#open(raw),
      appeared: record => this.#appeared(own(record)),
      account: record => this.#account(own(record)),
      refuse: (record, refusal) => { this.#refuse(own(record), refusal) },
      identified: (record, peer) => this.#identified(own(record), peer),
      secured: (record, stream) => { this.#secured(own(record), stream) },
      upgraded: (record, connection) => this.#upgraded(own(record), connection),
      upgradeFailed: (record, error) => { this.#teardown.end(own(record), { code: 'upgrade-failed', by: 'local', error }, 'abort') },
      closing: (record, code, error) => { own(record).intent ??= { code, ...(error == null ? {} : { error }) } },
      settled: async record => { await own(record).settled.promise },
      streamOpened: (record, direction, stream) => this.#streams.opened(own(record), direction, stream),
      streamCreated: (record, stream) => { ownStream(record).stream = stream },
      streamNegotiated: (record, protocol, service) => this.#streams.negotiated(ownStream(record), protocol, service),
      streamClosed: record => { this.#streams.closed(ownStream(record)) },
      draining: () => {
        this.#teardown.draining = true
        this.#maintain.stop()
      }
    }
  }

  #dial (target: DialTarget): Refusal | undefined {
    const refusal = this.#steps.ask('dial', [target])
    this.#maintain.asked(target, refusal)
    return refusal
  }

  #open (raw: RawConnection): ConnectionRecord | Refusal {
    const record = new ForeignRecord(raw, this.#init.clock.now(), (ended, reason, how) => { this.#end(ended, reason, how) })
    this.#totals.opened++
    this.#live.add(record)
    const refusal = this.#teardown.draining ? refuse('stopping', 'the node is shutting down') : this.#steps.opened(record, true)
    if (refusal != null) this.#refuse(record, refusal)
    else if (!record.isClosed()) this.#place(record)
    return record.isClosed() ? record.answer() : record
  }

  /** Finds a place among the handshaking */
  #place (record: ForeignRecord): void {
    const { maxHandshaking, maxHandshakingPerGroup, maxHandshakingOutbound } = this.#init
    const rivals = this.#handshaking(record.direction)
    const group = rivals.filter(({ address }) => address.share === record.address.share)
    const [oldest] = group
    if (record.direction === 'outbound') {
      if (rivals.length >= maxHandshakingOutbound) {
        this.#refuse(record, refuse('limit', `${maxHandshakingOutbound} outbound connections are handshaking`))
        return
      }
    } else if (oldest != null && group.length >= maxHandshakingPerGroup) this.#crowd(oldest)
    else if (rivals.length >= maxHandshaking) {
      const [crowded] = byWhoGoes(rivals)
      if (crowded != null) this.#crowd(crowded)
    }
    record.state = 'handshaking'
    this.#teardown.begin(record)
  }

  #account (record: ForeignRecord): Refusal | undefined {
    const refusal = record.isClosed() ? undefined : this.#steps.opened(record, false)
    if (refusal != null) this.#refuse(record, refusal)
    record.accounted = true
    return this.#shown(record)
  }

  #appeared (record: ForeignRecord): Refusal | undefined {
    record.appeared = true
    return this.#shown(record)
  }

  /** The raw bytes are shown to whoever was asked; then everybody is told */
  #shown (record: ForeignRecord): Refusal | undefined {
    const refusal = record.isClosed() ? undefined : this.#steps.raw(record)
    if (refusal != null) this.#refuse(record, refusal)
    if (!record.isClosed() && record.accounted && record.appeared) {
      record.told = true
      this.#emit({ type: 'connection:opened', record })
    }
    if (!record.isClosed() || record.reason == null) return undefined
    // whoever hears of a refusal forgets it, also where it was being closed in order
    this.#teardown.end(record, record.reason, 'abort')
    return record.answer()
  }

  #identified (record: ForeignRecord, peer: PeerId): Refusal | undefined {
    if (record.isClosed()) return record.answer()
    record.remotePeer = peer
    if (!this.#agree(record, 'identified')) return record.answer()
    this.#teardown.wait(record, 'multiplex')
    this.#emit({ type: 'connection:identified', record })
    return undefined
  }

  #secured (record: ForeignRecord, stream: MessageStream): void {
    if (!record.isClosed()) this.#agree(record, 'secured', stream)
  }

  #upgraded (record: ForeignRecord, connection: Connection): Refusal | undefined {
    if (record.isClosed()) return record.answer()
    record.connection = connection
    this.#connections.set(connection, record)
    if (this.#host?.readiness == null) return this.#ready(record)
    this.#teardown.wait(record, 'handshake')
    return undefined
  }

  #ready (record: ForeignRecord): Refusal | undefined {
    if (!this.#agree(record, 'ready')) return record.answer()
    record.state = 'ready'
    this.#teardown.disarm(record)
    this.#totals.readied++
    record.settled.resolve(undefined)
    if (record.remotePeer != null) this.#maintain.ready(record.remotePeer)
    this.#emit({ type: 'connection:ready', record })
    return undefined
  }

  /** Whether everybody agreed, and the record still lives */
  #agree (record: ForeignRecord, step: 'identified' | 'secured' | 'ready', ...args: unknown[]): boolean {
    const refusal = this.#steps.ask(step, [record, ...args], { stops: () => record.isClosed() })
    if (refusal != null) this.#refuse(record, refusal)
    return !record.isClosed()
  }

  #handshaking (direction: Direction): ForeignRecord[] {
    return [...this.#live].filter(record => record.state === 'handshaking' && record.direction === direction)
  }

  #crowd (record: ForeignRecord): void {
    this.#teardown.end(record, { code: 'crowded', by: 'local', refusal: refuse('crowded', 'room was needed for a newcomer') }, 'abort')
  }

  #refuse (record: ForeignRecord, refusal: Refusal): void {
    this.#end(record, { code: 'refused', by: 'local', refusal }, 'abort')
  }

  #end (record: ForeignRecord, reason: CloseReason, how: 'close' | 'abort'): void {
    if (!record.isClosed() && reason.code === 'refused' && reason.refusal != null) count(this.#totals.refused, reason.refusal.module)
    this.#teardown.end(record, reason, how)
  }

  #released (record: ForeignRecord, reason: CloseReason): void {
    this.#steps.letGo(record.passed, 'closed', record, reason)
    if (reason.code === 'refused' && reason.refusal != null) this.#emit({ type: 'connection:refused', record, refusal: reason.refusal })
    if (record.told) this.#emit({ type: 'connection:closed', record, reason })
    record.released.resolve(undefined)
    const byUs = reason.by === 'local' && !reason.code.startsWith('local-')
    if (record.remotePeer != null) this.#maintain.gone(record.remotePeer, byUs, reason.code === 'refused' && reason.refusal != null)
  }

  #emit (event: LifecycleEvent): void {
    this.safeDispatchEvent(event.type, { detail: event })
    for (const monitor of this.#monitors) monitor.push(event)
  }
}

export function foreignLifecycle (init: ForeignInit = {}): () => ConnectionLifecycle {
  return () => new ForeignLifecycle(init)
}
