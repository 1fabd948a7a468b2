import { describe, expect, it } from 'vitest'
import { admitted, managerWith, only, refused } from './support.ts'
import type { LimitConfig, ResourceManager, ResourceRefusal, StreamScope } from '@cordon/interface-resource-manager'

const NONE = { connections: 0, connectionsInbound: 0, connectionsOutbound: 0 }
const NO_STREAMS = { streams: 0, streamsInbound: 0, streamsOutbound: 0 }

/** A stream that has everything above it that a stream can have */
function served (manager: ResourceManager): StreamScope {
  const stream = admitted(manager.openStream('p', 'inbound'))
  expect([stream.setProtocol('/x'), stream.setService('x')]).toEqual([undefined, undefined])
  return stream
}

function move (manager: ResourceManager, to: 'protocol' | 'service'): ResourceRefusal | undefined {
  const stream = admitted(manager.openStream('p', 'inbound'))
  const protocol = stream.setProtocol('/x')
  return to === 'protocol' ? protocol : stream.setService('x')
}

const identify = (manager: ResourceManager): ResourceRefusal | undefined => admitted(manager.openConnection('inbound')).setPeer('p')

// each begins without any limit, and with everything that can be there in use
const CASES: ReadonlyArray<readonly [string, LimitConfig, (manager: ResourceManager) => unknown]> = [
  ['system', { system: NONE }, manager => manager.openConnection('outbound')],
  ['system', { system: NO_STREAMS }, manager => manager.openStream('q', 'outbound')],
  ['transient', { transient: NONE }, manager => manager.openConnection('inbound')],
  ['transient', { transient: NO_STREAMS }, manager => manager.openStream('q', 'inbound')],
  ['connection', { connection: NONE }, manager => manager.openConnection('inbound')],
  ['connection', { connection: { fileDescriptors: 0 } }, manager => manager.openConnection('outbound', { usesDescriptor: true })],
  ['stream', { stream: NO_STREAMS }, manager => manager.openStream('q', 'outbound')],
  ['peer:p', { peerDefault: NONE }, identify],
  ['peer:p', { peerDefault: NO_STREAMS }, manager => manager.openStream('p', 'inbound')],
  ['peer:q', { peerDefault: NO_STREAMS }, manager => manager.openStream('q', 'inbound')],
  ['protocol:/x', { protocolDefault: NO_STREAMS }, manager => move(manager, 'protocol')],
  ['protocol:/x', { protocol: { '/x': NO_STREAMS } }, manager => move(manager, 'protocol')],
  ['protocol:/x.peer:p', { protocolPeerDefault: NO_STREAMS }, manager => move(manager, 'protocol')],
  ['service:x', { serviceDefault: NO_STREAMS }, manager => move(manager, 'service')],
  ['service:x', { service: { x: NO_STREAMS } }, manager => move(manager, 'service')],
  ['service:x.peer:p', { servicePeerDefault: NO_STREAMS }, manager => move(manager, 'service')],
  ['service:x.peer:p', { servicePeer: { x: NO_STREAMS } }, manager => move(manager, 'service')]
]

describe('limits that change while all is in use', () => {
  it.each(CASES)('hold at once in %s: %j', (scope, limits, ask) => {
    const manager = managerWith({})
    expect(identify(manager)).toBeUndefined()
    served(manager)
    manager.setLimits(only(limits))
    // connections and streams have numbers
    expect(refused(ask(manager) as ResourceRefusal).scope.replace(/-\d+$/, '')).toBe(scope)
    manager.setLimits(only({}))
    expect((ask(manager) as { code?: string } | undefined)?.code).toBeUndefined()
  })

  it.each(['system', 'stream', 'peer', 'protocol', 'protocolPeer', 'service', 'servicePeer'])('hold for more memory of %s', name => {
    const manager = managerWith({})
    const stream = served(manager)
    const held = admitted(stream.reserveMemory(100))
    manager.setLimits(only({ [name === 'system' || name === 'stream' ? name : `${name}Default`]: { memory: 100 } }))
    expect(refused(stream.reserveMemory(1)).limit).toBe(100)
    expect(held.resize(101)).toMatchObject({ code: 'limit', limit: 100 })
    expect(held.resize(99)).toBeUndefined()
    admitted(stream.reserveMemory(1))
  })
})

describe('peaks', () => {
  it('are the most that was used at once, of each kind', () => {
    const manager = managerWith({})
    const connections = (['inbound', 'inbound', 'outbound', 'outbound', 'outbound'] as const).map(direction => {
      const connection = admitted(manager.openConnection(direction, { usesDescriptor: true }))
      expect(connection.setPeer('p')).toBeUndefined()
      return connection
    })
    const streams = (['inbound', 'inbound', 'inbound', 'inbound', 'outbound'] as const).map(direction => admitted(manager.openStream('p', direction)))
    using peer = manager.scope('peer', 'p')
    admitted(peer.reserveMemory(70)).release()
    const peak = { connections: 5, connectionsInbound: 2, connectionsOutbound: 3, streams: 5, streamsInbound: 4, streamsOutbound: 1, fileDescriptors: 5, memory: 70 }
    const { system, peers } = manager.snapshot()
    expect([system.peak, peers[0]?.peak]).toEqual([peak, peak])
    for (const held of [...connections, ...streams]) held.release()
    // of the class also what is gone
    const { system: later, classes } = manager.snapshot()
    expect([later.peak, classes.system.peak, classes.peer.peak]).toEqual([peak, peak, peak])
  })
})
