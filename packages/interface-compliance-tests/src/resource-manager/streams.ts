import { describe, expect, it } from 'vitest'
import { admitted, NOTHING, refused, state, unlimitedBut, use, usageOf } from './harness.ts'
import type { Part } from './harness.ts'
import type { ConnectionScope } from '@cordon/interface-resource-manager'

const ONE = use({ streamsInbound: 1 })

export const streams: Part = ({ manager }) => {
  describe('streams', () => {
    it('45: counts in its peer, transient and system at once', async () => {
      const manage = await manager()
      admitted(manage.openStream('p', 'inbound'))
      expect([usageOf(manage, 'peer', 'p'), usageOf(manage, 'transient'), usageOf(manage, 'system')]).toEqual([ONE, ONE, ONE])
    })

    it('46: refuses a second one that is not negotiated where transient has room for one', async () => {
      const manage = await manager({ transient: { streamsInbound: 1 } })
      admitted(manage.openStream('p', 'inbound'))
      const before = state(manage)
      expect(refused(manage.openStream('q', 'inbound'))).toMatchObject({ scope: 'transient', cause: 'streamsInbound', resource: 'streams', direction: 'inbound', current: 1, limit: 1 })
      expect(state(manage)).toEqual(before)
    })

    it('47: gives everything back', async () => {
      const manage = await manager()
      const stream = admitted(manage.openStream('p', 'inbound'))
      stream.release()
      stream.release()
      expect([usageOf(manage, 'peer', 'p'), usageOf(manage, 'transient'), usageOf(manage, 'system')]).toEqual([NOTHING, NOTHING, NOTHING])
    })

    it('48: has neither protocol nor service at first', async () => {
      const manage = await manager()
      const stream = admitted(manage.openStream('p', 'outbound'))
      expect([stream.protocol, stream.service, stream.peer, stream.direction]).toEqual([undefined, undefined, 'p', 'outbound'])
    })

    it('49: moves from transient to its protocol; peer and system do not change', async () => {
      const manage = await manager()
      const stream = admitted(manage.openStream('p', 'inbound'))
      expect(stream.setProtocol('/x')).toBeUndefined()
      expect(usageOf(manage, 'protocol', '/x')).toEqual(ONE)
      expect(usageOf(manage, 'transient')).toEqual(NOTHING)
      expect([usageOf(manage, 'peer', 'p'), usageOf(manage, 'system')]).toEqual([ONE, ONE])
      expect(stream.protocol).toBe('/x')
    })

    it('49: takes its memory along', async () => {
      const manage = await manager()
      const stream = admitted(manage.openStream('p', 'inbound'))
      const reservation = admitted(stream.reserveMemory(100))
      stream.setProtocol('/x')
      stream.setService('s')
      expect(usageOf(manage, 'transient')).toEqual(NOTHING)
      const memories = (): number[] => [usageOf(manage, 'protocol', '/x'), usageOf(manage, 'service', 's'), usageOf(manage, 'system')].map(({ memory }) => memory)
      expect(memories()).toEqual([100, 100, 100])
      const [peer] = manage.snapshot().peers
      expect([peer?.protocols[0]?.usage.memory, peer?.services[0]?.usage.memory]).toEqual([100, 100])
      reservation.release()
      expect(memories()).toEqual([0, 0, 0])
    })

    it('50: joins a protocol up to its limit', async () => {
      const manage = await manager({ protocol: { '/x': { streamsInbound: 2 } } })
      for (const peer of ['p', 'q']) expect(admitted(manage.openStream(peer, 'inbound')).setProtocol('/x')).toBeUndefined()
      expect(usageOf(manage, 'protocol', '/x')).toEqual(use({ streamsInbound: 2 }))
    })

    it('51: stays as it was where the protocol refuses it', async () => {
      const manage = await manager({ protocol: { '/x': { streamsInbound: 1 } } })
      admitted(manage.openStream('p', 'inbound')).setProtocol('/x')
      const stream = admitted(manage.openStream('q', 'inbound'))
      admitted(stream.reserveMemory(7))
      const before = state(manage)
      expect(refused(stream.setProtocol('/x'))).toMatchObject({ scope: 'protocol:/x', cause: 'streamsInbound' })
      expect(state(manage)).toEqual(before)
      expect(stream.protocol).toBeUndefined()
    })

    it('52: may try another protocol then', async () => {
      const manage = await manager({ protocol: { '/x': { streams: 0 } } })
      const stream = admitted(manage.openStream('p', 'inbound'))
      refused(stream.setProtocol('/x'))
      expect(stream.setProtocol('/y')).toBeUndefined()
      expect(usageOf(manage, 'protocol', '/y')).toEqual(ONE)
    })

    it('53: counts in its service too; peer, protocol and system do not change', async () => {
      const manage = await manager()
      const stream = admitted(manage.openStream('p', 'inbound'))
      stream.setProtocol('/x')
      expect(stream.setService('s')).toBeUndefined()
      expect([usageOf(manage, 'service', 's'), usageOf(manage, 'protocol', '/x'), usageOf(manage, 'peer', 'p'), usageOf(manage, 'system')]).toEqual([ONE, ONE, ONE, ONE])
      expect(stream.service).toBe('s')
    })

    it('54: stays as it was where the service refuses it', async () => {
      const manage = await manager({ serviceDefault: { streamsInbound: 0 } })
      const stream = admitted(manage.openStream('p', 'inbound'))
      stream.setProtocol('/x')
      const before = state(manage)
      expect(refused(stream.setService('s'))).toMatchObject({ scope: 'service:s', cause: 'streamsInbound' })
      expect(state(manage)).toEqual(before)
      expect(stream.service).toBeUndefined()
    })

    it('55: everything reads zero when everything is closed', async () => {
      const manage = await manager()
      const connection = admitted(manage.openConnection('inbound', { usesDescriptor: true }))
      connection.setPeer('p')
      const stream = admitted(manage.openStream('p', 'inbound', { connection }))
      stream.setProtocol('/x')
      stream.setService('s')
      admitted(stream.reserveMemory(4096))
      stream.release()
      connection.release()
      for (const usage of [usageOf(manage, 'system'), usageOf(manage, 'transient'), usageOf(manage, 'peer', 'p'), usageOf(manage, 'protocol', '/x'), usageOf(manage, 'service', 's')]) expect(usage).toEqual(NOTHING)
    })

    // 56 and 59 are decided differently: scopes go when their last user leaves, services too, without waiting for a collection
    it('56: peers, protocols and services that nobody uses are gone at once', async () => {
      const manage = await manager()
      const stream = admitted(manage.openStream('p', 'inbound'))
      stream.setProtocol('/x')
      stream.setService('s')
      stream.release()
      const { peers, protocols, services } = manage.stat()
      expect([peers.size, protocols.size, services.size]).toEqual([0, 0, 0])
    })

    it('57: refuses a second stream of a peer that has its share of the protocol, and leaks nothing', async () => {
      const manage = await manager({ protocolPeerDefault: { streamsInbound: 1 } })
      admitted(manage.openStream('p', 'inbound')).setProtocol('/x')
      const stream = admitted(manage.openStream('p', 'inbound'))
      const before = state(manage)
      expect(refused(stream.setProtocol('/x'))).toMatchObject({ scope: 'protocol:/x.peer:p', scopeClass: 'protocol-peer', cause: 'streamsInbound' })
      expect(state(manage)).toEqual(before)
      expect(admitted(manage.openStream('q', 'inbound')).setProtocol('/x')).toBeUndefined()
    })

    it('58: refuses a second stream of a peer that has its share of the service', async () => {
      const manage = await manager({ servicePeerDefault: { streamsInbound: 1 } })
      const [first, second] = [admitted(manage.openStream('p', 'inbound')), admitted(manage.openStream('p', 'inbound'))]
      for (const stream of [first, second]) stream.setProtocol('/x')
      expect(first.setService('s')).toBeUndefined()
      expect(refused(second.setService('s'))).toMatchObject({ scope: 'service:s.peer:p', scopeClass: 'service-peer', cause: 'streamsInbound' })
      expect(usageOf(manage, 'service', 's')).toEqual(ONE)
    })

    it('59: the share of a peer in a service is free again once its streams are gone', async () => {
      const manage = await manager({ servicePeerDefault: { streamsInbound: 1 } })
      for (let i = 0; i < 3; i++) {
        const stream = admitted(manage.openStream('p', 'inbound'))
        stream.setProtocol('/x')
        expect(stream.setService('s')).toBeUndefined()
        stream.release()
      }
      expect(manage.stat().services.size).toBe(0)
    })

    it('is bound by a limit of its own, which one stream does not pass', async () => {
      const manage = await manager({ stream: { streams: 1, streamsInbound: 1, streamsOutbound: 0, memory: 10 } })
      const stream = admitted(manage.openStream('p', 'inbound'))
      expect(refused(manage.openStream('p', 'outbound'))).toMatchObject({ scopeClass: 'stream', cause: 'streamsOutbound', current: 0, limit: 0 })
      expect(refused(stream.reserveMemory(11))).toMatchObject({ scopeClass: 'stream', cause: 'memory', current: 0, attempted: 11, limit: 10 })
      expect(stream.setProtocol('/x')).toBeUndefined()
    })

    it('is refused by the first scope without room: its peer, transient, system; a protocol or service before the share in it', async () => {
      const none = { streams: 0, memory: 0 }
      const manage = await manager({ system: none, transient: none, peerDefault: none })
      expect(refused(manage.openStream('p', 'inbound')).scope).toBe('peer:p')
      manage.setLimits(unlimitedBut({ system: none, transient: none }))
      expect(refused(manage.openStream('p', 'inbound')).scope).toBe('transient')
      manage.setLimits(unlimitedBut({ protocolDefault: none, protocolPeerDefault: none, protocol: { '/y': { streams: 1, memory: 10 } }, serviceDefault: none, servicePeerDefault: none }))
      const stream = admitted(manage.openStream('p', 'inbound'))
      expect(refused(stream.setProtocol('/x')).scope).toBe('protocol:/x')
      expect(refused(stream.setProtocol('/y')).scope).toBe('protocol:/y.peer:p')
      manage.setLimits(unlimitedBut({ serviceDefault: none, servicePeerDefault: none, service: { t: { streams: 1, memory: 10 } } }))
      expect(stream.setProtocol('/x')).toBeUndefined()
      expect(refused(stream.setService('s')).scope).toBe('service:s')
      manage.setLimits(unlimitedBut({ servicePeerDefault: none }))
      expect(refused(stream.setService('s')).scope).toBe('service:s.peer:p')
    })

    it.each([
      ['peerDefault', 'peer:p'], ['protocolPeerDefault', 'protocol:/x.peer:p'], ['servicePeerDefault', 'service:s.peer:p'],
      ['protocolDefault', 'protocol:/x'], ['serviceDefault', 'service:s'], ['system', 'system']
    ])('asks all scopes for memory, from the peer to the system: here %s comes first', async (first, scope) => {
      const order = ['peerDefault', 'protocolPeerDefault', 'servicePeerDefault', 'protocolDefault', 'serviceDefault', 'system']
      const manage = await manager(Object.fromEntries(order.slice(order.indexOf(first)).map(key => [key, { memory: 10 }])))
      const stream = admitted(manage.openStream('p', 'inbound'))
      stream.setProtocol('/x')
      stream.setService('s')
      const before = state(manage)
      expect(refused(stream.reserveMemory(11))).toMatchObject({ scope, cause: 'memory', current: 0, attempted: 11, limit: 10 })
      expect(state(manage)).toEqual(before)
      admitted(stream.reserveMemory(10))
    })

    it('moves its memory at the highest priority, and is refused where there is no room for that', async () => {
      const manage = await manager({ protocolDefault: { memory: 100 } })
      const [first, second] = ['p', 'q'].map(peer => admitted(manage.openStream(peer, 'inbound')))
      admitted(first?.reserveMemory(100, 0))
      expect(first?.setProtocol('/x')).toBeUndefined()
      admitted(second?.reserveMemory(1))
      expect(refused(second?.setProtocol('/x'))).toMatchObject({ scope: 'protocol:/x', cause: 'memory', current: 100, attempted: 1, limit: 100 })
    })

    it('throws for a connection of another peer, of nobody, or that was not opened here', async () => {
      const manage = await manager()
      const connection = admitted(manage.openConnection('inbound'))
      const open = (carrier: ConnectionScope) => () => manage.openStream('p', 'inbound', { connection: carrier })
      expect(open(connection)).toThrow(expect.objectContaining({ name: 'ScopeAttachedError' }))
      connection.setPeer('q')
      expect(open(connection)).toThrow(expect.objectContaining({ name: 'ScopeAttachedError' }))
      expect(open({ peer: 'p' } as ConnectionScope)).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
      expect(usageOf(manage, 'system')).toEqual(use({ connectionsInbound: 1 }))
    })

    it('throws where it is misused, and changes nothing', async () => {
      const manage = await manager()
      const stream = admitted(manage.openStream('p', 'inbound'))
      expect(() => stream.setService('s')).toThrow(expect.objectContaining({ name: 'ProtocolNotSetError' }))
      stream.setProtocol('/x')
      expect(() => stream.setProtocol('/y')).toThrow(expect.objectContaining({ name: 'ScopeAttachedError' }))
      stream.setService('s')
      expect(() => stream.setService('t')).toThrow(expect.objectContaining({ name: 'ScopeAttachedError' }))
      stream.release()
      for (const misuse of [() => stream.setProtocol('/y'), () => stream.setService('t'), () => stream.reserveMemory(1), () => stream.beginSpan()]) {
        expect(misuse).toThrow(expect.objectContaining({ name: 'ScopeClosedError' }))
      }
      expect(manage.stat().peers.size).toBe(0)
    })

    it.each(['', 'x'.repeat(513)])('throws for a name that is none (%#)', async name => {
      const manage = await manager()
      const stream = admitted(manage.openStream('p', 'inbound'))
      for (const misuse of [() => manage.openStream(name, 'inbound'), () => stream.setProtocol(name), () => manage.scope('peer', name), () => admitted(manage.openConnection('inbound')).setPeer(name)]) {
        expect(misuse).toThrow(expect.objectContaining({ name: 'InvalidNameError' }))
      }
    })
  })
}
