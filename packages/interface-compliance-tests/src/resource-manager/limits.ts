import { describe, expect, it } from 'vitest'
import { admitted, refused, unlimitedBut, usageOf } from './harness.ts'
import type { Part } from './harness.ts'

export const limits: Part = ({ manager }) => {
  describe('limits that change', () => {
    it('apply to scopes that exist, and take nothing away', async () => {
      const manage = await manager()
      const [first, second] = ['inbound', 'inbound'].map(() => admitted(manage.openConnection('inbound')))
      manage.setLimits(unlimitedBut({ system: { connectionsInbound: 1 }, peerDefault: { connectionsInbound: 1 } }))
      expect(usageOf(manage, 'system').connectionsInbound).toBe(2)
      expect(refused(manage.openConnection('inbound'))).toMatchObject({ scope: 'system', current: 2, limit: 1 })
      expect(first?.setPeer('p')).toBeUndefined()
      expect(refused(second?.setPeer('p'))).toMatchObject({ scope: 'peer:p' })
      manage.setLimits(unlimitedBut())
      expect(second?.setPeer('p')).toBeUndefined()
      admitted(manage.openConnection('inbound'))
    })

    it('apply to the shares of peers that exist', async () => {
      const manage = await manager()
      const [first, second] = ['p', 'p'].map(peer => admitted(manage.openStream(peer, 'inbound')))
      first?.setProtocol('/x')
      first?.setService('s')
      manage.setLimits(unlimitedBut({ protocolPeerDefault: { streams: 1, memory: 10 }, servicePeerDefault: { streams: 1, memory: 5 } }))
      expect(refused(first?.reserveMemory(11))).toMatchObject({ scope: 'protocol:/x.peer:p', cause: 'memory', limit: 10 })
      expect(refused(first?.reserveMemory(6))).toMatchObject({ scope: 'service:s.peer:p', cause: 'memory', limit: 5 })
      expect(refused(second?.setProtocol('/x'))).toMatchObject({ scope: 'protocol:/x.peer:p', cause: 'streams', current: 1, limit: 1 })
      expect(second?.setProtocol('/y')).toBeUndefined()
      expect(refused(second?.setService('s'))).toMatchObject({ scope: 'service:s.peer:p', cause: 'streams', current: 1, limit: 1 })
    })

    it('do not matter for what is not asked for', async () => {
      const manage = await manager()
      const [stream, connection] = [admitted(manage.openStream('p', 'inbound')), admitted(manage.openConnection('inbound'))]
      stream.setProtocol('/y')
      stream.release()
      admitted(manage.openStream('p', 'inbound'))
      using peer = manage.scope('peer', 'p')
      admitted(peer.reserveMemory(10))
      manage.setLimits(unlimitedBut({ peerDefault: { streams: 0, memory: 1 } }))
      // the peer has more streams and memory than it may have, but a connection brings none of either
      expect(connection.setPeer('p')).toBeUndefined()
    })

    it('are set all or not at all', async () => {
      const manage = await manager()
      const before = JSON.stringify(manage.snapshot())
      expect(() => manage.setLimits({ system: { connections: 1 }, transient: { memory: -1 } })).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
      expect(JSON.stringify(manage.snapshot())).toBe(before)
    })
  })
}
