import { describe, expect, it } from 'vitest'
import { MAX_DROPS } from '../src/constants.ts'
import { bench, expectRecord, expectRefusal, fakeConnection, PEERS } from './support.ts'
import type { Bench, FakeRaw } from './support.ts'
import type { ConnectionRecord, Participant } from '@cordon/interface-connection-lifecycle'

const ip = (n: number): string => `/ip4/198.51.${n >>> 8}.${n & 255}/tcp/1`
const codes = (opened: ReadonlyArray<{ record: ConnectionRecord }>): Array<string | undefined> => opened.map(({ record }) => record.reason?.code)

function openAll (made: Bench, addresses: readonly string[]): Array<{ record: ConnectionRecord, raw: FakeRaw }> {
  return addresses.map(address => made.open(address))
}

describe('a full group', () => {
  it('drops its oldest, and nobody else', () => {
    const made = bench({ maxHandshaking: 10, maxHandshakingPerGroup: 2 })
    const opened = openAll(made, [ip(9), ip(1), ip(1), ip(1)])
    expect(codes(opened)).toEqual([undefined, 'crowded', undefined, undefined])
    expect(opened[1]?.raw.calls).toEqual(['abort'])
    expect(opened[1]?.record.reason?.refusal).toMatchObject({
      code: 'crowded',
      module: 'lifecycle',
      scope: 'group 198.51.0.1/32',
      resource: 'handshaking',
      direction: 'inbound',
      current: 2,
      limit: 2,
      configPath: 'lifecycle.maxHandshakingPerGroup',
      message: '2 of 2 places for handshaking inbound connections in group 198.51.0.1/32 were taken, and this one had to go; lifecycle.maxHandshakingPerGroup changes that'
    })
    expect(made.events.map(event => event.type)).toEqual(['connection:opened', 'connection:opened', 'connection:opened', 'connection:closed', 'connection:opened'])
  })

  it('is an IPv4 address, an IPv6 /64, a relay, a loopback address', () => {
    const made = bench({ maxHandshakingPerGroup: 1 })
    const relay = String(PEERS[0])
    const opened = openAll(made, [
      '/ip4/192.0.2.1/tcp/1', '/ip6/::ffff:192.0.2.1/tcp/2/ws',
      '/ip6/2001:db8::1/tcp/1', '/ip6/2001:db8::2/tcp/1', '/ip6/2001:db8:0:1::1/tcp/1',
      '/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.2/tcp/1',
      `/ip4/192.0.2.9/tcp/1/p2p/${relay}/p2p-circuit/p2p/${String(PEERS[1])}`, `/ip4/192.0.2.10/tcp/1/p2p/${relay}/p2p-circuit/p2p/${String(PEERS[2])}`
    ])
    expect(codes(opened)).toEqual(['crowded', undefined, 'crowded', undefined, undefined, undefined, undefined, 'crowded', undefined])
  })

  it('holds to its bound at ten times the bound', () => {
    const made = bench({ maxHandshaking: 320, maxHandshakingPerGroup: 32 })
    const opened = openAll(made, Array.from({ length: 320 }, () => ip(1)))
    expect(made.lifecycle.size).toBe(32)
    expect(opened.slice(-32).every(({ record }) => record.state === 'handshaking')).toBe(true)
  })
})

describe('a full node', () => {
  it('drops the oldest of the largest group', () => {
    const made = bench({ maxHandshaking: 6, maxHandshakingPerGroup: 5 })
    const opened = openAll(made, [ip(9), ip(1), ip(1), ip(1), ip(1), ip(2)])
    made.open(ip(3))
    expect(codes(opened)).toEqual([undefined, 'crowded', undefined, undefined, undefined, undefined])
    expect(opened[1]?.record.reason?.refusal).toMatchObject({ scope: 'the node', current: 6, limit: 6, configPath: 'lifecycle.maxHandshaking' })
  })

  it('drops the oldest of all where no group has more than two', () => {
    const made = bench({ maxHandshaking: 3, maxHandshakingPerGroup: 3 })
    const opened = openAll(made, [ip(9), ip(1), ip(1)])
    made.open(ip(3))
    expect(codes(opened)).toEqual(['crowded', undefined, undefined])
  })

  it('lets nobody with one address crowd out others where there are four places', () => {
    const made = bench({ maxHandshaking: 4 })
    const honest = made.open(ip(9))
    openAll(made, Array.from({ length: 100 }, () => ip(1)))
    expect(honest.record.state).toBe('handshaking')
  })

  it('lets neighbours behind one address, and whoever shares it with one that stalls, finish while others come from everywhere', () => {
    const made = bench({ maxHandshaking: 48 })
    openAll(made, Array.from({ length: 48 }, (_, i) => ip(i)))
    const honest = openAll(made, [ip(2_000), ip(2_000), ip(2_001)])
    openAll(made, [ip(2_001), ...Array.from({ length: 43 }, (_, i) => ip(100 + i))])
    expect(codes(honest)).toEqual([undefined, undefined, undefined])
  })

  it('drops the oldest of all where groups are equally large', () => {
    const made = bench({ maxHandshaking: 4, maxHandshakingPerGroup: 3 })
    const opened = openAll(made, [ip(1), ip(2), ip(2), ip(1)])
    made.open(ip(3))
    expect(codes(opened)).toEqual(['crowded', undefined, undefined, undefined])
  })

  it('lets no group pay for a larger one of three or more', () => {
    const made = bench({ maxHandshaking: 64, maxHandshakingPerGroup: 32 })
    const honest = made.open(ip(1_000))
    openAll(made, Array.from({ length: 640 }, (_, i) => ip(i % 2)))
    expect(honest.record.state).toBe('handshaking')
    expect(made.lifecycle.size).toBe(64)
  })

  it('holds to its bound at ten times the bound, with as many groups', () => {
    const made = bench()
    openAll(made, Array.from({ length: 2_560 }, (_, i) => ip(i)))
    expect(made.lifecycle.size).toBe(256)
    expect(made.lifecycle.stats().closed).toEqual({ crowded: 2_304 })
    expect(made.clock.pending).toBe(1)
  })

  it('is full of what is handshaking only', () => {
    const made = bench({ maxHandshaking: 1, maxHandshakingPerGroup: 1 })
    const { record } = made.ready()
    made.open(ip(1))
    expect(record.state).toBe('ready')
    expect(made.lifecycle.size).toBe(2)
  })
})

describe('outbound connections', () => {
  it('have places of their own, and the newcomer pays', () => {
    const made = bench({ maxHandshaking: 1, maxHandshakingPerGroup: 1, maxHandshakingOutbound: 2 })
    const first = made.open(ip(1), 'outbound')
    made.open(ip(1), 'outbound')
    openAll(made, Array.from({ length: 10 }, () => ip(1)))
    const raw = made.raw(ip(2), 'outbound')
    const refusal = expectRefusal(made.driver.open(raw))

    expect(refusal).toMatchObject({ code: 'limit', module: 'lifecycle', direction: 'outbound', current: 2, limit: 2, configPath: 'lifecycle.maxHandshakingOutbound' })
    expect(refusal.message).toBe('2 of 2 places for handshaking outbound connections in the node were taken, and none of them was free; lifecycle.maxHandshakingOutbound changes that')
    expect(raw.calls).toEqual(['abort'])
    expect(raw.errors[0]).toMatchObject({ name: 'ConnectionRefusedError', cause: refusal })
    expect(first.record.state).toBe('handshaking')
  })

  it('hold to their bound at ten times the bound', () => {
    const made = bench()
    for (let i = 0; i < 1_280; i++) made.driver.open(made.raw(ip(i), 'outbound'))
    expect(made.lifecycle.stats()).toMatchObject({ outbound: 128, refused: { lifecycle: 1_152 } })
  })
})

describe('making room', () => {
  it('has released whoever is dropped before the newcomer is let in', () => {
    const order: string[] = []
    const watch: Participant = { stage: 'account', opened: record => { order.push(`opened ${record.remoteAddr.toString()}`); return undefined }, closed: record => { order.push(`closed ${record.remoteAddr.toString()}`) } }
    const made = bench({ maxHandshakingPerGroup: 1, participants: [['watch', watch]] })
    made.open('/ip4/192.0.2.1/tcp/1')
    made.open('/ip4/192.0.2.1/tcp/2')
    expect(order).toEqual(['opened /ip4/192.0.2.1/tcp/1', 'closed /ip4/192.0.2.1/tcp/1', 'opened /ip4/192.0.2.1/tcp/2'])
  })

  it('drops nobody for whom a gate refuses', () => {
    const gate: Participant = { stage: 'gate', opened: record => record.remoteAddr.toString().endsWith('/666') ? { code: 'blocked', module: 'gate', message: 'no' } : undefined }
    const made = bench({ maxHandshakingPerGroup: 1, participants: [['gate', gate]] })
    const { record } = made.open('/ip4/192.0.2.1/tcp/1')
    expectRefusal(made.driver.open(made.raw('/ip4/192.0.2.1/tcp/666')))
    expect(record.state).toBe('handshaking')
  })

  it('keeps the bound while a participant opens others as it lets go', () => {
    let most = 0
    const greedy: Participant = {
      stage: 'gate',
      closed: () => {
        if (made.lifecycle.stats().opened < 200) made.driver.open(made.raw(ip(1)))
        most = Math.max(most, made.lifecycle.size)
      }
    }
    const made: Bench = bench({ maxHandshaking: 4, maxHandshakingPerGroup: 2, participants: [['greedy', greedy]] })
    made.driver.open(made.raw(ip(1)))
    made.driver.open(made.raw(ip(1)))
    made.driver.open(made.raw(ip(1)))
    expect(most).toBeLessThanOrEqual(4)
    expect(made.lifecycle.stats().handshaking.encrypt).toBeLessThanOrEqual(2)
  })

  it('gives up on a newcomer whose place is taken again and again', () => {
    let nested = 0
    const thief: Participant = {
      stage: 'gate',
      closed: () => {
        // only for what the outermost newcomer drops
        if (nested > 0) return
        nested++
        made.driver.open(made.raw(ip(1)))
        nested--
      }
    }
    const made: Bench = bench({ maxHandshakingPerGroup: 1, participants: [['thief', thief]] })
    expectRecord(made.driver.open(made.raw(ip(1))))
    // it drops as many as it may, and one goes for what is opened when it is refused itself
    const answer = expectRefusal(made.driver.open(made.raw(ip(1))))
    expect(answer).toMatchObject({ code: 'limit', module: 'lifecycle', configPath: 'lifecycle.maxHandshakingPerGroup' })
    expect(made.lifecycle.stats()).toMatchObject({ handshaking: { encrypt: 1 }, closed: { crowded: MAX_DROPS + 1, refused: 1 } })
  })
})

describe('what is closed in order and never ends', () => {
  const IDLE = { code: 'idle', by: 'local' } as const

  /** Each is opened, then closed, before the next comes */
  function closeAll (made: Bench, addresses: readonly string[]): FakeRaw[] {
    return addresses.map(address => {
      const { record, raw } = made.open(address)
      void record.close(IDLE)
      return raw
    })
  }

  it('holds to the bound of a group at ten times the bound, and is cut in its order', () => {
    const made = bench({ readiness: { name: 'hello', holdDial: false } })
    const opened = Array.from({ length: 320 }, () => {
      const one = made.open(ip(1))
      made.driver.identified(one.record, PEERS[0])
      made.driver.upgraded(one.record, fakeConnection(PEERS[0]))
      made.lifecycle.handshakeFailed(one.record, new Error('no'))
      return one
    })
    expect(made.lifecycle.size).toBe(32)
    expect(opened.map(({ raw }) => raw.calls.length)).toEqual(opened.map((_, i) => i < 288 ? 2 : 1))
    expect(opened[0]?.raw.errors).toEqual([expect.objectContaining({ message: 'too many connections were being closed' })])
    expect(made.events.filter(({ type }) => type === 'connection:closed')).toHaveLength(288)
    made.clock.tick(1_000)
    expect([made.lifecycle.size, made.clock.pending]).toEqual([0, 0])
  })

  it('holds to the bound of the node at ten times the bound, and the largest group pays', () => {
    const made = bench()
    const honest = made.open(ip(5_000))
    void honest.record.close(IDLE)
    for (let i = 0; i < 2_560; i++) void made.open(ip(i % 60)).record.close(IDLE)
    expect(made.lifecycle.size).toBe(256)
    expect(honest.raw.calls).toEqual(['close'])
    expect(made.lifecycle.stats().records).toEqual({ new: 0, handshaking: 0, ready: 0, closed: 256 })
  })

  it('cuts the oldest of a full group, though another is as large and older', () => {
    const made = bench({ maxHandshakingPerGroup: 2 })
    const opened = closeAll(made, [ip(1), ip(1), ip(2), ip(2), ip(2)])
    expect(opened.map(({ calls }) => calls.length)).toEqual([1, 1, 2, 1, 1])
  })

  it('cuts the oldest of the largest group for one of another', () => {
    const made = bench({ maxHandshaking: 4, maxHandshakingPerGroup: 3 })
    const opened = closeAll(made, [ip(1), ip(2), ip(2), ip(2), ip(3)])
    expect(opened.map(({ calls }) => calls.length)).toEqual([1, 2, 1, 1, 1])
  })

  it('cuts nobody for what ends at once, what we dialled, or a node that stops', async () => {
    const made = bench({ maxHandshaking: 2, maxHandshakingPerGroup: 1 })
    const waits = made.open(ip(1))
    void waits.record.close(IDLE)
    const polite = made.open(ip(1))
    polite.raw.closing = 'resolves'
    await polite.record.close(IDLE)
    void made.open(ip(1), 'outbound').record.close(IDLE)
    const ready = [made.ready(), made.ready(), made.ready()]
    const stopped = made.lifecycle.stop()
    expect([waits, ...ready].map(({ raw }) => raw.calls)).toEqual([['close'], ['close'], ['close'], ['close']])
    made.clock.tick(1_000)
    await stopped
  })

  it('keeps the bound while a participant closes others as it lets go', () => {
    const spare: ConnectionRecord[] = []
    const chain: Participant = { stage: 'account', closed: () => { void spare.pop()?.close(IDLE) } }
    const made = bench({ maxHandshaking: 100, maxHandshakingPerGroup: 1, participants: [['chain', chain]] })
    for (let i = 0; i < 40; i++) spare.push(made.ready().record)
    void made.ready().record.close(IDLE)
    void made.ready().record.close(IDLE)
    expect(made.lifecycle.stats().records.closed).toBe(1)
    expect(spare).toEqual([])
    made.clock.tick(1_000)
    expect(made.lifecycle.size).toBe(0)
  })
})

describe('shed', () => {
  it('drops the oldest of the largest group of that direction, at once', () => {
    const made = bench()
    const out = made.open(ip(5), 'outbound')
    const [, largest] = openAll(made, [ip(1), ip(2), ip(2), ip(2), ip(2)])
    expect(made.lifecycle.shed('inbound')).toBe(largest?.record)
    expect(largest?.record).toMatchObject({ state: 'closed', reason: { code: 'crowded', by: 'local' } })
    expect(largest?.record.reason?.refusal?.message).toBe('room was needed, and this was the oldest that could go of the 4 inbound connections without an authenticated peer in group 198.51.0.2/32')
    expect(largest?.raw.calls).toEqual(['abort'])
    expect(made.lifecycle.size).toBe(5)
    expect(made.lifecycle.shed('outbound')).toBe(out.record)
    expect(made.lifecycle.shed('outbound')).toBeUndefined()
  })

  it('never takes a newcomer that is just being opened, nor whom it is told to leave alone', () => {
    const shed: Array<ConnectionRecord | undefined> = []
    const full: Participant = { stage: 'account', opened: () => { shed.push(made.lifecycle.shed('inbound')); return undefined } }
    const made: Bench = bench({ participants: [['full', full]] })
    const [lone] = openAll(made, [ip(1)])
    expect(shed).toEqual([undefined])
    expect(lone?.record.state).toBe('handshaking')
    expect(made.lifecycle.shed('inbound', { except: lone?.record as ConnectionRecord })).toBeUndefined()
    openAll(made, [ip(2)])
    expect(shed[1]).toBe(lone?.record)
  })

  it('counts whom it leaves alone for its group', () => {
    const made = bench()
    const [honest, first, , newcomer] = openAll(made, [ip(9), ip(1), ip(1), ip(1)])
    expect(made.lifecycle.shed('inbound', { except: newcomer?.record as ConnectionRecord })).toBe(first?.record)
    expect(made.lifecycle.shed('inbound', { except: newcomer?.record as ConnectionRecord })).toBe(honest?.record)
  })

  it('takes nobody who is authenticated', () => {
    const made = bench({ readiness: { name: 'hello', holdDial: false } })
    const [identified, upgraded] = openAll(made, [ip(1), ip(1), ip(2)])
    made.driver.identified(identified?.record as ConnectionRecord, PEERS[0])
    made.driver.identified(upgraded?.record as ConnectionRecord, PEERS[1])
    made.driver.upgraded(upgraded?.record as ConnectionRecord, fakeConnection(PEERS[1]))
    expect(made.lifecycle.shed('inbound')?.remoteAddr.toString()).toBe(ip(2))
    expect(made.lifecycle.shed('inbound')).toBeUndefined()
    expect([identified?.record.phase, upgraded?.record.phase]).toEqual(['multiplex', 'handshake'])
  })

  it('takes nothing that is ready', () => {
    const made = bench()
    made.ready(PEERS[0])
    expect(made.lifecycle.shed('inbound')).toBeUndefined()
  })
})
