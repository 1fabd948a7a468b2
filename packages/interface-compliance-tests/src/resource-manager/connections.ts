import { describe, expect, it } from 'vitest'
import { admitted, ip4, NOTHING, refused, state, unlimitedBut, use, usageOf } from './harness.ts'
import type { Part } from './harness.ts'

const FD = { usesDescriptor: true }

export const connections: Part = ({ manager, pass }) => {
  describe('connections', () => {
    it('35: uses nothing at first', async () => {
      const manage = await manager()
      expect(usageOf(manage, 'system')).toEqual(NOTHING)
      expect(usageOf(manage, 'transient')).toEqual(NOTHING)
    })

    it('36: counts a connection and its descriptor in system and transient', async () => {
      const manage = await manager()
      admitted(manage.openConnection('inbound', FD))
      expect(usageOf(manage, 'system')).toEqual(use({ connectionsInbound: 1, fileDescriptors: 1 }))
      expect(usageOf(manage, 'transient')).toEqual(use({ connectionsInbound: 1, fileDescriptors: 1 }))
    })

    it.each([true, false])('37: refuses a second one where transient has room for one (descriptor: %s)', async usesDescriptor => {
      const manage = await manager({ transient: { connectionsInbound: 1 } })
      admitted(manage.openConnection('inbound', FD))
      const before = state(manage)
      expect(refused(manage.openConnection('inbound', { usesDescriptor }))).toMatchObject({ scope: 'transient', cause: 'connectionsInbound', resource: 'connections', direction: 'inbound', current: 1, attempted: 1, limit: 1 })
      expect(state(manage)).toEqual(before)
    })

    it('38: gives everything back once, however often it is released', async () => {
      const manage = await manager()
      const other = admitted(manage.openConnection('inbound', FD))
      const connection = admitted(manage.openConnection('inbound', FD))
      connection.release()
      connection.release()
      expect(usageOf(manage, 'system')).toEqual(use({ connectionsInbound: 1, fileDescriptors: 1 }))
      other[Symbol.dispose]()
      expect(usageOf(manage, 'system')).toEqual(NOTHING)
      expect(usageOf(manage, 'transient')).toEqual(NOTHING)
    })

    it('39: has no peer before it is set', async () => {
      const manage = await manager()
      const connection = admitted(manage.openConnection('inbound'))
      expect(connection.peer).toBeUndefined()
      expect(connection.setPeer('p')).toBeUndefined()
      expect(connection.peer).toBe('p')
    })

    it('40: moves from transient to its peer, and system does not change', async () => {
      const manage = await manager()
      const connection = admitted(manage.openConnection('inbound', FD))
      admitted(connection.reserveMemory(100))
      connection.setPeer('p')
      const all = use({ connectionsInbound: 1, fileDescriptors: 1, memory: 100 })
      expect(usageOf(manage, 'peer', 'p')).toEqual(all)
      expect(usageOf(manage, 'system')).toEqual(all)
      expect(usageOf(manage, 'transient')).toEqual(NOTHING)
    })

    it('41: leaves room in transient for another one', async () => {
      const manage = await manager({ transient: { connectionsInbound: 1 } })
      admitted(manage.openConnection('inbound')).setPeer('p')
      admitted(manage.openConnection('inbound'))
    })

    it('42: stays in transient where its peer has no descriptor left', async () => {
      const manage = await manager({ peerDefault: { fileDescriptors: 1 } })
      admitted(manage.openConnection('inbound', FD)).setPeer('p')
      const connection = admitted(manage.openConnection('inbound', FD))
      const before = state(manage)
      expect(refused(connection.setPeer('p'))).toMatchObject({ scope: 'peer:p', cause: 'fileDescriptors', current: 1, attempted: 1, limit: 1 })
      expect(state(manage)).toEqual(before)
      expect(connection.peer).toBeUndefined()
      expect(usageOf(manage, 'transient')).toEqual(use({ connectionsInbound: 1, fileDescriptors: 1 }))
    })

    it('43: is admitted by its peer without a descriptor', async () => {
      const manage = await manager({ peerDefault: { fileDescriptors: 1 } })
      admitted(manage.openConnection('inbound', FD)).setPeer('p')
      expect(admitted(manage.openConnection('inbound')).setPeer('p')).toBeUndefined()
      expect(usageOf(manage, 'peer', 'p')).toEqual(use({ connectionsInbound: 2, fileDescriptors: 1 }))
    })

    it('moves at a full system scope, because that is in both places', async () => {
      const manage = await manager({ system: { connections: 1, connectionsInbound: 1 } })
      const connection = admitted(manage.openConnection('inbound'))
      expect(connection.setPeer('p')).toBeUndefined()
    })

    it('is bound by a limit of its own, which one connection does not pass', async () => {
      const manage = await manager({ connection: { connections: 1, connectionsInbound: 1, connectionsOutbound: 0, fileDescriptors: 1, memory: 10 } })
      const connection = admitted(manage.openConnection('inbound', FD))
      expect(refused(manage.openConnection('outbound'))).toMatchObject({ scopeClass: 'connection', cause: 'connectionsOutbound', current: 0, limit: 0 })
      expect(refused(connection.reserveMemory(11))).toMatchObject({ scopeClass: 'connection', cause: 'memory', current: 0, attempted: 11, limit: 10 })
      admitted(connection.reserveMemory(10))
      expect(manage.snapshot().classes.connection.refusals).toEqual({ connectionsOutbound: 1, memory: 1 })
    })

    it('is refused by the first scope without room, by direction before total before descriptors', async () => {
      const full = { connections: 0, connectionsInbound: 0, fileDescriptors: 0 }
      const manage = await manager({ system: full, transient: full, peerDefault: { ...full, memory: 0 } })
      expect(refused(manage.openConnection('inbound', FD))).toMatchObject({ scope: 'transient', cause: 'connectionsInbound' })
      expect(refused(manage.openConnection('outbound', FD))).toMatchObject({ scope: 'transient', cause: 'connections' })
      manage.setLimits(unlimitedBut({ peerDefault: { ...full, memory: 0 } }))
      const connection = admitted(manage.openConnection('inbound', FD))
      admitted(connection.reserveMemory(1))
      expect(refused(connection.setPeer('p'))).toMatchObject({ scope: 'peer:p', cause: 'memory', current: 0, attempted: 1, limit: 0 })
    })

    it('throws for a direction that is none', async () => {
      const manage = await manager()
      for (const misuse of [() => manage.openConnection('both' as 'inbound'), () => manage.checkConnection('' as 'inbound'), () => manage.openStream('p', undefined as unknown as 'inbound')]) {
        expect(misuse).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
      }
    })

    it('throws for a second peer, also the same, and after it was released', async () => {
      const manage = await manager()
      const connection = admitted(manage.openConnection('outbound'))
      connection.setPeer('p')
      expect(() => connection.setPeer('p')).toThrow(expect.objectContaining({ name: 'ScopeAttachedError' }))
      connection.release()
      expect(() => connection.setPeer('q')).toThrow(expect.objectContaining({ name: 'ScopeClosedError' }))
      expect(() => connection.reserveMemory(1)).toThrow(expect.objectContaining({ name: 'ScopeClosedError' }))
      expect(usageOf(manage, 'peer', 'q')).toEqual(NOTHING)
      expect(usageOf(manage, 'system')).toEqual(NOTHING)
    })

    it('says before a dial what would be refused, and changes nothing', async () => {
      const manage = await manager({ peerDefault: { connections: 1 }, system: { connectionsOutbound: 2 } })
      admitted(manage.openConnection('outbound')).setPeer('p')
      const before = JSON.stringify(manage.snapshot())
      expect(refused(manage.checkConnection('outbound', { peer: 'p' }))).toMatchObject({ scope: 'peer:p', cause: 'connections' })
      expect(manage.checkConnection('outbound', { peer: 'q' })).toBeUndefined()
      expect(JSON.stringify(manage.snapshot())).toBe(before)
      admitted(manage.openConnection('outbound'))
      expect(refused(manage.checkConnection('outbound'))).toMatchObject({ scope: 'system', cause: 'connectionsOutbound' })
    })

    it('is counted in its class while it is held, as streams, spans and prefixes are', async () => {
      const manage = await manager({ prefixes: { ipv4: [{ length: 32, connections: 2 }, { length: 24, connections: 4 }], ipv6: [] } })
      const counts = (): number[] => (['connection', 'stream', 'span', 'prefix'] as const).map(name => manage.snapshot().classes[name].count)
      expect(counts()).toEqual([0, 0, 0, 0])
      const connections = [1, 1, 2].map(host => admitted(manage.openConnection('inbound', { address: ip4(192, 0, 2, host) })))
      const dialled = admitted(manage.openConnection('outbound', { address: ip4(198, 51, 100, 1) }))
      const stream = admitted(manage.openStream('p', 'outbound'))
      const span = stream.beginSpan()
      const spans = [span, span.beginSpan(), dialled.beginSpan()]
      expect(counts()).toEqual([4, 1, 3, 3])
      for (const held of [...connections, dialled, stream, ...spans]) {
        held.release()
        held.release()
      }
      expect(counts()).toEqual([0, 0, 0, 0])
    })

    // 69 is decided differently: the text is ours, and the refusal is typed and counted as any other
    it('69: the third connection after a burst of two is refused by rate, although the earlier ones are gone', async () => {
      const manage = await manager({ prefixes: { ipv4: [{ length: 32, rate: 0.1, burst: 2 }], ipv6: [] } })
      const from = { address: ip4(192, 0, 2, 1) }
      for (let i = 0; i < 2; i++) admitted(manage.openConnection('inbound', from)).release()
      expect(refused(manage.openConnection('inbound', from))).toMatchObject({ code: 'rate', cause: 'rate', scopeClass: 'prefix', resource: 'connections', retryAfter: 10_000 })
      expect(manage.snapshot().classes.prefix.refusals).toEqual({ rate: 1 })
      pass(10_000)
      admitted(manage.openConnection('inbound', from))
    })
  })
}
