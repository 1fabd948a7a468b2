import { normaliseAddress } from '@cordon/address'
import { asError } from './attachment.ts'
import { isThenable, withDeadline } from './deadline.ts'
import type { NodeComponents, Wiring } from './wiring.ts'
import type { Refusal } from '@cordon/interface-connection-lifecycle'
import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

type Answer = boolean | Promise<boolean>

/**
 * The gater that libp2p sees. The user's own gater, or libp2p's default, is asked at the same moments as without
 * us, with a deadline; then the lifecycle is. Only `denyInboundConnection` is asked elsewhere: by the upgrader,
 * once a record exists.
 */
export class Gater {
  readonly #wiring: Wiring
  #user: ConnectionGater = {}
  faults = 0

  constructor (wiring: Wiring) {
    this.#wiring = wiring
  }

  /** Takes the place of the gater that the node has */
  install (components: NodeComponents): void {
    const user = this.#user = components.connectionGater
    const identified = (method: 'denyInboundEncryptedConnection' | 'denyOutboundEncryptedConnection') => (peer: PeerId, raw: MultiaddrConnection): Answer =>
      then(this.#ask(method, peer, raw), denied => this.#identified(denied, peer, raw))

    // a connection that ended while the user's gater thought about it must not be announced
    const connected = (method: 'denyOutboundConnection' | 'denyInboundUpgradedConnection' | 'denyOutboundUpgradedConnection') => (peer: PeerId, raw: MultiaddrConnection): Answer =>
      then(this.#ask(method, peer, raw), denied => this.#denied(denied, raw) || raw.status !== 'open')

    components.connectionGater = {
      denyDialPeer: peer => then(this.#ask('denyDialPeer', peer), denied => denied || this.#wiring.driver.dial({ peer }) != null),
      denyDialMultiaddr: multiaddr => then(this.#ask('denyDialMultiaddr', multiaddr), denied => denied || this.#dial(multiaddr)),
      denyInboundConnection: raw => this.#wiring.find(raw) == null ? this.#ask('denyInboundConnection', raw) : false,
      denyOutboundConnection: connected('denyOutboundConnection'),
      denyInboundEncryptedConnection: identified('denyInboundEncryptedConnection'),
      denyOutboundEncryptedConnection: identified('denyOutboundEncryptedConnection'),
      denyInboundUpgradedConnection: connected('denyInboundUpgradedConnection'),
      denyOutboundUpgradedConnection: connected('denyOutboundUpgradedConnection'),
      denyInboundRelayReservation: source => this.#ask('denyInboundRelayReservation', source),
      denyOutboundRelayedConnection: (source, destination) => this.#ask('denyOutboundRelayedConnection', source, destination),
      denyInboundRelayedConnection: (relay, remote) => this.#ask('denyInboundRelayedConnection', relay, remote),
      filterMultiaddrForPeer: user.filterMultiaddrForPeer == null
        ? undefined
        : (peer, multiaddr) => user.filterMultiaddrForPeer?.(peer, multiaddr) ?? true
    }
  }

  /** Whether the user's gater has a `denyInboundConnection` */
  get asksInbound (): boolean {
    return this.#user.denyInboundConnection != null
  }

  /** Asks the user's gater about an inbound connection whose record exists */
  inbound (raw: MultiaddrConnection): Refusal | undefined | Promise<Refusal | undefined> {
    if (!this.asksInbound) {
      return undefined
    }

    return then(this.#ask('denyInboundConnection', raw), denied => denied ? DENIED : undefined)
  }

  #ask <K extends Method> (method: K, ...args: Arguments<K>): Answer {
    const ask = this.#user[method] as ((...args: unknown[]) => unknown) | undefined

    if (ask == null) {
      return false
    }

    try {
      const answer = ask.apply(this.#user, args)

      return isThenable(answer) ? this.#await(method, answer) : answer === true
    } catch (error) {
      return this.#fault(method, error)
    }
  }

  async #await (method: Method, answer: PromiseLike<unknown>): Promise<boolean> {
    try {
      return await withDeadline(answer, `connectionGater.${method}`, this.#wiring.init.gaterTimeout, this.#wiring.clock) === true
    } catch (error) {
      return this.#fault(method, error)
    }
  }

  /** A gater that throws or does not answer refuses */
  #fault (method: Method, error: unknown): true {
    this.faults++
    this.#wiring.log.error('connectionGater.%s did not answer, refusing - %e', method, asError(error))

    return true
  }

  #dial (multiaddr: Multiaddr): boolean {
    return this.#wiring.driver.dial({ multiaddr, address: normaliseAddress(multiaddr) }) != null
  }

  /** Has the record say who denied it; libp2p gives up the upgrade by itself */
  #denied (denied: boolean, raw: MultiaddrConnection): boolean {
    const record = this.#wiring.find(raw)?.record

    if (denied && record != null) {
      this.#wiring.driver.refuse(record, DENIED)
    }

    return denied
  }

  #identified (denied: boolean, peer: PeerId, raw: MultiaddrConnection): boolean {
    const record = this.#wiring.find(raw)?.record

    // raw connections of transports that are not ours to wrap have no record
    if (record == null || this.#denied(denied, raw)) {
      return denied || raw.status !== 'open'
    }

    // without the last check libp2p would build a muxer on a dead connection and announce it, and never say that
    // it closed (libp2p 3.3.11, `docs/attaching.md`)
    return this.#wiring.driver.identified(record, peer) != null || raw.status !== 'open'
  }
}

type Method = Exclude<keyof ConnectionGater, 'filterMultiaddrForPeer'>
type Arguments<K extends Method> = Parameters<NonNullable<ConnectionGater[K]>>

const DENIED: Refusal = {
  code: 'gater',
  module: 'connectionGater',
  message: 'the connection gater of this node denied the connection'
}

/** Goes on at once where the answer is there, so that a synchronous gater leaves no gap */
function then<T> (answer: Answer, next: (denied: boolean) => T): T | Promise<T> {
  return typeof answer === 'boolean' ? next(answer) : answer.then(next)
}
