import { normaliseAddress } from '@cordon/address'
import { ConnectionRefusedError } from '@cordon/interface-connection-lifecycle'
import { InvalidParametersError } from '@libp2p/interface'
import { ConnectionGaterClass } from '../gater.ts'
import { Enforcer } from './enforcer.ts'
import { targetOf, targetOfDial } from './targets.ts'
import type { Attached, StandaloneConnectionGater } from '../index.ts'
import type { OpenConnection } from './enforcer.ts'
import type { Connection, Libp2p, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/**
 * A gater that libp2p asks by itself. What it asks are fields and not methods: it takes `filterMultiaddrForPeer` off the
 * object, and puts in what it misses (libp2p 3.3.11).
 */
export class StandaloneGater extends ConnectionGaterClass implements StandaloneConnectionGater {
  #attached: Enforcer | undefined

  readonly denyDialPeer = (peer: PeerId): boolean => this.#denies({ peer })
  readonly denyDialMultiaddr = (multiaddr: Multiaddr): boolean => this.#denies({ multiaddr })
  readonly denyInboundConnection = ({ remoteAddr }: MultiaddrConnection): boolean => this.#refuses('inbound', remoteAddr)
  readonly denyOutboundConnection = (peer: PeerId, { remoteAddr }: MultiaddrConnection): boolean => this.#refuses('outbound', remoteAddr, peer)
  readonly denyInboundEncryptedConnection = (peer: PeerId, { remoteAddr }: MultiaddrConnection): boolean => this.#refuses('inbound', remoteAddr, peer)
  readonly denyOutboundEncryptedConnection = (peer: PeerId, { remoteAddr }: MultiaddrConnection): boolean => this.#refuses('outbound', remoteAddr, peer)
  // a rule may have come while the muxer was agreed on, when libp2p does not list the connection yet
  readonly denyInboundUpgradedConnection = this.denyInboundEncryptedConnection
  readonly denyOutboundUpgradedConnection = this.denyOutboundEncryptedConnection
  readonly denyInboundRelayReservation = (source: PeerId): boolean => this.#refuses('inbound', undefined, source)
  readonly denyOutboundRelayedConnection = (source: PeerId, destination: PeerId): boolean => this.#refuses('inbound', undefined, source) || this.#refuses('outbound', undefined, destination)
  readonly denyInboundRelayedConnection = (_relay: PeerId, remote: PeerId): boolean => this.#refuses('inbound', undefined, remote)
  readonly filterMultiaddrForPeer = (peer: PeerId, multiaddr: Multiaddr): boolean => this.verdict(targetOfDial({ peer, multiaddr })).decision !== 'block'

  attach (node: Pick<Libp2p, 'getConnections'>): Attached {
    if (typeof (node as Partial<typeof node> | undefined)?.getConnections !== 'function') throw new InvalidParametersError('attach takes a node: what createLibp2p resolves to')
    if (this.#attached !== undefined) throw new InvalidParametersError('the gater is attached to a node already: each node needs a gater of its own')
    const enforcer = new Enforcer(this, {
      all: () => node.getConnections().map(openConnection),
      endDials: () => { /* libp2p has no way to end one; it is refused once it has connected */ }
    })
    const detach = (): void => {
      enforcer.stop()
      if (this.#attached === enforcer) this.#attached = undefined
    }
    this.#attached = enforcer
    enforcer.start()
    return { detach, [Symbol.dispose]: detach }
  }

  protected override missing (): string[] {
    const missing = super.missing()
    if (this.#attached === undefined) missing.push('it is attached to no node: connections that are open stay open when a rule forbids them; call attach(node)')
    return missing
  }

  #denies (dial: Parameters<typeof targetOfDial>[0]): boolean {
    return this.decide(targetOfDial(dial)) !== undefined
  }

  #refuses (direction: 'inbound' | 'outbound', multiaddr: Multiaddr | undefined, peer?: PeerId): boolean {
    return this.decide(targetOf(direction, multiaddr === undefined ? undefined : normaliseAddress(multiaddr), peer?.toString())) !== undefined
  }
}

function openConnection (connection: Connection): OpenConnection {
  const { direction, remoteAddr, remotePeer } = connection
  return {
    target: targetOf(direction, normaliseAddress(remoteAddr), remotePeer.toString()),
    close: refusal => {
      try {
        connection.abort(new ConnectionRefusedError(refusal))
      } catch {
        // its muxer throws where it cannot say goodbye any more: somebody else is closing it (libp2p 3.3.11)
      }
    }
  }
}
