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
