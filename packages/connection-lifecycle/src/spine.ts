import { AlreadyAttachedError, isRefusal } from '@cordon/interface-connection-lifecycle'
import { InvalidParametersError } from '@libp2p/interface'
import { NAME, STAY } from './constants.ts'
import { Steps } from './participants.ts'
import { Places } from './places.ts'
import { hasEnded, nextIntent } from './reasons.ts'
import { LifecycleRecord } from './record.ts'
import { refusalOf, STOPPING } from './refusals.ts'
import { transition } from './state.ts'
import { LifecycleStream, Streams } from './streams.ts'
import { Teardown } from './teardown.ts'
import type { Context } from './context.ts'
import type { Intent, LossCause } from './reasons.ts'
import type { Clock, CloseOptions, CloseReason, ConnectionRecord, DialTarget, Direction, LifecycleDriver, LifecycleHost, RawConnection, Refusal, ShedOptions, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { Connection, MessageStream, PeerId, Stream } from '@libp2p/interface'

/** Steps that have no say any more: their faults refuse nothing */
const ENDS: ReadonlySet<string> = new Set(['closed', 'streamClosed'])

/** The way in: takes every connection from its raw connection to `ready`, and hands it to the teardown */
export class Spine implements LifecycleDriver {
  readonly #context: Context
  readonly #teardown: Teardown
  readonly #places: Places
  readonly #streams: Streams
  #host: LifecycleHost | undefined
  #records = 0

  constructor (context: Context) {
    this.#context = context
    this.#teardown = new Teardown(context)
    this.#places = new Places(context, this.#teardown)
    this.#streams = new Streams(context)
  }

  get host (): LifecycleHost | undefined {
    return this.#host
  }

  get streams (): number {
    return this.#streams.size
  }

  get isDraining (): boolean {
    return this.#teardown.stopping
  }

  attach (host: LifecycleHost): void {
    if (this.#host != null) throw new AlreadyAttachedError()
    const { totals, log } = this.#context
    this.#host = host
    this.#context.steps = new Steps({
      participants: host.participants,
      onRefusal: module => { totals.refused.add(module) },
      onFault: (module, step, detail) => {
        if (!ENDS.has(step)) totals.refused.add(module)
        const count = totals.faults.add(module)
        // a peer can cause the same fault as often as it likes: tell the 1st, 2nd, 4th, 8th, ...
        if ((count & (count - 1)) === 0) log.error('the step %s of %s failed, fault number %d of this module - %e', step, module, count, detail)
      }
    })
  }

  dial (target: DialTarget): Refusal | undefined {
    if (this.isDraining) return STOPPING
    const refusal = this.#context.steps.dial(target)
    this.#context.watcher.asked(target, refusal)
    return refusal
  }

  open (raw: RawConnection): LifecycleRecord | Refusal {
    const { clock, prefix, steps, table, totals } = this.#context
    const record = new LifecycleRecord(`${prefix}${++this.#records}`, raw, clock.now(), this)
    totals.opened++
    table.add(record)

    if (this.isDraining) return this.#refuse(record, STOPPING, NAME)

    const refusal = steps.decide('opened', record, 0, steps.gates)
    if (!this.#goesOn(record, refusal)) return refusalOf(record.reason)

    const full = this.#places.take(record)
    if (full != null) return this.#refuse(record, full, NAME)
    return this.#turnedAway(record) ?? record
  }

  appeared (connection: ConnectionRecord): Refusal | undefined {
    const record = this.own(connection)
    record.appeared = true
    this.#show(record, 0)
    return this.#turnedAway(record)
  }

  account (connection: ConnectionRecord): Refusal | undefined {
    const { steps } = this.#context
    const record = this.own(connection)

    if (!record.isClosed() && this.#goesOn(record, steps.decide('opened', record, steps.gates, steps.count))) {
      record.accounted = true
      this.#show(record, steps.gates)
    }

    return this.#turnedAway(record)
  }

  refuse (connection: ConnectionRecord, refusal: Refusal): void {
    const record = this.own(connection)
    if (!record.isClosed()) this.#refuse(record, refusal, refusal.module)
  }

  identified (connection: ConnectionRecord, peer: PeerId): Refusal | undefined {
    const { events, steps, table, watcher } = this.#context
    const record = this.own(connection)
    if (record.isClosed()) return refusalOf(record.reason)
    if (record.remotePeer != null) return undefined

    table.identify(record, peer)
    if (record.state === 'handshaking') this.#teardown.enter(record, 'multiplex')

    const refusal = steps.decide('identified', record, 0, steps.count)
    if (!this.#goesOn(record, refusal)) return refusalOf(record.reason)
    watcher.connected(record)
    if (record.announced && events.wants('connection:identified')) events.emit({ type: 'connection:identified', record })
    return record.state === 'handshaking' ? undefined : refusalOf(record.reason)
  }

  secured (connection: ConnectionRecord, stream: MessageStream): void {
    const record = this.own(connection)
    if (record.isClosed()) return
    const { steps } = this.#context
    this.#goesOn(record, steps.show('secured', record, stream, 0, steps.count))
  }

  upgraded (connection: ConnectionRecord, upgraded: Connection): Refusal | undefined {
    const record = this.own(connection)
    this.#context.table.connect(record, upgraded)
    if (record.isClosed()) return refusalOf(record.reason)
    // libp2p announces what has died meanwhile (js-libp2p, `connection:open` with the status `aborted`)
    if (upgraded.status !== 'open') return refusalOf(undefined)
    if (record.state === 'ready' || record.phase === 'handshake') return undefined

    // a transport that encrypts by itself has no moment of its own for this
    const refusal = record.remotePeer == null ? this.identified(record, upgraded.remotePeer) : undefined
    if (refusal != null) return refusal

    if (this.#host?.readiness == null || record.handshaken) return this.#ready(record)
    this.#teardown.enter(record, 'handshake')
    return undefined
  }

  upgradeFailed (connection: ConnectionRecord, error: Error): void {
    const record = this.own(connection)
    const status = record.transport?.status ?? 'closed'
    const by = record.intent == null && hasEnded(status) && status !== 'aborted' ? 'remote' : 'local'
    this.#teardown.finish(record, this.isDraining ? { code: 'shutdown', by: 'local', error } : { code: 'upgrade-failed', by, error }, 'abort', true)
    this.#teardown.cut(record, error)
  }

  closing (connection: ConnectionRecord, how: Intent['how'], error?: Error): void {
    const record = this.own(connection)
    if (!record.isClosed()) record.intent = nextIntent(record.intent, how, error)
  }

  async settled (connection: ConnectionRecord): Promise<void> {
    await this.own(connection).whenSettled()
  }

  streamOpened (connection: ConnectionRecord, direction: Direction, stream?: Stream): LifecycleStream | Refusal {
    return this.#streams.opened(this.own(connection), direction, stream)
  }

  streamCreated (record: StreamRecord, stream: Stream): void {
    this.#streams.created(ownStream(record), stream)
  }

  streamNegotiated (record: StreamRecord, protocol: string, service?: string): Refusal | undefined {
    return this.#streams.negotiated(ownStream(record), protocol, service)
  }

  streamClosed (record: StreamRecord): void {
    this.#streams.closed(ownStream(record))
  }

  draining (): void {
    this.#teardown.stopping = true
    this.#context.watcher.draining()
  }

  /** The node starts again after it was stopped */
  accepting (): void {
    this.#teardown.stopping = false
  }

  handshakeSucceeded (connection: ConnectionRecord): Refusal | undefined {
    const record = this.own(connection)
    if (record.state === 'handshaking' && record.phase !== 'handshake') {
      // the first stream may be faster than libp2p's announcement of the connection
      record.handshaken = true
      return undefined
    }
    return this.#ready(record)
  }

  handshakeFailed (connection: ConnectionRecord, error: Error): void {
    const record = this.own(connection)
    this.#teardown.finish(record, { code: 'handshake-failed', by: 'local', error }, 'close', true)
  }

  lost (connection: ConnectionRecord, cause: LossCause): void {
    this.#teardown.lost(this.own(connection), cause)
  }

  async close (connection: ConnectionRecord, reason: CloseReason, { abort = false }: CloseOptions = {}): Promise<void> {
    const record = this.own(connection)
    if (!record.isClosed()) {
      const refusal = reason.code === 'refused' && isRefusal(reason.refusal) ? reason.refusal : undefined
      if (refusal != null) {
        this.#context.totals.refused.add(refusal.module)
        this.#tell(record, refusal)
      }
      // a refusal lets no maintained peer go: those who refuse are asked about the next dial as well
      this.#teardown.finish(record, reason, abort ? 'abort' : 'close', refusal != null)
    } else if (abort) {
      this.#teardown.cut(record)
    }
    await record.whenReleased()
  }

  shed (direction: Direction, options: ShedOptions): LifecycleRecord | undefined {
    return this.#places.shed(direction, options)
  }

  /** Closes everything, and waits until it is released */
  async shutdown (): Promise<void> {
    this.draining()
    const records = this.#context.table.all()
    const closed = Promise.all(records.map(async record => { await this.close(record, { code: 'shutdown', by: 'local' }) }))
    if (this.#context.table.size === 0) return
    // the deadlines let the process end, which must not happen while somebody waits for them
    const leave = stay(this.#context.clock)
    await closed.finally(leave)
  }

  /** @throws {InvalidParametersError} when the record was made by somebody else */
  own (record: ConnectionRecord): LifecycleRecord {
    if (record instanceof LifecycleRecord && record.isOwnedBy(this)) return record
    throw new InvalidParametersError('this is no connection record of this lifecycle')
  }

  #ready (record: LifecycleRecord): Refusal | undefined {
    const { clock, events, steps, table, totals } = this.#context
    record.state = transition(record.state, 'ready')
    this.#teardown.leave(record)
    table.unplace(record)

    const refusal = steps.decide('ready', record, 0, steps.count)
    if (!this.#goesOn(record, refusal)) return refusalOf(record.reason)
    record.readyAt = clock.now()
    totals.readied++
    record.settle()
    if (record.announced && events.wants('connection:ready')) events.emit({ type: 'connection:ready', record })
    return undefined
  }

  /** Shows the raw bytes to those who were asked, from this one on, if there are any; when all have seen them, it is announced */
  #show (record: LifecycleRecord, from: number): void {
    const { events, steps } = this.#context
    const raw = record.appeared ? record.transport?.raw : undefined
    if (record.isClosed() || raw == null) return

    const goesOn = this.#goesOn(record, steps.show('raw', record, raw, from, record.accounted ? steps.count : steps.gates))
    if (!goesOn || !record.accounted) return
    record.announced = true
    if (events.wants('connection:opened')) events.emit({ type: 'connection:opened', record })
  }

  /** Closes what a step has refused, and releases what was closed while the steps ran */
  #goesOn (record: LifecycleRecord, refusal: Refusal | undefined): boolean {
    if (refusal != null) this.#end(record, refusal)
    this.#teardown.settle(record)
    return !record.isClosed()
  }

  #refuse (record: LifecycleRecord, refusal: Refusal, module: string): Refusal {
    this.#context.totals.refused.add(module)
    this.#end(record, refusal)
    return refusalOf(record.reason)
  }

  /** One line for each refusal of a public address */
  #tell (record: LifecycleRecord, refusal: Refusal): void {
    const { log } = this.#context
    if (log.enabled && record.address.class === 'public' && !record.isClosed()) {
      log('refused remote=%s direction=%s module=%s code=%s', record.address.key, record.direction, refusal.module, refusal.code)
    }
  }

  #end (record: LifecycleRecord, refusal: Refusal): void {
    this.#tell(record, refusal)
    this.#teardown.finish(record, { code: 'refused', by: 'local', refusal }, 'abort', true)
  }

  /** Whoever is told that a record is refused forgets it: nothing of it may be left, even if it was being closed in order */
  #turnedAway (record: LifecycleRecord): Refusal | undefined {
    if (!record.isClosed()) return undefined
    this.#teardown.cut(record)
    return refusalOf(record.reason)
  }
}

/** Keeps the process alive until the answer is called */
function stay (clock: Clock): () => void {
  let timer = clock.schedule(STAY, again, { ref: true })
  function again (): void { timer = clock.schedule(STAY, again, { ref: true }) }
  return () => { timer.cancel() }
}

function ownStream (stream: StreamRecord): LifecycleStream {
  if (stream instanceof LifecycleStream) return stream
  throw new InvalidParametersError('this is no stream record of this lifecycle')
}
