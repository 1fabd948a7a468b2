import { AlreadyAttachedError, HandshakeTimeoutError, InvalidTransitionError, lifecycleDriverSymbol } from '@cordon/interface-connection-lifecycle'
import { TypedEventEmitter } from '@libp2p/interface'
import { DEADLINES, DEFAULTS } from './foreign-init.ts'
import { ForeignMaintain } from './foreign-maintain.ts'
import { ForeignMonitor } from './foreign-monitor.ts'
import { ForeignRecord, own, ownStream } from './foreign-record.ts'
import { refuse } from './foreign-refusal.ts'
import { byWhoGoes } from './foreign-room.ts'
import { count, ForeignSteps } from './foreign-steps.ts'
import { ForeignStreams } from './foreign-streams.ts'
import type { ForeignInit } from './foreign-init.ts'
import type { CloseCode, CloseOptions, CloseReason, ConnectionLifecycle, ConnectionRecord, DialTarget, Direction, HandshakePhase, LifecycleDriver, LifecycleEvent, LifecycleEvents, LifecycleHost, LifecycleStats, Maintained, MaintainOptions, MonitorEvent, MonitorOptions, RawConnection, Refusal, ShedOptions } from '@cordon/interface-connection-lifecycle'
import type { Connection, MessageStream, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

const PHASES: readonly HandshakePhase[] = ['encrypt', 'multiplex', 'handshake']

/**
 * Another lifecycle, written from `@cordon/interface-connection-lifecycle` alone: it looks through all records
 * where a good one would keep an order, has two timers for each of them, and keeps every promise of the interface.
 */
class ForeignLifecycle extends TypedEventEmitter<LifecycleEvents> implements ConnectionLifecycle {
  readonly [Symbol.toStringTag] = '@cordon/foreign-lifecycle'
  readonly [lifecycleDriverSymbol]: LifecycleDriver
  readonly #init: typeof DEFAULTS & { deadlines: typeof DEADLINES }
  readonly #live = new Set<ForeignRecord>()
  readonly #ending = new Set<ForeignRecord>()
  readonly #steps = new ForeignSteps(() => this.#host?.participants ?? [])
  readonly #streams: ForeignStreams
  readonly #connections = new WeakMap<Connection, ForeignRecord>()
  readonly #monitors = new Set<ForeignMonitor>()
  readonly #maintain: ForeignMaintain
  readonly #totals = { opened: 0, readied: 0, closed: {} as Record<string, number>, refused: {} as Record<string, number> }
  #host?: LifecycleHost
  #draining = false

  constructor (init: ForeignInit) {
    super()
    this.#init = { ...DEFAULTS, ...init, deadlines: { ...DEADLINES, ...init.deadlines } }
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
    return this.#live.size + this.#ending.size
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
    const count = (test: (record: ForeignRecord) => boolean): number => all.filter(test).length
    const inState = (state: string): number => count(record => record.state === state)
    const inPhase = (phase: string): number => count(record => record.phase === phase)
    return {
      records: { new: inState('new'), handshaking: inState('handshaking'), ready: inState('ready'), closed: this.#ending.size },
      handshaking: { encrypt: inPhase('encrypt'), multiplex: inPhase('multiplex'), handshake: inPhase('handshake') },
      inbound: count(({ direction }) => direction === 'inbound'),
      outbound: count(({ direction }) => direction === 'outbound'),
      streams: this.#streams.size,
      opened: this.#totals.opened,
      readied: this.#totals.readied,
      closed: { ...this.#totals.closed },
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
    this.#end(record, { code: 'handshake-failed', by: 'local', error }, 'close')
  }

  lost (record: ForeignRecord, { local = false, error }: { local?: boolean, error?: Error }): void {
    if (this.#ending.has(record)) {
      this.#release(record)
      return
    }
    const by = local || record.intent != null ? 'local' : 'remote'
    const why = record.intent?.error ?? error
    const seen: CloseCode = error == null ? `${by}-close` : by === 'local' ? 'local-abort' : 'remote-reset'
    this.#end(record, { code: record.intent?.code ?? seen, by, ...(why == null ? {} : { error: why }) }, 'abort')
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
      account: record => this.#account(own(record)),
      refuse: (record, refusal) => { this.#refuse(own(record), refusal) },
      identified: (record, peer) => this.#identified(own(record), peer),
      secured: (record, stream) => { this.#secured(own(record), stream) },
      upgraded: (record, connection) => this.#upgraded(own(record), connection),
      upgradeFailed: (record, error) => { this.#end(own(record), { code: 'upgrade-failed', by: 'local', error }, 'abort') },
      closing: (record, code, error) => { own(record).intent ??= { code, ...(error == null ? {} : { error }) } },
      settled: async record => { await own(record).settled.promise },
      streamOpened: (record, direction, stream) => this.#streams.opened(own(record), direction, stream),
      streamCreated: (record, stream) => { ownStream(record).stream = stream },
      streamNegotiated: (record, protocol, service) => this.#streams.negotiated(ownStream(record), protocol, service),
      streamClosed: record => { this.#streams.closed(ownStream(record)) },
      draining: () => {
        this.#draining = true
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
    const refusal = this.#draining ? refuse('stopping', 'the node is shutting down') : this.#steps.enter(record, true)
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
    const { total } = this.#init.deadlines
    record.totalTimer = this.#init.clock.schedule(total, () => { this.#late(record, 'total', total) })
    this.#wait(record, 'encrypt')
  }

  #account (record: ForeignRecord): Refusal | undefined {
    if (record.isClosed()) return record.answer()
    const refusal = this.#steps.enter(record, false)
    if (refusal != null) this.#refuse(record, refusal)
    if (record.isClosed()) return record.answer()
    record.told = true
    this.#emit({ type: 'connection:opened', record })
    return undefined
  }

  #identified (record: ForeignRecord, peer: PeerId): Refusal | undefined {
    if (record.isClosed()) return record.answer()
    record.remotePeer = peer
    if (!this.#agree(record, 'identified')) return record.answer()
    this.#wait(record, 'multiplex')
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
    this.#wait(record, 'handshake')
    return undefined
  }

  #ready (record: ForeignRecord): Refusal | undefined {
    if (!this.#agree(record, 'ready')) return record.answer()
    record.state = 'ready'
    delete record.phase
    this.#disarm(record)
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
    this.#end(record, { code: 'crowded', by: 'local', refusal: refuse('crowded', 'room was needed for a newcomer') }, 'abort')
  }

  #refuse (record: ForeignRecord, refusal: Refusal): void {
    if (record.isClosed()) return
    count(this.#totals.refused, refusal.module)
    this.#end(record, { code: 'refused', by: 'local', refusal }, 'abort')
  }

  #wait (record: ForeignRecord, phase: HandshakePhase): void {
    record.phaseTimer?.cancel()
    record.phase = phase
    const deadline = this.#init.deadlines[phase]
    record.phaseTimer = this.#init.clock.schedule(deadline, () => { this.#late(record, phase, deadline) })
  }

  #late (record: ForeignRecord, phase: string, deadline: number): void {
    if (PHASES.some(known => known === record.phase)) {
      this.#end(record, { code: 'deadline', by: 'local', error: new HandshakeTimeoutError(phase, deadline) }, 'abort')
    }
  }

  #disarm (record: ForeignRecord): void {
    record.phaseTimer?.cancel()
    record.totalTimer?.cancel()
  }

  #end (record: ForeignRecord, reason: CloseReason, how: 'close' | 'abort'): void {
    if (record.isClosed()) {
      if (how === 'abort') this.#cut(record)
      return
    }
    record.state = 'closed'
    delete record.phase
    record.reason = reason
    this.#disarm(record)
    this.#live.delete(record)
    this.#ending.add(record)
    record.control.abort(reason)
    record.settled.resolve(undefined)
    const cut = (): void => { this.#cut(record) }
    if (how === 'abort') {
      cut()
      return
    }
    record.totalTimer = this.#init.clock.schedule(this.#init.closeTimeout, cut)
    record.raw.close({}).then(() => { this.#release(record) }, cut)
    if (record.direction === 'inbound' && !this.#draining) this.#cutCrowd(record)
  }

  /** As many may be closing as may be handshaking */
  #cutCrowd ({ address: { share } }: ForeignRecord): void {
    const closing = [...this.#ending].filter(({ direction }) => direction === 'inbound')
    const group = closing.filter(({ address }) => address.share === share)
    if (group.length > this.#init.maxHandshakingPerGroup) {
      if (group[0] != null) this.#cut(group[0])
    } else if (closing.length > this.#init.maxHandshaking) {
      const [oldest] = byWhoGoes(closing.slice(0, -1))
      if (oldest != null) this.#cut(oldest)
    }
  }

  #cut (record: ForeignRecord): void {
    if (!this.#ending.has(record)) return
    record.raw.abort(record.reason?.error ?? new Error(record.reason?.code))
    this.#release(record)
  }

  #release (record: ForeignRecord): void {
    const { reason } = record
    if (!this.#ending.delete(record) || reason == null) return
    this.#disarm(record)
    count(this.#totals.closed, reason.code)
    this.#steps.letGo(record.passed, 'closed', record, reason)
    if (reason.code === 'refused' && reason.refusal != null) this.#emit({ type: 'connection:refused', record, refusal: reason.refusal })
    if (record.told) this.#emit({ type: 'connection:closed', record, reason })
    record.released.resolve(undefined)
    const byUs = reason.by === 'local' && !reason.code.startsWith('local-')
    if (record.remotePeer != null) this.#maintain.gone(record.remotePeer, byUs)
  }

  #emit (event: LifecycleEvent): void {
    this.safeDispatchEvent(event.type, { detail: event })
    for (const monitor of this.#monitors) monitor.push(event)
  }
}

export function foreignLifecycle (init: ForeignInit = {}): () => ConnectionLifecycle {
  return () => new ForeignLifecycle(init)
}
