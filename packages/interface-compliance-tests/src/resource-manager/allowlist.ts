import { describe, expect, it } from 'vitest'
import { admitted, ip4, refused, state, use, usageOf } from './harness.ts'
import type { Part } from './harness.ts'
import type { AllowlistSource, Lifted } from '@cordon/interface-resource-manager'

const LISTED = ip4(192, 0, 2, 1)
const ELSEWHERE = ip4(198, 51, 100, 1)
const FULL = { system: { connections: 0 }, transient: { connections: 0 } }

const ALL: Lifted = { lane: true, counts: true, buckets: true }
const LANE: Lifted = { lane: true, counts: false, buckets: false }
const NOTHING: Lifted = { lane: false, counts: false, buckets: false }

const anybodyThere: AllowlistSource = { lifts: address => address?.key === LISTED.key ? ALL : NOTHING }

/** Peer `a` at the listed address */
const bound: AllowlistSource = {
  lifts: (address, peer) => address?.key !== LISTED.key ? NOTHING : peer == null ? LANE : peer === 'a' ? { ...LANE, counts: true } : NOTHING
}

export const allowlist: Part = ({ manager }) => {
  describe('whom the operator trusts', () => {
    it('60: somebody else is refused where system and transient are full', async () => {
      const manage = await manager(FULL, anybodyThere)
      expect(refused(manage.openConnection('inbound', { address: ELSEWHERE }))).toMatchObject({ scope: 'transient' })
    })

    it('61: is admitted, whoever it is, where the address is listed', async () => {
      const manage = await manager(FULL, anybodyThere)
      const connection = admitted(manage.openConnection('inbound', { address: LISTED }))
      expect(connection.allowlisted).toBe(true)
      expect(connection.setPeer('x')).toBeUndefined()
      expect(usageOf(manage, 'allowlistedSystem')).toEqual(use({ connectionsInbound: 1 }))
      expect(usageOf(manage, 'peer', 'x')).toEqual(use({ connectionsInbound: 1 }))
    })

    // 62 and 63 are decided differently: go-libp2p gives the allowlisted place up even where the move is refused
    it('62: the wrong peer is refused where the normal scopes are full, and nothing changes', async () => {
      const manage = await manager(FULL, bound)
      const connection = admitted(manage.openConnection('inbound', { address: LISTED }))
      const before = state(manage)
      expect(refused(connection.setPeer('other'))).toMatchObject({ scope: 'system' })
      expect(state(manage)).toEqual(before)
      expect(usageOf(manage, 'allowlistedTransient')).toEqual(use({ connectionsInbound: 1 }))
    })

    it('63: its place is free once it is released', async () => {
      const manage = await manager({ ...FULL, allowlistedTransient: { connections: 1 } }, bound)
      const connection = admitted(manage.openConnection('inbound', { address: LISTED }))
      refused(connection.setPeer('other'))
      refused(manage.openConnection('inbound', { address: LISTED }))
      connection.release()
      admitted(manage.openConnection('inbound', { address: LISTED }))
    })

    it('64: the right peer is admitted', async () => {
      const manage = await manager(FULL, bound)
      const connection = admitted(manage.openConnection('inbound', { address: LISTED }))
      expect(connection.setPeer('a')).toBeUndefined()
      expect(usageOf(manage, 'allowlistedSystem')).toEqual(use({ connectionsInbound: 1 }))
      expect(usageOf(manage, 'allowlistedTransient')).toEqual(use({}))
    })

    it('65: is known from the manager', async () => {
      const manage = await manager({}, bound)
      expect(manage.allowlist.lifts(LISTED, 'a').lane).toBe(true)
      expect(manage.allowlist.lifts(LISTED, 'b').lane).toBe(false)
    })

    it('moves the wrong peer to the normal scopes where they have room', async () => {
      const manage = await manager({ transient: { connections: 0 } }, bound)
      const connection = admitted(manage.openConnection('inbound', { address: LISTED, usesDescriptor: true }))
      expect(connection.setPeer('other')).toBeUndefined()
      expect(connection.allowlisted).toBe(false)
      expect(usageOf(manage, 'system')).toEqual(use({ connectionsInbound: 1, fileDescriptors: 1 }))
      expect(usageOf(manage, 'allowlistedSystem')).toEqual(use({}))
    })

    it('leaves everything as it was where the wrong peer has no room, although the normal scopes have', async () => {
      const manage = await manager({ transient: { connections: 0 }, peer: { other: { connections: 0 } } }, bound)
      const connection = admitted(manage.openConnection('inbound', { address: LISTED, usesDescriptor: true }))
      expect(refused(connection.setPeer('other'))).toMatchObject({ scope: 'peer:other' })
      expect(usageOf(manage, 'system')).toEqual(use({}))
      expect(usageOf(manage, 'allowlistedSystem')).toEqual(use({ connectionsInbound: 1, fileDescriptors: 1 }))
      expect(connection.setPeer('another')).toBeUndefined()
      expect(usageOf(manage, 'system')).toEqual(use({ connectionsInbound: 1, fileDescriptors: 1 }))
      connection.release()
      expect([usageOf(manage, 'system'), usageOf(manage, 'allowlistedSystem')]).toEqual([use({}), use({})])
    })

    it('covers streams and their memory', async () => {
      const manage = await manager({ ...FULL, system: { connections: 0, streams: 0, memory: 0 } }, bound)
      const connection = admitted(manage.openConnection('inbound', { address: LISTED }))
      connection.setPeer('a')
      refused(manage.openStream('a', 'inbound'))
      const stream = admitted(manage.openStream('a', 'inbound', { connection }))
      expect(stream.allowlisted).toBe(true)
      admitted(stream.reserveMemory(10))
      expect(stream.setProtocol('/x')).toBeUndefined()
      expect(usageOf(manage, 'allowlistedSystem')).toEqual(use({ connectionsInbound: 1, streamsInbound: 1, memory: 10 }))
      expect(usageOf(manage, 'system')).toEqual(use({}))
      stream.release()
      connection.release()
      expect(usageOf(manage, 'allowlistedSystem')).toEqual(use({}))
    })

    it('tries the normal scopes first', async () => {
      const manage = await manager({}, anybodyThere)
      const connection = admitted(manage.openConnection('inbound', { address: LISTED }))
      expect(connection.allowlisted).toBe(false)
    })
  })
}
