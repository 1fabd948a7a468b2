import { noise } from '@chainsafe/libp2p-noise'
import { connectionGater } from '@cordon/connection-gater'
import { resourceManager } from '@cordon/resource-manager'
import { eventually } from '@cordon/testing/node'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { guarded } from '../composition/support.ts'
import type { GuardedInit, GuardedNode } from '../composition/support.ts'
import type { ConnectionGaterInit, ConnectionGaterService } from '@cordon/connection-gater'
import type { GateRefusal } from '@cordon/interface-connection-gater'
import type { ConnectionRecord } from '@cordon/interface-connection-lifecycle'
import type { LimitConfig } from '@cordon/interface-resource-manager'
import type { ResourceManagerService } from '@cordon/resource-manager'
import type { CircuitRelayService } from '@libp2p/circuit-relay-v2'
import type { ConnectionEncrypter, PeerId } from '@libp2p/interface'
import type { TCPOptions } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { TcpNetConnectOpts } from 'node:net'

export interface GatedInit {
  readonly gater?: ConnectionGaterInit
  /** Where it dials from */
  readonly localAddress?: string
  readonly listen?: string[]
  /** Carries others */
  readonly relays?: boolean
  /** What differs from go-libp2p's base limits */
  readonly limits?: LimitConfig
  /** A peer that it connects to and then says nothing to, so that it never proves who it is */
  readonly silentTo?: string
  readonly lifecycle?: GuardedInit['lifecycle']
}

export interface GatedNode extends GuardedNode {
  readonly id: string
  readonly gater: ConnectionGaterService
  readonly manager: ResourceManagerService
}

/** go-libp2p's base limits: 64 inbound connections */
const SMALLEST = { memory: 1, fileDescriptors: 0 }

/** Noise, of which one peer gets nothing */
function noiseBut (silentTo: string) {
  return (components: Parameters<ReturnType<typeof noise>>[0]): ConnectionEncrypter => {
    const encrypter: ConnectionEncrypter = noise()(components)
    const secureOutbound = encrypter.secureOutbound.bind(encrypter)
    encrypter.secureOutbound = async (stream, options) => {
      if (options?.remotePeer?.toString() !== silentTo) return secureOutbound(stream, options)
      const { signal } = options
      if (signal === undefined) throw new Error('nothing would end the silence')
      signal.throwIfAborted()
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => { reject(signal.reason as Error) }, { once: true })
      })
    }
    return encrypter
  }
}

function optionsOf ({ localAddress, listen = ['/ip4/127.0.0.1/tcp/0'], relays = false, silentTo }: GatedInit): GuardedInit['options'] {
  // libp2p's type leaves out what it passes on to `net.connect` all the same
  const dialOpts: TCPOptions['dialOpts'] & Pick<TcpNetConnectOpts, 'localAddress'> = localAddress === undefined ? {} : { localAddress }
  const services = { identify: identify(), ...(relays && { relay: circuitRelayServer({ reservations: { applyDefaultLimit: false, maxReservations: 100 } }) }) }
  return options => ({
    ...options,
    addresses: { listen },
    transports: [tcp({ dialOpts }), circuitRelayTransport()],
    connectionMonitor: { enabled: false },
    ...(silentTo !== undefined && { connectionEncrypters: [noiseBut(silentTo)] }),
    services: services as unknown as NonNullable<typeof options.services>
  })
}

/** A started node with everything that a composed one has, on TCP and over relays */
export async function gated (init: GatedInit = {}): Promise<GatedNode> {
  let gater: ConnectionGaterService | undefined
  let manager: ResourceManagerService | undefined
  const options = optionsOf(init)
  const node = await guarded({
    transport: 'tcp',
    ...(options !== undefined && { options }),
    ...(init.lifecycle !== undefined && { lifecycle: init.lifecycle }),
    modules: {
      gater: (components: Parameters<ReturnType<typeof connectionGater>>[0]) => (gater = connectionGater(init.gater)(components)),
      resourceManager: (components: Parameters<ReturnType<typeof resourceManager>>[0]) => (manager = resourceManager({ machine: SMALLEST, limits: init.limits })(components))
    }
  })
  if (gater === undefined || manager === undefined) throw new Error('the node made no gater or no manager')
  return { ...node, gater, manager, id: node.node.peerId.toString() }
}

/** The address of a node over a relay */
function over (relay: GatedNode, { id }: GatedNode): Multiaddr {
  return directOf(relay).encapsulate(`/p2p-circuit/p2p/${id}`)
}

/** A node that can be reached over a relay, which it chose and dialled itself; libp2p hangs when it shall listen over two of them (3.3.11) */
export async function hostBehind (relay: GatedNode, gater: ConnectionGaterInit = {}): Promise<GatedNode> {
  const host = await gated({ gater, listen: ['/ip4/127.0.0.1/tcp/0', `${directOf(relay).toString()}/p2p-circuit`] })
  await eventually(() => host.node.getMultiaddrs().some(address => address.toString().includes('/p2p-circuit')))
  return host
}

interface Reservations {
  reserve (peer: PeerId, addr: Multiaddr): unknown
}

/** Makes a relay of one that nobody asked: it connects to the host itself, and carries others there as if the host had wanted it */
export async function impose (relay: GatedNode, host: GatedNode): Promise<void> {
  const connection = await relay.node.dial(directOf(host))
  const service = relay.node.services as unknown as { readonly relay: CircuitRelayService & { readonly reservationStore: Reservations } }
  service.relay.reservationStore.reserve(host.node.peerId, connection.remoteAddr)
  await eventually(() => recordsOf(host, relay.id).length === 1)
}

/** Where a node is reached without a relay */
function directOf ({ node }: GatedNode): Multiaddr {
  const direct = node.getMultiaddrs().find(address => !address.toString().includes('/p2p-circuit'))
  if (direct === undefined) throw new Error('the node listens nowhere')
  return direct
}

/** What the host has of somebody, once it is ready */
export function recordsOf (host: GatedNode, peer: string): ConnectionRecord[] {
  return [...host.lifecycle.records()].filter(({ remotePeer, state }) => remotePeer?.toString() === peer && state === 'ready')
}

/** Comes over a relay; resolves with whether the host has taken the guest in */
export async function comeOver (relay: GatedNode, guest: GatedNode, host: GatedNode): Promise<boolean> {
  return come(guest, host, over(relay, host))
}

/** Comes by itself */
export async function comeDirectly (guest: GatedNode, host: GatedNode): Promise<boolean> {
  return come(guest, host, directOf(host))
}

/** Comes over a relay and says nothing; resolves once the host waits for it to */
export async function comeSilently (relay: GatedNode, guest: GatedNode, host: GatedNode): Promise<void> {
  const before = host.lifecycle.stats().inbound
  guest.node.dial(over(relay, host)).catch(() => {
    // the host has dropped it, or the test is over
  })
  await eventually(() => host.lifecycle.stats().inbound > before)
}

async function come (guest: GatedNode, host: GatedNode, to: Multiaddr): Promise<boolean> {
  // a relay of libp2p does not tell the guest that the host has cut what it carried
  const refused = new AbortController()
  host.lifecycle.addEventListener('connection:refused', () => { refused.abort() }, { signal: refused.signal })
  const connection = await guest.node.dial(to, { force: true, signal: refused.signal }).catch(() => undefined)
  if (connection === undefined) return false
  const outcome = await eventually(() => refused.signal.aborted || connection.status !== 'open' ? 'refused' : recordsOf(host, guest.id).length > 0 && 'taken in')
  refused.abort()
  return outcome === 'taken in'
}

/** Why the host's gater said no, in order */
export function refusals ({ events }: GatedNode): GateRefusal[] {
  return events.flatMap(event => event.type === 'connection:refused' && event.refusal.module === 'gater' ? [event.refusal as GateRefusal] : [])
}
