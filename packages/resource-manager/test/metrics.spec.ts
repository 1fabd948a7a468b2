import { normaliseAddress } from '@cordon/address'
import { describe, expect, it } from 'vitest'
import { createResourceManager, infiniteLimits } from '../src/index.ts'
import { admitted, refused } from './support.ts'
import type { LimitWarning } from '../src/index.ts'
import type { Metrics } from '@libp2p/interface'

interface Registered {
  readonly label?: string
  readonly help?: string
  readonly calculate: () => Record<string, number>
}

/** What a sink has been offered, by name */
function sink (): { metrics: Metrics, scrape: () => Record<string, Record<string, number>> } {
  const groups = new Map<string, Registered>()
  const register = (name: string, options: Registered): void => { groups.set(name, options) }
  return {
    metrics: { registerMetricGroup: register, registerCounterGroup: register } as unknown as Metrics,
    scrape: () => Object.fromEntries([...groups].map(([name, { calculate }]) => [name, calculate()]))
  }
}

describe('metrics', () => {
  // 111 to 113 are decided differently: a trace comes later, and nothing is recorded but counters that are there anyway
  it('111: a manager with a sink starts, and offers everything at once', () => {
    const { metrics, scrape } = sink()
    createResourceManager({ metrics })
    expect(Object.keys(scrape()).sort()).toEqual(['cordon_resource_manager_allowed_total', 'cordon_resource_manager_limit', 'cordon_resource_manager_refused_total', 'cordon_resource_manager_used'])
  })

  it('112: refusals are counted by scope, resource, direction and cause', () => {
    const { metrics, scrape } = sink()
    const manager = createResourceManager({ metrics, limits: { ...infiniteLimits, connection: { connectionsInbound: 0 }, peerDefault: { streams: 1 }, system: { memory: 10 } } })
    refused(manager.openConnection('inbound'))
    const stream = admitted(manager.openStream('p', 'inbound'))
    refused(manager.openStream('p', 'outbound'))
    refused(manager.openStream('p', 'inbound'))
    refused(manager.openStream('p', 'outbound'))
    refused(stream.reserveMemory(11))
    expect(scrape()['cordon_resource_manager_refused_total']).toEqual({
      'connection/connections/inbound/connectionsInbound': 1, 'peer/streams/inbound/streams': 1, 'peer/streams/outbound/streams': 2, 'system/memory/memory': 1
    })
  })

  it('connections and streams that were admitted are counted by direction at every step', () => {
    const { metrics, scrape } = sink()
    const manager = createResourceManager({ metrics, limits: infiniteLimits })
    for (const [direction, times] of [['inbound', 1], ['outbound', 3]] as const) {
      for (let i = 0; i < times; i++) {
        expect(admitted(manager.openConnection(direction)).setPeer('p')).toBeUndefined()
        const stream = admitted(manager.openStream('p', direction))
        expect([stream.setProtocol('/x'), stream.setService('x')]).toEqual([undefined, undefined])
      }
    }
    const allowed = Object.entries(scrape()['cordon_resource_manager_allowed_total'] ?? {}).filter(([label]) => /bound$/.test(label))
    expect(allowed.length).toBeGreaterThanOrEqual(8)
    expect(allowed.filter(([label, count]) => count !== (label.endsWith('/inbound') ? 1 : 3))).toEqual([])
  })

  it('what is refused by its prefix or for its descriptors has a direction too', () => {
    const { metrics, scrape } = sink()
    const manager = createResourceManager({ metrics, limits: { ...infiniteLimits, system: { fileDescriptors: 0 }, prefixes: { ipv4: [{ length: 32, rate: 0 }], ipv6: [] } } })
    refused(manager.openConnection('inbound', { address: normaliseAddress('192.0.2.1') }))
    refused(manager.openConnection('outbound', { usesDescriptor: true }))
    expect(scrape()['cordon_resource_manager_refused_total']).toEqual({ 'prefix/connections/inbound/rate': 1, 'system/fileDescriptors/outbound/fileDescriptors': 1 })
  })

  it('use is that of all scopes of a kind together', () => {
    const { metrics, scrape } = sink()
    const manager = createResourceManager({ metrics, limits: infiniteLimits })
    for (const peer of ['p', 'q', 'q']) {
      admitted(manager.openConnection('inbound', { usesDescriptor: true })).setPeer(peer)
      const stream = admitted(manager.openStream(peer, 'outbound'))
      stream.setProtocol('/x')
      stream.setService(`s-${peer}`)
      admitted(stream.reserveMemory(10))
    }
    admitted(manager.openConnection('outbound'))
    const used = Object.entries(scrape()['cordon_resource_manager_used'] ?? {})
    // what connections, streams, spans and prefixes have is `classes.spec.ts`
    expect(used).toHaveLength(9 * 6 + 12)
    expect(Object.fromEntries(used.slice(0, 9 * 6).filter(([, value]) => value !== 0))).toEqual({
      'system/connectionsInbound': 3, 'system/connectionsOutbound': 1, 'system/streamsOutbound': 3, 'system/fileDescriptors': 3, 'system/memory': 30,
      'transient/connectionsOutbound': 1,
      'service/streamsOutbound': 3, 'service/memory': 30, 'service-peer/streamsOutbound': 3, 'service-peer/memory': 30,
      'protocol/streamsOutbound': 3, 'protocol/memory': 30, 'protocol-peer/streamsOutbound': 3, 'protocol-peer/memory': 30,
      'peer/connectionsInbound': 3, 'peer/streamsOutbound': 3, 'peer/fileDescriptors': 3, 'peer/memory': 30
    })
  })

  it('a sink that throws is told of, and does not end anything', () => {
    const warnings: LimitWarning[] = []
    const throwing = { registerMetricGroup: () => { throw new Error('broken') }, registerCounterGroup: () => {} } as unknown as Metrics
    createResourceManager({ metrics: throwing, onWarning: warning => { warnings.push(warning) } })
    const warning = { path: 'resourceManager.metrics', message: 'resourceManager.metrics threw, and shows less: broken' }
    expect(warnings).toEqual([warning, warning])
  })

  it('113: what a scrape says equals what was done, for any number of operations', () => {
    const { metrics, scrape } = sink()
    const manager = createResourceManager({ metrics, limits: infiniteLimits })
    for (let i = 0; i < 10_000; i++) {
      const connection = admitted(manager.openConnection(i % 2 === 0 ? 'inbound' : 'outbound'))
      connection.setPeer('p')
      const stream = admitted(manager.openStream('p', 'inbound'))
      stream.setProtocol('/x')
      stream.setService('s')
      admitted(stream.reserveMemory(1)).release()
      stream.release()
      connection.release()
    }
    const { cordon_resource_manager_allowed_total: allowed, cordon_resource_manager_used: used } = scrape()
    expect(allowed).toEqual({
      'all/memory': 10_000,
      'connection/connections/inbound': 5_000, 'connection/connections/outbound': 5_000,
      'peer/connections/inbound': 5_000, 'peer/connections/outbound': 5_000,
      'stream/streams/inbound': 10_000, 'stream/streams/outbound': 0,
      'protocol/streams/inbound': 10_000, 'protocol/streams/outbound': 0,
      'service/streams/inbound': 10_000, 'service/streams/outbound': 0
    })
    expect(Object.values(used ?? {}).every(value => value === 0)).toBe(true)
  })

  it('114: limits are shown exactly, for every class and resource', () => {
    const { metrics, scrape } = sink()
    createResourceManager({ metrics, machine: { memory: 2 ** 30, fileDescriptors: 0 }, limits: { system: { memory: Infinity } } })
    expect(scrape()['cordon_resource_manager_limit']).toMatchObject({
      'system/memory': -1, 'system/connections': 128, 'system/connectionsInbound': 64, 'system/connectionsOutbound': 128, 'system/streams': 2048, 'system/streamsInbound': 1024, 'system/streamsOutbound': 2048, 'system/fileDescriptors': 256,
      'transient/memory': 32 * 2 ** 20, 'transient/connections': 64, 'transient/connectionsInbound': 32, 'peer/connections': 8, 'protocol-peer/streams': 256
    })
  })

  it('115: without a sink, and with one that throws, everything is decided as before', () => {
    const throwing = { registerMetricGroup: () => { throw new Error('broken') }, registerCounterGroup: () => { throw new Error('broken') } } as unknown as Metrics
    for (const manager of [createResourceManager({ limits: { system: { connections: 1 } } }), createResourceManager({ metrics: throwing, limits: { system: { connections: 1 } } })]) {
      admitted(manager.openConnection('inbound'))
      refused(manager.openConnection('inbound'))
    }
  })

  it('labels are closed: no name of a peer, protocol or service is among them', () => {
    const { metrics, scrape } = sink()
    const manager = createResourceManager({ metrics, limits: infiniteLimits })
    const before = JSON.stringify(Object.values(scrape()).map(group => Object.keys(group)))
    const stream = admitted(manager.openStream('evil-peer', 'inbound'))
    stream.setProtocol('/evil')
    stream.setService('evil')
    expect(JSON.stringify(Object.values(scrape()).map(group => Object.keys(group)))).toBe(before)
  })

  it('two managers in one process share nothing', () => {
    const [one, two] = [sink(), sink()]
    const manager = createResourceManager({ metrics: one.metrics, limits: infiniteLimits })
    createResourceManager({ metrics: two.metrics, limits: infiniteLimits })
    admitted(manager.openStream('p', 'inbound'))
    expect(one.scrape()['cordon_resource_manager_used']?.['peer/streamsInbound']).toBe(1)
    expect(two.scrape()['cordon_resource_manager_used']?.['peer/streamsInbound']).toBe(0)
  })
})
