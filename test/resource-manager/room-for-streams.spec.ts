import { createAllowlist } from '@cordon/resource-manager'
import { eventually } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf } from '../composition/support.ts'
import { echo, expectNothingHeld, managed, open, openMute, PROTOCOL, ready, talk } from './support.ts'
import type { ManagedInit, ManagedNode } from './support.ts'
import type { StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { Connection, Stream } from '@libp2p/interface'

afterEach(expectNothingHeld)

async function host (init: ManagedInit): Promise<ManagedNode> {
  const host = await managed(init)
  await host.node.handle(PROTOCOL, echo, { maxInboundStreams: 1_000 })
  return host
}

/** The end of each connection at the guest, and at the host */
interface Met {
  readonly guest: ManagedNode
  readonly connection: Connection
  readonly back: Connection
}

/** Guests that are connected, in this order */
async function meet (to: ManagedNode, count: number): Promise<Met[]> {
  const met: Met[] = []
  for (let n = 1; n <= count; n++) {
    const guest = await managed({ listen: false })
    const connection = await guest.node.dial(to.node.getMultiaddrs())
    await ready(to, n)
    const [back] = to.node.getConnections(guest.node.peerId)
    if (back === undefined) throw new Error('the host has no connection')
    met.push({ guest, connection, back })
  }
  return met
}

/** Opens streams that never ask for a protocol, one after the other; resolves when the host has seen this many in all */
async function mute (to: ManagedNode, connection: Connection, count: number): Promise<Stream[]> {
  const before = to.lifecycle.stats().streams
  const streams: Stream[] = []
  for (let n = 0; n < count; n++) streams.push(await openMute(connection))
  await eventually(() => to.lifecycle.stats().streams === before + count)
  return streams
}

const states = (streams: Stream[]): string[] => streams.map(({ status }) => status)

const resets = (streams: Stream[]): number => streams.filter(({ status }) => status === 'reset').length

describe('where no more streams may be without a protocol', () => {
  it('the oldest of the peer that has most makes room in the same tick, and whoever is new gets in', async () => {
    const entries: string[] = []
    let sameTick = false
    const note = (what: string, { connection: { remotePeer } }: StreamRecord): void => {
      entries.push(`${String(remotePeer)} ${what}${sameTick ? ' in the same tick' : ''}`)
      sameTick = true
      queueMicrotask(() => { sameTick = false })
    }
    const to = await host({
      limits: { transient: { streamsInbound: 4 } },
      participant: {
        stage: 'observe',
        streamOpened: stream => {
          note('opened', stream)
          return undefined
        },
        streamClosed: stream => { note('closed', stream) }
      }
    })
    const [a, b, c] = await meet(to, 3) as [Met, Met, Met]
    const most = await mute(to, a.connection, 3)
    const one = await mute(to, b.connection, 1)
    entries.length = 0

    expect(await talk(await open(c.connection))).toBe(10)
    expect(entries.slice(0, 2)).toEqual([`${a.guest.node.peerId.toString()} closed`, `${c.guest.node.peerId.toString()} opened in the same tick`])
    await eventually(() => resets(most) === 1)
    expect(states(most)).toEqual(['reset', 'open', 'open'])
    expect(states(one)).toEqual(['open'])
    expect([a, b].map(({ connection }) => connection.status)).toEqual(['open', 'open'])
    expect(to.manager.snapshot().transient.peak.streamsInbound).toBe(4)
    // the newcomer got in, so nobody was refused
    expect(to.lifecycle.stats().refused).toEqual({})
  })

  it('a newcomer of the peer that has most is refused', async () => {
    const to = await host({ limits: { transient: { streamsInbound: 4 } } })
    const [a, b] = await meet(to, 2) as [Met, Met]
    const most = await mute(to, a.connection, 3)
    const one = await mute(to, b.connection, 1)

    expect(await failureOf(open(a.connection))).toMatchObject({ name: 'StreamResetError' })
    expect(states([...most, ...one])).toEqual(['open', 'open', 'open', 'open'])
    expect(to.lifecycle.stats().refused).toEqual({ resourceManager: 1 })
    expect(a.connection.status).toBe('open')
  })

  it('a newcomer of a peer that has as many as any other is refused', async () => {
    const to = await host({ limits: { transient: { streamsInbound: 4 } } })
    const [a, b] = await meet(to, 2) as [Met, Met]
    const all = [...await mute(to, a.connection, 2), ...await mute(to, b.connection, 2)]

    expect(await failureOf(open(b.connection))).toMatchObject({ name: 'StreamResetError' })
    expect(states(all)).toEqual(['open', 'open', 'open', 'open'])
  })

  it('honest peers are served while others open without end', async () => {
    const to = await host({ limits: { transient: { streamsInbound: 4 } } })
    const [a, b, c] = await meet(to, 3) as [Met, Met, Met]
    for (let n = 0; n < 10; n++) {
      await Promise.all([a, b].map(async ({ connection }) => Promise.all([openMute(connection), openMute(connection), openMute(connection)])))
      expect(await talk(await open(c.connection))).toBe(10)
    }
  })

  it('our own streams go out where it is they that are too many', async () => {
    const to = await host({ limits: { transient: { streamsOutbound: 3 } } })
    const [a, b] = await meet(to, 2) as [Met, Met]
    await b.guest.node.handle(PROTOCOL, echo)
    const inbound = await mute(to, b.connection, 4)
    const ours = await mute(to, a.back, 3)

    expect(await talk(await open(b.back))).toBe(10)
    expect(states(ours)).toEqual(['aborted', 'open', 'open'])
    // what others opened makes no room for what we open
    expect(resets(inbound)).toBe(0)
    await mute(to, a.back, 1)
    expect(await failureOf(open(a.back))).toMatchObject({ name: 'StreamRefusedError', cause: { scope: 'transient', cause: 'streamsOutbound', current: 3, limit: 3 } })
  })

  it('where both directions together are too many, those that peers opened make room before ours', async () => {
    const to = await host({ limits: { transient: { streams: 4 } } })
    const [a, b, c] = await meet(to, 3) as [Met, Met, Met]
    const ours = await mute(to, b.back, 3)
    const inbound = await mute(to, a.connection, 1)

    expect(await talk(await open(c.connection))).toBe(10)
    await eventually(() => resets(inbound) === 1)
    expect(states(ours)).toEqual(['open', 'open', 'open'])
  })

  it('who is trusted does not make room for strangers: it would make none', async () => {
    const allowlist = createAllowlist()
    const to = await host({ limits: { transient: { streamsInbound: 3 } }, manager: { allowlist } })
    const [a, trusted, c] = await meet(to, 3) as [Met, Met, Met]
    allowlist.add(`/p2p/${trusted.guest.node.peerId.toString()}`)
    const theirs = await mute(to, a.connection, 3)
    const own = await mute(to, trusted.connection, 5)
    expect(to.manager.snapshot().allowlistedTransient.usage.streamsInbound).toBe(5)

    expect(await talk(await open(c.connection))).toBe(10)
    await eventually(() => resets(theirs) >= 1)
    expect(resets(own)).toBe(0)
  })

  it('nobody makes room where it is not the streams without a protocol that are too many', async () => {
    const to = await host({ limits: { system: { streamsInbound: 2 } } })
    const [a, b] = await meet(to, 2) as [Met, Met]
    const theirs = await mute(to, a.connection, 2)

    expect(await failureOf(open(b.connection))).toMatchObject({ name: 'StreamResetError' })
    expect(states(theirs)).toEqual(['open', 'open'])
    expect(to.manager.snapshot().system.refusals).toEqual({ streamsInbound: 1 })
  })
})

describe('streams of one connection that are without a protocol', () => {
  it.each<[string, number, ManagedInit]>([
    ['are at most 32', 32, {}],
    ['are at most as many as the operator says', 3, { manager: { maxUnnegotiatedStreams: 3 } }]
  ])('%s', async (_, limit, init) => {
    const to = await host(init)
    const [a, b] = await meet(to, 2) as [Met, Met]
    const streams: Stream[] = []
    for (let n = 0; n < limit + 8; n++) streams.push(await openMute(a.connection))
    await eventually(() => resets(streams) === 8)

    expect(states(streams.slice(0, limit))).toEqual(new Array(limit).fill('open'))
    expect(to.lifecycle.stats()).toMatchObject({ streams: limit, refused: { resourceManager: 8 } })
    expect(a.connection.status).toBe('open')
    // another connection has as many of its own, and ours to them are not counted
    expect(await talk(await open(b.connection))).toBe(10)
    expect(resets(await mute(to, a.back, limit + 1))).toBe(0)

    // one that goes makes room for another
    streams[0]?.abort(new Error('enough'))
    await eventually(() => to.manager.snapshot().transient.usage.streamsInbound === limit - 1)
    expect(await talk(await open(a.connection))).toBe(10)
  })

  it('count no more once they have one', async () => {
    const to = await host({ manager: { maxUnnegotiatedStreams: 2 } })
    const [a] = await meet(to, 1) as [Met]
    await mute(to, a.connection, 1)
    const streams: Stream[] = []
    for (let n = 1; n <= 10; n++) {
      streams.push(await open(a.connection))
      await eventually(() => to.manager.stat().protocols.get(PROTOCOL)?.streamsInbound === n)
    }
    expect(states(streams)).toEqual(new Array(10).fill('open'))
    expect(to.manager.snapshot().transient.usage.streamsInbound).toBe(1)
  })
})
