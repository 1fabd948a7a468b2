import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { EVICTED, net, OTHER, PEER, started } from './maintain-support.ts'
import { bench, fakeConnection, PEERS, recorder, settle } from './support.ts'

const NAME = String(PEER)

describe('a maintained peer', () => {
  it('is dialled once the node has started, and not before', async () => {
    const { clock, dials, lifecycle } = net()
    await lifecycle.start()
    lifecycle.maintain(PEER)
    expect(dials).toHaveLength(0)
    lifecycle.afterStart()
    lifecycle.afterStart()
    expect(dials.map(({ target }) => target)).toEqual([PEER])
    expect(clock.pending).toBe(1)
  })

  it('is dialled at once when it is maintained anew, and what waited waits no longer', async () => {
    const { clock, dials, fail, lifecycle } = started()
    lifecycle.maintain(PEER)
    await fail()
    expect(clock.pending).toBe(1)
    lifecycle.maintain(PEER)
    expect(dials).toHaveLength(2)
    // the deadline of the dial, and nothing else
    expect(clock.pending).toBe(1)
  })

  it('is one of several that are dialled one after the other when the node starts, and at once later', async () => {
    const draws = [0.25, 0.75]
    const { clock, dials, lifecycle } = net({ random: () => draws.shift() ?? 0 })
    await lifecycle.start()
    lifecycle.maintain(PEER, { minDelay: 1_000 })
    lifecycle.maintain(OTHER, { minDelay: 1_000 })
    lifecycle.afterStart()
    const dialled = (): number => dials.length
    expect(dialled()).toBe(0)
    clock.tick(250)
    expect(dialled()).toBe(1)
    clock.tick(500)
    expect(dials.map(({ target }) => target)).toEqual([PEER, OTHER])
    lifecycle.maintain(PEERS[2])
    expect(dialled()).toBe(3)
  })

  it('is dialled at its addresses, each of which names it', () => {
    const { dials, lifecycle } = started()
    lifecycle.maintain([multiaddr('/ip4/192.0.2.1/tcp/1'), multiaddr(`/ip4/192.0.2.2/tcp/1/p2p/${NAME}`)])
    expect(String(dials[0]?.target)).toBe(`/ip4/192.0.2.1/tcp/1/p2p/${NAME},/ip4/192.0.2.2/tcp/1/p2p/${NAME}`)
  })

  it('is not dialled while it is connected', () => {
    const { dials, lifecycle, ready } = started()
    ready(PEER)
    lifecycle.maintain(PEER)
    expect(dials).toHaveLength(0)
  })

  it('is dialled again and again, with one timer, and delays that double up to their bound', async () => {
    const { clock, dials, fail, lifecycle, told } = started()
    lifecycle.maintain(PEER, { minDelay: 100, maxDelay: 1_000 })
    const delays: number[] = []
    for (let i = 1; i <= 10; i++) {
      await fail()
      expect(dials).toHaveLength(i)
      expect(clock.pending).toBe(1)
      const event = told().at(-1) as { delay: number, attempt: number }
      expect(event.attempt).toBe(i)
      delays.push(event.delay)
      clock.tick(event.delay - 1)
      expect(dials).toHaveLength(i)
      clock.tick(1)
      expect(dials).toHaveLength(i + 1)
    }
    // half of each bound, because the draw is always 0.5
    expect(delays).toEqual([50, 100, 200, 400, 500, 500, 500, 500, 500, 500])
    expect(dials).toHaveLength(11)
  })

  it('spreads its delays over the whole bound', async () => {
    const draws = [0, 0.25, 0.999]
    const { clock, fail, lifecycle, told } = started({ random: () => draws.shift() ?? 0 })
    lifecycle.maintain(PEER, { minDelay: 1_000, maxDelay: 1_000 })
    for (let i = 0; i < 3; i++) {
      await fail()
      clock.tick(1_000)
    }
    expect(told().map(event => event['delay'])).toEqual([0, 250, 999])
  })

  it('is dialled again when its last connection is lost, and only then', async () => {
    const { clock, dials, lifecycle, ready, succeed } = started()
    lifecycle.maintain(PEER)
    const first = await succeed()
    const { record: second } = ready(PEER)
    expect(clock.pending).toBe(0)
    lifecycle.lost(first, {})
    expect(clock.pending).toBe(0)
    lifecycle.lost(second, {})
    expect(clock.pending).toBe(1)
    clock.tick(500)
    expect(dials).toHaveLength(2)
  })

  it('starts with small delays again only after a connection was ready for long enough', async () => {
    const { clock, fail, lifecycle, succeed, told } = started()
    lifecycle.maintain(PEER, { minDelay: 100, maxDelay: 10_000, stableAfter: 1_000 })
    const delay = (): unknown => told().at(-1)?.['delay']
    await fail()
    clock.tick(50)
    await fail()
    clock.tick(100)

    const flapping = await succeed()
    clock.tick(999)
    lifecycle.lost(flapping, {})
    expect(delay()).toBe(200)
    clock.tick(200)

    const stable = await succeed()
    clock.tick(1_000)
    lifecycle.lost(stable, {})
    expect(delay()).toBe(50)
  })

  it('has exactly one timer after ten failed handshakes', async () => {
    const { clock, dials, driver, fail, lifecycle, open, told } = started({ readiness: { name: 'hello', holdDial: true } })
    lifecycle.maintain(PEER)
    for (let i = 0; i < 10; i++) {
      const { record, raw } = open('/ip4/192.0.2.7/tcp/1', 'outbound')
      raw.closing = 'resolves'
      driver.identified(record, PEER)
      driver.upgraded(record, fakeConnection(PEER))
      lifecycle.handshakeFailed(record, new Error('no hello'))
      expect(told()).toHaveLength(i)
      await fail(new Error('the connection was closed'))
      expect(told()).toHaveLength(i + 1)
      expect(clock.pending).toBe(1)
      clock.tick(clock.nextIn ?? 0)
      expect(dials).toHaveLength(i + 2)
    }
  })

  it('that accepts and drops is dialled later and later', async () => {
    const { clock, dials, lifecycle, told } = started()
    lifecycle.maintain(PEER, { minDelay: 100 })
    for (let i = 0; i < 4; i++) {
      dials.at(-1)?.resolve()
      await settle()
      clock.tick(clock.nextIn ?? 0)
    }
    expect(told().map(event => event['delay'])).toEqual([50, 100, 200, 400])
  })

  it('has one timer when a connection that was closed earlier is released later', async () => {
    const { clock, lifecycle, ready, succeed, told } = started()
    lifecycle.maintain(PEER)
    const closed = await succeed()
    void closed.close(EVICTED)
    lifecycle.lost(ready(PEER).record, {})
    expect(told()).toHaveLength(1)
    lifecycle.lost(closed, {})
    expect(told()).toHaveLength(1)
    expect(clock.pending).toBe(1)
  })

  it('wakes when it connects by itself', async () => {
    const { clock, dials, driver, fail, lifecycle, open } = started()
    lifecycle.maintain(PEER)
    await fail()
    expect(clock.pending).toBe(1)
    const { record } = open()
    driver.identified(record, PEER)
    driver.upgraded(record, fakeConnection(PEER))
    expect(clock.pending).toBe(0)
    clock.tick(10 ** 6)
    expect(dials).toHaveLength(1)
    lifecycle.lost(record, {})
    expect(clock.pending).toBe(1)
  })
})

describe('closed on purpose', () => {
  it('it is not dialled until it connects by itself', async () => {
    const { clock, closed, dials, lifecycle, ready } = started()
    await closed(EVICTED)
    clock.tick(10 ** 6)
    expect(dials).toHaveLength(1)

    const { record: inbound } = ready(PEER)
    lifecycle.lost(inbound, {})
    clock.tick(1_000)
    expect(dials).toHaveLength(2)
  })

  it('it is dialled when it is maintained anew', async () => {
    const { closed, dials, lifecycle } = started()
    await closed(EVICTED)
    lifecycle.maintain(PEER)
    expect(dials).toHaveLength(2)
  })

  it('it is not dialled when the node starts again, and nothing waits for that', async () => {
    const { clock, closed, dials, lifecycle } = started()
    await closed(EVICTED)
    await lifecycle.stop()
    await lifecycle.start()
    lifecycle.afterStart()
    expect(clock.pending).toBe(0)
    expect(dials).toHaveLength(1)
  })

  it('while it is being dialled, the dial is given up', async () => {
    const { clock, dials, driver, lifecycle, open } = started()
    lifecycle.maintain(PEER)
    const { record } = open(undefined, 'outbound')
    driver.identified(record, PEER)
    void record.close(EVICTED)
    expect(dials[0]?.signal.aborted).toBe(true)
    dials[0]?.reject(new Error('aborted'))
    lifecycle.lost(record, {})
    await settle()
    expect(clock.pending).toBe(0)
    expect(dials).toHaveLength(1)
  })

  it('and then lost: the first one counts', async () => {
    const { clock, lifecycle, succeed } = started()
    lifecycle.maintain(PEER)
    const record = await succeed()
    lifecycle.lost(record, {})
    void record.close(EVICTED)
    expect(clock.pending).toBe(1)
  })

  it.each(['crowded', 'deadline'] as const)('it is not by being %s: that is dialled again', async code => {
    const { clock, driver, lifecycle, open } = started({ maxHandshakingPerGroup: 1 })
    const { record } = open()
    driver.identified(record, PEER)
    lifecycle.maintain(PEER)
    if (code === 'crowded') lifecycle.lost(open().record, {})
    else clock.tick(2_000)
    expect(record.reason?.code).toBe(code)
    expect(clock.pending).toBe(1)
  })
})

describe('bounds and conflicts', () => {
  it('holds no more peers than it may', () => {
    const { lifecycle } = started({ maxMaintained: 2 })
    lifecycle.maintain(PEER)
    const second = lifecycle.maintain(OTHER)
    lifecycle.maintain(PEER)
    expect(() => lifecycle.maintain(PEERS[2])).toThrow(expect.objectContaining({ name: 'TooManyMaintainedPeersError', limit: 2, message: '2 peers are maintained already; lifecycle.maxMaintained changes that' }))
    second.stop()
    lifecycle.maintain(PEERS[2])
  })

  it('tells once of a peer that libp2p reconnects to as well', async () => {
    const { lifecycle, lines } = started({ host: { keepsAlive: peer => Promise.resolve(peer.equals(PEER)) } })
    lifecycle.maintain(PEER)
    lifecycle.maintain(PEER)
    lifecycle.maintain(OTHER)
    await settle()
    expect(lines.filter(line => String(line.args[0]).includes('keep-alive'))).toHaveLength(1)
    expect(lifecycle.stats()).toMatchObject({ maintained: 2, conflicts: 1 })
  })

  it('goes on where that cannot be found out', async () => {
    const { dials, lifecycle } = started({ host: { keepsAlive: () => Promise.reject(new Error('no store')) } })
    lifecycle.maintain(PEER)
    await settle()
    expect([dials.length, lifecycle.stats().conflicts]).toEqual([1, 0])
  })

  it('does nothing where the node has no registry', async () => {
    const steps: string[] = []
    const { lifecycle } = bench({ participants: [recorder('a', 'gate', steps)] })
    lifecycle.maintain(PEER)
    await lifecycle.stop()
    expect(lifecycle.stats().maintained).toBe(1)
  })
})
