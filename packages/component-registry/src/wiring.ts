import { ComposedOptionsReusedError } from '@cordon/interface-component-registry'
import { lifecycleDriverSymbol } from '@cordon/interface-connection-lifecycle'
import { Notes } from '@cordon/notes'
import type { Attachment } from './attachment.ts'
import type { RegistryInit } from './types.ts'
import type { Adjustment, BlockLists } from '@cordon/interface-component-registry'
import type { Clock, ConnectionLifecycle, LifecycleDriver } from '@cordon/interface-connection-lifecycle'
import type { ComponentLogger, ConnectionGater, Libp2pEvents, Logger, PeerStore, TypedEventTarget, Upgrader } from '@libp2p/interface'
import type { ConnectionManager, Registrar, TransportManager } from '@libp2p/interface-internal'

/** The components of libp2p that the registry hooks into or asks */
export interface NodeComponents {
  readonly logger: ComponentLogger
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly peerStore: PeerStore
  readonly registrar: Registrar
  readonly connectionManager: ConnectionManager
  readonly transportManager: TransportManager
  connectionGater: ConnectionGater
  upgrader: Upgrader
}

/** What holds for the connections of one transport */
export interface TransportState {
  /** libp2p's tag; known once the transport is made */
  tag: string

  /** Its sockets are guarded until they are raw connections */
  guardsSockets: boolean

  /** Its muxer is none of those in `streamMuxers`, as far as has been seen */
  bringsMuxer: boolean

  /** See `TransportStatus.unreturned` */
  unreturned: number

  /** The lifecycle is asked about its sockets before it makes anything of them; nothing is known while it has none */
  asksOnArrival?: boolean

  /** Its servers ask which addresses may not connect before there is a socket; nothing is known while it has none */
  asksBlockList?: boolean
}

/**
 * What the hooks of one node share: they are made before the node, each by the factory that libp2p calls for it,
 * and meet here.
 */
export class Wiring {
  readonly init: Required<RegistryInit>
  readonly clock: Clock
  readonly adjustments: Adjustment[] = []
  readonly transports: TransportState[] = []

  /** Whether our own dials wait until their connection is ready */
  holdDial = false

  /** The user set `connectionManager.maxConnections`, so it stays */
  keepsMaxConnections = false

  /** Know which addresses are blocked, where a module does */
  blockLists: BlockLists = {}

  /** The node has begun to stop */
  stopping = false
  readonly #attachments = new Notes<object, Attachment>()
  readonly #onBind: Array<(components: NodeComponents) => void> = []
  #components?: NodeComponents
  #lifecycle?: ConnectionLifecycle
  #log?: Logger

  constructor (init: Required<RegistryInit>, clock: Clock) {
    this.init = init
    this.clock = clock
  }

  /** Registers what is to be done once the components are known */
  onBind (task: (components: NodeComponents) => void): void {
    this.#onBind.push(task)
  }

  /**
   * Called by every factory with the components that libp2p gave to it.
   *
   * @throws {ComposedOptionsReusedError} when these are not those of the node the options belong to
   */
  bind (components: NodeComponents): void {
    if (this.#components === components) {
      return
    }

    if (this.#components != null) {
      throw new ComposedOptionsReusedError()
    }

    this.#components = components
    this.#log = components.logger.forComponent('cordon:registry')
    this.adjustments.forEach(({ option, to, from, reason }) => {
      this.log('%s is %s instead of %s: %s', option, to, from ?? 'its default', reason)
    })
    this.#onBind.forEach(task => { task(components) })
  }

  get components (): NodeComponents {
    return defined(this.#components, 'the node does not exist yet')
  }

  get log (): Logger {
    return defined(this.#log, 'the node does not exist yet')
  }

  get lifecycle (): ConnectionLifecycle {
    return defined(this.#lifecycle, 'the lifecycle does not exist yet')
  }

  set lifecycle (lifecycle: ConnectionLifecycle) {
    this.#lifecycle = lifecycle
  }

  get driver (): LifecycleDriver {
    return this.lifecycle[lifecycleDriverSymbol]
  }

  /** Notes a change to what libp2p would do by itself, and logs it once */
  adjusted (adjustment: Adjustment): void {
    this.adjustments.push(adjustment)
    this.#log?.('%s is %s instead of %s: %s', adjustment.option, adjustment.to, adjustment.from ?? 'its default', adjustment.reason)
  }

  /** Remembers which raw connection an object of libp2p belongs to: itself, its timeline, its protected and decrypted streams */
  link (object: object, attachment: Attachment): void {
    this.#attachments.set(object, attachment)
  }

  find (object: object): Attachment | undefined {
    return this.#attachments.get(object)
  }
}

function defined<T> (value: T | undefined, otherwise: string): T {
  if (value == null) {
    throw new Error(otherwise)
  }

  return value
}
