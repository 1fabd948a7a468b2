import { describe, expect, it } from 'vitest'
import { admitted, refused, usageOf } from './harness.ts'
import type { Part } from './harness.ts'

export const spans: Part = ({ manager }) => {
  describe('spans', () => {
    it('20: memory in a span counts in the span and its scope, and ending the span gives it back', async () => {
      const peers = await manager({ peerDefault: { memory: 4096 } })
      using peer = peers.scope('peer', 'p')
      const span = peer.beginSpan()
      admitted(span.reserveMemory(1024))
      expect(span.usage().memory).toBe(1024)
      expect(peer.usage().memory).toBe(1024)
      expect(usageOf(peers, 'system').memory).toBe(1024)
      span.release()
      expect(peer.usage().memory).toBe(0)
      expect(usageOf(peers, 'system').memory).toBe(0)
    })

    it('21: ending a span twice does nothing', async () => {
      const peers = await manager()
      using peer = peers.scope('peer', 'p')
      admitted(peer.reserveMemory(10))
      const span = peer.beginSpan()
      admitted(span.reserveMemory(1024))
      span.release()
      span.release()
      expect(peer.usage().memory).toBe(10)
    })

    it('21: a span that is ended twice counts once among the users of its scope', async () => {
      const manage = await manager()
      const peer = manage.scope('peer', 'p')
      const span = peer.beginSpan()
      for (let i = 0; i < 3; i++) span.release()
      expect(manage.stat().peers.has('p')).toBe(true)
      peer.release()
      expect(manage.stat().peers.has('p')).toBe(false)
    })

    it('22: a span in one that has ended can reserve nothing, and its own end gives nothing back twice', async () => {
      const peers = await manager()
      using peer = peers.scope('peer', 'p')
      admitted(peer.reserveMemory(10))
      const outer = peer.beginSpan()
      const inner = outer.beginSpan()
      admitted(inner.reserveMemory(512))
      outer.release()
      expect(refused(inner.reserveMemory(1))).toMatchObject({ code: 'gone', scopeClass: 'span' })
      inner.release()
      expect(peer.usage().memory).toBe(10)
    })

    it('23: a tree of spans shares the limit of its scope', async () => {
      const peers = await manager({ peerDefault: { memory: 4096 } })
      using peer = peers.scope('peer', 'p')
      const root = peer.beginSpan()
      const left = root.beginSpan()
      const right = root.beginSpan()
      const leaf = right.beginSpan()
      for (const node of [root, left, right, leaf]) admitted(node.reserveMemory(1024))
      for (const node of [root, left, right, leaf]) expect(refused(node.reserveMemory(1))).toMatchObject({ code: 'limit', cause: 'memory' })
      expect(peer.usage().memory).toBe(4096)
    })

    it('24: ending the root of a tree gives all of it back, whatever its branches did', async () => {
      const peers = await manager()
      using peer = peers.scope('peer', 'p')
      const root = peer.beginSpan()
      const left = root.beginSpan()
      const right = root.beginSpan()
      const held = admitted(left.reserveMemory(100))
      admitted(right.reserveMemory(200))
      admitted(root.reserveMemory(400))
      right.release()
      root.release()
      expect(peer.usage().memory).toBe(0)
      held.release()
      left.release()
      expect(peer.usage().memory).toBe(0)
      expect(usageOf(peers, 'system').memory).toBe(0)
    })

    it('a span outlives its stream, and can then reserve nothing', async () => {
      const manage = await manager()
      const stream = admitted(manage.openStream('p', 'inbound'))
      const span = stream.beginSpan()
      admitted(span.reserveMemory(100))
      stream.release()
      expect(refused(span.reserveMemory(1))).toMatchObject({ code: 'gone', scopeClass: 'stream' })
      expect(usageOf(manage, 'system').memory).toBe(0)
      span.release()
      expect(usageOf(manage, 'system').memory).toBe(0)
    })

    it('an ended span throws where it is asked for more', async () => {
      const manage = await manager()
      using system = manage.scope('system')
      const span = system.beginSpan()
      span.release()
      expect(() => span.reserveMemory(1)).toThrow(expect.objectContaining({ name: 'ScopeClosedError' }))
      expect(() => span.beginSpan()).toThrow(expect.objectContaining({ name: 'ScopeClosedError' }))
    })
  })
}
