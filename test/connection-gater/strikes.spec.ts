import { normaliseAddress } from '@cordon/address'
import { fakeClock } from '@cordon/testing'
import { eventually, hostilePeer, portOf } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { closedFor, expectNothingHeld, gated, ready, still, visits } from './support.ts'
import type { GatedNode } from './support.ts'
import type { HostilePeer } from '@cordon/testing/node'

const hostile: HostilePeer[] = []

afterEach(async () => {
  await Promise.all(hostile.splice(0).map(async peer => peer.stop()))
  await expectNothingHeld()
})

const FROM = '127.0.1.2'
const PLACE = normaliseAddress(FROM)

/** Somebody who connects and says nothing */
async function silence (host: GatedNode, from: string): Promise<HostilePeer> {
  const peer = hostilePeer({ kind: 'b', port: portOf(host.node, 'tcp'), localAddress: from })
  hostile.push(peer)
  await peer.strike()
  await eventually(() => [...host.lifecycle.records()].some(({ address, remotePeer }) => address.key === from && remotePeer === undefined))
  return peer
}

describe('a strike against a place', () => {
  it('is divided among all who are known to be there, each of them once', async () => {
    const host = await gated({ gater: still(fakeClock()) })
    const guests = [await gated({ from: FROM }), await gated({ from: FROM }), await gated({ from: '127.0.2.2' })]
    expect(host.gater.strike({ address: PLACE }, 12, 'noise')).toMatchObject({ subject: `${FROM}/32`, score: 12, outcome: 'noted' })
    for (const guest of guests) expect(await visits(host, guest)).toBe(true)
    // twice the same
    await guests[0]?.node.dial(host.node.getMultiaddrs(), { force: true })
    await silence(host, FROM)
    await ready(host, 4)
    expect(host.gater.strike({ address: PLACE }, 12, 'noise').score).toBeCloseTo(12 + 12 / 3, 3)
    expect(host.gater.strike({ address: normaliseAddress('127.0.2.2') }, 12, 'noise').score).toBeCloseTo(6, 3)
    expect(host.gater.strike({ address: normaliseAddress('127.0.3.3') }, 12, 'noise').score).toBe(12)
  })

  it('blocks nobody while somebody is known to be there, and everybody who is not', async () => {
    const host = await gated()
    const guest = await gated({ from: FROM })
    expect(await visits(host, guest)).toBe(true)
    for (let i = 0; i < 20; i++) expect(host.gater.strike({ address: PLACE }, 100, 'noise').outcome).not.toBe('blocked')
    expect([host.gater.status().rules.automatic, guest.node.getConnections().length]).toEqual([0, 1])

    await guest.node.hangUp(host.node.peerId)
    await ready(host, 0)
    expect(host.gater.strike({ address: PLACE }, 1, 'noise')).toMatchObject({ outcome: 'blocked', rule: { subject: `${FROM}/32`, origin: 'automatic' } })
    expect(await visits(host, guest)).toBe(false)
  })

  it('counts as is said, where that is said', async () => {
    const host = await gated({ gater: still(fakeClock()) })
    expect(await visits(host, await gated({ from: FROM }))).toBe(true)
    expect(host.gater.strike({ address: PLACE, sharers: 0 }, 12, 'noise').score).toBe(12)
    expect(host.gater.strike({ address: PLACE, sharers: 11 }, 12, 'noise').score).toBeCloseTo(13, 3)
  })

  it('ends the connections there, at the threshold for that', async () => {
    const host = await gated()
    const [here, elsewhere] = [await silence(host, FROM), await silence(host, '127.0.2.2')]
    expect(host.gater.strike({ address: PLACE }, 49, 'noise').outcome).toBe('noted')
    expect([here.live, host.reasons]).toEqual([1, []])
    expect(host.gater.strike({ address: PLACE }, 20, 'noise').outcome).toBe('disconnect')
    await eventually(() => here.live === 0)
    expect([host.reasons, elsewhere.live]).toEqual([[{ code: 'misbehaved', by: 'local' }], 1])
  })

  it('ends only what nobody has put a name to, also where it is said that nobody else is there', async () => {
    const host = await gated()
    const guest = await gated({ from: FROM })
    expect(await visits(host, guest)).toBe(true)
    const here = await silence(host, FROM)
    expect(host.gater.strike({ address: PLACE, sharers: 0 }, 60, 'noise').outcome).toBe('disconnect')
    await eventually(() => here.live === 0)
    expect([host.reasons, guest.node.getConnections().length]).toEqual([[{ code: 'misbehaved', by: 'local' }], 1])
  })

  it('ends nothing where somebody is known to be there: whoever comes may be just about to say who it is', async () => {
    const host = await gated()
    const guest = await gated({ from: FROM })
    expect(await visits(host, guest)).toBe(true)
    const here = await silence(host, FROM)
    expect(host.gater.strike({ address: PLACE }, 500, 'noise').outcome).toBe('disconnect')
    expect([here.live, host.reasons, guest.node.getConnections().length]).toEqual([1, [], 1])
  })
})

describe('a strike against a peer', () => {
  it('ends its connections at one threshold, and shuts it out at the other: what it did is remembered when it comes back', async () => {
    const clock = fakeClock()
    const host = await gated({ gater: still(clock) })
    const [guest, other] = [await gated({ from: FROM }), await gated({ from: FROM })]
    for (const one of [guest, other]) expect(await visits(host, one)).toBe(true)
    await guest.node.dial(host.node.getMultiaddrs(), { force: true })
    await ready(host, 3)

    expect(host.gater.strike({ peer: guest.id, address: PLACE }, 49, 'noise')).toEqual({ subject: guest.id, score: 49, outcome: 'noted' })
    expect(host.reasons).toEqual([])
    expect(host.gater.strike({ peer: guest.id, address: PLACE }, 2, 'noise').outcome).toBe('disconnect')
    await ready(host, 1)
    expect(host.reasons).toEqual([{ code: 'misbehaved', by: 'local' }, { code: 'misbehaved', by: 'local' }])
    const { refusals, rules, struck } = host.gater.status()
    expect([refusals, rules.automatic, struck]).toEqual([{}, 0, 1])

    await eventually(() => guest.node.getConnections().length === 0)
    expect(await visits(host, guest)).toBe(true)
    expect(host.gater.strike({ peer: guest.id }, 50, 'noise')).toMatchObject({ outcome: 'blocked', rule: { subject: guest.id, reason: 'noise', expires: 1_700_000_000_000 + clock.now() + 3_600_000 } })
    await ready(host, 1)
    expect(closedFor(host)).toMatchObject([{ cause: 'peer', rule: { origin: 'automatic' }, permanent: false }])
    expect(await visits(host, guest)).toBe(false)
    expect(other.node.getConnections()).toHaveLength(1)

    clock.tick(3_600_000)
    expect(await visits(host, guest)).toBe(true)
  })

  it('closes nothing of whom the operator allows but what is open, and shuts them out never', async () => {
    const host = await gated()
    const guest = await gated({ from: FROM })
    await host.gater.allow(guest.id)
    expect(await visits(host, guest)).toBe(true)
    expect(host.gater.strike({ peer: guest.id }, 1_000, 'noise')).toMatchObject({ outcome: 'disconnect' })
    await ready(host, 0)
    await eventually(() => guest.node.getConnections().length === 0)
    expect(await visits(host, guest)).toBe(true)
  })
})
