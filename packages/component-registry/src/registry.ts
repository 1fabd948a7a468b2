import { blockListSymbol, ComposeError, isBlockListModule, registrySymbol } from '@cordon/interface-component-registry'
import { isBoundsConnectionsModule, isConnectionLifecycle, isParticipantModule, isReadinessModule, participantSymbol, readinessSymbol } from '@cordon/interface-connection-lifecycle'
import { serviceCapabilities } from '@libp2p/interface'
import { expectPeer } from './dials.ts'
import { keepsAlive } from './keep-alive.ts'
import { Module, ModuleSequence } from './modules.ts'
import { orderParticipants } from './order.ts'
import { transportStatus } from './status.ts'
import { noticeProtocols } from './streams.ts'
import type { Gater } from './gater.ts'
import type { MuxerHook } from './muxer.ts'
import type { TransportHook } from './transports.ts'
import type { NodeComponents, Wiring } from './wiring.ts'
import type { Adjustment, Registry as RegistryInterface, RegistryStatus } from '@cordon/interface-component-registry'
import type { ConnectionLifecycle, DialTarget, LifecycleHost, NamedParticipant, Refusal, Stage } from '@cordon/interface-connection-lifecycle'
import type { Connection, Startable } from '@libp2p/interface'

/** The service that starts and stops the modules, and that tells the lifecycle of upgraded connections */
export class Registry implements RegistryInterface, Startable {
  readonly [Symbol.toStringTag] = '@cordon/component-registry'
  readonly [serviceCapabilities]: string[] = ['@cordon/component-registry']
  readonly [registrySymbol] = true as const
  readonly #wiring: Wiring
  readonly #gater: Gater
  readonly #transports: TransportHook
  readonly #muxers: MuxerHook
  readonly #sequence: ModuleSequence
  readonly #names: readonly string[]
  readonly #made: Module[] = []

  constructor (wiring: Wiring, gater: Gater, transports: TransportHook, muxers: MuxerHook, names: readonly string[]) {
    this.#wiring = wiring
    this.#gater = gater
    this.#transports = transports
    this.#muxers = muxers
    this.#names = names
    this.#sequence = new ModuleSequence(wiring)
  }

  get adjustments (): readonly Adjustment[] {
    return [...this.#wiring.adjustments]
  }

  status (): RegistryStatus {
    return {
      modules: this.#sequence.modules.map(({ name, stage, state }) => ({ name, state, ...(stage != null && { stage: stage as Stage }) })),
      transports: transportStatus(this.#wiring.transports, this.#transports.strangers(), this.#muxers.boundsWindows),
      sockets: { ...this.#transports.sockets },
      gaterFaults: this.#gater.faults
    }
  }

  modulesWith (symbol: symbol): readonly object[] {
    return this.#sequence.modules.map(({ instance }) => instance).filter(instance => symbol in instance)
  }

  endDials (judge: (target: DialTarget) => Refusal | undefined): number {
    return this.#transports.dials.end(judge)
  }

  /**
   * Hears of connections before everybody else: before identify, which opens a stream on each, and before libp2p,
   * which announces its peer. What is refused in that moment is told to nobody, neither that it opened nor that it
   * closed; a listener would hear the two the wrong way round.
   */
  listen ({ events }: NodeComponents): void {
    const dispatchEvent = events.dispatchEvent.bind(events)

    events.dispatchEvent = event => {
      const connection = (event as CustomEvent<Connection>).detail

      if (event.type === 'connection:open' && !this.#upgraded(connection)) {
        return true
      }

      if (event.type === 'connection:close' && this.#wiring.find(connection.timeline)?.announced === false) {
        return true
      }

      return dispatchEvent(event)
    }
  }

  /**
   * libp2p has made a module. After the last one, they are put in order and attached to the lifecycle.
   *
   * @throws {ComposeError} when that is not possible; the node is then not made
   */
  made (name: string, instance: unknown): void {
    this.#made.push(new Module(name, instance))

    if (this.#made.length === this.#names.length) {
      this.#attach()
    }
  }

  async beforeStart (): Promise<void> {
    this.#wiring.stopping = false
    await this.#sequence.start()
  }

  // libp2p calls no hook of a service that has not both
  start (): void {}

  async afterStart (): Promise<void> {
    await this.#sequence.afterStart()
  }

  async beforeStop (): Promise<void> {
    this.#wiring.stopping = true
    this.#wiring.driver.draining()
    await Promise.all([this.#transports.listening(), this.#sequence.beforeStop()])
  }

  stop (): void {
    for (const guard of this.#transports.guards) {
      guard.stop()
    }
  }

  async afterStop (): Promise<void> {
    await this.#sequence.stop()
  }

  #attach (): void {
    this.#sequence.order(this.#made)
    this.#wiring.lifecycle = this.#lifecycle()
    const host = this.#host()
    this.#wiring.holdDial = host.readiness?.holdDial ?? false
    this.#wiring.driver.attach(host)
    this.#wiring.blockLists = this.#sequence.modules.map(({ instance }) => instance).find(isBlockListModule)?.[blockListSymbol] ?? {}
    this.#liftMaxConnections()
  }

  /** Beyond libp2p's own bound, whoever comes is refused, whatever it is worth; a module that bounds them knows better */
  #liftMaxConnections (): void {
    const module = this.#made.find(({ instance }) => isBoundsConnectionsModule(instance))

    if (module == null || this.#wiring.keepsMaxConnections) {
      return
    }

    const { connectionManager } = this.#wiring.components
    const from = connectionManager.getMaxConnections()
    connectionManager.setMaxConnections(Infinity)
    this.#wiring.adjusted({
      option: 'connectionManager.maxConnections',
      from: String(from),
      to: 'Infinity',
      reason: `modules.${module.name} bounds how many connections there are instead`
    })
  }

  #lifecycle (): ConnectionLifecycle {
    const found = this.#made.filter(({ instance }) => isConnectionLifecycle(instance))
    const [module, other] = found

    if (module == null || !isConnectionLifecycle(module.instance)) {
      throw new ComposeError('modules', 'none of them is a connection lifecycle; every node needs one')
    }

    if (other != null) {
      throw new ComposeError(`modules.${other.name}`, `is a second connection lifecycle besides modules.${module.name}; is the name misspelt?`)
    }

    return module.instance
  }

  #host (): LifecycleHost {
    const { connectionManager, peerStore } = this.#wiring.components
    const readiness = this.#readiness()

    return {
      participants: orderParticipants(this.#sequence.modules).flatMap(({ name, instance }): NamedParticipant[] =>
        isParticipantModule(instance) ? [{ name, participant: instance[participantSymbol] }] : []),
      ...(readiness != null && { readiness }),
      dial: async (target, options) => expectPeer(target, await connectionManager.openConnection(target, options)),
      keepsAlive: async peer => keepsAlive(peerStore, peer)
    }
  }

  #readiness (): LifecycleHost['readiness'] {
    const [first, second] = this.#made.flatMap(({ name, instance }) =>
      isReadinessModule(instance) ? [{ name, holdDial: instance[readinessSymbol].holdDial }] : [])

    if (second != null) {
      throw new ComposeError(`modules.${second.name}`, `declares when connections are ready, and so does modules.${first?.name ?? ''}; only one can`)
    }

    return first
  }

  /** Returns whether libp2p is to hear of it */
  #upgraded (connection: Connection): boolean {
    const attachment = this.#wiring.find(connection.timeline)

    // a transport that is not ours to wrap; `status` names it
    if (attachment?.record == null) {
      return true
    }

    // libp2p announces connections that died while a gater was asked, and never says that they closed
    if (connection.status !== 'open') {
      attachment.abort(new Error('the connection ended before it was announced'))

      return false
    }

    attachment.upgraded(connection)

    if (attachment.muxer != null && attachment.negotiating != null) {
      noticeProtocols(connection, attachment.muxer, attachment.negotiating)
    }

    this.#wiring.driver.upgraded(attachment.record, connection)
    attachment.announced = isOpen(connection)

    return attachment.announced
  }
}

/** Asked anew after others had a say */
function isOpen (connection: Connection): boolean {
  return connection.status === 'open'
}
