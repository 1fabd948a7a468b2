import { normaliseAddress } from '@cordon/address'
import { peerName, peerNames } from '@cordon/bench-resource-manager-replay/peers'
import { createResourceManager, infiniteLimits } from '@cordon/resource-manager'
import type { Counts, Sink } from './scrape.ts'
import type { ConnectionScope, LimitConfig, OpenConnectionOptions, PartialScopeLimits, ResourceManager, ResourceRefusal, StreamScope } from '@cordon/interface-resource-manager'

/** Large, and no short cut for "no limit", as in the Go program */
const BIG = 2 ** 40

export const PROTOCOL = '/bench/1.0.0'
export const SERVICE = 'bench.svc'

export const LOOPBACK: OpenConnectionOptions = { usesDescriptor: true, address: normaliseAddress('/ip4/127.0.0.1/tcp/4001') }
export const PUBLIC: OpenConnectionOptions = { usesDescriptor: true, address: normaliseAddress('/ip4/1.2.3.4/tcp/4001') }

export const PEER = peerName(1)

/** As in the Go program: large everywhere, but for what is named */
export function limitsWith (limits: LimitConfig): LimitConfig {
  const scope: PartialScopeLimits = { connections: BIG, connectionsInbound: BIG, connectionsOutbound: BIG, streams: BIG, streamsInbound: BIG, streamsOutbound: BIG, fileDescriptors: BIG, memory: BIG }
  const scopes = Object.keys({ ...infiniteLimits }).filter(name => name.endsWith('Default') || ['system', 'transient', 'allowlistedSystem', 'allowlistedTransient', 'connection', 'stream'].includes(name))
  const all = Object.fromEntries(scopes.map((name): [string, object] => [name, { ...scope, ...limits[name as keyof LimitConfig] }]))
  return { ...all, prefixes: { ipv4: [{ length: 32, connections: BIG }], ipv6: [{ length: 56, connections: BIG }] } }
}

export function make (sink: Sink | undefined, limits: LimitConfig = {}): ResourceManager {
  return createResourceManager({ limits: limitsWith(limits), metrics: sink?.metrics })
}

export function must<T extends object> (result: T | ResourceRefusal): T {
  if ('code' in result) throw new Error((result).message)
  return result
}

export function mustRefuse (result: object | undefined): void {
  if (result === undefined || !('code' in result)) throw new Error('was admitted')
}

/** What a lifecycle adds to the counters */
export const LIFECYCLE: Counts = { connection: 1, peer: 1, stream: 1, protocol: 1, service: 1, all: 1 }

/** All that a connection with one stream asks for */
export function lifecycle (manager: ResourceManager, peer: string, options: OpenConnectionOptions): void {
  const connection = must(manager.openConnection('inbound', options))
  connection.setPeer(peer)
  const stream = must(manager.openStream(peer, 'inbound'))
  stream.setProtocol(PROTOCOL)
  stream.setService(SERVICE)
  must(stream.reserveMemory(4096, 255)).release()
  stream.release()
  connection.release()
}

export function serviceStream (manager: ResourceManager, peer: string): StreamScope {
  const stream = must(manager.openStream(peer, 'inbound'))
  stream.setProtocol(PROTOCOL)
  stream.setService(SERVICE)
  return stream
}

/** Peers with a connection and some streams each, which they keep */
export function populate (manager: ResourceManager, peers: number, streams: number): Array<ConnectionScope | StreamScope> {
  const held: Array<ConnectionScope | StreamScope> = []
  for (const peer of peerNames(peers)) {
    const connection = must(manager.openConnection('inbound', LOOPBACK))
    connection.setPeer(peer)
    held.push(connection)
    for (let j = 0; j < streams; j++) held.push(serviceStream(manager, peer))
  }
  return held
}
