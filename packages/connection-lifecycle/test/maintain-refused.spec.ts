import { WrongPeerError } from '@cordon/interface-connection-lifecycle'
import { describe, expect, it } from 'vitest'
import { barred, BUSY, OTHER, PEER, started } from './maintain-support.ts'
import { fakeConnection, settle } from './support.ts'
import type { CloseReason, Participant } from '@cordon/interface-connection-lifecycle'

describe('closed for a refusal', () => {
  const refused = (permanent: boolean): CloseReason => ({ code: 'refused', by: 'local', refusal: barred(permanent) })

  it('that ends some time, it is dialled as after any loss, and the refusal counts', async () => {
    const { clock, closed, dials, lifecycle, told } = started()
    await closed(refused(false))
    expect(told()).toMatchObject([{ type: 'reconnect:scheduled', attempt: 1 }])
    clock.tick(clock.nextIn ?? 0)
    expect(dials).toHaveLength(2)
    expect(lifecycle.stats().refused).toEqual({ rules: 1 })
  })

  it('for good, it is given up only where the next dial is refused as well', async () => {
    const { clock, closed, dials, driver, fail, told } = started()
    await closed(refused(true))
    expect(told()).toMatchObject([{ type: 'reconnect:scheduled', attempt: 1 }])
    clock.tick(clock.nextIn ?? 0)
    driver.dial({ peer: PEER })
    await fail()
    expect(told()).toMatchObject([{ type: 'reconnect:scheduled' }, { type: 'reconnect:scheduled' }])
    expect(dials).toHaveLength(2)
  })

  it('twice, it counts once', async () => {
    const { lifecycle, ready } = started()
    const { record } = ready(PEER)
    for (const permanent of [false, true]) void record.close(refused(permanent))
    void record.close(refused(false), { abort: true })
    expect(lifecycle.stats()).toMatchObject({ refused: { rules: 1 }, closed: { refused: 1 } })
  })
})

describe('refused', () => {
  it('for good where the peer came by itself, it is dialled all the same', async () => {
    const participant: Participant = { stage: 'gate', identified: ({ direction }) => direction === 'inbound' ? barred(true) : undefined }
    const { driver, fail, lifecycle, open, told } = started({ participants: [['rules', participant]] })
    lifecycle.maintain(PEER)
    const { record } = open('/ip4/192.0.2.1/tcp/1', 'inbound')
    expect(driver.identified(record, PEER)).toEqual(barred(true))
    await fail()
    expect(told()).toMatchObject([{ type: 'reconnect:scheduled', attempt: 1 }])
  })

  it.each(['identified', 'ready'] as const)('as it becomes %s, each such dial is one that came to nothing', async step => {
    const participant: Participant = { stage: 'admit', [step]: () => barred(false) }
    const { clock, dials, driver, fail, lifecycle, open, told } = started({ participants: [['rules', participant]] })
    lifecycle.maintain(PEER, { maxAttempts: 3 })
    for (let i = 0; i < 3; i++) {
      const { record } = open(undefined, 'outbound')
      driver.identified(record, PEER)
      if (step === 'ready') driver.upgraded(record, fakeConnection(PEER))
      await fail()
      clock.tick(clock.nextIn ?? 0)
    }
    expect(told().map(({ type }) => type)).toEqual(['reconnect:scheduled', 'reconnect:scheduled', 'reconnect:failed'])
    expect([dials.length, clock.pending]).toEqual([3, 0])
  })

  it.each(['before', 'after'])('for good, and released %s the peer connects by itself: it says nothing of what comes next', async when => {
    const { driver, fail, lifecycle, open, told } = started()
    lifecycle.maintain(PEER)
    const { record: dialled } = open(undefined, 'outbound')
    driver.identified(dialled, PEER)
    void dialled.close({ code: 'refused', by: 'local', refusal: barred(true) })
    if (when === 'before') lifecycle.lost(dialled, {})
    const { record: inbound } = open('/ip4/192.0.2.1/tcp/2', 'inbound')
    driver.identified(inbound, PEER)
    lifecycle.lost(dialled, {})
    await fail()
    lifecycle.lost(inbound, {})
    expect(told()).toMatchObject([{ type: 'reconnect:scheduled', attempt: 1 }])
  })

  it('by a handshake that ends after the dial did, it counts as well, and for good it is given up', async () => {
    const hopeless = new WrongPeerError(String(PEER), String(OTHER))
    for (const [error, attempts] of [[BUSY, 2], [hopeless, 1]] as const) {
      const { clock, dials, driver, lifecycle, open, told } = started({ readiness: { name: 'greeting', holdDial: false } })
      lifecycle.maintain(PEER, { maxAttempts: 2 })
      for (let i = 0; i < attempts; i++) {
        const { record } = open(undefined, 'outbound')
        driver.identified(record, PEER)
        driver.upgraded(record, fakeConnection(PEER))
        dials.at(-1)?.resolve()
        await settle()
        lifecycle.handshakeFailed(record, error)
        lifecycle.lost(record, {})
        clock.tick(clock.nextIn ?? 0)
      }
      expect(told().at(-1)).toMatchObject({ type: 'reconnect:failed', attempts, error })
      expect([dials.length, clock.pending]).toEqual([attempts, 0])
    }
  })

  it('and given up: a connection of the peer begins anew, whatever becomes of it', async () => {
    const { clock, driver, fail, lifecycle, open, told } = started()
    lifecycle.maintain(PEER, { maxAttempts: 2 })
    for (let i = 0; i < 2; i++) {
      await fail()
      clock.tick(clock.nextIn ?? 0)
    }
    const { record } = open()
    driver.identified(record, PEER)
    lifecycle.lost(record, {})
    clock.tick(clock.nextIn ?? 0)
    await fail()
    expect(told().map(({ type }) => type)).toEqual(['reconnect:scheduled', 'reconnect:failed', 'reconnect:scheduled', 'reconnect:scheduled'])
  })
})
