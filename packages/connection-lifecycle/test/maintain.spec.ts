import { ConnectionRefusedError, WrongPeerError } from '@cordon/interface-connection-lifecycle'
import { UnsupportedProtocolError } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { bench, countingSignal, fakeConnection, PEERS, recorder, settle } from './support.ts'
import type { Bench, BenchInit } from './support.ts'
import type { CloseReason, ConnectionRecord, Refusal } from '@cordon/interface-connection-lifecycle'
import type { AbortOptions } from '@libp2p/interface'

const PEER = PEERS[0]
const NAME = String(PEER)
const OTHER = PEERS[1]
const BUSY = new Error('ECONNREFUSED')
const barred = (permanent: boolean): Refusal => ({ code: 'blocked', module: 'rules', message: 'no', permanent })
const EVICTED: CloseReason = { code: 'evicted', by: 'local' }

interface Dial {
  readonly target: unknown
  readonly signal: AbortSignal
  resolve (): void
  reject (error: unknown): void
}

interface Net extends Bench {
  readonly dials: Dial[]
  /** The dial in flight fails */
  fail (error?: unknown): Promise<void>
  /** The dial in flight succeeds: there is a ready outbound connection */
  succeed (): Promise<ConnectionRecord>
  /** Only the events of reconnecting */
  told (): Array<Record<string, unknown>>
}

function net (init: BenchInit = {}): Net {
  const dials: Dial[] = []
  const made = bench({
    ...init,
    host: {
      dial: (target: unknown, options: AbortOptions) => new Promise<void>((resolve, reject) => {
        dials.push({ target, signal: options.signal as AbortSignal, resolve, reject })
      }),
      ...init.host
    }
  })
  const last = (): Dial => dials.at(-1) as Dial
  return Object.assign(made, {
    dials,
    fail: async (error: unknown = BUSY) => {
      last().reject(error)
      await settle()
    },
    succeed: async () => {
      const { record } = made.ready(PEER, 'outbound')
      last().resolve()
      await settle()
      return record
    },
    told: () => made.events.filter(event => event.type.startsWith('reconnect')).map(event => Object.fromEntries(Object.entries(event).filter(([key]) => key !== 'peer')))
  })
}

/** A node that has started */
function started (init?: BenchInit): Net {
  const made = net(init)
  made.lifecycle.afterStart()
  return made
}

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
    const { clock, dials, lifecycle, ready, succeed } = started()
    lifecycle.maintain(PEER)
    const record = await succeed()
    void record.close(EVICTED)
    lifecycle.lost(record, {})
    clock.tick(10 ** 6)
    expect(dials).toHaveLength(1)

    const { record: inbound } = ready(PEER)
    lifecycle.lost(inbound, {})
    clock.tick(1_000)
    expect(dials).toHaveLength(2)
  })

  it('it is dialled when it is maintained anew', async () => {
    const { dials, lifecycle, succeed } = started()
    lifecycle.maintain(PEER)
    const record = await succeed()
    void record.close(EVICTED)
    lifecycle.lost(record, {})
    lifecycle.maintain(PEER)
    expect(dials).toHaveLength(2)
  })

  it('by a refusal that ends some time, it is dialled as after any loss, and the refusal counts', async () => {
    const { clock, dials, lifecycle, succeed, told } = started()
    lifecycle.maintain(PEER)
    const record = await succeed()
    void record.close({ code: 'refused', by: 'local', refusal: barred(false) })
    lifecycle.lost(record, {})
    expect(told()).toMatchObject([{ type: 'reconnect:scheduled', attempt: 1 }])
    clock.tick(clock.nextIn ?? 0)
    expect(dials).toHaveLength(2)
    expect(lifecycle.stats().refused).toEqual({ rules: 1 })
  })

  it('by a refusal for good, it is given up, and that is told', async () => {
    const { clock, dials, lifecycle, succeed, told } = started()
    lifecycle.maintain(PEER)
    const record = await succeed()
    void record.close({ code: 'refused', by: 'local', refusal: barred(true) })
    lifecycle.lost(record, {})
    expect(told()).toMatchObject([{ type: 'reconnect:failed', error: { name: 'ConnectionRefusedError' } }])
    expect([clock.pending, dials.length]).toEqual([0, 1])
  })

  it('it is not dialled when the node starts again, and nothing waits for that', async () => {
    const { clock, dials, lifecycle, succeed } = started()
    lifecycle.maintain(PEER)
    const record = await succeed()
    void record.close(EVICTED)
    lifecycle.lost(record, {})
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

describe('giving up', () => {
  const refusal = (permanent: boolean): Error => new ConnectionRefusedError(barred(permanent))

  it.each<[string, unknown, boolean]>([
    ['the wrong peer', new WrongPeerError(String(PEER), String(OTHER)), true],
    ['the wrong peer, deep inside', new AggregateError([new Error('upgrade', { cause: new WrongPeerError('a', 'b') })]), true],
    ['no common protocol', new UnsupportedProtocolError('none'), true],
    ['a permanent refusal', refusal(true), true],
    ['a refusal', refusal(false), false],
    ['a wrong peer in words only', new Error('WrongPeerError'), false]
  ])('after %s: %s', async (_what, error, permanent) => {
    const { clock, dials, fail, lifecycle, lines, told } = started()
    lifecycle.maintain(PEER)
    await fail(error)
    clock.tick(1_000)
    expect(dials).toHaveLength(permanent ? 1 : 2)
    if (!permanent) return
    expect(told()).toEqual([{ type: 'reconnect:failed', attempts: 1, error }])
    expect(lines).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  it.each<[string, boolean, boolean]>([
    ['of the peer, which libp2p calls denied', true, true],
    ['where another dial of the same peer found an address', false, false]
  ])('after a permanent refusal %s', async (_what, alone, hopeless) => {
    const never = { code: 'blocked', module: 'rules', message: 'never', permanent: true } as const
    const { driver, fail, lifecycle, told } = started({ participants: [['rules', { stage: 'gate', dial: ({ peer }) => peer == null ? undefined : never }]] })
    lifecycle.maintain(PEER)
    expect(driver.dial({ peer: PEER })).toBe(never)
    if (!alone) driver.dial({ multiaddr: multiaddr(`/ip4/192.0.2.1/tcp/1/p2p/${NAME}`) })
    driver.dial({ multiaddr: multiaddr('/ip4/192.0.2.1/tcp/1') })
    await fail(Object.assign(new Error('denied'), { name: 'DialDeniedError' }))
    expect(told()).toMatchObject(hopeless ? [{ type: 'reconnect:failed', attempts: 1, error: { name: 'ConnectionRefusedError', message: 'never' } }] : [{ type: 'reconnect:scheduled' }])
  })

  it('not for what was refused in an earlier dial', async () => {
    let permanent = true
    const { clock, driver, fail, lifecycle, told } = started({ participants: [['rules', { stage: 'gate', dial: () => ({ code: 'blocked', module: 'rules', message: 'no', permanent }) }]] })
    driver.dial({ peer: PEER })
    lifecycle.maintain(PEER)
    await fail()
    permanent = false
    clock.tick(clock.nextIn ?? 0)
    driver.dial({ peer: PEER })
    await fail()
    expect(told().map(({ type }) => type)).toEqual(['reconnect:scheduled', 'reconnect:scheduled'])
  })

  it('after a permanent refusal of what was dialled already', async () => {
    const { clock, driver, lifecycle, open, dials, told } = started({ participants: [['rules', { stage: 'admit', ready: () => ({ code: 'blocked', module: 'rules', message: 'never', permanent: true }) }]] })
    lifecycle.maintain(PEER)
    const { record } = open(undefined, 'outbound')
    driver.identified(record, PEER)
    driver.upgraded(record, fakeConnection(PEER))
    dials[0]?.resolve()
    await settle()
    expect(told()).toMatchObject([{ type: 'reconnect:failed', error: { name: 'ConnectionRefusedError', message: 'never' } }])
    expect(clock.pending).toBe(0)
  })

  it('after as many attempts in a row as were allowed', async () => {
    const { clock, dials, fail, lifecycle, succeed, told } = started()
    lifecycle.maintain(PEER, { maxAttempts: 3, minDelay: 2 })
    await fail()
    clock.tick(clock.nextIn ?? 0)
    await fail()
    clock.tick(clock.nextIn ?? 0)
    lifecycle.lost(await succeed(), {})
    clock.tick(clock.nextIn ?? 0)
    for (let i = 0; i < 3; i++) {
      await fail()
      clock.tick(clock.nextIn ?? 0)
    }
    expect(dials).toHaveLength(6)
    expect(told().at(-1)).toEqual({ type: 'reconnect:failed', attempts: 3, error: BUSY })
    expect(clock.pending).toBe(0)
  })

  it('has all attempts before it again when it is maintained anew', async () => {
    const { clock, dials, fail, lifecycle, told } = started()
    const attempts = async (): Promise<void> => {
      lifecycle.maintain(PEER, { maxAttempts: 3, minDelay: 2 })
      for (let i = 0; i < 3; i++) {
        await fail()
        clock.tick(clock.nextIn ?? 0)
      }
    }
    await attempts()
    await attempts()
    expect(dials).toHaveLength(6)
    expect(told().filter(({ type }) => type === 'reconnect:failed')).toMatchObject([{ attempts: 3 }, { attempts: 3 }])
  })

  it('ends when the peer connects by itself', async () => {
    const { clock, fail, lifecycle, ready } = started()
    lifecycle.maintain(PEER)
    await fail(refusal(true))
    lifecycle.lost(ready(PEER).record, {})
    expect(clock.pending).toBe(1)
  })

  it('is told as an error, whatever was thrown', async () => {
    const { fail, lifecycle, told } = started()
    lifecycle.maintain(PEER, { maxAttempts: 1 })
    await fail('a string')
    expect(told()).toMatchObject([{ type: 'reconnect:failed', error: { message: 'the dial failed', cause: 'a string' } }])
  })
})

describe('a dial', () => {
  it('that is not answered is given up, and made again', async () => {
    const { clock, dials, lifecycle } = started()
    lifecycle.maintain(PEER)
    clock.tick(30_000)
    await settle()
    expect(dials[0]?.signal.aborted).toBe(true)
    expect(clock.pending).toBe(1)
    clock.tick(500)
    expect(dials).toHaveLength(2)
    // the first one ends at last
    dials[0]?.reject(BUSY)
    await settle()
    expect(clock.pending).toBe(1)
  })

  it('of a host that throws is a failed one', async () => {
    const { clock, lifecycle } = started({ host: { dial: () => { throw BUSY } } })
    lifecycle.maintain(PEER)
    await settle()
    expect(clock.pending).toBe(1)
  })

  it('in flight is aborted by stop, and its outcome means nothing any more', async () => {
    for (const outcome of ['resolve', 'reject'] as const) {
      const { clock, dials, lifecycle, told } = started()
      const maintained = lifecycle.maintain(PEER)
      maintained.stop()
      expect(dials[0]?.signal.aborted).toBe(true)
      dials[0]?.[outcome](BUSY)
      await settle()
      expect(clock.pending).toBe(0)
      expect(told()).toEqual([])
      expect(dials).toHaveLength(1)
    }
  })
})

describe('stop', () => {
  it('disarms, leaves the connection alone, and may be called again', async () => {
    const { clock, fail, lifecycle, succeed } = started()
    const first = lifecycle.maintain(PEER)
    await fail()
    first.stop()
    first.stop()
    expect([clock.pending, lifecycle.stats().maintained]).toEqual([0, 0])

    const second = lifecycle.maintain(PEER)
    const record = await succeed()
    second[Symbol.dispose]()
    expect(record.state).toBe('ready')
    lifecycle.lost(record, {})
    expect(clock.pending).toBe(0)
  })

  it('of one of two leaves the other', async () => {
    const { clock, dials, fail, lifecycle } = started()
    const first = lifecycle.maintain(PEER)
    const second = lifecycle.maintain(multiaddr(`/ip4/192.0.2.1/tcp/1/p2p/${NAME}`))
    expect(lifecycle.stats().maintained).toBe(1)
    expect(dials).toHaveLength(1)
    first.stop()
    first.stop()
    await fail()
    expect(clock.pending).toBe(1)
    clock.tick(500)
    expect(String(dials[1]?.target)).toBe(`/ip4/192.0.2.1/tcp/1/p2p/${NAME}`)
    second.stop()
    expect([clock.pending, lifecycle.stats().maintained]).toEqual([0, 0])
  })

  it('comes with the signal', async () => {
    const { clock, fail, lifecycle } = started()
    const controller = new AbortController()
    lifecycle.maintain(PEER, { signal: controller.signal })
    await fail()
    controller.abort()
    expect([clock.pending, lifecycle.stats().maintained]).toEqual([0, 0])
    expect(() => lifecycle.maintain(PEER, { signal: controller.signal })).toThrow('aborted')
    expect(lifecycle.stats().maintained).toBe(0)
  })

  it('leaves no listener on a signal', async () => {
    const { lifecycle } = started()
    const counting = countingSignal()
    const maintained = lifecycle.maintain(PEER, { signal: counting.signal })
    expect(counting.listeners()).toBe(1)
    maintained.stop()
    expect(counting.listeners()).toBe(0)
    lifecycle.maintain(PEER, { signal: counting.signal })
    counting.abort()
    expect(counting.listeners()).toBe(0)
  })

  it('of the node ends all waiting and dialling, and the intent survives', async () => {
    const { clock, dials, driver, fail, lifecycle } = started()
    lifecycle.maintain(PEER)
    await fail()
    lifecycle.maintain(OTHER)
    expect(clock.pending).toBe(2)
    driver.draining()
    expect(clock.pending).toBe(0)
    expect(dials[1]?.signal.aborted).toBe(true)
    lifecycle.maintain(PEER)
    await lifecycle.stop()
    await settle()
    clock.tick(10 ** 6)
    expect(dials).toHaveLength(2)

    await lifecycle.start()
    lifecycle.afterStart()
    clock.tick(1_000)
    expect(dials.slice(2).map(({ target }) => target)).toEqual([PEER, OTHER])
  })

  it('of the node is not taken for a loss', async () => {
    const { clock, dials, lifecycle, ready } = started()
    const { raw } = ready(PEER)
    lifecycle.maintain(PEER)
    raw.closing = 'resolves'
    await lifecycle.stop()
    expect(clock.pending).toBe(0)
    expect(dials).toHaveLength(0)

    await lifecycle.start()
    lifecycle.afterStart()
    expect(dials).toHaveLength(1)
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
