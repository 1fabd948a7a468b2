import { fakeClock } from '@cordon/testing'
import { eventually } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { quiet } from '../resource-manager/support.ts'
import { closedFor, expectNothingHeld, gated, gateRefusals, ready, SlowDatastore, still, storeOf, visits } from './support.ts'
import type { GatedInit, GatedNode } from './support.ts'
import type { GateCause } from '@cordon/interface-connection-gater'
import type { LifecycleEvent } from '@cordon/interface-connection-lifecycle'
import type { FakeClock } from '@cordon/testing'

afterEach(expectNothingHeld)

const FROM = '127.0.1.2'

interface Trio {
  readonly host: GatedNode
  /** From `FROM` */
  readonly guest: GatedNode
  /** From elsewhere */
  readonly other: GatedNode
}

/** A host with two guests that are connected */
async function trio (init: GatedInit = {}): Promise<Trio> {
  const [host, guest, other] = [await gated(init), await gated({ from: FROM }), await gated({ from: '127.0.2.2' })]
  for (const { node } of [guest, other]) await node.dial(host.node.getMultiaddrs())
  await ready(host, 2)
  return { host, guest, other }
}

/** The host has closed what it has of the guest, and nothing else */
async function expectClosed ({ host, guest, other }: Trio, cause: GateCause): Promise<void> {
  await ready(host, 1)
  expect(closedFor(host)).toMatchObject([{ code: 'blocked', module: 'gater', cause, direction: 'inbound' }])
  expect(host.gater.status().refusals).toEqual({ [cause]: 1 })
  await eventually(() => guest.node.getConnections().length === 0)
  expect([host.node.getConnections(guest.node.peerId), host.node.getConnections(other.node.peerId).length]).toEqual([[], 1])
  expect(other.node.getConnections().map(({ status }) => status)).toEqual(['open'])
}

describe('a block closes what is open to its subject, with the refusal as the reason', () => {
  const BLOCKS: ReadonlyArray<readonly [string, GateCause, (host: GatedNode, guest: GatedNode) => unknown]> = [
    ['a peer', 'peer', async ({ gater }, { id }) => gater.block(id)],
    ['an IP address', 'ip', async ({ gater }) => gater.block({ ip: FROM })],
    ['a range', 'cidr', async ({ gater }) => gater.block({ cidr: '127.0.1.0/24' })],
    ['a range that is spelt in another way', 'cidr', async ({ gater }) => gater.block('::ffff:127.0.1.0/120')],
    ['a pattern', 'pattern', async ({ gater }) => gater.block('/ip4/127.0.1.0/ipcidr/24/tcp')],
    ['one direction', 'ip', async ({ gater }) => gater.block(FROM, { direction: 'inbound' })],
    ['a function', 'predicate', async ({ gater }, { id }) => gater.block({ name: 'odd', predicate: ({ peer }) => peer === id })],
    ['strikes', 'peer', ({ gater }, { id }) => gater.strike({ peer: id }, 100, 'noise')],
    ['a list', 'cidr', async ({ gater }) => gater.loadList('feed', { content: '127.0.1.0/24\n' })],
    ['a list of peers', 'peer', async ({ gater }, { id }) => gater.loadList('feed', { content: `["${id}"]`, format: 'json' })]
  ]

  it.each(BLOCKS)('that is %s', async (_, cause, block) => {
    const all = await trio()
    await block(all.host, all.guest)
    await expectClosed(all, cause)
  })

  it('that is in a list, once it is loaded anew', async () => {
    const all = await trio()
    await all.host.gater.loadList('feed', { content: '127.0.9.0/24\n' })
    expect(all.host.lifecycle.stats().records.ready).toBe(2)
    await all.host.gater.loadList('feed', { content: '127.0.9.0/24\n127.0.1.0/24\n' })
    await expectClosed(all, 'cidr')
  })

  it('with all the connections that it has', async () => {
    const { host, guest, other } = await trio()
    await guest.node.dial(host.node.getMultiaddrs(), { force: true })
    await ready(host, 3)
    await host.gater.block(FROM)
    await ready(host, 1)
    expect(closedFor(host).map(({ rule }) => rule?.id)).toEqual([`block any ${FROM}/32`, `block any ${FROM}/32`])
    expect([host.gater.status().refusals, [...host.gater.rules()].map(({ hits }) => hits)]).toEqual([{ ip: 2 }, [2]])
    expect(host.node.getConnections(other.node.peerId)).toHaveLength(1)
  })

  it('is dialled again where it is maintained, once the rule is over', async () => {
    const [host, guest] = [await gated(), await gated()]
    using kept = host.lifecycle.maintain(guest.node.getMultiaddrs(), { minDelay: 20, maxDelay: 100 })
    await ready(host, 1)
    await host.gater.block(guest.id, { duration: 300 })
    await eventually(() => closedFor(host).length === 1)
    await eventually(() => host.gater.status().rules.manual === 0)
    await ready(host, 1)
    expect(host.lifecycle.stats()).toMatchObject({ readied: 2, maintained: 1, closed: { refused: 1 } })
    kept.stop()
  })

  it('is dialled at another address where it is maintained, and only one of them is blocked', async () => {
    const [host, guest] = [await gated(), await gated({ options: options => quiet({ ...options, addresses: { listen: ['/ip4/127.0.5.1/tcp/0', '/ip4/127.0.5.2/tcp/0'] } }) })]
    using kept = host.lifecycle.maintain(guest.node.getMultiaddrs(), { minDelay: 20, maxDelay: 100 })
    await ready(host, 1)
    const [first = expect.fail('it is not connected')] = [...host.lifecycle.records()].map(({ address }) => address.key)
    await host.gater.block(first)
    await eventually(() => closedFor(host).length === 1)
    await ready(host, 1)
    expect([...host.lifecycle.records()].map(({ address }) => address.key)).not.toContain(first)
    kept.stop()
  })

  it('is dialled where it is maintained, and only what comes from it is blocked', async () => {
    const [host, guest] = [await gated(), await gated()]
    await guest.node.dial(host.node.getMultiaddrs())
    await ready(host, 1)
    using kept = host.lifecycle.maintain(guest.node.getMultiaddrs(), { minDelay: 20, maxDelay: 100 })
    await host.gater.block(guest.id, { direction: 'inbound' })
    await eventually(() => closedFor(host).length === 1)
    await ready(host, 1)
    expect([...host.lifecycle.records()]).toMatchObject([{ direction: 'outbound' }])
    kept.stop()
  })

  it('is given up where it is maintained, and nothing of it is allowed', async () => {
    const [host, guest] = [await gated(), await gated()]
    using kept = host.lifecycle.maintain(guest.node.getMultiaddrs(), { minDelay: 20, maxDelay: 100 })
    await ready(host, 1)
    const failed = new Promise<LifecycleEvent>(resolve => { host.lifecycle.addEventListener('reconnect:failed', ({ detail }) => { resolve(detail) }) })
    await host.gater.block(guest.id)
    expect(await failed).toMatchObject({ error: { name: 'ConnectionRefusedError', cause: { module: 'gater', cause: 'peer', permanent: true } } })
    kept.stop()
  })

  it('and leaves alone what goes in the other direction', async () => {
    const { host } = await trio()
    await host.gater.block(FROM, { direction: 'outbound' })
    await host.gater.block('127.0.2.2', { direction: 'outbound' })
    // what would have been closed is gone by the time that something else is
    await host.gater.block('127.0.9.9')
    expect([host.lifecycle.stats().records.ready, closedFor(host)]).toEqual([2, []])
  })
})

describe('a block that is told not to close anything', () => {
  it('leaves open what is open, and lets nobody in', async () => {
    const all = await trio()
    await all.host.gater.block(FROM, { close: false })
    await all.host.gater.block('127.0.9.9')
    expect([all.host.lifecycle.stats().records.ready, closedFor(all.host)]).toEqual([2, []])
    expect(await visits(all.host, await gated({ from: FROM }))).toBe(false)
    expect(all.host.gater.status().refusals).toEqual({ ip: 1 })
  })

  it.each([
    ['it is made again', 'ip', async ({ gater }: GatedNode) => gater.block(FROM)],
    ['a less specific one covers it', 'ip', async ({ gater }: GatedNode) => gater.block('127.0.1.0/24')],
    ['a list does', 'ip', async ({ gater }: GatedNode) => gater.loadList('feed', { content: '127.0.0.0/23' })],
    ['one about another direction does', 'ip', async ({ gater }: GatedNode) => gater.block(FROM, { direction: 'inbound' })]
  ] as const)('protects nobody once %s', async (_, cause, block) => {
    const all = await trio()
    await all.host.gater.block(FROM, { close: false })
    await block(all.host)
    await expectClosed(all, cause)
  })
})

describe('rules that are read late from the datastore', () => {
  /** Resolves once a node has started without waiting for its datastore any longer */
  async function late <T> (clock: FakeClock, starting: Promise<T>): Promise<T> {
    await eventually(() => clock.pendingRef === 1)
    clock.tick(4_000)
    return starting
  }

  it('close what they forbid once they are there', async () => {
    const datastore = await storeOf(new SlowDatastore(), [['block', '127.0.1.0/24', { reason: 'long ago' }]])
    const clock = fakeClock()
    const all = await late(clock, trio({ gater: { ...still(clock), datastore } }))
    expect(all.host.gater.status()).toMatchObject({ store: 'loading', rules: { manual: 0 } })
    datastore.release()
    await expectClosed(all, 'cidr')
    expect(closedFor(all.host)[0]?.message).toContain('long ago')
  })

  it('close nothing that the operator has said is to stay', async () => {
    const datastore = await storeOf(new SlowDatastore(), [['block', '127.0.9.9']])
    const clock = fakeClock()
    const { host } = await late(clock, trio({ gater: { ...still(clock), datastore } }))
    void host.gater.block(FROM, { close: false })
    datastore.release()
    await eventually(() => host.gater.status().store === 'ready')
    expect([host.lifecycle.stats().records.ready, closedFor(host)]).toEqual([2, []])
  })

  it('end when their time is over, and what they allowed ends with them', async () => {
    const clock = fakeClock()
    const init = still(clock)
    const datastore = await storeOf(new SlowDatastore(), [['allow', FROM, { duration: 10_000 }], ['allow', '127.0.2.2']], init)
    const host = await late(clock, gated({ gater: { ...init, default: 'block', datastore } }))
    const [guest, other] = [await gated({ from: FROM }), await gated({ from: '127.0.2.2' })]
    datastore.release()
    await eventually(() => host.gater.status().store === 'ready')
    for (const one of [guest, other]) expect(await visits(host, one)).toBe(true)
    clock.tick(5_999)
    expect(closedFor(host)).toEqual([])
    clock.tick(1)
    await expectClosed({ host, guest, other }, 'default')
  })
})

describe('what a rule allowed, where nobody else is let in,', () => {
  const ENDS: ReadonlyArray<readonly [string, (host: GatedNode) => Promise<unknown>, (host: GatedNode, tick: (ms: number) => void) => unknown]> = [
    ['taken back', async ({ gater }) => gater.allow(FROM), async ({ gater }) => gater.disallow(FROM)],
    ['over', async ({ gater }) => gater.allow(FROM, { duration: 60_000 }), (_, tick) => { tick(60_000) }],
    ['dropped with its list', async ({ gater }) => gater.loadList('friends', { content: FROM, action: 'allow' }), ({ gater }) => gater.dropList('friends')],
    ['no longer in its list', async ({ gater }) => gater.loadList('friends', { content: FROM, action: 'allow' }), async ({ gater }) => gater.loadList('friends', { content: '127.0.9.9', action: 'allow' })]
  ]

  it.each(ENDS)('is closed when the rule is %s', async (_, allow, end) => {
    const clock = fakeClock()
    const [host, guest, other] = [await gated({ gater: { ...still(clock), default: 'block' } }), await gated({ from: FROM }), await gated({ from: '127.0.2.2' })]
    await allow(host)
    await host.gater.allow('127.0.2.2')
    for (const one of [guest, other]) expect(await visits(host, one)).toBe(true)
    await end(host, ms => { clock.tick(ms) })
    await expectClosed({ host, guest, other }, 'default')
    expect(await visits(host, guest)).toBe(false)
  })
})

describe('a rule that ends', () => {
  it('lets in again whom it shut out, at its end and not before', async () => {
    const clock = fakeClock()
    const all = await trio({ gater: still(clock) })
    await all.host.gater.block(FROM, { duration: 60_000 })
    await expectClosed(all, 'ip')
    clock.tick(59_999)
    expect(await visits(all.host, all.guest)).toBe(false)
    clock.tick(1)
    expect([...all.host.gater.rules()]).toEqual([])
    expect(await visits(all.host, all.guest)).toBe(true)
    // the one that was closed: after that nobody got as far as a connection
    expect(gateRefusals(all.host)).toMatchObject([{ retryAfter: 60_000, permanent: false }])
  })
})
