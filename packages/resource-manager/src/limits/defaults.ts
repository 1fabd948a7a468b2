import { mapLimits } from './limits.ts'
import type { LimitConfig, LimitKey, ScopeLimits } from '@cordon/interface-resource-manager'

/** Names of the scopes that a configuration can limit, apart from those that the user names */
export const DEFAULT_SCOPES = [
  'system', 'transient', 'allowlistedSystem', 'allowlistedTransient', 'serviceDefault', 'servicePeerDefault',
  'protocolDefault', 'protocolPeerDefault', 'peerDefault', 'connection', 'stream'
] as const

/** Scopes of which single ones can be named, with what applies to all others */
export const NAMED_SCOPES = {
  service: 'serviceDefault',
  servicePeer: 'servicePeerDefault',
  protocol: 'protocolDefault',
  protocolPeer: 'protocolPeerDefault',
  peer: 'peerDefault'
} as const

export type DefaultScope = typeof DEFAULT_SCOPES[number]
export type NamedScopeKind = keyof typeof NAMED_SCOPES

/** Limits in which nothing is left open */
export type CompleteLimits = Readonly<Record<DefaultScope, ScopeLimits>> & Readonly<Record<NamedScopeKind, Readonly<Record<string, ScopeLimits>>>>

/** What a scope has on a small machine, and what is added with each GiB that libp2p may use */
export interface ScalingLimits {
  readonly base: Partial<Record<LimitKey, number>>
  readonly perGiB?: Partial<Record<Exclude<LimitKey, 'fileDescriptors'>, number>>
  /** The share of the descriptors that libp2p may use */
  readonly descriptorShare?: number
}

const MiB = 2 ** 20
const GiB = 2 ** 30

const connections = (inbound: number, outbound: number, total: number): Partial<Record<LimitKey, number>> => ({ connections: total, connectionsInbound: inbound, connectionsOutbound: outbound })
const streams = (inbound: number, outbound: number, total: number): Partial<Record<LimitKey, number>> => ({ streams: total, streamsInbound: inbound, streamsOutbound: outbound })

const SYSTEM: ScalingLimits = {
  base: { ...connections(64, 128, 128), ...streams(1024, 2048, 2048), memory: 128 * MiB, fileDescriptors: 256 },
  perGiB: { ...connections(64, 128, 128), ...streams(1024, 2048, 2048), memory: GiB },
  descriptorShare: 1
}

const TRANSIENT: ScalingLimits = {
  base: { ...connections(32, 64, 64), ...streams(128, 256, 256), memory: 32 * MiB, fileDescriptors: 64 },
  perGiB: { ...connections(16, 32, 32), ...streams(128, 256, 256), memory: 128 * MiB },
  descriptorShare: 0.25
}

/** `DefaultLimits` of go-libp2p v0.48.0 (`limit_defaults.go`), but for what is marked; what is left out is 0 */
const SCALING: Readonly<Record<DefaultScope, ScalingLimits>> = {
  system: SYSTEM,
  transient: TRANSIENT,
  allowlistedSystem: SYSTEM,
  allowlistedTransient: TRANSIENT,
  serviceDefault: {
    base: { ...streams(1024, 4096, 4096), memory: 64 * MiB },
    perGiB: { ...streams(512, 2048, 2048), memory: 128 * MiB }
  },
  servicePeerDefault: {
    base: { ...streams(128, 256, 256), memory: 16 * MiB },
    perGiB: { ...streams(4, 8, 8), memory: 4 * MiB }
  },
  protocolDefault: {
    base: { ...streams(512, 2048, 2048), memory: 64 * MiB },
    perGiB: { ...streams(256, 512, 512), memory: 164 * MiB }
  },
  protocolPeerDefault: {
    base: { ...streams(64, 128, 256), memory: 16 * MiB },
    // corrected: 4 bytes in go-libp2p, where its sibling has 4 MiB
    perGiB: { ...streams(4, 8, 16), memory: 4 * MiB }
  },
  peerDefault: {
    base: { ...connections(8, 8, 8), ...streams(256, 512, 512), memory: 64 * MiB, fileDescriptors: 4 },
    perGiB: { ...streams(128, 256, 256), memory: 128 * MiB },
    descriptorShare: 1 / 64
  },
  connection: { base: { ...connections(1, 1, 1), memory: 32 * MiB, fileDescriptors: 1 } },
  stream: { base: { ...streams(1, 1, 1), memory: 16 * MiB } }
}

/** 32 streams with a window of 256 KiB and a buffer of 16 KiB each. Corrected: go-libp2p has 256 MiB there. */
const WINDOWS = 32 * (256 * 1024 + 16 * 1024)

const IDENTIFY: ScalingLimits = { base: { ...streams(64, 64, 128), memory: 4 * MiB }, perGiB: { ...streams(64, 64, 128), memory: 4 * MiB } }
const IDENTIFY_PEER: ScalingLimits = { base: { ...streams(16, 16, 32), memory: WINDOWS } }
const PING: ScalingLimits = { base: { ...streams(64, 64, 64), memory: 4 * MiB }, perGiB: { ...streams(64, 64, 64), memory: 4 * MiB } }
const PING_PEER: ScalingLimits = { base: { ...streams(2, 3, 4), memory: WINDOWS } }
const AUTONAT: ScalingLimits = { base: { ...streams(64, 64, 64), memory: 4 * MiB }, perGiB: { ...streams(4, 4, 4), memory: 2 * MiB } }
const HOLEPUNCH: ScalingLimits = { base: { ...streams(32, 32, 64), memory: 4 * MiB }, perGiB: { ...streams(8, 8, 16), memory: 4 * MiB } }
const PAIR: ScalingLimits = { base: { ...streams(2, 2, 2), memory: MiB } }
const CIRCUIT: ScalingLimits = { base: { ...streams(640, 640, 640), memory: 16 * MiB }, perGiB: { ...streams(640, 640, 640), memory: 16 * MiB } }
const CIRCUIT_PEER: ScalingLimits = { base: { ...streams(128, 128, 128), memory: 32 * MiB } }

/** `SetDefaultServiceLimits` of go-libp2p v0.48.0 (`limits.go`) */
const SCALING_NAMED: Readonly<Record<NamedScopeKind, Readonly<Record<string, ScalingLimits>>>> = {
  service: {
    'libp2p.identify': IDENTIFY,
    'libp2p.ping': PING,
    'libp2p.autonat': AUTONAT,
    'libp2p.holepunch': HOLEPUNCH,
    'libp2p.relay/v2': { base: { ...streams(256, 256, 256), memory: 16 * MiB }, perGiB: { ...streams(256, 256, 256), memory: 16 * MiB } }
  },
  servicePeer: {
    'libp2p.identify': { base: { ...streams(16, 16, 32), memory: MiB } },
    'libp2p.ping': PING_PEER,
    'libp2p.autonat': PAIR,
    'libp2p.holepunch': PAIR,
    'libp2p.relay/v2': { base: { ...streams(64, 64, 64), memory: MiB } }
  },
  protocol: {
    '/ipfs/id/1.0.0': IDENTIFY,
    '/ipfs/id/push/1.0.0': IDENTIFY,
    '/ipfs/ping/1.0.0': PING,
    '/libp2p/autonat/1.0.0': AUTONAT,
    '/libp2p/dcutr': HOLEPUNCH,
    '/libp2p/circuit/relay/0.2.0/hop': CIRCUIT,
    '/libp2p/circuit/relay/0.2.0/stop': CIRCUIT
  },
  protocolPeer: {
    '/ipfs/id/1.0.0': IDENTIFY_PEER,
    '/ipfs/id/push/1.0.0': IDENTIFY_PEER,
    '/ipfs/ping/1.0.0': PING_PEER,
    '/libp2p/autonat/1.0.0': PAIR,
    '/libp2p/dcutr': PAIR,
    '/libp2p/circuit/relay/0.2.0/hop': CIRCUIT_PEER,
    '/libp2p/circuit/relay/0.2.0/stop': CIRCUIT_PEER
  },
  peer: {}
}

const SERVICES: ReadonlyMap<string, string> = new Map([
  ['/ipfs/id/1.0.0', 'libp2p.identify'],
  ['/ipfs/id/push/1.0.0', 'libp2p.identify'],
  ['/ipfs/ping/1.0.0', 'libp2p.ping'],
  ['/libp2p/autonat/1.0.0', 'libp2p.autonat'],
  ['/libp2p/dcutr', 'libp2p.holepunch'],
  ['/libp2p/circuit/relay/0.2.0/hop', 'libp2p.relay/v2'],
  ['/libp2p/circuit/relay/0.2.0/stop', 'libp2p.relay/v2']
])

/** The service to which go-libp2p attaches streams of a protocol of its own */
export function serviceOf (protocol: string): string | undefined {
  return SERVICES.get(protocol)
}

const UNBOUNDED: ScopeLimits = Object.freeze(mapLimits(() => Infinity))

/** The least that counts as more than a small machine, in bytes */
const SMALL = 128 * MiB

/**
 * One scope on a machine of this size, as go-libp2p computes it: whole MiB count, and nothing is added up to 128 MiB.
 *
 * @param memory - what libp2p may use, in bytes
 * @param descriptors - how many libp2p may use; 0 where that is not known
 */
export function scaleScope (scaling: ScalingLimits, memory: number, descriptors: number): ScopeLimits {
  const { base, perGiB = {}, descriptorShare = 0 } = scaling
  const mib = memory > SMALL ? Math.floor(memory / MiB) : 0
  const grown = (key: Exclude<LimitKey, 'fileDescriptors'>): number => (base[key] ?? 0) + Math.floor((perGiB[key] ?? 0) * mib / 1024)
  const least = base.fileDescriptors ?? 0
  return {
    connections: grown('connections'),
    connectionsInbound: grown('connectionsInbound'),
    connectionsOutbound: grown('connectionsOutbound'),
    streams: grown('streams'),
    streamsInbound: grown('streamsInbound'),
    streamsOutbound: grown('streamsOutbound'),
    memory: grown('memory'),
    fileDescriptors: descriptorShare > 0 && descriptors > 0 ? Math.max(Math.floor(descriptorShare * descriptors), least) : least
  }
}

function mapRecord<In, Out> (record: Readonly<Record<string, In>>, map: (value: In) => Out): Record<string, Out> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]))
}

/**
 * The limits of a machine of this size.
 *
 * @param memory - what libp2p may use, in bytes
 * @param descriptors - how many libp2p may use; 0 where that is not known
 */
export function scaledLimits (memory: number, descriptors: number): CompleteLimits {
  const scale = (scaling: ScalingLimits): ScopeLimits => scaleScope(scaling, memory, descriptors)
  const { system, transient, allowlistedSystem, allowlistedTransient, serviceDefault, servicePeerDefault, protocolDefault, protocolPeerDefault, peerDefault, connection, stream } = SCALING
  return {
    system: scale(system),
    transient: scale(transient),
    allowlistedSystem: scale(allowlistedSystem),
    allowlistedTransient: scale(allowlistedTransient),
    serviceDefault: scale(serviceDefault),
    servicePeerDefault: scale(servicePeerDefault),
    protocolDefault: scale(protocolDefault),
    protocolPeerDefault: scale(protocolPeerDefault),
    peerDefault: scale(peerDefault),
    connection: scale(connection),
    stream: scale(stream),
    service: mapRecord(SCALING_NAMED.service, scale),
    servicePeer: mapRecord(SCALING_NAMED.servicePeer, scale),
    protocol: mapRecord(SCALING_NAMED.protocol, scale),
    protocolPeer: mapRecord(SCALING_NAMED.protocolPeer, scale),
    peer: {}
  }
}

/** No limit anywhere, that of where connections come from included. Frozen, because everybody has the same. */
export const infiniteLimits: LimitConfig = Object.freeze({
  system: UNBOUNDED,
  transient: UNBOUNDED,
  allowlistedSystem: UNBOUNDED,
  allowlistedTransient: UNBOUNDED,
  serviceDefault: UNBOUNDED,
  servicePeerDefault: UNBOUNDED,
  protocolDefault: UNBOUNDED,
  protocolPeerDefault: UNBOUNDED,
  peerDefault: UNBOUNDED,
  connection: UNBOUNDED,
  stream: UNBOUNDED,
  service: Object.freeze(mapRecord(SCALING_NAMED.service, () => UNBOUNDED)),
  servicePeer: Object.freeze(mapRecord(SCALING_NAMED.servicePeer, () => UNBOUNDED)),
  protocol: Object.freeze(mapRecord(SCALING_NAMED.protocol, () => UNBOUNDED)),
  protocolPeer: Object.freeze(mapRecord(SCALING_NAMED.protocolPeer, () => UNBOUNDED)),
  peer: Object.freeze({}),
  prefixes: Object.freeze({ ipv4: Object.freeze([]), ipv6: Object.freeze([]), relay: Object.freeze({}), relayed: Object.freeze({}), other: Object.freeze({}), global: Object.freeze({}) })
})
