import { describe, expect, it } from 'vitest'
import { Kind } from '../src/graph/kind.ts'
import { emptyPeak } from '../src/graph/peak.ts'
import { Share } from '../src/graph/share.ts'
import { Limits, LimitSet } from '../src/limits/limits.ts'
import { admitted, managerWith, only, refused } from './support.ts'
import type { ResourceManager, ScopeSnapshot, StreamScope } from '@cordon/interface-resource-manager'

function stream (manager: ResourceManager, peer: string, protocol: string, service?: string): StreamScope {
  const handle = admitted(manager.openStream(peer, 'inbound'))
  admitted(handle.setProtocol(protocol))
  if (service !== undefined) admitted(handle.setService(service))
  return handle
}

function sharesOf (manager: ResourceManager, peer: string): readonly ScopeSnapshot[] {
  return manager.snapshot().peers.find(({ name }) => name === `peer:${peer}`)?.protocols ?? []
}

const names = (shares: readonly ScopeSnapshot[]): string[] => shares.map(({ name }) => name).sort()

// what nobody uses any more serves the next: nothing of whom it was may show
describe('the share of a peer in a protocol', () => {
  it('that has become that of another peer leaves the stream before it as it was', () => {
    const manager = managerWith({})
    const before = stream(manager, 'a', '/one', 'first')
    before.release()
    // one share waits to be the next, so it is the second that has the one from before
    const [, after] = [stream(manager, 'c', '/three', 'third'), stream(manager, 'b', '/two', 'second')]
    expect([before.protocol, before.service, before.peer]).toEqual(['/one', 'first', 'a'])
    expect([after.protocol, after.service, after.peer]).toEqual(['/two', 'second', 'b'])
    before.release()
    expect(sharesOf(manager, 'b')).toMatchObject([{ name: 'protocol:/two.peer:b', usage: { streamsInbound: 1 } }])
    expect(sharesOf(manager, 'a')).toEqual([])
  })

  it('begins with no peak, no refusal and its own limits', () => {
    const manager = managerWith({ protocolPeerDefault: { streams: 2 }, protocolPeer: { '/wide': { streams: 3 } } })
    const held = [stream(manager, 'a', '/one'), stream(manager, 'a', '/one')]
    const third = admitted(manager.openStream('a', 'inbound'))
    expect(refused(third.setProtocol('/one')).limit).toBe(2)
    admitted(held[0]?.reserveMemory(500))
    for (const one of [...held, third]) one.release()

    const wide = ['b', 'c'].map(peer => stream(manager, peer, '/wide'))
    for (const peer of ['b', 'c']) {
      expect(sharesOf(manager, peer)).toMatchObject([{ peak: { streams: 1, streamsInbound: 1, memory: 0 }, limits: { streams: 3 } }])
      expect(sharesOf(manager, peer).map(({ refusals }) => refusals)).toEqual([{}])
    }
    wide.push(stream(manager, 'b', '/wide'), stream(manager, 'b', '/wide'))
    for (const one of wide) one.release()
    // of all that ever were
    expect(manager.snapshot().classes['protocol-peer']).toMatchObject({ peak: { streams: 3, memory: 500 }, refusals: { streams: 1 } })
  })

  it('stays where that in another protocol goes, whichever was first', () => {
    for (const order of [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]) {
      const manager = managerWith({ protocolPeerDefault: { streams: 1 } })
      const protocols = ['/a', '/b', '/c']
      const streams = protocols.map(protocol => stream(manager, 'a', protocol))
      const left = new Set(protocols)
      for (const index of order) {
        streams[index]?.release()
        left.delete(protocols[index] ?? '')
        expect(names(sharesOf(manager, 'a'))).toEqual([...left].map(protocol => `protocol:${protocol}.peer:a`))
        // and is still the one that is full
        for (const protocol of left) {
          const more = admitted(manager.openStream('a', 'inbound'))
          expect(refused(more.setProtocol(protocol)).scope).toBe(`protocol:${protocol}.peer:a`)
          more.release()
        }
      }
      expect(manager.snapshot().system.usage).toMatchObject({ streamsInbound: 0, memory: 0 })
    }
  })

  it('has the limits of now, also where it waited for whom it serves while they changed', () => {
    const manager = managerWith({ protocolPeerDefault: { streams: 5 } })
    stream(manager, 'a', '/one').release()
    manager.setLimits(only({ protocolPeerDefault: { streams: 1 } }))
    for (const peer of ['b', 'c', 'd']) {
      stream(manager, peer, '/one')
      const more = admitted(manager.openStream(peer, 'inbound'))
      expect(refused(more.setProtocol('/one')).limit).toBe(1)
    }
  })

  it('knows nothing of the others that its peer had', () => {
    const manager = managerWith({})
    const [first] = [stream(manager, 'a', '/1'), stream(manager, 'a', '/2')]
    first.release()
    for (const protocol of ['/3', '/4']) for (const peer of ['b', 'c', 'd']) stream(manager, peer, protocol)
    for (const peer of ['b', 'c', 'd']) expect(names(sharesOf(manager, peer))).toEqual([`protocol:/3.peer:${peer}`, `protocol:/4.peer:${peer}`])
    expect(names(sharesOf(manager, 'a'))).toEqual(['protocol:/2.peer:a'])
  })
})

describe('the shares that are kept for others', () => {
  it('are few, however many were in use', () => {
    const kind = new Kind('protocol-peer', new LimitSet(new Limits(emptyPeak(), 'x')), Share)
    const used = Array.from({ length: 160 }, () => kind.enter())
    expect(new Set(used).size).toBe(160)
    for (const share of used) kind.recycle(share)
    const again = Array.from({ length: 160 }, () => kind.enter())
    expect(again.filter(share => used.includes(share))).toHaveLength(16)
  })
})
