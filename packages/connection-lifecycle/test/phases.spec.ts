import { describe, expect, it } from 'vitest'
import { bench, enter, fakeConnection, PEERS } from './support.ts'
import type { ConnectionRecord, Participant } from '@cordon/interface-connection-lifecycle'

const PEER = PEERS[0]
const HELLO = { name: 'hello', holdDial: true }

describe('a deadline', () => {
  it.each([
    ['encrypt', 3_000],
    ['multiplex', 2_000],
    ['handshake', 4_000]
  ] as const)('of the phase %s is %i ms and absolute', (phase, deadline) => {
    const { clock, driver, events, open } = bench({ readiness: HELLO })
    const { record, raw } = open()
    if (phase !== 'encrypt') driver.identified(record, PEER)
    if (phase === 'handshake') driver.upgraded(record, fakeConnection(PEER))
    expect(record.phase).toBe(phase)

    clock.tick(deadline - 1)
    // bytes do not matter
    driver.secured(record, raw.raw)
    expect(record.state).toBe('handshaking')
    clock.tick(1)
    expect(record).toMatchObject({ state: 'closed', phase: undefined, reason: { code: 'deadline', by: 'local', error: { name: 'HandshakeTimeoutError', phase, deadline } } })
    expect(raw.calls).toEqual(['abort'])
    expect(raw.errors[0]).toBe(record.reason?.error)
    expect(events.at(-1)).toMatchObject({ type: 'connection:closed' })
    expect(clock.pending).toBe(0)
  })

  it('of all phases together is 10 s', () => {
    const { clock, driver, open } = bench({ readiness: HELLO, deadlines: { encrypt: 4_000, multiplex: 4_000 } })
    const { record } = open()
    clock.tick(3_900)
    driver.identified(record, PEER)
    clock.tick(3_900)
    driver.upgraded(record, fakeConnection(PEER))
    clock.tick(2_199)
    expect(record.state).toBe('handshaking')
    clock.tick(1)
    expect(record.reason?.error).toMatchObject({ phase: 'total', deadline: 10_000 })
  })

  it('starts anew with each phase', () => {
    const { clock, driver, open } = bench()
    const { record } = open()
    clock.tick(2_999)
    driver.identified(record, PEER)
    clock.tick(1_999)
    expect(record).toMatchObject({ state: 'handshaking', phase: 'multiplex' })
    driver.upgraded(record, fakeConnection(PEER))
    expect(record.state).toBe('ready')
  })

  it('is none for what is ready', () => {
    const { clock, ready } = bench()
    const { record } = ready()
    expect(clock.pending).toBe(0)
    clock.jump(10 ** 9)
    expect(record.state).toBe('ready')
  })

  it('takes all that is overdue after a jump of the clock', () => {
    const { clock, driver, lifecycle, open } = bench()
    for (let i = 0; i < 100; i++) {
      const { record } = open(`/ip4/192.0.2.${i}/tcp/1`)
      if (i % 2 === 0) driver.identified(record, PEER)
      clock.tick(1)
    }
    clock.jump(60_000)
    expect(lifecycle.size).toBe(0)
    expect(lifecycle.stats().closed).toEqual({ deadline: 100 })
    expect(clock.pending).toBe(0)
  })

  it('is the same for one that is asked about by the gater of the application', () => {
    const { clock, driver, events, lifecycle, raw } = bench()
    const made = raw()
    const record = driver.open(made) as ConnectionRecord
    clock.tick(3_000)
    expect(record.reason?.code).toBe('deadline')
    expect(enter(driver, record)).toMatchObject({ code: 'gone', module: 'lifecycle', message: 'the connection had ended already: deadline by local' })
    expect(events).toEqual([])
    expect(lifecycle.stats().closed).toEqual({ deadline: 1 })
  })
})

describe('ready', () => {
  it('comes with the upgrade where no module asked to wait', () => {
    const { events, ready } = bench()
    const { record } = ready()
    expect(record).toMatchObject({ state: 'ready', phase: undefined })
    expect(events.at(-1)).toEqual({ type: 'connection:ready', record })
  })

  it('comes with the handshake where one did', () => {
    const { driver, events, lifecycle, open } = bench({ readiness: HELLO })
    const { record } = open()
    driver.identified(record, PEER)
    driver.upgraded(record, fakeConnection(PEER))
    expect(record).toMatchObject({ state: 'handshaking', phase: 'handshake' })
    expect(lifecycle.handshakeSucceeded(record)).toBeUndefined()
    expect(record.state).toBe('ready')
    expect(events.at(-1)?.type).toBe('connection:ready')
    expect(() => lifecycle.handshakeSucceeded(record)).toThrow('a connection cannot go from ready to ready')
  })

  it('waits for the upgrade where the handshake was faster', () => {
    const asked: string[] = []
    const watch: Participant = { stage: 'observe', ready: record => { asked.push(String(record.connection?.status)); return undefined } }
    const { driver, lifecycle, open } = bench({ readiness: HELLO, participants: [['watch', watch]] })
    const { record } = open()
    driver.identified(record, PEER)
    expect(lifecycle.handshakeSucceeded(record)).toBeUndefined()
    expect([record.state, asked]).toEqual(['handshaking', []])
    driver.upgraded(record, fakeConnection(PEER))
    expect([record.state, asked]).toEqual(['ready', ['open']])
  })

  it.each(['aborted', 'closing', 'closed'] as const)('never comes for a connection that is %s', status => {
    const { clock, driver, events, open } = bench()
    const { record } = open()
    driver.identified(record, PEER)
    expect(driver.upgraded(record, fakeConnection(PEER, status))).toMatchObject({ code: 'gone' })
    expect(record.state).toBe('handshaking')
    clock.tick(2_000)
    expect(record.reason?.code).toBe('deadline')
    expect(events.map(event => event.type)).toEqual(['connection:opened', 'connection:identified', 'connection:closed'])
  })

  it('never comes for a record that is closed', () => {
    const { driver, events, lifecycle, open } = bench()
    const { record } = open()
    driver.identified(record, PEER)
    lifecycle.lost(record, {})
    const connection = fakeConnection(PEER)
    expect(driver.upgraded(record, connection)).toMatchObject({ code: 'gone' })
    expect(driver.identified(record, PEER)).toMatchObject({ code: 'gone' })
    expect(record.state).toBe('closed')
    expect(lifecycle.forConnection(connection)).toBe(record)
    expect(events.filter(event => event.type === 'connection:ready')).toEqual([])
    expect(() => lifecycle.handshakeSucceeded(record)).toThrow('a connection cannot go from closed to ready')
  })

  it('brings the peer of a transport that encrypts by itself', () => {
    const { driver, events, lifecycle, open } = bench()
    const { record } = open()
    driver.upgraded(record, fakeConnection(PEER))
    expect(record).toMatchObject({ state: 'ready', remotePeer: PEER })
    expect(lifecycle.forPeer(PEER)).toEqual([record])
    expect(events.map(event => event.type)).toEqual(['connection:opened', 'connection:identified', 'connection:ready'])
  })
})

describe('settled', () => {
  it('resolves at once for what is ready or closed', async () => {
    const { driver, lifecycle, open, ready } = bench()
    await driver.settled(ready().record)
    const { record } = open()
    lifecycle.lost(record, {})
    await driver.settled(record)
  })

  it('resolves for everybody who waits once it is ready, or closed', async () => {
    const { driver, lifecycle, open } = bench({ readiness: HELLO })
    const order: string[] = []
    const { record } = open()
    const { record: other } = open()
    const all = [
      driver.settled(record).then(() => { order.push(record.state) }),
      driver.settled(record).then(() => { order.push(record.state) }),
      driver.settled(other).then(() => { order.push(other.state) })
    ]
    driver.identified(record, PEER)
    driver.upgraded(record, fakeConnection(PEER))
    await Promise.resolve()
    expect(order).toEqual([])
    lifecycle.handshakeSucceeded(record)
    lifecycle.handshakeFailed(other, new Error('no'))
    await Promise.all(all)
    expect(order).toEqual(['ready', 'ready', 'closed'])
  })
})
