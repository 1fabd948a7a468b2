import { describe, expect, it } from 'vitest'
import { bench, enter, expectRecord, expectRefusal, PEERS, recorder, settle } from './support.ts'

const PEER = PEERS[0]

describe('the way of a connection', () => {
  it('goes through every step in order, and back in reverse', () => {
    const steps: string[] = []
    const { driver, events, lifecycle, raw } = bench({
      participants: [recorder('gate', 'gate', steps), recorder('account', 'account', steps), recorder('watch', 'observe', steps)]
    })
    const made = raw()
    const record = expectRecord(driver.open(made))
    expect(record).toMatchObject({ state: 'handshaking', phase: 'encrypt', direction: 'inbound' })
    expect(steps.splice(0)).toEqual(['gate.opened'])

    expect(driver.appeared(record)).toBeUndefined()
    expect(steps.splice(0)).toEqual(['gate.raw'])

    expect(driver.account(record)).toBeUndefined()
    expect(steps.splice(0)).toEqual(['account.opened', 'watch.opened', 'account.raw', 'watch.raw'])

    expect(driver.identified(record, PEER)).toBeUndefined()
    expect(record).toMatchObject({ state: 'handshaking', phase: 'multiplex', remotePeer: PEER })
    expect(steps.splice(0)).toEqual(['gate.identified', 'account.identified', 'watch.identified'])

    driver.secured(record, made.raw)
    expect(steps.splice(0)).toEqual(['gate.secured', 'account.secured', 'watch.secured'])

    const connection = { remotePeer: PEER, status: 'open' } as never
    expect(driver.upgraded(record, connection)).toBeUndefined()
    expect(record).toMatchObject({ state: 'ready', phase: undefined, connection })
    expect(steps.splice(0)).toEqual(['gate.ready', 'account.ready', 'watch.ready'])
    expect(lifecycle.forConnection(connection)).toBe(record)
    expect(lifecycle.forPeer(PEER)).toEqual([record])

    lifecycle.lost(record, {})
    expect(record).toMatchObject({ state: 'closed', reason: { code: 'remote-close', by: 'remote' } })
    expect(steps.splice(0)).toEqual(['watch.closed remote-close', 'account.closed remote-close', 'gate.closed remote-close'])
    expect(events.map(event => event.type)).toEqual(['connection:opened', 'connection:identified', 'connection:ready', 'connection:closed'])
    expect(lifecycle.size).toBe(0)
    expect([...lifecycle.records()]).toEqual([])
    expect(lifecycle.forPeer(PEER)).toEqual([])
    expect(lifecycle.forConnection(connection)).toBe(record)
  })

  it('ends at a refusal, and only those that were passed are told', () => {
    const steps: string[] = []
    const { driver, events, lifecycle, raw } = bench({
      participants: [recorder('gate', 'gate', steps), recorder('full', 'account', steps, 'opened'), recorder('watch', 'observe', steps)]
    })
    const made = raw()
    const record = expectRecord(driver.open(made))
    const refusal = expectRefusal(enter(driver, record))

    expect(refusal).toMatchObject({ code: 'blocked', module: 'full' })
    expect(steps).toEqual(['gate.opened', 'gate.raw', 'full.opened', 'gate.closed refused'])
    expect(made.calls).toEqual(['abort'])
    expect(events).toEqual([{ type: 'connection:refused', record, refusal }])
    expect(lifecycle.size).toBe(0)
    expect(lifecycle.stats()).toMatchObject({ opened: 1, refused: { full: 1 }, closed: { refused: 1 } })
  })

  it('is released at the deadline when the raw connection does not close', async () => {
    const { clock, events, lifecycle, ready } = bench()
    const { record, raw } = ready()
    const closed = record.close({ code: 'idle', by: 'local' })
    expect(raw.calls).toEqual(['close'])
    expect(lifecycle.size).toBe(1)

    clock.tick(999)
    await settle()
    expect(raw.calls).toEqual(['close'])
    clock.tick(1)
    await closed
    expect(raw.calls).toEqual(['close', 'abort'])
    expect(lifecycle.size).toBe(0)
    expect(events.at(-1)).toMatchObject({ type: 'connection:closed', reason: { code: 'idle' } })
    expect(clock.pending).toBe(0)
  })
})
