import { normaliseAddress } from '@cordon/address'
import { eventually, stopAll } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { comeDirectly, comeOver, gated, hostBehind, impose, recordsOf, refusals } from './support.ts'
import type { GatedNode } from './support.ts'
import type { ConnectionGaterInit } from '@cordon/connection-gater'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'

/** Where somebody comes from whom the operator does not want */
const BAD = '127.66.0.9'

afterEach(stopAll)

interface Trio {
  readonly relay: GatedNode
  readonly host: GatedNode
  readonly guest: GatedNode
}

async function trio (gater: ConnectionGaterInit = {}): Promise<Trio> {
  const relay = await gated({ relays: true })
  return { relay, host: await hostBehind(relay, gater), guest: await gated({ localAddress: BAD, listen: [] }) }
}

/** What is seen of whoever comes over a relay */
function carriedBy ({ id }: GatedNode): NormalisedAddress {
  return normaliseAddress(`/p2p/${id}/p2p-circuit`)
}

/** Each way in which an operator can shut an address out */
const WAYS: ReadonlyArray<readonly [string, (host: GatedNode) => Promise<unknown>]> = [
  ['by address', async ({ gater }) => gater.block(BAD)],
  ['by range', async ({ gater }) => gater.block({ cidr: '127.66.0.0/16' })],
  ['by pattern', async ({ gater }) => gater.block({ pattern: `/ip4/${BAD}/tcp` })],
  ['by an imported list', async ({ gater }) => gater.loadList('feed', { content: `${BAD}\n` })]
]

describe('somebody at a blocked address who comes over a relay', () => {
  it.each(WAYS)('is refused by default, blocked %s, because nobody knows where they come from', async (_, block) => {
    const { relay, host, guest } = await trio()
    await block(host)
    expect(await comeDirectly(guest, host)).toBe(false)
    expect(await comeOver(relay, guest, host)).toBe(false)
    const over = refusals(host).find(({ cause }) => cause === 'unproven')
    expect(over).toMatchObject({ code: 'blocked', direction: 'inbound', configPath: 'gater.relayedUnknown', rule: undefined })
    expect(host.gater.verdict({ direction: 'inbound', address: carriedBy(relay), peer: guest.id }).decision).toBe('unknown')
    // the relay is where it is, and nobody came over it
    expect(recordsOf(host, relay.id)).toHaveLength(1)
    expect(recordsOf(host, guest.id)).toEqual([])
  })

  it('is let in where the operator says so, and only over the relay', async () => {
    const { relay, host, guest } = await trio({ relayedUnknown: 'allow' })
    await host.gater.block(BAD)
    expect(await comeDirectly(guest, host)).toBe(false)
    expect(await comeOver(relay, guest, host)).toBe(true)
    expect(refusals(host).every(({ cause }) => cause !== 'unproven')).toBe(true)
    expect(recordsOf(host, guest.id)).toMatchObject([{ direction: 'inbound', address: { class: 'relayed', relay: relay.id, family: 0 } }])
  })

  it('is let in by a rule about the peer or about the relay, and others are not', async () => {
    const { relay, host, guest } = await trio()
    const other = await gated({ listen: [] })
    await host.gater.block(BAD)
    await host.gater.allow({ peer: guest.id })
    expect(await comeOver(relay, guest, host)).toBe(true)
    expect(await comeOver(relay, other, host)).toBe(false)
    await host.gater.disallow({ peer: guest.id })
    expect(await comeOver(relay, other, host)).toBe(false)
    await host.gater.allow({ relay: relay.id })
    expect(await comeOver(relay, other, host)).toBe(true)
  })

  it('is let in where no address is blocked, or only by strikes: those end by themselves', async () => {
    const { relay, host, guest } = await trio()
    expect(host.gater.strike({ address: normaliseAddress(BAD) }, 1_000, 'noise')).toMatchObject({ outcome: 'blocked', rule: { subject: `${BAD}/32` } })
    expect(await comeDirectly(guest, host)).toBe(false)
    expect(await comeOver(relay, guest, host)).toBe(true)
  })

  it('is refused in a private network, whatever is said of relays', async () => {
    const host = await gated({ gater: { default: 'block', relayedUnknown: 'allow' } })
    const [relay, guest] = [await gated({ relays: true }), await gated({ listen: [] })]
    await host.gater.allow({ peer: relay.id })
    await impose(relay, host)
    expect(await comeOver(relay, guest, host)).toBe(false)
    await eventually(() => refusals(host).some(({ cause }) => cause === 'default'))
    await host.gater.allow({ peer: guest.id })
    expect(await comeOver(relay, guest, host)).toBe(true)
  })

  it('is cut when its peer is blocked, and the relay is not', async () => {
    const { relay, host, guest } = await trio()
    expect(await comeOver(relay, guest, host)).toBe(true)
    await host.gater.block({ peer: guest.id })
    await eventually(() => recordsOf(host, guest.id).length === 0)
    expect(recordsOf(host, relay.id)).toHaveLength(1)
    expect(await comeOver(relay, guest, host)).toBe(false)
  })
})

describe('rules about relays', () => {
  it('about all of them shut out what comes over any, and leave relays and everybody else alone', async () => {
    const { relay, host, guest } = await trio()
    const before = await gated({ listen: [] })
    expect(await comeOver(relay, before, host)).toBe(true)
    await host.gater.block('/p2p-circuit')
    // who is there is cut, the relay is not
    await eventually(() => recordsOf(host, before.id).length === 0)
    expect(await comeOver(relay, guest, host)).toBe(false)
    expect(refusals(host).at(-1)).toMatchObject({ cause: 'relayed', rule: { subject: '/p2p-circuit' } })
    expect(await comeDirectly(guest, host)).toBe(true)
    expect(recordsOf(host, relay.id)).toHaveLength(1)
    expect(await host.gater.unblock({ relayed: true })).toBe(1)
    expect(await comeOver(relay, before, host)).toBe(true)
  })

  it('about one of them shut out what comes over it, and let the same peers in over another one', async () => {
    const { relay, host, guest } = await trio()
    const relays = [relay, await gated({ relays: true })] as const
    await impose(relays[1], host)
    await host.gater.block(`/p2p/${relays[0].id}/p2p-circuit`)
    expect(await comeOver(relays[0], guest, host)).toBe(false)
    expect(refusals(host).at(-1)).toMatchObject({ cause: 'relay', rule: { subject: `/p2p/${relays[0].id}/p2p-circuit` } })
    expect(await comeOver(relays[1], guest, host)).toBe(true)
    expect(relays.map(({ id }) => recordsOf(host, id).length)).toEqual([1, 1])
  })

  it('about one that came by itself, and that nobody asked to be a relay, hit as well', async () => {
    const host = await gated()
    const relay = await gated({ localAddress: '127.66.0.1', relays: true })
    await impose(relay, host)
    const guest = await gated({ listen: [] })
    expect(recordsOf(host, relay.id)).toMatchObject([{ direction: 'inbound', address: { key: '127.66.0.1' } }])
    expect(await comeOver(relay, guest, host)).toBe(true)
    expect(recordsOf(host, guest.id)).toMatchObject([{ address: { class: 'relayed', relay: relay.id } }])
    await host.gater.block({ relay: relay.id })
    await eventually(() => recordsOf(host, guest.id).length === 0)
    expect(await comeOver(relay, guest, host)).toBe(false)
    expect(refusals(host).at(-1)).toMatchObject({ cause: 'relay' })
    expect(recordsOf(host, relay.id)).toHaveLength(1)
  })

  it('do not keep us from dialling over one, unless they say so', async () => {
    const { relay, host, guest } = await trio()
    await guest.gater.block({ relay: relay.id }, { direction: 'inbound' })
    await guest.gater.block('192.0.2.1')
    expect(await comeOver(relay, guest, host)).toBe(true)
    await guest.gater.block({ relay: relay.id }, { direction: 'outbound' })
    await eventually(() => recordsOf(host, guest.id).length === 0)
    expect(await comeOver(relay, guest, host)).toBe(false)
    expect(guest.gater.status().refusals.relay).toBeGreaterThan(0)
  })
})

describe('the connection of a relay itself', () => {
  it('is judged as direct: shutting its address out ends it, with everything that came over it', async () => {
    const host = await gated()
    const relay = await gated({ localAddress: '127.66.0.1', relays: true })
    await impose(relay, host)
    const guest = await gated({ listen: [] })
    expect(await comeOver(relay, guest, host)).toBe(true)
    await host.gater.block('127.66.0.1')
    await eventually(() => host.lifecycle.size === 0)
    expect(await comeDirectly(relay, host)).toBe(false)
    expect(await comeDirectly(guest, host)).toBe(true)
  })

  it('is not refused for what it carries: no policy about the unknown, and no strike against it, is about the relay', async () => {
    const { relay, host, guest } = await trio()
    await host.gater.block('192.0.2.1')
    for (let count = 0; count < 100; count++) host.gater.strike({ address: carriedBy(relay) }, 100, 'noise')
    expect(host.gater.status().rules.automatic).toBe(0)
    expect(await comeOver(relay, guest, host)).toBe(false)
    await Promise.all(recordsOf(host, relay.id).map(async record => record.close({ code: 'local-close', by: 'local' })))
    expect(await comeDirectly(relay, host)).toBe(true)
  })
})
