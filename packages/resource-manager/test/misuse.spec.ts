import { describe, expect, it } from 'vitest'
import { createResourceManager } from '../src/index.ts'
import { admitted, managerWith } from './support.ts'
import type { LimitWarning } from '@cordon/interface-resource-manager'
import type { Metrics } from '@libp2p/interface'

const wrong = (what: string): unknown => expect.objectContaining({ name: 'InvalidParametersError', message: expect.stringContaining(what) as unknown })

describe('what is misused throws, and changes nothing', () => {
  it.each<[string, unknown, string]>([
    ['null', null, 'the options must be an object, got null'],
    ['a text', '192.0.2.1', 'the options must be an object, got "192.0.2.1"'],
    ['an address as a text', { address: '192.0.2.1' }, 'address must be what normaliseAddress() returns, got "192.0.2.1"'],
    ['null for an address', { address: null }, 'address must be what normaliseAddress() returns, got null'],
    ['another object for an address', { address: {} }, 'address must be what normaliseAddress() returns'],
    ['what a multiaddr tells of itself', { address: { family: 4, address: '192.0.2.1', port: 1 } }, 'address must be what normaliseAddress() returns']
  ])('%s for the options of a connection', (_, options, message) => {
    const manager = managerWith({ prefixes: { ipv4: [{ length: 32, connections: 1 }] } })
    expect(() => manager.openConnection('inbound', options as never)).toThrow(wrong(message))
    expect(() => manager.openConnection('outbound', options as never)).toThrow(wrong(message))
    expect(() => manager.checkConnection('inbound', options as never)).toThrow(wrong(message))
    expect(manager.snapshot().system.usage.connectionsInbound).toBe(0)
  })

  it('null for the options of a stream', () => {
    expect(() => managerWith({}).openStream('p', 'inbound', null as never)).toThrow(wrong('the options must be an object, got null'))
  })

  it('a stream over the connection of another manager', () => {
    const [one, two] = [managerWith({}), managerWith({})]
    const connection = admitted(one.openConnection('inbound'))
    connection.setPeer('p')
    expect(() => two.openStream('p', 'inbound', { connection })).toThrow(wrong('openConnection of this manager'))
    expect(two.snapshot().system.usage.streamsInbound).toBe(0)
  })
})

it('limits are set whole, whatever whoever is told of their warnings does', () => {
  const told: string[] = []
  const onWarning = ({ path }: LimitWarning): void => {
    told.push(path)
    throw new Error('broken')
  }
  const manager = createResourceManager({ onWarning })
  manager.setLimits({ system: { connections: 2, connectionsInbound: 3 }, peerDefault: { streams: 5, streamsInbound: 6 } })
  expect(told).toEqual(manager.warnings.map(({ path }) => path))
  expect(told).toContain('resourceManager.limits.peerDefault.streamsInbound')
  expect(manager.snapshot().system.limits).toMatchObject({ connections: 2, connectionsInbound: 3 })
  admitted(manager.openStream('p', 'inbound'))
  expect(manager.snapshot().peers[0]?.limits).toMatchObject({ streams: 5, streamsInbound: 6 })
})

it('a metrics sink that fails later is told of, and ends nothing', async () => {
  const warnings: LimitWarning[] = []
  const fails = async (): Promise<void> => { throw new Error('later') }
  createResourceManager({ metrics: { registerMetricGroup: fails, registerCounterGroup: fails } as unknown as Metrics, onWarning: warning => { warnings.push(warning) } })
  await expect.poll(() => warnings.map(({ message }) => message)).toEqual(Array.from({ length: 4 }, () => 'resourceManager.metrics threw, and shows less: later'))
})
