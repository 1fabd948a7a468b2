import { Arrivals, isTcpListener } from './arrivals.ts'
import { LISTEN_TIMEOUT } from './constants.ts'
import { withDeadline } from './deadline.ts'
import { Dials } from './dials.ts'
import { dialWebSocket, WEBSOCKETS } from './outbound-websocket.ts'
import { isGuardable, SocketGuard } from './sockets.ts'
import { RecordingUpgrader } from './upgrader.ts'
import type { Gater } from './gater.ts'
import type { MuxerHook } from './muxer.ts'
import type { SocketCounts } from './sockets.ts'
import type { NodeComponents, TransportState, Wiring } from './wiring.ts'
import type { BlockList } from '@cordon/interface-component-registry'
import type { ComponentLogger, Connection, Listener, Logger, Transport, Upgrader } from '@libp2p/interface'

/** Transports of libp2p whose connections are multiplexed by what carries them */
const OWN_MUXER: ReadonlySet<string> = new Set(['@libp2p/webrtc', '@libp2p/webrtc-direct', '@libp2p/webtransport'])

/** How many names of loggers are remembered for each transport; those of libp2p have fewer than five */
const MAX_LOGGERS = 16

/** Makes a transport's connections pass by the lifecycle */
export class TransportHook {
  readonly #wiring: Wiring
  readonly #gater: Gater
  readonly #muxers: MuxerHook
  readonly #wrapped = new WeakSet<Transport>()
  readonly #guards = new Set<SocketGuard>()
  /** Listeners that are about to listen */
  readonly #beginnings = new Set<Promise<void>>()
  readonly dials = new Dials()
  readonly sockets: SocketCounts = { pending: 0, expired: 0, dropped: 0 }

  constructor (wiring: Wiring, gater: Gater, muxers: MuxerHook) {
    this.#wiring = wiring
    this.#gater = gater
    this.#muxers = muxers
  }

  /** Makes a transport as libp2p would, with our upgrader wherever it looks for one */
  build (factory: (components: never) => Transport, components: NodeComponents): Transport {
    const state: TransportState = { tag: '', guardsSockets: false, bringsMuxer: false, unreturned: 0 }
    const upgrader = new RecordingUpgrader(this.#wiring, this.#gater, this.#muxers, components.upgrader, state)
    const transport = factory(componentsFor(components, upgrader) as never)
    state.tag = transport[Symbol.toStringTag]
    state.bringsMuxer = OWN_MUXER.has(state.tag)
    this.#wiring.transports.push(state)
    this.#wrap(transport, state, upgrader)

    return transport
  }

  /** Transports of the node that were not made by us */
  strangers (): Transport[] {
    return this.#wiring.components.transportManager.getTransports().filter(transport => !this.#wrapped.has(transport))
  }

  get guards (): Iterable<SocketGuard> {
    return this.#guards
  }

  /**
   * Resolves once nobody is about to listen any more, or after a while: one that is closed before it listens does so all
   * the same, and for ever (@libp2p/tcp 11.0.28).
   */
  async listening (): Promise<void> {
    if (this.#beginnings.size > 0) {
      await withDeadline(Promise.allSettled(this.#beginnings), 'listening', LISTEN_TIMEOUT, this.#wiring.clock).catch(() => {})
    }
  }

  #wrap (transport: Transport, state: TransportState, upgrader: RecordingUpgrader): void {
    this.#wrapped.add(transport)
    const dial = transport.dial.bind(transport)
    const createListener = transport.createListener.bind(transport)

    // on the instance, so that everything else about it stays as it was
    transport.dial = async (address, options) => {
      const { outbound } = this.#wiring.blockLists
      const blockList = outbound == null || bringsBlockList(transport, 'dialOpts') ? {} : { blockList: outbound }
      const dialWith = async (signal: AbortSignal): Promise<Connection> => dial(address, { ...options, signal, upgrader, ...blockList })

      return this.dials.run(address, options.signal, async signal => state.tag === WEBSOCKETS ? dialWebSocket(address, signal, dialWith) : dialWith(signal))
    }
    transport.createListener = options => {
      const guard = new SocketGuard(this.#wiring, this.sockets)
      const arrivals = new Arrivals(this.#wiring, this.#gater, state)
      const { inbound } = this.#wiring.blockLists
      const blockList = inbound == null || bringsBlockList(transport, 'listenOpts') ? {} : { blockList: inbound }
      const listener = createListener({ ...options, upgrader: upgrader.forListener({ sockets: guard, arrivals }), ...blockList })

      const listen = listener.listen.bind(listener)
      listener.listen = async address => {
        const beginning = listen(address)
        this.#beginnings.add(beginning)

        await beginning.finally(() => { this.#beginnings.delete(beginning) })
      }

      if (inbound != null) {
        state.asksBlockList = asksBlockList(listener, inbound)
      }

      if (isTcpListener(listener, state.tag) && state.asksOnArrival !== false) {
        arrivals.watch(listener)
      }

      if (isGuardable(listener)) {
        guard.watch(listener)
        this.#guards.add(guard)
        listener.addEventListener('close', () => { this.#guards.delete(guard) })
        state.guardsSockets = true
      }

      return listener
    }
  }
}

type TcpOptions = Partial<Record<'listenOpts' | 'dialOpts', { readonly blockList?: unknown }>>

/** The user's own, in the options of @libp2p/tcp, is not ours to replace */
function bringsBlockList (transport: Transport, where: keyof TcpOptions): boolean {
  const { opts } = transport as { readonly opts?: TcpOptions }

  return opts?.[where]?.blockList != null
}

/** Only what is seen to have taken it is said to ask it: neither is part of libp2p's interface */
function asksBlockList (listener: Listener, blockList: BlockList): boolean {
  const { server } = listener as { readonly server?: { readonly blockList?: unknown } }

  return server?.blockList === blockList
}

/** Circuit relay and WebRTC upgrade with the upgrader among their components instead of the one of their listener */
function componentsFor (components: NodeComponents, upgrader: Upgrader): NodeComponents {
  const logger = new SharedLoggers(components.logger)

  return new Proxy(components, {
    get: (target, property) => property === 'upgrader' ? upgrader : property === 'logger' ? logger : Reflect.get(target, property) as unknown
  })
}

/**
 * One logger for each name. Transports ask for another one of the same name with each connection, and libp2p's take
 * 9 µs to make (`isatty`, twice), which is a fifth of what a refusal costs (`bench -- shed`).
 */
class SharedLoggers implements ComponentLogger {
  readonly #logger: ComponentLogger
  readonly #byName = new Map<string, Logger>()

  constructor (logger: ComponentLogger) {
    this.#logger = logger
  }

  forComponent (name: string): Logger {
    const known = this.#byName.get(name)

    if (known != null) {
      return known
    }

    const made = this.#logger.forComponent(name)

    // a name may have something of the peer in it
    if (this.#byName.size < MAX_LOGGERS) {
      this.#byName.set(name, made)
    }

    return made
  }
}
