import { systemClock } from '@cordon/clock'
import { lifecycleDriverSymbol } from '@cordon/interface-connection-lifecycle'
import { serviceCapabilities } from '@libp2p/interface'
import { TypedEventEmitter } from 'main-event'
import { LOGGER } from './constants.ts'
import { Counters } from './counters.ts'
import { harmless } from './log.ts'
import { Maintainer } from './maintain.ts'
import { registerMetrics } from './metrics.ts'
import { Monitor } from './monitor.ts'
import { checkDirection, parseInit } from './options.ts'
import { Steps } from './participants.ts'
import { randomName } from './random-name.ts'
import { Spine } from './spine.ts'
import { RecordTable } from './table.ts'
import type { Totals } from './context.ts'
import type { LossCause } from './reasons.ts'
import type { CloseOptions, CloseReason, ConnectionLifecycle, ConnectionRecord, Direction, LifecycleDriver, LifecycleEvents, LifecycleStats, Maintained, MaintainOptions, MonitorEvent, MonitorOptions, Refusal, ShedOptions } from '@cordon/interface-connection-lifecycle'
import type { ComponentLogger, Connection, Metrics, PeerId, Startable } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** The service: what applications and modules see of the spine */
export class ConnectionLifecycleClass extends TypedEventEmitter<LifecycleEvents> implements ConnectionLifecycle, Startable {
  readonly [Symbol.toStringTag] = '@cordon/connection-lifecycle'
  readonly [serviceCapabilities]: string[] = ['@cordon/connection-lifecycle']

  readonly #table = new RecordTable()
  readonly #totals: Totals = { opened: 0, readied: 0, closed: new Counters(), refused: new Counters(), faults: new Counters() }
  readonly #monitor: Monitor
  readonly #maintainer: Maintainer
  readonly #spine: Spine
  #stopping: Promise<void> | undefined

  constructor (components: { readonly logger: ComponentLogger, readonly metrics?: Metrics }, init: unknown) {
    super()
    const options = parseInit(init)
    const { clock = systemClock, random = Math.random } = options
    const log = harmless(components.logger.forComponent(LOGGER))
    const events = this.#monitor = new Monitor(this, err => { log.error('could not tell an event - %e', err) })
    const table = this.#table

    this.#maintainer = new Maintainer({ clock, random, events, log, maxMaintained: options.maxMaintained, isConnected: peer => table.isConnected(peer) })
    this.#spine = new Spine({
      options,
      clock,
      log,
      table,
      events,
      totals: this.#totals,
      watcher: this.#maintainer,
      prefix: `${randomName()}-`,
      steps: new Steps({ participants: [], onFault: () => {}, onRefusal: () => {} })
    })
    if (components.metrics != null) registerMetrics(components.metrics, clock, () => this.stats())
  }

  get [lifecycleDriverSymbol] (): LifecycleDriver {
    return this.#spine
  }

  get size (): number {
    return this.#table.size
  }

  async start (): Promise<void> {
    await this.#stopping
    this.#spine.accepting()
  }

  /** Not before this can libp2p dial */
  afterStart (): void {
    if (this.#spine.host != null && !this.#spine.isDraining) this.#maintainer.start(this.#spine.host)
  }

  beforeStop (): void {
    this.#spine.draining()
  }

  async stop (): Promise<void> {
    this.#stopping ??= this.#spine.shutdown().finally(() => {
      this.#stopping = undefined
      this.#monitor.end()
    })
    await this.#stopping
  }

  get (id: string): ConnectionRecord | undefined {
    return this.#table.get(id)
  }

  forConnection (connection: Connection): ConnectionRecord | undefined {
    return this.#table.forConnection(connection)
  }

  forPeer (peer: PeerId): ConnectionRecord[] {
    return this.#table.forPeer(peer.toString())
  }

  records (): IterableIterator<ConnectionRecord> {
    return this.#table.live()
  }

  stats (): LifecycleStats {
    const { states, phases, directions } = this.#table.count()
    return {
      records: states,
      handshaking: phases,
      ...directions,
      streams: this.#spine.streams,
      opened: this.#totals.opened,
      readied: this.#totals.readied,
      closed: this.#totals.closed.snapshot(),
      refused: this.#totals.refused.snapshot(),
      faults: this.#totals.faults.snapshot(),
      maintained: this.#maintainer.size,
      conflicts: this.#maintainer.conflicts
    }
  }

  handshakeSucceeded (record: ConnectionRecord): Refusal | undefined {
    return this.#spine.handshakeSucceeded(record)
  }

  handshakeFailed (record: ConnectionRecord, error: Error): void {
    this.#spine.handshakeFailed(record, error)
  }

  lost (record: ConnectionRecord, cause: LossCause): void {
    this.#spine.lost(record, cause)
  }

  async close (record: ConnectionRecord, reason: CloseReason, options?: CloseOptions): Promise<void> {
    await this.#spine.close(record, reason, options)
  }

  shed (direction: Direction, options: ShedOptions = {}): ConnectionRecord | undefined {
    checkDirection(direction)
    return this.#spine.shed(direction, options)
  }

  maintain (target: PeerId | Multiaddr | Multiaddr[], options: MaintainOptions = {}): Maintained {
    return this.#maintainer.maintain(target, options)
  }

  monitor (options: MonitorOptions = {}): AsyncIterableIterator<MonitorEvent> {
    return this.#monitor.read(options)
  }
}
