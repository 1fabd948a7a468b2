import { ConnectionRefusedError, WrongPeerError } from '@cordon/interface-connection-lifecycle'
import { UnsupportedProtocolError } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { barred, BUSY, OTHER, PEER, started } from './maintain-support.ts'
import { countingSignal, fakeConnection, settle } from './support.ts'

const NAME = String(PEER)

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

  it('not for what became of a dial during which the peer was maintained anew', async () => {
    const there = multiaddr(`/ip4/192.0.2.2/tcp/1/p2p/${NAME}`)
    const { dials, fail, lifecycle, succeed, told } = started()
    lifecycle.maintain(multiaddr(`/ip4/192.0.2.1/tcp/1/p2p/${NAME}`))
    lifecycle.maintain(there)
    expect(dials).toHaveLength(1)
    await fail(new WrongPeerError(NAME, String(OTHER)))
    expect([told(), dials.map(({ target }) => String(target))]).toEqual([[], [`/ip4/192.0.2.1/tcp/1/p2p/${NAME}`, String(there)]])
    await fail(new WrongPeerError(NAME, String(OTHER)))
    expect(told()).toMatchObject([{ type: 'reconnect:failed' }])

    lifecycle.maintain(PEER)
    lifecycle.maintain(PEER)
    await succeed()
    expect([dials.length, told().length]).toEqual([3, 1])
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

  it('of the node is no failed dial where a handshake was under way', async () => {
    const { dials, driver, lifecycle, open, told } = started({ readiness: { name: 'greeting', holdDial: false } })
    lifecycle.maintain(PEER, { maxAttempts: 1 })
    const { record } = open(undefined, 'outbound')
    driver.identified(record, PEER)
    driver.upgraded(record, fakeConnection(PEER))
    dials[0]?.resolve()
    await settle()
    driver.draining()
    const stopped = lifecycle.stop()
    lifecycle.lost(record, {})
    await stopped
    expect(told()).toEqual([])

    await lifecycle.start()
    lifecycle.afterStart()
    expect(dials).toHaveLength(2)
  })
})
