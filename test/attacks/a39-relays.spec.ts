import { eventually, stopAll } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { comeDirectly, comeOver, comeSilently, gated, impose, recordsOf, refusals } from '../connection-gater-relays/support.ts'
import { addresses } from './support.ts'
import type { GatedInit, GatedNode } from '../connection-gater-relays/support.ts'

const COMERS = 20

/** How many come over one relay at once (`prefixes.relay`) */
const PER_RELAY = 8

/** How many come over all relays at once: a quarter of go-libp2p's 64 */
const OVER_RELAYS = 16

/** Loopback is limited as any other address here, and none of these comes from another one's */
const NOT_EXEMPT = { prefixes: { entries: { '127.0.0.0/8': false, '::1/128': false } } } as const

/** What ends anybody is to be a newcomer, and not their deadline */
const PATIENT = { encrypt: 60_000, multiplex: 60_000, handshake: 60_000, total: 60_000 }

/** Where the operator wants nobody from; the relay is elsewhere */
const BAD = '127.66.0.0/16'
const ELSEWHERE = '127.67.0.1'

async function all (froms: readonly string[], silentTo?: string): Promise<GatedNode[]> {
  return Promise.all(froms.map(async localAddress => gated({ localAddress, listen: [], ...(silentTo !== undefined && { silentTo }) })))
}

/** A node, and a relay that connects to it by itself and brings along whoever wants to */
async function scene (gater: GatedInit['gater'] = {}): Promise<{ host: GatedNode, relay: GatedNode, bad: GatedNode[] }> {
  const host = await gated({ gater, limits: NOT_EXEMPT })
  const relay = await gated({ localAddress: ELSEWHERE, relays: true })
  await impose(relay, host)
  return { host, relay, bad: await all(addresses(COMERS, 66)) }
}

/** Three relays at one address */
async function relaysTo (host: GatedNode): Promise<[GatedNode, GatedNode, GatedNode]> {
  const relay = async (): Promise<GatedNode> => gated({ localAddress: ELSEWHERE, relays: true })
  const relays: [GatedNode, GatedNode, GatedNode] = [await relay(), await relay(), await relay()]
  for (const each of relays) await impose(each, host)
  return relays
}

async function howMany (comers: readonly GatedNode[], come: (comer: GatedNode) => Promise<boolean>): Promise<number> {
  let taken = 0
  for (const comer of comers) if (await come(comer)) taken++
  return taken
}

describe(`A39: ${COMERS} from blocked addresses come over a relay`, () => {
  afterEach(stopAll)

  it('none of them gets in by default, and honest ones do', async () => {
    const { host, relay, bad } = await scene()
    await host.gater.block(BAD)
    expect(await howMany(bad, async comer => comeOver(relay, comer, host))).toBe(0)
    expect(refusals(host).map(({ cause }) => cause)).toEqual(bad.map(() => 'unproven'))
    expect(await howMany(await all(addresses(5, 68)), async comer => comeDirectly(comer, host))).toBe(5)
    expect(recordsOf(host, relay.id)).toHaveLength(1)
  })

  it(`${PER_RELAY} of them get in where the operator lets them, and there is room for everybody else`, async () => {
    const { host, relay, bad } = await scene({ relayedUnknown: 'allow' })
    await host.gater.block(BAD)
    expect(await howMany(bad, async comer => comeOver(relay, comer, host))).toBe(PER_RELAY)
    expect(host.events.flatMap(event => event.type === 'connection:refused' ? [event.refusal.scope] : [])).toEqual(bad.slice(PER_RELAY).map(() => `prefix:relay:${relay.id}`))
    const { system, prefixes } = host.manager.snapshot()
    expect(prefixes.largest).toContainEqual({ name: `relay:${relay.id}`, connections: PER_RELAY, limit: PER_RELAY })
    // one more is that of the relay itself, which is charged to its address, and to which nothing else is
    expect(prefixes.largest).toContainEqual({ name: `${ELSEWHERE}/32`, connections: 1, limit: 8 })
    expect(system.usage).toMatchObject({ connectionsInbound: PER_RELAY + 1, fileDescriptors: 1 })
    expect(PER_RELAY / system.limits.connectionsInbound).toBeLessThanOrEqual(0.25)
    expect(await howMany(await all(addresses(5, 68)), async comer => comeDirectly(comer, host))).toBe(5)

    // whoever leaves makes room for one more, and for no two
    await Promise.all([...host.lifecycle.records()].filter(({ address }) => address.class === 'relayed').slice(0, 1).map(async record => record.close({ code: 'local-close', by: 'local' })))
    await eventually(() => host.manager.snapshot().system.usage.connectionsInbound === PER_RELAY + 5)
    expect(await howMany(bad.slice(PER_RELAY, PER_RELAY + 2), async comer => comeOver(relay, comer, host))).toBe(1)
  })
})

describe('A39: one address plays relay under many ids, and each of them brings guests', () => {
  afterEach(stopAll)

  it('a quarter of the places is theirs, and the rest is for those who come by themselves', async () => {
    const host = await gated({ limits: NOT_EXEMPT })
    const relays = await relaysTo(host)
    const guests = await all(addresses(relays.length * PER_RELAY, 66))
    const taken: number[] = []
    for (const [i, relay] of relays.entries()) taken.push(await howMany(guests.slice(i * PER_RELAY, (i + 1) * PER_RELAY), async guest => comeOver(relay, guest, host)))
    expect(taken).toEqual([PER_RELAY, OVER_RELAYS - PER_RELAY, 0])
    expect(host.events.flatMap(event => event.type === 'connection:refused' ? [event.refusal.scope] : [])).toEqual(guests.slice(OVER_RELAYS).map(() => 'prefix:relayed'))

    const { system, prefixes } = host.manager.snapshot()
    expect(prefixes.largest[0]).toEqual({ name: 'relayed', connections: OVER_RELAYS, limit: OVER_RELAYS })
    expect(system.usage.connectionsInbound).toBe(OVER_RELAYS + relays.length)
    expect(OVER_RELAYS / system.limits.connectionsInbound).toBeLessThanOrEqual(0.25)
    const direct = await all(addresses(COMERS, 68))
    expect(await howMany(direct, async comer => comeDirectly(comer, host))).toBe(COMERS)

    // guests of a relay whose counts are lifted are not kept out by those of others
    const [, , trusted] = relays
    await host.gater.allow(`/p2p/${trusted.id}/p2p-circuit`, { lifts: ['counts'] })
    const [friend] = await all(addresses(1, 69)) as [GatedNode]
    expect(await comeOver(trusted, friend, host)).toBe(true)
  })

  it('those of them that prove nothing make room for one that comes over yet another relay', async () => {
    const host = await gated({ limits: NOT_EXEMPT, lifecycle: { deadlines: PATIENT } })
    const [first, second, other] = await relaysTo(host)
    const silent = await all(addresses(OVER_RELAYS, 66), host.id)
    const [honest] = await all(addresses(1, 69)) as [GatedNode]
    for (const [i, guest] of silent.entries()) await comeSilently(i < PER_RELAY ? first : second, guest, host)
    expect(host.manager.snapshot().prefixes.largest[0]).toEqual({ name: 'relayed', connections: OVER_RELAYS, limit: OVER_RELAYS })
    expect(await comeOver(other, honest, host)).toBe(true)
    // one went for it, and nobody else
    expect(host.manager.snapshot().prefixes.largest[0]).toEqual({ name: 'relayed', connections: OVER_RELAYS, limit: OVER_RELAYS })
    expect(host.events.filter(({ type }) => type === 'connection:closed')).toHaveLength(1)
    expect(recordsOf(host, first.id)).toHaveLength(1)
    expect(recordsOf(host, second.id)).toHaveLength(1)
  })
})

describe('A39: guests of an honest relay prove nothing', () => {
  afterEach(stopAll)

  it('and make room for those who come over the same relay and say who they are, who stay', async () => {
    const host = await gated({ limits: NOT_EXEMPT, lifecycle: { deadlines: PATIENT } })
    const [relay] = await relaysTo(host)
    const silent = await all(addresses(2 * PER_RELAY, 66), host.id)
    const honest = await all(addresses(PER_RELAY, 69))
    for (const guest of silent.slice(0, PER_RELAY)) await comeSilently(relay, guest, host)
    expect(host.manager.snapshot().prefixes.largest).toContainEqual({ name: `relay:${relay.id}`, connections: PER_RELAY, limit: PER_RELAY })
    expect(await howMany(honest, async comer => comeOver(relay, comer, host))).toBe(PER_RELAY)
    // nobody who has said so makes room
    for (const guest of silent.slice(PER_RELAY)) await comeOver(relay, guest, host)
    expect(honest.map(({ id }) => recordsOf(host, id).length)).toEqual(honest.map(() => 1))
    const { closed, refused } = host.lifecycle.stats()
    expect([closed, refused]).toEqual([{ crowded: PER_RELAY, refused: PER_RELAY }, { resourceManager: PER_RELAY }])
  })
})
