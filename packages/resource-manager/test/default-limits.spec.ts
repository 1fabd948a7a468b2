import { describe, expect, it } from 'vitest'
import { autoscale, serviceOf } from '../src/index.ts'
import { scaledLimits } from '../src/limits/defaults.ts'
import type { CompleteLimits, DefaultScope, NamedScopeKind } from '../src/index.ts'
import type { ScopeLimits } from '@cordon/interface-resource-manager'

const KiB = 2 ** 10
const MiB = 2 ** 20
const GiB = 2 ** 30

/** Inbound, outbound and in all, as in the tables of go-libp2p */
type Counts = readonly [inbound: number, outbound: number, all: number]

const NONE: Counts = [0, 0, 0]

/** What a scope has on a small machine, or is given with each GiB */
interface Row {
  readonly connections?: Counts
  readonly streams: Counts
  readonly memory: number
  readonly fileDescriptors?: number
}

function limitsOf ({ connections = NONE, streams, memory, fileDescriptors = 0 }: Row): ScopeLimits {
  return {
    connectionsInbound: connections[0], connectionsOutbound: connections[1], connections: connections[2],
    streamsInbound: streams[0], streamsOutbound: streams[1], streams: streams[2],
    memory, fileDescriptors
  }
}

function minus (more: ScopeLimits | undefined, less: ScopeLimits | undefined): Record<string, number> {
  return Object.fromEntries(Object.entries(more ?? {}).map(([key, value]: [string, number]) => [key, value - (less?.[key as keyof ScopeLimits] ?? NaN)]))
}

const SMALL = scaledLimits(128 * MiB, 0)
const WITH_ONE = scaledLimits(GiB, 0)
const WITH_EIGHT = scaledLimits(8 * GiB, 0)

/** Both on a small machine and by the GiB */
function expectScope (pick: (limits: CompleteLimits) => ScopeLimits | undefined, base: Row, perGiB: Row): void {
  expect(pick(SMALL)).toEqual(limitsOf(base))
  expect(minus(pick(WITH_ONE), pick(SMALL))).toEqual(limitsOf(perGiB))
  const { connections = NONE, streams, memory } = perGiB
  const eight = (counts: Counts): Counts => [8 * counts[0], 8 * counts[1], 8 * counts[2]]
  expect(minus(pick(WITH_EIGHT), pick(SMALL))).toEqual(limitsOf({ connections: eight(connections), streams: eight(streams), memory: 8 * memory }))
}

const NOTHING: Row = { streams: NONE, memory: 0 }

// the tables of go-libp2p v0.48.0 (`limit_defaults.go`, `limits.go`), written down from there and not from ours
const SYSTEM: readonly [Row, Row] = [
  { connections: [64, 128, 128], streams: [1024, 2048, 2048], memory: 128 * MiB, fileDescriptors: 256 },
  { connections: [64, 128, 128], streams: [1024, 2048, 2048], memory: 1024 * MiB }
]
const TRANSIENT: readonly [Row, Row] = [
  { connections: [32, 64, 64], streams: [128, 256, 256], memory: 32 * MiB, fileDescriptors: 64 },
  { connections: [16, 32, 32], streams: [128, 256, 256], memory: 128 * MiB }
]

const SCOPES: ReadonlyArray<readonly [DefaultScope, Row, Row]> = [
  ['system', ...SYSTEM],
  ['transient', ...TRANSIENT],
  ['allowlistedSystem', ...SYSTEM],
  ['allowlistedTransient', ...TRANSIENT],
  ['serviceDefault', { streams: [1024, 4096, 4096], memory: 64 * MiB }, { streams: [512, 2048, 2048], memory: 128 * MiB }],
  ['servicePeerDefault', { streams: [128, 256, 256], memory: 16 * MiB }, { streams: [4, 8, 8], memory: 4 * MiB }],
  ['protocolDefault', { streams: [512, 2048, 2048], memory: 64 * MiB }, { streams: [256, 512, 512], memory: 164 * MiB }],
  // corrected: 4 bytes with each GiB in go-libp2p
  ['protocolPeerDefault', { streams: [64, 128, 256], memory: 16 * MiB }, { streams: [4, 8, 16], memory: 4 * MiB }],
  ['peerDefault', { connections: [8, 8, 8], streams: [256, 512, 512], memory: 64 * MiB, fileDescriptors: 4 }, { streams: [128, 256, 256], memory: 128 * MiB }],
  ['connection', { connections: [1, 1, 1], streams: NONE, memory: 32 * MiB, fileDescriptors: 1 }, NOTHING],
  ['stream', { streams: [1, 1, 1], memory: 16 * MiB }, NOTHING]
]

// corrected: 256 MiB each in go-libp2p
const WINDOWS = 32 * (256 * KiB + 16 * KiB)

const NAMED: ReadonlyArray<readonly [NamedScopeKind, string, Row, Row]> = [
  ['service', 'libp2p.identify', { streams: [64, 64, 128], memory: 4 * MiB }, { streams: [64, 64, 128], memory: 4 * MiB }],
  ['servicePeer', 'libp2p.identify', { streams: [16, 16, 32], memory: 1 * MiB }, NOTHING],
  ['protocol', '/ipfs/id/1.0.0', { streams: [64, 64, 128], memory: 4 * MiB }, { streams: [64, 64, 128], memory: 4 * MiB }],
  ['protocolPeer', '/ipfs/id/1.0.0', { streams: [16, 16, 32], memory: WINDOWS }, NOTHING],
  ['protocol', '/ipfs/id/push/1.0.0', { streams: [64, 64, 128], memory: 4 * MiB }, { streams: [64, 64, 128], memory: 4 * MiB }],
  ['protocolPeer', '/ipfs/id/push/1.0.0', { streams: [16, 16, 32], memory: WINDOWS }, NOTHING],

  ['service', 'libp2p.ping', { streams: [64, 64, 64], memory: 4 * MiB }, { streams: [64, 64, 64], memory: 4 * MiB }],
  ['servicePeer', 'libp2p.ping', { streams: [2, 3, 4], memory: WINDOWS }, NOTHING],
  ['protocol', '/ipfs/ping/1.0.0', { streams: [64, 64, 64], memory: 4 * MiB }, { streams: [64, 64, 64], memory: 4 * MiB }],
  ['protocolPeer', '/ipfs/ping/1.0.0', { streams: [2, 3, 4], memory: WINDOWS }, NOTHING],

  ['service', 'libp2p.autonat', { streams: [64, 64, 64], memory: 4 * MiB }, { streams: [4, 4, 4], memory: 2 * MiB }],
  ['servicePeer', 'libp2p.autonat', { streams: [2, 2, 2], memory: 1 * MiB }, NOTHING],
  ['protocol', '/libp2p/autonat/1.0.0', { streams: [64, 64, 64], memory: 4 * MiB }, { streams: [4, 4, 4], memory: 2 * MiB }],
  ['protocolPeer', '/libp2p/autonat/1.0.0', { streams: [2, 2, 2], memory: 1 * MiB }, NOTHING],

  ['service', 'libp2p.holepunch', { streams: [32, 32, 64], memory: 4 * MiB }, { streams: [8, 8, 16], memory: 4 * MiB }],
  ['servicePeer', 'libp2p.holepunch', { streams: [2, 2, 2], memory: 1 * MiB }, NOTHING],
  ['protocol', '/libp2p/dcutr', { streams: [32, 32, 64], memory: 4 * MiB }, { streams: [8, 8, 16], memory: 4 * MiB }],
  ['protocolPeer', '/libp2p/dcutr', { streams: [2, 2, 2], memory: 1 * MiB }, NOTHING],

  ['service', 'libp2p.relay/v2', { streams: [256, 256, 256], memory: 16 * MiB }, { streams: [256, 256, 256], memory: 16 * MiB }],
  ['servicePeer', 'libp2p.relay/v2', { streams: [64, 64, 64], memory: 1 * MiB }, NOTHING],
  ['protocol', '/libp2p/circuit/relay/0.2.0/hop', { streams: [640, 640, 640], memory: 16 * MiB }, { streams: [640, 640, 640], memory: 16 * MiB }],
  ['protocolPeer', '/libp2p/circuit/relay/0.2.0/hop', { streams: [128, 128, 128], memory: 32 * MiB }, NOTHING],
  ['protocol', '/libp2p/circuit/relay/0.2.0/stop', { streams: [640, 640, 640], memory: 16 * MiB }, { streams: [640, 640, 640], memory: 16 * MiB }],
  ['protocolPeer', '/libp2p/circuit/relay/0.2.0/stop', { streams: [128, 128, 128], memory: 32 * MiB }, NOTHING]
]

describe('the default limits', () => {
  it.each(SCOPES)('of %s are those of go-libp2p, on a small machine and with each GiB', (scope, base, perGiB) => {
    expectScope(limits => limits[scope], base, perGiB)
  })

  it.each(NAMED)('of the %s %s are those of go-libp2p, on a small machine and with each GiB', (kind, name, base, perGiB) => {
    expectScope(limits => limits[kind][name], base, perGiB)
  })

  it('are of these scopes and names, and of no others', () => {
    const kinds = ['service', 'servicePeer', 'protocol', 'protocolPeer', 'peer'] as const
    for (const limits of [SMALL, WITH_EIGHT]) {
      expect(Object.keys(limits).sort()).toEqual([...SCOPES.map(([scope]) => scope), ...kinds].sort())
      for (const kind of kinds) expect(Object.keys(limits[kind]).sort()).toEqual(NAMED.filter(([of]) => of === kind).map(([, name]) => name).sort())
    }
  })

  // as a share of all that libp2p may use, and never below the base
  it.each<[DefaultScope, number, number]>([
    ['system', 65_536, 256],
    ['transient', 16_384, 64],
    ['allowlistedSystem', 65_536, 256],
    ['allowlistedTransient', 16_384, 64],
    ['peerDefault', 1_024, 4],
    ['connection', 1, 1],
    ['serviceDefault', 0, 0],
    ['servicePeerDefault', 0, 0],
    ['protocolDefault', 0, 0],
    ['protocolPeerDefault', 0, 0],
    ['stream', 0, 0]
  ])('give %s %i of 65,536 descriptors, and %i of one', (scope, ofMany, ofOne) => {
    expect([65_536, 1].map(descriptors => scaledLimits(0, descriptors)[scope].fileDescriptors)).toEqual([ofMany, ofOne])
  })

  // worked out by hand from the formula of go-libp2p: an eighth of the memory, by whole MiB from 128 up
  it.each<[number, Counts, Counts, number, Counts, Counts, number, Counts]>([
    [1, [64, 128, 128], [1024, 2048, 2048], 128, [32, 64, 64], [256, 512, 512], 64, [512, 2048, 2048]],
    [4, [96, 192, 192], [1536, 3072, 3072], 640, [40, 80, 80], [320, 640, 640], 128, [640, 2304, 2304]],
    [16, [192, 384, 384], [3072, 6144, 6144], 2176, [64, 128, 128], [512, 1024, 1024], 320, [1024, 3072, 3072]],
    [64, [576, 1152, 1152], [9216, 18432, 18432], 8320, [160, 320, 320], [1280, 2560, 2560], 1088, [2560, 6144, 6144]]
  ])('of a machine with %i GiB', (memory, connections, streams, mib, transient, peerStreams, peerMiB, protocolStreams) => {
    const limits = autoscale({ memory: memory * GiB, fileDescriptors: 0 })
    expect(limits.system).toEqual(limitsOf({ connections, streams, memory: mib * MiB, fileDescriptors: 256 }))
    expect(limits.transient).toMatchObject({ connectionsInbound: transient[0], connectionsOutbound: transient[1], connections: transient[2] })
    expect(limits.peerDefault).toEqual(limitsOf({ connections: [8, 8, 8], streams: peerStreams, memory: peerMiB * MiB, fileDescriptors: 4 }))
    expect(limits.protocolDefault).toMatchObject({ streamsInbound: protocolStreams[0], streamsOutbound: protocolStreams[1], streams: protocolStreams[2] })
  })
})

describe('the service of a protocol', () => {
  it.each([
    ['/ipfs/id/1.0.0', 'libp2p.identify'],
    ['/ipfs/id/push/1.0.0', 'libp2p.identify'],
    ['/ipfs/ping/1.0.0', 'libp2p.ping'],
    ['/libp2p/autonat/1.0.0', 'libp2p.autonat'],
    ['/libp2p/dcutr', 'libp2p.holepunch'],
    ['/libp2p/circuit/relay/0.2.0/hop', 'libp2p.relay/v2'],
    ['/libp2p/circuit/relay/0.2.0/stop', 'libp2p.relay/v2'],
    ['/ipfs/kad/1.0.0', undefined],
    ['__proto__', undefined]
  ])('%s is %s', (protocol, service) => {
    expect(serviceOf(protocol)).toBe(service)
  })

  it('is one that has limits, for each protocol that has', () => {
    for (const protocol of Object.keys(SMALL.protocol)) expect(Object.keys(SMALL.service)).toContain(serviceOf(protocol))
  })
})
