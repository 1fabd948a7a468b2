import { describe, expect, it } from 'vitest'
import { createResourceManager } from '../src/index.ts'
import type { LimitConfig, ScopeLimits } from '@cordon/interface-resource-manager'
import type { Metrics } from '@libp2p/interface'

const MiB = 2 ** 20

/** The limits that are shown, by `scope/limit` */
function shown (limits: LimitConfig = {}): Record<string, number> {
  let calculate = (): Record<string, number> => ({})
  const registerMetricGroup = (name: string, options: { readonly calculate: () => Record<string, number> }): void => {
    if (name === 'cordon_resource_manager_limit') calculate = options.calculate
  }
  createResourceManager({ metrics: { registerMetricGroup, registerCounterGroup: () => {} } as unknown as Metrics, machine: { memory: 2 ** 30, fileDescriptors: 0 }, limits })
  return calculate()
}

function of (scope: string, all: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(all).filter(([label]) => label.startsWith(`${scope}/`)).map(([label, value]) => [label.slice(scope.length + 1), value]))
}

/** A number of its own for each of the eight, so that none is shown in the place of another */
function eight (first: number): ScopeLimits {
  return {
    connections: first + 2, connectionsInbound: first, connectionsOutbound: first + 1,
    streams: first + 5, streamsInbound: first + 3, streamsOutbound: first + 4,
    fileDescriptors: first + 6, memory: first + 7
  }
}

const SCOPES = [
  ['system', 'system'], ['transient', 'transient'], ['allowlistedSystem', 'allowlistedSystem'], ['allowlistedTransient', 'allowlistedTransient'],
  ['service', 'serviceDefault'], ['service-peer', 'servicePeerDefault'], ['protocol', 'protocolDefault'], ['protocol-peer', 'protocolPeerDefault'], ['peer', 'peerDefault'],
  ['connection', 'connection'], ['stream', 'stream']
] as const

describe('limits in a scrape', () => {
  it('114: are those of system and transient, all eight of them', () => {
    const all = shown()
    expect(of('system', all)).toEqual({
      connections: 128, connectionsInbound: 64, connectionsOutbound: 128, streams: 2048, streamsInbound: 1024, streamsOutbound: 2048, fileDescriptors: 256, memory: 128 * MiB
    })
    expect(of('transient', all)).toEqual({
      connections: 64, connectionsInbound: 32, connectionsOutbound: 64, streams: 256, streamsInbound: 128, streamsOutbound: 256, fileDescriptors: 64, memory: 32 * MiB
    })
  })

  it('114: are those of every scope that is not named, all eight of them, and no others', () => {
    const all = shown(Object.fromEntries(SCOPES.map(([, key], index) => [key, eight(100 * (index + 1))])))
    for (const [index, [scope]] of SCOPES.entries()) expect(of(scope, all)).toEqual(eight(100 * (index + 1)))
    expect(Object.keys(all).filter(label => !label.startsWith('prefix/'))).toHaveLength(SCOPES.length * 8)
  })

  it('114: are those of prefixes that have any, by where they are set', () => {
    const prefixes = { ipv4: [{ length: 32, connections: 5 }, { length: 24 }], ipv6: [{ length: 56, connections: 0 }], entries: { '192.0.2.1': { connections: 7 } }, relay: { connections: 6 }, relayed: { connections: 9 } }
    expect(of('prefix', shown({ prefixes }))).toEqual({
      'ipv4[0]/connections': 5, 'ipv6[0]/connections': 0, 'relay/connections': 6, 'relayed/connections': 9, 'other/connections': -1
    })
  })

  it('114: are -1 where there is none, and 0 where nothing is admitted, each of the eight by itself', () => {
    for (const key of Object.keys(eight(1))) {
      for (const [limit, value] of [[Infinity, -1], [0, 0]] as const) {
        expect(of('system', shown({ system: { ...eight(100), [key]: limit } }))).toEqual({ ...eight(100), [key]: value })
      }
    }
  })
})
