import net from 'node:net'
import { eventually, hostilePeer, portOf } from '@cordon/testing/node'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf, guarded } from '../composition/support.ts'
import { closedFor, expectNothingHeld, gated, gateRefusals, quiet, ready, visits } from './support.ts'
import type { GuardedNode } from '../composition/support.ts'
import type { GatedInit, GatedNode } from './support.ts'
import type { Subject } from '@cordon/interface-connection-gater'
import type { TCPSocketOptions } from '@libp2p/tcp'
import type { ListenOptions, ServerOpts } from 'node:net'

afterEach(expectNothingHeld)

const FROM = '127.0.1.2'

/** What a node says of a transport */
function transport ({ registry }: GuardedNode, tag: string): { enforced: readonly string[], gaps: readonly string[] } {
  const found = registry.status().transports.find(({ transport }) => transport === tag)
  if (found === undefined) throw new Error(`there is no transport ${tag}`)
  return found
}

const NOT_BEFORE = 'rules about addresses are asked once it has accepted a connection, not before'

function listenAt (address: string): Pick<GatedInit, 'options'> {
  return { options: all => ({ ...quiet(all), addresses: { listen: [address] } }) }
}

/** Where a node listens, at another address of the machine */
function at ({ node }: GatedNode, host: string): string {
  return `/ip${host.includes(':') ? 6 : 4}/${host}/tcp/${portOf(node, 'tcp')}`
}

/** What the lifecycle of a node has seen; of whom is turned away before there is a socket that is nothing */
function seen ({ lifecycle, events }: GatedNode): unknown {
  const { opened, refused, readied } = lifecycle.stats()
  return { opened, refused, readied, events: events.length }
}

describe('whoever is at a blocked address', () => {
  const SUBJECTS: ReadonlyArray<readonly [string, (host: GatedNode) => Promise<unknown>, (host: GatedNode) => Promise<unknown>]> = [
    ['an address', async ({ gater }) => gater.block(FROM), async ({ gater }) => gater.unblock(FROM)],
    ['a range', async ({ gater }) => gater.block('127.0.1.0/24'), async ({ gater }) => gater.unblock('127.0.1.0/24')],
    ['a pattern', async ({ gater }) => gater.block('/ip4/127.0.1.0/ipcidr/24'), async ({ gater }) => gater.unblock('127.0.1.0/24')],
    ['a list', async ({ gater }) => gater.loadList('feed', { content: '127.0.0.0/22 # everybody\n' }), async ({ gater }) => gater.dropList('feed')],
    ['strikes', async ({ gater }) => gater.strike({ address: { ...ADDRESS } }, 100, 'noise'), async ({ gater }) => gater.unblock(FROM)]
  ]

  it.each(SUBJECTS)('by %s is turned away without a socket or a record, and let in once nobody blocks it', async (_, block, unblock) => {
    const host = await gated()
    const guest = await gated({ from: FROM })
    await block(host)
    const before = seen(host)
    expect(await visits(host, guest)).toBe(false)
    expect(seen(host)).toEqual(before)

    await unblock(host)
    expect(await visits(host, guest)).toBe(true)
    const { opened, readied, refused } = host.lifecycle.stats()
    expect([opened, readied, refused]).toEqual([1, 1, {}])
  })

  it('counts once each time, with a hit of the rule that decided', async () => {
    const host = await gated()
    const hits: string[] = []
    host.gater.addEventListener('rule:hit', ({ detail: { rule, target } }) => { hits.push(`${rule.id} ${target.direction} ${target.address?.key}`) })
    await host.gater.block('127.0.0.0/16')
    await host.gater.block(FROM, { reason: 'spam' })
    for (const [localAddress, times] of [[FROM, 30], ['127.0.1.3', 20]] as const) {
      const peer = hostilePeer({ kind: 'b', port: portOf(host.node, 'tcp'), localAddress })
      await peer.strike(times)
      await eventually(() => peer.live === 0)
      await peer.stop()
    }
    expect(host.gater.status().refusals).toEqual({ ip: 30, cidr: 20 })
    expect([...host.gater.rules()].map(({ subject, hits }) => [subject, hits])).toEqual([['127.0.0.0/16', 20], [`${FROM}/32`, 30]])
    expect(new Set(hits)).toEqual(new Set([`block any ${FROM}/32 inbound ${FROM}`, 'block any 127.0.0.0/16 inbound 127.0.1.3']))
    expect(seen(host)).toEqual({ opened: 0, refused: {}, readied: 0, events: 0 })
  })

  it('is turned away by a listener that speaks IPv6 as well, however that spells the address', async () => {
    // libp2p tells its servers to speak nothing but IPv6, unless they are told otherwise
    const listenOpts: TCPSocketOptions & ListenOptions = { ipv6Only: false }
    const host = await gated({ options: all => ({ ...quiet(all), addresses: { listen: ['/ip6/::/tcp/0'] }, transports: [tcp({ listenOpts })] }) })
    const guest = await gated({ from: FROM })
    const to = multiaddr(at(host, '127.0.0.1'))
    await host.gater.block(FROM)
    const before = seen(host)
    expect(await failureOf(guest.node.dial(to))).toBeInstanceOf(Error)
    expect([seen(host), host.gater.status().refusals]).toEqual([before, { ip: 1 }])
    await host.gater.unblock(`::ffff:${FROM}`)
    await guest.node.dial(to)
    await ready(host, 1)
    expect([...host.lifecycle.records()]).toMatchObject([{ address: { key: FROM } }])
  })

  it('is turned away over IPv6', async () => {
    const host = await gated(listenAt('/ip6/::1/tcp/0'))
    const guest = await gated({ listen: false })
    const to = multiaddr(at(host, '::1'))
    await host.gater.block('::/64')
    const before = seen(host)
    expect(await failureOf(guest.node.dial(to))).toBeInstanceOf(Error)
    expect([seen(host), host.gater.status().refusals]).toEqual([before, { cidr: 1 }])
    await host.gater.unblock('0:0:0:0:0:0:0:0/64')
    await guest.node.dial(to)
    await ready(host, 1)
  })

  it('still is after the node has stopped and started again', async () => {
    const host = await gated()
    await host.gater.block(FROM)
    await host.node.stop()
    await host.node.start()
    expect(transport(host, '@libp2p/tcp').enforced).toContain('addresses')
    const before = seen(host)
    expect(await visits(host, await gated({ from: FROM }))).toBe(false)
    expect(seen(host)).toEqual(before)
  })

  it('may be dialled, where only who comes in is blocked; and lets in, where only who is dialled is', async () => {
    const host = await gated(listenAt('/ip4/0.0.0.0/tcp/0'))
    const guest = await gated({ from: FROM })
    await host.gater.block(FROM, { direction: 'outbound' })
    expect(await visits(host, guest)).toBe(true)
    await guest.gater.block('127.0.0.1', { direction: 'inbound' })
    expect(await visits(host, guest)).toBe(true)
    expect([host.gater.status().refusals, guest.gater.status().refusals]).toEqual([{}, {}])
  })
})

const ADDRESS = { key: FROM, class: 'loopback', family: 4, words: [0x7f000102], groups: [`${FROM}/32`], share: `${FROM}/32`, transport: 'tcp' } as const

describe('what an address does not tell', () => {
  const LATER: ReadonlyArray<readonly [string, Subject]> = [
    ['transport', '/tcp'],
    ['pattern', '/ip4/127.0.1.0/ipcidr/24/tcp'],
    ['predicate', { name: 'odd', predicate: ({ address }) => address?.key === FROM }]
  ]

  it.each(LATER)('is decided once there is a connection: a %s', async (cause, subject) => {
    const host = await gated()
    await host.gater.block(subject)
    expect(await visits(host, await gated({ from: FROM }))).toBe(false)
    expect(gateRefusals(host)).toMatchObject([{ cause, direction: 'inbound' }])
    expect(host.events.map(({ type }) => type)).toEqual(['connection:refused'])
    expect([host.gater.status().refusals, [...host.gater.rules()].map(({ hits }) => hits)]).toEqual([{ [cause]: 1 }, [1]])
  })

  it('is decided once there is a connection: that nobody is let in whom no rule allows', async () => {
    const host = await gated({ gater: { default: 'block' } })
    expect(await visits(host, await gated({ from: FROM }))).toBe(false)
    expect(gateRefusals(host)).toMatchObject([{ cause: 'default' }])
  })

  it('does not keep out whom a more specific rule allows, because a block beats it', async () => {
    const host = await gated()
    const guest = await gated({ from: FROM })
    await host.gater.block('127.0.1.0/24')
    await host.gater.allow(FROM)
    await host.gater.allow(guest.id)
    const before = seen(host)
    expect(await visits(host, guest)).toBe(false)
    expect([seen(host), host.gater.status().refusals]).toEqual([before, { cidr: 1 }])
  })
})

describe('the status of a node', () => {
  it('says that TCP asks before it accepts, once it listens', async () => {
    const { enforced, gaps } = transport(await gated(), '@libp2p/tcp')
    expect([enforced.includes('addresses'), gaps.includes(NOT_BEFORE)]).toEqual([true, false])
    const silent = transport(await gated({ listen: false }), '@libp2p/tcp')
    expect([silent.enforced.includes('addresses'), silent.gaps.includes(NOT_BEFORE)]).toEqual([false, false])
  })

  it('says that WebSockets do not, where a rule is asked as soon as there is a connection', async () => {
    const host = await gated({ transport: 'ws' })
    const { enforced, gaps } = transport(host, '@libp2p/websockets')
    expect([enforced.includes('addresses'), gaps.includes(NOT_BEFORE)]).toEqual([false, true])
    const guest = await gated({ transport: 'ws', listen: false })
    await host.gater.block('127.0.0.1')
    expect(await failureOf(guest.node.dial(host.node.getMultiaddrs()))).toBeInstanceOf(Error)
    expect(gateRefusals(host)).toMatchObject([{ cause: 'ip' }])
    expect(closedFor(host)).toEqual([])
  })

  it('says that it does not where the user has a block list, which is left to itself', async () => {
    const blockList = new net.BlockList()
    blockList.addAddress('127.0.1.3')
    const listenOpts: TCPSocketOptions & ServerOpts = { blockList }
    const host = await gated({ options: all => ({ ...quiet(all), transports: [tcp({ listenOpts })] }) })
    const { enforced, gaps } = transport(host, '@libp2p/tcp')
    expect([enforced.includes('addresses'), gaps.includes(NOT_BEFORE)]).toEqual([false, true])
    const before = seen(host)
    expect(await visits(host, await gated({ from: '127.0.1.3' }))).toBe(false)
    expect(seen(host)).toEqual(before)
    await host.gater.block(FROM)
    expect(await visits(host, await gated({ from: FROM }))).toBe(false)
    expect([gateRefusals(host).length, host.gater.status().refusals]).toEqual([1, { ip: 1 }])
  })

  it('says nothing of it where no module knows whom to turn away', async () => {
    const host = await guarded({ transport: 'tcp', modules: { gater: false } })
    const { enforced, gaps } = transport(host, '@libp2p/tcp')
    expect([enforced.includes('addresses'), gaps.includes(NOT_BEFORE)]).toEqual([false, false])
  })
})
