import { seededRandom } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { admitted, managerWith, NOTHING, refused, use, usageOf } from './support.ts'
import type { LimitKey } from '@cordon/interface-resource-manager'

const LOW = 101
const MEDIUM = 152
const HIGH = 203
const ALWAYS = 255

describe('memory and its priorities', () => {
  // 1 and 2 are decided differently: a counter ends at 2^53 - 1, which is what a number holds exactly
  it('1: does not wrap around near the end of what can be counted', () => {
    const manager = managerWith({ system: { memory: 2 ** 53 - 2 } })
    using system = manager.scope('system')
    admitted(system.reserveMemory(2 ** 53 - 2))
    expect(refused(system.reserveMemory(2)).cause).toBe('memory')
  })

  it('1: does not count beyond it either where there is no limit', () => {
    const manager = managerWith({})
    using system = manager.scope('system')
    admitted(system.reserveMemory(2 ** 53 - 1))
    expect(refused(system.reserveMemory(1))).toMatchObject({ cause: 'memory', limit: Infinity })
    expect(system.usage().memory).toBe(2 ** 53 - 1)
  })

  it('2: a large limit does not overflow the arithmetic of priorities', () => {
    const manager = managerWith({ system: { memory: 2 ** 53 - 2 } })
    using system = manager.scope('system')
    admitted(system.reserveMemory(1024))
    admitted(system.reserveMemory(1, LOW))
    admitted(system.reserveMemory(1))
  })

  it('3: a negative size is an error, also where there is no limit', () => {
    using system = managerWith({}).scope('system')
    expect(() => system.reserveMemory(-1)).toThrow(expect.objectContaining({ name: 'InvalidSizeError' }))
  })

  it('4: at priority 2^k - 1 exactly what is above limit / 2^(8 - k) is refused', () => {
    const random = seededRandom(4)
    for (let run = 0; run < 3_000; run++) {
      const limit = random.int(0, 1) === 0 ? random.int(0, 10_000) : Math.floor(random.next() * (2 ** 53 - 2))
      const k = random.int(0, 8)
      const threshold = Number(BigInt(limit) >> BigInt(8 - k))
      const manager = managerWith({ system: { memory: limit } })
      using system = manager.scope('system')
      if (threshold > 0) admitted(system.reserveMemory(threshold, 2 ** k - 1))
      if (threshold < limit) refused(system.reserveMemory(1, 2 ** k - 1))
    }
  })

  it('4: any priority admits up to floor(limit * (1 + priority) / 256), compared with integers of any size', () => {
    const random = seededRandom(44)
    for (let run = 0; run < 3_000; run++) {
      const limit = Math.floor(random.next() * 2 ** random.int(1, 53))
      const priority = random.int(0, 255)
      const threshold = Number(BigInt(limit) * BigInt(1 + priority) / 256n)
      const manager = managerWith({ system: { memory: limit } })
      using system = manager.scope('system')
      admitted(system.reserveMemory(threshold, priority))
      refused(system.reserveMemory(1, priority))
    }
  })

  it.each([[5, ALWAYS, [1024, 2048, 3072, 4096], 8192], [6, LOW, [1024], 2048], [7, MEDIUM, [2048], 3072], [8, HIGH, [3072], 3584]])('%d: of 4096, priority %d admits %j and not %d', (_number, priority, fits, tooMuch) => {
    for (const size of fits) {
      using system = managerWith({ system: { memory: 4096 } }).scope('system')
      admitted(system.reserveMemory(size, priority))
    }
    using system = managerWith({ system: { memory: 4096 } }).scope('system')
    refused(system.reserveMemory(tooMuch, priority))
    expect(system.usage().memory).toBe(0)
  })

  it('9: a refusal leaves the counter as it was', () => {
    using system = managerWith({ system: { memory: 4096 } }).scope('system')
    admitted(system.reserveMemory(3584))
    expect(refused(system.reserveMemory(4096))).toMatchObject({ current: 3584, attempted: 4096, limit: 4096 })
    expect(system.usage().memory).toBe(3584)
  })

  it('10: what is given back can be taken again', () => {
    using system = managerWith({ system: { memory: 4096 } }).scope('system')
    for (let i = 0; i < 3; i++) admitted(system.reserveMemory(4096)).release()
    expect(system.usage().memory).toBe(0)
  })

  it('11: priorities share one counter', () => {
    using system = managerWith({ system: { memory: 4096 } }).scope('system')
    admitted(system.reserveMemory(1024, LOW))
    refused(system.reserveMemory(1024, LOW))
    admitted(system.reserveMemory(1024, MEDIUM))
    refused(system.reserveMemory(1024, MEDIUM))
    admitted(system.reserveMemory(1024, HIGH))
    refused(system.reserveMemory(512, HIGH))
    admitted(system.reserveMemory(512, ALWAYS))
    expect(system.usage().memory).toBe(3584)
  })
})

describe('streams and connections of one scope', () => {
  it.each([[12, 'inbound', 'outbound'], [13, 'outbound', 'inbound']] as const)('%d: of one stream in and out and in all, a second %s one is refused by direction and an %s one by the total', (_number, direction, other) => {
    const manager = managerWith({ system: { streams: 1, streamsInbound: 1, streamsOutbound: 1 } })
    admitted(manager.openStream('p', direction))
    expect(refused(manager.openStream('p', direction)).cause).toBe(direction === 'inbound' ? 'streamsInbound' : 'streamsOutbound')
    expect(refused(manager.openStream('p', other)).cause).toBe('streams')
  })

  it('14: a stream that goes makes room', () => {
    const manager = managerWith({ system: { streams: 1 } })
    admitted(manager.openStream('p', 'inbound')).release()
    admitted(manager.openStream('p', 'outbound'))
  })

  it.each(['inbound', 'outbound'] as const)('15: of one connection, a second %s one is refused', direction => {
    const manager = managerWith({ system: { connections: 1, connectionsInbound: 1, connectionsOutbound: 1 } })
    admitted(manager.openConnection(direction))
    expect(refused(manager.openConnection(direction)).cause).toBe(direction === 'inbound' ? 'connectionsInbound' : 'connectionsOutbound')
  })

  it('16: a descriptor counts with its connection', () => {
    const manager = managerWith({ system: { fileDescriptors: 1 } })
    const connection = admitted(manager.openConnection('inbound', { usesDescriptor: true }))
    expect(usageOf(manager, 'system')).toEqual(use({ connectionsInbound: 1, fileDescriptors: 1 }))
    expect(refused(manager.openConnection('inbound', { usesDescriptor: true })).cause).toBe('fileDescriptors')
    connection.release()
    admitted(manager.openConnection('inbound', { usesDescriptor: true }))
  })

  // decided differently: there are no reference counts; a scope is used as long as something is in it
  it('17, 44: a scope stays exactly as long as something uses it', () => {
    const manager = managerWith({})
    const uses = [
      manager.scope('peer', 'p'),
      admitted(manager.openStream('p', 'inbound')),
      (() => { const connection = admitted(manager.openConnection('inbound')); connection.setPeer('p'); return connection })(),
      (() => { using peer = manager.scope('peer', 'p'); return peer.beginSpan() })(),
      (() => { using peer = manager.scope('peer', 'p'); return admitted(peer.reserveMemory(1)) })(),
      (() => { using peer = manager.scope('peer', 'p'); return admitted(peer.reserveMemory(0)) })()
    ]
    for (const held of uses) {
      expect(manager.stat().peers.has('p')).toBe(true)
      held.release()
    }
    expect(manager.stat().peers.has('p')).toBe(false)
  })

  it.each(['peer', 'protocol', 'service'] as const)('17: a %s by itself grants nothing once it was released', kind => {
    const manager = managerWith({})
    const scope = manager.scope(kind, 'x')
    using other = manager.scope(kind, 'x')
    scope.release()
    expect(() => scope.reserveMemory(1)).toThrow(expect.objectContaining({ name: 'ScopeClosedError' }))
    expect(() => scope.beginSpan()).toThrow(expect.objectContaining({ name: 'ScopeClosedError' }))
    expect([scope.usage(), other.usage()]).toEqual([NOTHING, NOTHING])
  })

  // 18 and 19 are decided differently: through the graph that everybody uses, and spans hold memory only
  it.each(['peer', 'protocol', 'service'] as const)('18: a %s by itself counts memory', kind => {
    const manager = managerWith({ [`${kind}Default`]: { memory: 4096 } })
    using scope = manager.scope(kind, 'x')
    const held = admitted(scope.reserveMemory(4096))
    expect(refused(scope.reserveMemory(1)).scope).toBe(`${kind}:x`)
    held.release()
    expect(scope.usage()).toEqual(NOTHING)
  })

  it('19: a span leaves nothing behind once it is emptied', () => {
    const manager = managerWith({})
    using peer = manager.scope('peer', 'p')
    using span = peer.beginSpan()
    admitted(span.reserveMemory(4096)).release()
    expect([span.usage(), peer.usage(), usageOf(manager, 'system')]).toEqual([NOTHING, NOTHING, NOTHING])
  })
})

describe('the graph', () => {
  // 25 to 34 are decided differently: the diamonds are those of streams, which have six scopes above them
  it('25: one reservation counts once in every scope above', () => {
    const manager = managerWith({})
    const stream = admitted(manager.openStream('p', 'inbound'))
    stream.setProtocol('/x')
    stream.setService('s')
    admitted(stream.reserveMemory(7))
    const { system, peers, protocols, services } = manager.snapshot()
    const [peer] = peers
    expect([system, peers[0], protocols[0], services[0], peer?.protocols[0], peer?.services[0]].map(scope => scope?.usage)).toEqual(Array(6).fill(use({ streamsInbound: 1, memory: 7 })))
  })

  it('26: two streams of one protocol add up there and in the system', () => {
    const manager = managerWith({})
    for (const peer of ['p', 'q']) {
      const stream = admitted(manager.openStream(peer, 'inbound'))
      stream.setProtocol('/x')
      admitted(stream.reserveMemory(5))
    }
    expect(usageOf(manager, 'protocol', '/x')).toEqual(use({ streamsInbound: 2, memory: 10 }))
    expect(usageOf(manager, 'system')).toEqual(use({ streamsInbound: 2, memory: 10 }))
    expect(usageOf(manager, 'peer', 'p')).toEqual(use({ streamsInbound: 1, memory: 5 }))
  })

  const scopes = ['system', 'peerDefault', 'protocolDefault', 'protocolPeerDefault', 'serviceDefault', 'servicePeerDefault', 'stream'] as const

  it.each(scopes)('27: memory that %s refuses is taken nowhere', scope => {
    const manager = managerWith({ [scope]: { memory: 10 } })
    const stream = admitted(manager.openStream('p', 'inbound'))
    stream.setProtocol('/x')
    stream.setService('s')
    const before = JSON.stringify(manager.stat().system)
    expect(refused(stream.reserveMemory(11)).configPath).toBe(`resourceManager.limits.${scope}.memory`)
    expect(JSON.stringify(manager.stat().system)).toBe(before)
    expect(stream.usage().memory).toBe(0)
    expect(manager.snapshot().peers[0]?.protocols[0]?.usage.memory).toBe(0)
    expect(usageOf(manager, 'service', 's').memory).toBe(0)
  })

  const streamCases = ['inbound', 'outbound'].flatMap(direction => ['system', 'transient', 'peerDefault'].map(scope => [direction === 'inbound' ? 28 : 29, direction, scope] as const))

  it.each(streamCases)('%d: an %s stream that %s refuses counts nowhere', (_number, direction, scope) => {
    const key: LimitKey = direction === 'inbound' ? 'streamsInbound' : 'streamsOutbound'
    const manager = managerWith({ [scope]: { [key]: 0 } })
    expect(refused(manager.openStream('p', direction as 'inbound')).configPath).toBe(`resourceManager.limits.${scope}.${key}`)
    expect([usageOf(manager, 'system'), usageOf(manager, 'transient')]).toEqual([NOTHING, NOTHING])
    expect(manager.stat().peers.size).toBe(0)
  })

  const connectionCases = ['inbound', 'outbound'].flatMap(direction => ['system', 'transient'].map(scope => [direction === 'inbound' ? 30 : 31, direction, scope] as const))

  it.each(connectionCases)('%d: an %s connection that %s refuses counts nowhere', (_number, direction, scope) => {
    const key: LimitKey = direction === 'inbound' ? 'connectionsInbound' : 'connectionsOutbound'
    const manager = managerWith({ [scope]: { [key]: 0 } })
    expect(refused(manager.openConnection(direction as 'inbound')).configPath).toBe(`resourceManager.limits.${scope}.${key}`)
    expect([usageOf(manager, 'system'), usageOf(manager, 'transient')]).toEqual([NOTHING, NOTHING])
  })

  it.each(['system', 'transient', 'connection'])('32: a connection whose descriptor %s refuses counts nowhere', scope => {
    const manager = managerWith({ [scope]: { fileDescriptors: 0 } })
    expect(refused(manager.openConnection('inbound', { usesDescriptor: true })).configPath).toBe(`resourceManager.limits.${scope}.fileDescriptors`)
    expect([usageOf(manager, 'system'), usageOf(manager, 'transient')]).toEqual([NOTHING, NOTHING])
    admitted(manager.openConnection('inbound'))
  })

  it('33: giving back restores every scope above', () => {
    const manager = managerWith({})
    const stream = admitted(manager.openStream('p', 'outbound'))
    stream.setProtocol('/x')
    stream.setService('s')
    const reservation = admitted(stream.reserveMemory(9))
    reservation.release()
    expect(manager.snapshot().peers[0]?.protocols[0]?.usage).toEqual(use({ streamsOutbound: 1 }))
    stream.release()
    const { system, peers, protocols, services } = manager.snapshot()
    expect([system.usage, peers, protocols, services]).toEqual([NOTHING, [], [], []])
  })

  it('34: a span of a stream counts in every scope above, and its end makes room for others', () => {
    const manager = managerWith({ serviceDefault: { memory: 100 } })
    const [first, second] = ['p', 'q'].map(peer => {
      const stream = admitted(manager.openStream(peer, 'inbound'))
      stream.setProtocol('/x')
      stream.setService('s')
      return stream
    })
    const span = admitted(first?.beginSpan())
    admitted(span?.reserveMemory(100))
    expect(refused(second?.reserveMemory(1)).scope).toBe('service:s')
    span?.release()
    admitted(second?.reserveMemory(100))
  })
})
