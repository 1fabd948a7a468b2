import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { createResourceManager, infiniteLimits } from '@cordon/resource-manager'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { scopesOf } from '../src/scopes.ts'
import type { Share } from '../src/scopes.ts'
import type { CoreResourceManager } from '@cordon/resource-manager'

const GREEDY = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'
const HONEST = '12D3KooWSC7f5Z8zLDXwzLzJKmjnHqSCfVtYsZFZLYpRDpAPnSjW'
const NOBODY: ReadonlyMap<string, string> = new Map()

/** What was asked for, or an error of the test where it was refused */
function admitted<T> (value: T): Exclude<T, { code: unknown }> {
  if (isRefusal(value)) throw new Error(value.message)
  return value as Exclude<T, { code: unknown }>
}

describe('the scopes that are shown', () => {
  let manager: CoreResourceManager

  beforeEach(() => {
    manager = createResourceManager({
      machine: { memory: 2 ** 30, fileDescriptors: 1_024 },
      limits: {
        system: { connections: 128, connectionsInbound: 64, connectionsOutbound: 128, streams: 2_048, streamsInbound: 1_024 },
        peerDefault: { connections: 8, connectionsInbound: 8, connectionsOutbound: 8, streams: 4, streamsInbound: 4, streamsOutbound: 4 },
        protocol: { '/ping': { streams: 2, streamsInbound: 2 } }
      }
    })
  })

  function connect (peer: string, times = 1): void {
    for (let index = 0; index < times; index++) {
      const connection = admitted(manager.openConnection('inbound', { usesDescriptor: true }))
      const refusal = connection.setPeer(peer)
      if (refusal != null) connection.release()
    }
  }

  it('are the system, what is transient, and the peers by how much of their limits they use', () => {
    connect(HONEST)
    connect(GREEDY, 2)
    admitted(manager.openConnection('inbound'))
    const { system, transient, peers } = scopesOf(manager.snapshot(), new Map([[GREEDY, '127.0.0.6 greedy']]))
    expect(system).toMatchObject({ name: 'system', connections: { used: 4, limit: 64, direction: 'in' }, descriptors: { used: 3, limit: 512 } })
    expect(transient).toMatchObject({ name: 'transient', connections: { used: 1 } })
    expect(peers.map(({ name, connections }) => [name, connections])).toEqual([['…Hc8mW9 127.0.0.6 greedy', { used: 2, limit: 8 }], ['…APnSjW', { used: 1, limit: 8 }]])
  })

  it('has a peer with few streams above one with more connections, where these are nearer to their limit', () => {
    connect(GREEDY, 2)
    connect(HONEST)
    for (let index = 0; index < 3; index++) admitted(manager.openStream(HONEST, 'outbound'))
    expect(scopesOf(manager.snapshot(), NOBODY).peers.map(({ name, streams }) => [name, streams])).toEqual([['…APnSjW', { used: 3, limit: 4 }], ['…Hc8mW9', { used: 0, limit: 4 }]])
  })

  it.each<[number, number, Share]>([
    [0, 0, { used: 0, limit: 64, direction: 'in' }],
    [1, 0, { used: 1, limit: 64, direction: 'in' }],
    [0, 1, { used: 1, limit: 128 }],
    [2, 3, { used: 5, limit: 128 }]
  ])('names of %i inbound and %i outbound connections the limit that is nearest', (inbound, outbound, share) => {
    for (let index = 0; index < inbound; index++) admitted(manager.openConnection('inbound'))
    for (let index = 0; index < outbound; index++) admitted(manager.openConnection('outbound'))
    expect(scopesOf(manager.snapshot(), NOBODY).system.connections).toEqual(share)
  })

  it('lists protocols and services that have streams, and what was refused by scope and cause', () => {
    connect(GREEDY, 9)
    for (const protocol of ['/ping', '/ping', '/id', '/ping']) {
      const stream = admitted(manager.openStream(GREEDY, 'inbound'))
      if (stream.setProtocol(protocol) != null) stream.release()
      else if (protocol === '/id') admitted(stream.setService('identify'))
    }
    const { protocols, services, refusals } = scopesOf(manager.snapshot(), NOBODY)
    expect(protocols).toEqual([{ name: '/ping', used: 2, limit: 2 }, expect.objectContaining({ name: '/id', used: 1 })])
    expect(services).toEqual([expect.objectContaining({ name: 'identify', used: 1 })])
    expect(refusals).toEqual([{ scope: 'protocol', words: 'streams in', count: 1 }, { scope: 'peer', words: 'connections in', count: 1 }])
  })

  it('have no limits where there are none', () => {
    manager.setLimits(infiniteLimits)
    connect(GREEDY)
    const { system, peers } = scopesOf(manager.snapshot(), NOBODY)
    expect(system.connections).toEqual({ used: 1, limit: Infinity })
    expect(peers[0]?.connections).toEqual({ used: 1, limit: Infinity })
  })

  it('are no more than fit in a terminal, and are printable, whoever chose their names', () => {
    manager.setLimits(infiniteLimits)
    fc.assert(fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), fc.string({ unit: 'binary', minLength: 1, maxLength: 40 })), { maxLength: 12 }), names => {
      const streams = names.map(([peer, protocol]) => {
        const stream = admitted(manager.openStream(peer, 'inbound'))
        admitted(stream.setProtocol(protocol))
        return stream
      })
      const { peers, protocols } = scopesOf(manager.snapshot(), NOBODY)
      streams.forEach(stream => { stream.release() })
      expect(peers.length).toBeLessThanOrEqual(8)
      expect(protocols.length).toBeLessThanOrEqual(8)
      for (const { name } of [...peers, ...protocols]) expect(name).toMatch(/^…?[\x20-\x7e]*$/)
    }))
  })
})
