import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { normaliseAddress } from '@cordon/address'
import { describe, expect, it } from 'vitest'
import { createResourceManager, infiniteLimits } from '../src/index.ts'
import { admitted, NOTHING, refused } from './support.ts'
import type { CoreResourceManager, ResourceManagerInit } from '@cordon/resource-manager'
import type { Metrics } from '@libp2p/interface'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const ROUNDS = 20_000

/** 100 bytes for each who has gone, where measured was nothing; what is kept of them takes 250 as a prefix and 1,000 as scopes */
const BOUND = 4_000_000

function managerWith (init: ResourceManagerInit): CoreResourceManager {
  const metrics = { registerMetricGroup: () => {}, registerCounterGroup: () => {} } as unknown as Metrics
  return createResourceManager({ metrics, ...init, limits: { ...infiniteLimits, peerDefault: { streams: 2 }, prefixes: { ipv4: [{ length: 32, connections: 2, rate: 0.001, burst: 2 }] } } })
}

/** Everybody is somebody new, takes of everything, is refused once, and goes: four scopes by name, and those without */
function use (manager: CoreResourceManager, from: number): void {
  for (let n = from; n < from + ROUNDS; n++) {
    const peer = `peer-${n}`
    const connection = admitted(manager.openConnection('inbound', { address: normaliseAddress(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`), usesDescriptor: true }))
    expect(connection.setPeer(peer)).toBeUndefined()
    const streams = (['inbound', 'outbound'] as const).map(direction => admitted(manager.openStream(peer, direction, { connection })))
    refused(manager.openStream(peer, 'inbound', { connection }))
    for (const stream of streams) {
      expect([stream.setProtocol(`/protocol/${n}`), stream.setService(`service-${n}`)]).toEqual([undefined, undefined])
      const span = stream.beginSpan()
      admitted(span.reserveMemory(10))
      admitted(stream.reserveMemory(10))
    }
    using scope = manager.scope('peer', peer)
    admitted(scope.reserveMemory(1)).release()
    for (const held of [...streams, connection]) held.release()
  }
}

/** By how many bytes the heap has grown once all of them have gone */
function growth (init: ResourceManagerInit): number {
  const manager = managerWith(init)
  // what is kept of those who were there last is there before
  use(manager, 0)
  collect()
  const before = process.memoryUsage().heapUsed
  use(manager, ROUNDS)
  use(manager, 2 * ROUNDS)
  collect()
  const after = process.memoryUsage().heapUsed
  expect(manager.snapshot().system.usage).toEqual(NOTHING)
  return after - before
}

describe('the heap', () => {
  // decided differently: nothing is recorded, so what may not grow is what is kept of those who have gone
  it(`113: has not grown when ${2 * ROUNDS} peers with all that they had have come and gone`, () => {
    expect(growth({ maxPrefixes: 1_000 })).toBeLessThan(BOUND)
  })

  it.each<[string, ResourceManagerInit]>([
    ['scopes', { maxIdleScopes: 1_000_000, maxPrefixes: 1_000 }],
    ['prefixes', { maxPrefixes: 1_000_000 }]
  ])('113: would have, to twice that bound, if it kept their %s', (_, init) => {
    expect(growth(init)).toBeGreaterThan(2 * BOUND)
  })
})
