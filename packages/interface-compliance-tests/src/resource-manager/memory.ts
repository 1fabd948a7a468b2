import { describe, expect, it } from 'vitest'
import { admitted, refused, state, usageOf } from './harness.ts'
import type { Part } from './harness.ts'

export const memory: Part = ({ manager }) => {
  describe('memory', () => {
    it('is charged to every scope above a stream, and given back once', async () => {
      const manage = await manager()
      const stream = admitted(manage.openStream('p', 'inbound'))
      stream.setProtocol('/x')
      stream.setService('s')
      const reservation = admitted(stream.reserveMemory(1000))
      const all = (): number[] => [usageOf(manage, 'system'), usageOf(manage, 'peer', 'p'), usageOf(manage, 'protocol', '/x'), usageOf(manage, 'service', 's'), stream.usage()].map(usage => usage.memory)
      expect(all()).toEqual([1000, 1000, 1000, 1000, 1000])
      reservation.release()
      reservation.release()
      expect(all()).toEqual([0, 0, 0, 0, 0])
    })

    it('cannot be given back twice at the cost of others', async () => {
      const manage = await manager()
      const [mine, yours] = [admitted(manage.openStream('p', 'inbound')), admitted(manage.openStream('q', 'inbound'))]
      admitted(yours.reserveMemory(500))
      const reservation = admitted(mine.reserveMemory(500))
      reservation.release()
      reservation.release()
      reservation[Symbol.dispose]()
      mine.release()
      reservation.release()
      expect(usageOf(manage, 'system').memory).toBe(500)
    })

    it('changes its size, and keeps it where more is refused', async () => {
      const manage = await manager({ peerDefault: { memory: 1000 } })
      const stream = admitted(manage.openStream('p', 'inbound'))
      const reservation = admitted(stream.reserveMemory(600))
      const before = state(manage)
      expect(refused(reservation.resize(1001))).toMatchObject({ scope: 'peer:p', cause: 'memory', current: 600, attempted: 401, limit: 1000 })
      expect(state(manage)).toEqual(before)
      expect(reservation.size).toBe(600)
      expect(reservation.resize(1000)).toBeUndefined()
      expect(reservation.resize(10)).toBeUndefined()
      expect(usageOf(manage, 'system').memory).toBe(10)
      reservation.release()
      expect(() => reservation.resize(1)).toThrow(expect.objectContaining({ name: 'ScopeClosedError' }))
    })

    it('cannot grow where its scope has ended, and gives back nothing that was given back before', async () => {
      const manage = await manager()
      const [stream, other] = [admitted(manage.openStream('p', 'inbound')), admitted(manage.openStream('p', 'inbound'))]
      const reservation = admitted(stream.reserveMemory(100))
      admitted(other.reserveMemory(500))
      stream.release()
      expect(refused(reservation.resize(101))).toMatchObject({ code: 'gone', scopeClass: 'stream' })
      expect(reservation.resize(10)).toBeUndefined()
      reservation.release()
      expect(usageOf(manage, 'system').memory).toBe(500)
      expect(manage.snapshot().classes.stream.refusals).toEqual({})
    })

    it('is never more than a number holds exactly, also without a limit', async () => {
      const manage = await manager()
      using system = manage.scope('system')
      admitted(system.reserveMemory(2 ** 53 - 1))
      expect(refused(system.reserveMemory(1))).toMatchObject({ scope: 'system', cause: 'memory', limit: Infinity })
      expect(system.usage().memory).toBe(2 ** 53 - 1)
    })

    it.each([-1, 0.5, NaN, Infinity, 2 ** 53, '1'])('throws for %s bytes', async size => {
      const manage = await manager()
      using system = manage.scope('system')
      expect(() => system.reserveMemory(size as number)).toThrow(expect.objectContaining({ name: 'InvalidSizeError' }))
      expect(() => admitted(system.reserveMemory(1)).resize(size as number)).toThrow(expect.objectContaining({ name: 'InvalidSizeError' }))
    })

    it('stays with a scope whose handle is released', async () => {
      const manage = await manager()
      const handle = manage.scope('peer', 'p')
      const reservation = admitted(handle.reserveMemory(100))
      handle.release()
      expect(usageOf(manage, 'peer', 'p').memory).toBe(100)
      expect(reservation.resize(200)).toBeUndefined()
      reservation.release()
      expect(usageOf(manage, 'system').memory).toBe(0)
      expect(manage.stat().peers.size).toBe(0)
    })

    it('is refused at a low priority where a high one is admitted', async () => {
      const manage = await manager({ system: { memory: 4096 } })
      using system = manage.scope('system')
      expect(refused(system.reserveMemory(2048, 101))).toMatchObject({ scope: 'system', cause: 'memory', priority: 101, limit: 4096 })
      admitted(system.reserveMemory(2048, 152))
    })
  })
}
