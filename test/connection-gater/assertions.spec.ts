import { eventually } from '@cordon/testing/node'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf, findError } from '../composition/support.ts'
import { addressOf, closedFor, expectNothingHeld, gated, gateRefusals, quiet, ready, visits } from './support.ts'
import type { GatedNode } from './support.ts'
import type { Subject } from '@cordon/interface-connection-gater'

afterEach(expectNothingHeld)

/** Whether a host lets in guests from these addresses */
async function letsIn (host: GatedNode, ...from: string[]): Promise<string[]> {
  const into: string[] = []
  for (const address of from) {
    if (await visits(host, await gated({ from: address }))) into.push(address)
  }
  return into
}

describe('158: at first', () => {
  it('everybody is dialled and let in, whoever they are and wherever they come from', async () => {
    const [host, other] = [await gated(), await gated()]
    expect(await letsIn(host, '127.0.0.2', '127.0.0.3')).toEqual(['127.0.0.2', '127.0.0.3'])
    await host.node.dial(other.node.getMultiaddrs())
    await other.node.dial(addressOf(host), { force: true })
    await ready(host, 4)
    expect([...host.gater.rules()]).toEqual([])
    expect(host.gater.status().refusals).toEqual({})
    expect(host.lifecycle.stats().refused).toEqual({})
  })
})

describe('159: a blocked peer', () => {
  it('is not let in once it is known, and others are, from the same address', async () => {
    const host = await gated()
    const [blocked, other] = [await gated({ from: '127.0.0.2' }), await gated({ from: '127.0.0.2' })]
    await host.gater.block({ peer: blocked.id }, { reason: 'spam' })
    expect(await visits(host, blocked)).toBe(false)
    expect(await visits(host, other)).toBe(true)
    expect(gateRefusals(host)).toMatchObject([{ code: 'blocked', module: 'gater', cause: 'peer', direction: 'inbound', permanent: true, rule: { subject: blocked.id, reason: 'spam', hits: 1 } }])
    expect(host.gater.status().refusals).toEqual({ peer: 1 })
  })

  it('is not dialled: nothing reaches the wire', async () => {
    const [host, other] = [await gated(), await gated()]
    const guest = await gated()
    await guest.gater.block({ peer: host.id })
    for (const target of [host.node.peerId, host.node.getMultiaddrs()]) {
      await guest.node.peerStore.merge(host.node.peerId, { multiaddrs: host.node.getMultiaddrs() })
      expect(await failureOf(guest.node.dial(target))).toMatchObject({ name: 'DialDeniedError' })
    }
    expect([guest.lifecycle.stats().opened, host.lifecycle.stats().opened]).toEqual([0, 0])
    await guest.node.dial(other.node.getMultiaddrs())
  })

  it('differs: has its outbound connection refused, too, once that is secured', async () => {
    const host = await gated()
    const guest = await gated()
    await guest.gater.block({ peer: host.id })
    const failure = findError(await failureOf(guest.node.dial(addressOf(host))), 'ConnectionRefusedError')
    expect(failure?.cause).toMatchObject({ code: 'blocked', cause: 'peer', direction: 'outbound', rule: { subject: host.id, hits: 1 } })
    expect(guest.lifecycle.stats()).toMatchObject({ opened: 1, readied: 0, refused: { gater: 1 } })
    expect(closedFor(guest)).toHaveLength(1)
  })
})

describe('a blocked peer', () => {
  it('is not dialled in any spelling of its id', async () => {
    const [host, guest] = [await gated(), await gated()]
    await guest.gater.block({ peer: host.id })
    const spelt = [host.id, peerIdFromString(host.id).toCID().toString()].map(id => addressOf(host).encapsulate(`/p2p/${id}`))
    for (const target of spelt) expect(await failureOf(guest.node.dial(target))).toMatchObject({ name: 'DialDeniedError' })
    expect(host.lifecycle.stats().opened).toBe(0)
  })
})

describe('160: a blocked address', () => {
  it('is not let in, whoever is there, and others are', async () => {
    const host = await gated()
    await host.gater.block({ ip: '127.0.0.2' })
    expect(await letsIn(host, '127.0.0.1', '127.0.0.2', '127.0.0.2', '127.0.0.3')).toEqual(['127.0.0.1', '127.0.0.3'])
  })

  it('is not dialled, also where the peer is known', async () => {
    const host = await gated({ options: all => ({ ...quiet(all), addresses: { listen: ['/ip4/0.0.0.0/tcp/0'] } }) })
    const guest = await gated()
    await guest.gater.block({ ip: '127.0.0.1' })
    const known = addressOf(host).encapsulate(`/p2p/${host.id}`)
    for (const target of [addressOf(host), known, [known]]) expect(await failureOf(guest.node.dial(target))).toMatchObject({ name: 'DialDeniedError' })
    expect([guest.lifecycle.stats().opened, host.lifecycle.stats().opened]).toEqual([0, 0])
    const elsewhere = await guest.node.dial(multiaddr(known.toString().replace('127.0.0.1', '127.0.0.7')))
    expect(elsewhere.remotePeer.toString()).toBe(host.id)
  })

  it('differs: is refused once its peer is known, too', async () => {
    // in the step before, when the address is all that is known, nobody has blocked it yet
    const host: GatedNode = await gated({
      participant: { stage: 'observe', opened: () => { void host.gater.block({ ip: '127.0.0.2' }, { close: false }) } }
    })
    const guest = await gated({ from: '127.0.0.2' })
    expect(await visits(host, guest)).toBe(false)
    expect(gateRefusals(host)).toMatchObject([{ cause: 'ip', rule: { subject: '127.0.0.2/32' } }])
    expect(host.events.map(({ type }) => type)).toEqual(['connection:opened', 'connection:refused', 'connection:closed'])
    expect(host.events.flatMap(event => event.type === 'connection:refused' ? [event.record.remotePeer?.toString()] : [])).toEqual([guest.id])
  })
})

describe('161: a blocked range', () => {
  it('covers what is in it, and nothing outside', async () => {
    const host = await gated()
    await host.gater.block({ cidr: '127.0.1.8/29' })
    expect(await letsIn(host, '127.0.1.7', '127.0.1.8', '127.0.1.11', '127.0.1.15', '127.0.1.16')).toEqual(['127.0.1.7', '127.0.1.16'])
    expect(host.gater.status().refusals).toEqual({ cidr: 3 })
  })
})

describe('162 and 163: another node on the same datastore', () => {
  it('has the same rules, and each can be taken back, for the one after it as well', async () => {
    const datastore = new MemoryDatastore()
    const blocked = await gated({ from: '127.0.0.5' })
    const subjects: Subject[] = [{ peer: blocked.id }, { ip: '127.0.0.2' }, { cidr: '127.0.1.0/24' }]
    const first = await gated({ datastore })
    for (const subject of subjects) await first.gater.block(subject, { reason: 'why', note: 'note' })
    const rules = [...first.gater.rules()]
    await first.node.stop()

    const second = await gated({ datastore })
    expect([...second.gater.rules()]).toEqual(rules)
    expect(await letsIn(second, '127.0.0.2', '127.0.1.2', '127.0.0.3')).toEqual(['127.0.0.3'])
    expect(await visits(second, blocked)).toBe(false)
    for (const subject of subjects) expect(await second.gater.unblock(subject)).toBe(1)
    expect(await letsIn(second, '127.0.0.2', '127.0.1.2')).toEqual(['127.0.0.2', '127.0.1.2'])
    expect(await visits(second, blocked)).toBe(true)
    await second.node.stop()

    const third = await gated({ datastore })
    expect([...third.gater.rules()]).toEqual([])
    expect(await letsIn(third, '127.0.0.2', '127.0.1.2')).toEqual(['127.0.0.2', '127.0.1.2'])
  })
})

describe('176: a peer', () => {
  it('that is blocked loses its connections, in both directions, and can neither dial nor be dialled until it is unblocked', async () => {
    const [host, peer, other] = [await gated(), await gated(), await gated()]
    await host.node.dial(peer.node.getMultiaddrs())
    await peer.node.dial(addressOf(host), { force: true })
    const kept = await other.node.dial(host.node.getMultiaddrs())
    await ready(host, 3)

    await host.gater.block({ peer: peer.id })
    await ready(host, 1)
    expect(closedFor(host).map(({ direction, cause }) => `${direction} ${cause}`).sort()).toEqual(['inbound peer', 'outbound peer'])
    expect(kept.status).toBe('open')
    await eventually(() => peer.node.getConnections().length === 0)
    expect(await failureOf(host.node.dial(peer.node.getMultiaddrs()))).toMatchObject({ name: 'DialDeniedError' })
    expect(await visits(host, peer)).toBe(false)

    await host.gater.unblock({ peer: peer.id })
    expect(await visits(host, peer)).toBe(true)
    await host.node.dial(addressOf(peer), { force: true })
  })

  it('that is no longer allowed, where nobody else is, loses its connections, and has them back once it is allowed', async () => {
    const host = await gated({ gater: { default: 'block' } })
    const [peer, other] = [await gated(), await gated()]
    await host.gater.allow({ peer: peer.id })
    expect([await visits(host, peer), await visits(host, other)]).toEqual([true, false])

    await host.gater.disallow({ peer: peer.id })
    await ready(host, 0)
    // the other one, and then this one
    expect(closedFor(host).map(({ cause, configPath }) => [cause, configPath])).toEqual([['default', 'gater.default'], ['default', 'gater.default']])
    await eventually(() => peer.node.getConnections().length === 0)
    expect(await visits(host, peer)).toBe(false)
    expect(await failureOf(host.node.dial(peer.node.getMultiaddrs()))).toMatchObject({ name: 'DialDeniedError' })

    await host.gater.allow({ peer: peer.id })
    expect(await visits(host, peer)).toBe(true)
    expect(peer.node.getConnections(host.node.peerId)).toHaveLength(1)
  })
})
