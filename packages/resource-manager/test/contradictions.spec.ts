import { describe, expect, it } from 'vitest'
import { createResourceManager, infiniteLimits, readLimits } from '../src/index.ts'
import { GO_CONFIG, GO_DEFAULTS } from './fixtures/go-files.ts'
import type { LimitWarning, ResourceManagerInit } from '../src/index.ts'
import type { LimitConfig, PartialScopeLimits } from '@cordon/interface-resource-manager'

const GiB = 2 ** 30
const SMALL: ResourceManagerInit = { machine: { memory: GiB, fileDescriptors: 0 } }

describe('limits that contradict each other', () => {
  const CASES: ReadonlyArray<readonly [LimitConfig, string]> = [
    [{ system: { connections: 10, connectionsInbound: 11 } }, 'system.connectionsInbound'],
    [{ system: { streamsOutbound: 1_000_000 } }, 'system.streamsOutbound'],
    [{ system: { connections: 10, connectionsInbound: 5, connectionsOutbound: 5 }, transient: { connections: 11, connectionsInbound: 4, connectionsOutbound: 4 } }, 'transient.connections'],
    [{ protocol: { '/x': { memory: 2 ** 50 } } }, 'protocol["/x"].memory'],
    [{ protocol: { '/x': { streams: 10, streamsInbound: 5, streamsOutbound: 5 } }, protocolPeer: { '/x': { streams: 11, streamsInbound: 1, streamsOutbound: 1 } } }, 'protocolPeer["/x"].streams'],
    [{ serviceDefault: { connections: 5 } }, 'serviceDefault.connections'],
    [{ connection: { streams: 5 } }, 'connection.streams']
  ]

  it.each(CASES)('%j is a warning with its path, and an error under strict', (limits, path) => {
    const warnings: LimitWarning[] = []
    createResourceManager({ ...SMALL, limits, onWarning: warning => { warnings.push(warning) } })
    expect(warnings.map(warning => warning.path)).toContain(`resourceManager.limits.${path}`)
    expect(() => createResourceManager({ ...SMALL, limits, strict: true })).toThrow(expect.objectContaining({ name: 'InvalidParametersError', message: expect.stringContaining(path) as string }))
  })

  it.each<['stream' | 'connection', keyof PartialScopeLimits]>([
    ['stream', 'streams'], ['stream', 'streamsInbound'], ['stream', 'streamsOutbound'],
    ['connection', 'connections'], ['connection', 'connectionsInbound'], ['connection', 'connectionsOutbound'], ['connection', 'fileDescriptors']
  ])('more than one in a %s never matters: %s', (scope, key) => {
    const path = `resourceManager.limits.${scope}.${key}`
    for (const value of [2, 8, 1_000_000]) {
      const limits = { [scope]: { [key]: value } }
      const message = `${path} is ${value}, but there is never more than one to count there`
      expect(createResourceManager({ ...SMALL, limits }).warnings).toEqual([{ path, message }])
      expect(() => createResourceManager({ ...SMALL, limits, strict: true })).toThrow(expect.objectContaining({ name: 'InvalidParametersError', message }))
    }
    for (const value of [0, 1, Infinity]) expect(createResourceManager({ ...SMALL, limits: { [scope]: { [key]: value } }, strict: true }).warnings).toEqual([])
  })

  it('do not include the defaults, nor what says that the limit is elsewhere', () => {
    for (const memory of [GiB, 4 * GiB, 64 * GiB]) {
      const machine = { memory, fileDescriptors: 64 }
      expect(() => createResourceManager({ strict: true, machine })).not.toThrow()
      expect(() => createResourceManager({ strict: true, machine, limits: infiniteLimits })).not.toThrow()
    }
  })

  it('do not include Infinity, in any scope, under any other limit', () => {
    const none = Object.fromEntries(Object.entries(infiniteLimits.system ?? {}).map(([key]) => [key, 0]))
    const scopes = Object.keys(infiniteLimits).filter(name => 'memory' in (infiniteLimits[name as keyof LimitConfig] ?? {}))
    expect(scopes).toHaveLength(11)
    for (const scope of scopes) {
      // all others admit nothing
      const limits = { ...Object.fromEntries(scopes.map(name => [name, none])), [scope]: infiniteLimits.system }
      expect(createResourceManager({ ...SMALL, limits, strict: true }).warnings).toEqual([])
    }
    for (const kind of ['service', 'servicePeer', 'protocol', 'protocolPeer', 'peer']) expect(createResourceManager({ ...SMALL, limits: { [kind]: { x: infiniteLimits.system } }, strict: true }).warnings).toEqual([])
  })

  // go-libp2p grants services more streams than the node, and says so when it writes its own defaults
  it.each<[string, string, readonly string[]]>([
    ['wrote of its defaults', GO_DEFAULTS, ['serviceDefault.streams', 'serviceDefault.streamsOutbound']],
    ['has in its tests', GO_CONFIG, []]
  ])('are few in what go-libp2p %s', (_, file, paths) => {
    const { warnings } = createResourceManager({ machine: { memory: 64 * GiB, fileDescriptors: 32_768 }, limits: readLimits(file).limits })
    expect(warnings.map(({ path }) => path)).toEqual(paths.map(path => `resourceManager.limits.${path}`))
  })

  it('are found in limits that are set later on too', () => {
    const manager = createResourceManager({ strict: true })
    expect(() => manager.setLimits({ system: { connections: 1, connectionsInbound: 2 } })).toThrow(/connectionsInbound/)
  })

  it('are judged by whom the operator trusts by then', () => {
    const limits = { ...infiniteLimits, system: { connectionsInbound: 10 }, allowlistedSystem: { connectionsInbound: 5 }, prefixes: { entries: { '192.0.2.0/24': { connections: 12 } } } }
    const manager = createResourceManager({ strict: true })
    expect(() => manager.setLimits(limits)).toThrow('connections is 12, but the node admits only 10')
    manager.setAllowlist(['192.0.2.1'])
    manager.setLimits(limits)
    expect(manager.warnings).toEqual([])
  })
})
