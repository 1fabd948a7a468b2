import { describe, expect, it } from 'vitest'
import { bench, enter, expectRecord, expectRefusal, fakeConnection, PEERS, recorder, settle } from './support.ts'
import type { FakeRaw } from './support.ts'
import type { CloseReason, Participant } from '@cordon/interface-connection-lifecycle'

const PEER = PEERS[0]
const IDLE: CloseReason = { code: 'idle', by: 'local' }
const ERROR = new Error('reset')

describe('lost and close', () => {
  it('count once, in any order and however often', async () => {
    for (const order of [['lost', 'close', 'lost', 'close'], ['close', 'lost', 'close', 'lost'], ['close', 'close', 'close', 'lost'], ['lost', 'lost', 'lost', 'close']]) {
      const steps: string[] = []
      const { events, lifecycle, ready } = bench({ participants: [recorder('watch', 'observe', steps)] })
      const { record, raw } = ready()
      const closed: Array<Promise<void>> = []
      for (const what of order) {
        if (what === 'lost') lifecycle.lost(record, {})
        else closed.push(lifecycle.close(record, IDLE))
      }
      await Promise.all(closed)
      expect(steps.filter(step => step.startsWith('watch.closed'))).toHaveLength(1)
      expect(events.filter(event => event.type === 'connection:closed')).toHaveLength(1)
      expect(raw.calls.filter(call => call === 'close').length).toBeLessThanOrEqual(1)
      expect(record.reason?.code).toBe(order[0] === 'lost' ? 'remote-close' : 'idle')
    }
  })

  it('resolve together, once everything is released', async () => {
    const { lifecycle, ready } = bench()
    const { record, raw } = ready()
    const order: string[] = []
    const both = [
      record.close(IDLE).then(() => { order.push('first') }),
      lifecycle.close(record, { code: 'evicted', by: 'local' }).then(() => { order.push('second') })
    ]
    await settle()
    expect(order).toEqual([])
    raw.status = 'closed'
    lifecycle.lost(record, {})
    await Promise.all(both)
    expect(order).toEqual(['first', 'second'])
    expect(record.reason).toBe(IDLE)
    await record.close(IDLE)
  })

  it('resolves for a participant that closes its own connection as it hears of the end', async () => {
    const watch: Participant = { stage: 'observe', closed: record => { void record.close(IDLE) } }
    const { lifecycle, ready } = bench({ participants: [['watch', watch]] })
    const { record } = ready()
    lifecycle.lost(record, {})
    await record.close(IDLE)
    expect(lifecycle.size).toBe(0)
  })
})

describe('the raw connection', () => {
  const endings: ReadonlyArray<[FakeRaw['closing'], string[]]> = [
    ['resolves', ['close']],
    ['silent', ['close']],
    ['rejects', ['close', 'abort']],
    ['throws', ['close', 'abort']],
    ['hangs', ['close']]
  ]

  it.each(endings)('that %s when it is closed ends after %j', async (closing, calls) => {
    const { clock, lifecycle, ready } = bench()
    const { record, raw } = ready()
    raw.closing = closing
    const closed = record.close(IDLE)
    await settle()
    expect(raw.calls).toEqual(calls)
    if (closing === 'hangs') {
      expect(lifecycle.stats().records.closed).toBe(1)
      clock.tick(1_000)
      expect(raw.calls).toEqual(['close', 'abort'])
    }
    await closed
    expect(lifecycle.size).toBe(0)
    expect(clock.pending).toBe(0)
    expect(raw.status).not.toBe('open')
  })

  it('need not wait for its close any longer once it was cut', async () => {
    const { clock, lifecycle, ready } = bench()
    const { record, raw } = ready()
    let signal: AbortSignal | undefined
    raw.close = async options => {
      signal = options.signal
      await new Promise(() => {})
    }
    void record.close(IDLE)
    await settle()
    expect(signal?.aborted).toBe(false)
    clock.tick(1_000)
    expect(signal?.aborted).toBe(true)
    expect(lifecycle.size).toBe(0)
  })

  it('counts as gone once it was cut, even if it never says so', async () => {
    const steps: string[] = []
    const { clock, lifecycle, ready } = bench({ participants: [recorder('watch', 'observe', steps)] })
    const { record, raw } = ready()
    raw.onEnd = undefined
    const closed = record.close(IDLE)
    clock.tick(1_000)
    await closed
    expect(steps.at(-1)).toBe('watch.closed idle')
    lifecycle.lost(record, { error: ERROR })
    expect(steps.filter(step => step.startsWith('watch.closed'))).toHaveLength(1)
    expect(record.reason).toBe(IDLE)
  })

  it('that throws when it is cut is let go all the same', () => {
    const { lifecycle, lines, open } = bench()
    const { record, raw } = open()
    raw.abort = () => { throw new Error('abort throws') }
    lifecycle.shed('inbound')
    expect(record.state).toBe('closed')
    expect(lifecycle.size).toBe(0)
    expect(lines).toHaveLength(1)
  })

  it('is cut where it is of no more use but has not ended', () => {
    const { lifecycle, ready } = bench()
    const { record, raw } = ready()
    lifecycle.lost(record, {})
    expect(raw.calls).toEqual(['abort'])
  })

  it('is left alone where it has ended', () => {
    const { lifecycle, ready } = bench()
    const { record, raw } = ready()
    raw.status = 'reset'
    lifecycle.lost(record, { error: ERROR })
    expect(raw.calls).toEqual([])
  })
})

describe('the signal', () => {
  it('is aborted with the reason after the state, and before the transport and the participants', () => {
    const order: string[] = []
    const watch: Participant = { stage: 'observe', closed: () => { order.push('closed') } }
    const { lifecycle, ready } = bench({ participants: [['watch', watch]] })
    const { record, raw } = ready()
    const { signal } = record
    expect(signal.aborted).toBe(false)
    signal.addEventListener('abort', () => { order.push(`signal ${record.state} ${raw.calls.length} ${typeof lifecycle.get(record.id)}`) })
    raw.closing = 'resolves'
    void record.close(IDLE)
    expect(order).toEqual(['signal closed 0 undefined', 'closed'])
    expect(signal.reason).toBe(IDLE)
    expect(record.signal).toBe(signal)
  })

  it('is aborted from the start where nobody asked before', () => {
    const { lifecycle, open } = bench()
    const { record } = open()
    lifecycle.lost(record, {})
    expect(record.signal.aborted).toBe(true)
    expect(record.signal.reason).toBe(record.reason)
  })

  it('may bring the end of the raw connection, which counts once', async () => {
    const steps: string[] = []
    const { lifecycle, ready } = bench({ participants: [recorder('watch', 'observe', steps)] })
    const { record, raw } = ready()
    record.signal.addEventListener('abort', () => { lifecycle.lost(record, { error: ERROR }) })
    await record.close(IDLE)
    expect(steps.filter(step => step.startsWith('watch.closed'))).toEqual(['watch.closed idle'])
    expect(raw.calls).toEqual(['abort'])
  })
})

describe('why it ended', () => {
  it('is what was noted, where libp2p does not tell', () => {
    const { driver, lifecycle, ready } = bench()
    const { record } = ready()
    driver.closing(record, 'local-close')
    expect(record.state).toBe('ready')
    lifecycle.lost(record, {})
    expect(record.reason).toEqual({ code: 'local-close', by: 'local' })
    driver.closing(record, 'local-abort', ERROR)
    expect(record.reason).toEqual({ code: 'local-close', by: 'local' })
  })

  it.each([
    ['reset', undefined, 'remote'],
    ['closed', undefined, 'remote'],
    ['open', undefined, 'local'],
    ['aborted', undefined, 'local'],
    ['closed', 'local-close', 'local']
  ] as const)('is a failed upgrade of a raw connection that was %s (noted: %s), by %s', (status, noted, by) => {
    const { driver, events, open } = bench()
    const { record, raw } = open()
    raw.status = status
    if (noted != null) driver.closing(record, noted)
    driver.upgradeFailed(record, ERROR)
    expect(record.reason).toEqual({ code: 'upgrade-failed', by, error: ERROR })
    expect(raw.calls).toEqual(status === 'open' ? ['abort'] : [])
    expect(events.map(event => event.type)).toEqual(['connection:opened', 'connection:closed'])
  })

  it('stays what it was when the upgrade fails because of it', () => {
    const { driver, lifecycle, open } = bench()
    const { record } = open()
    lifecycle.shed('inbound')
    driver.upgradeFailed(record, ERROR)
    expect(record.reason?.code).toBe('crowded')
  })

  it('is cut short when the upgrade fails while it is closed in order', () => {
    const { driver, lifecycle, open } = bench()
    const { record, raw } = open()
    void record.close(IDLE)
    driver.upgradeFailed(record, ERROR)
    expect(raw.calls).toEqual(['close', 'abort'])
    expect([record.reason, lifecycle.size]).toEqual([IDLE, 0])
  })

  it('is a failed handshake, told before the end', async () => {
    const { driver, events, lifecycle, open } = bench({ readiness: { name: 'hello', holdDial: false } })
    const { record, raw } = open()
    driver.identified(record, PEER)
    driver.upgraded(record, fakeConnection(PEER))
    raw.closing = 'resolves'
    lifecycle.handshakeFailed(record, ERROR)
    lifecycle.handshakeFailed(record, new Error('again'))
    await settle()
    expect(events.slice(-2)).toEqual([
      { type: 'handshake:failed', record, error: ERROR },
      { type: 'connection:closed', record, reason: { code: 'handshake-failed', by: 'local', error: ERROR } }
    ])
    expect(events).toHaveLength(4)
  })
})

describe('cutting', () => {
  it('releases everything at once, before the call returns', async () => {
    const steps: string[] = []
    const { clock, lifecycle, ready } = bench({ participants: [recorder('watch', 'observe', steps)] })
    const { record, raw } = ready()
    const done = record.close(IDLE, { abort: true })
    expect([raw.calls, record.state, lifecycle.size, clock.pending]).toEqual([['abort'], 'closed', 0, 0])
    expect(steps.at(-1)).toBe('watch.closed idle')
    await done
    await record.close(IDLE, { abort: true })
    await lifecycle.close(record, IDLE)
    expect(raw.calls).toEqual(['abort'])
  })

  it('waits for a step that is on the stack, and then is complete before it resolves', async () => {
    const steps: string[] = []
    let closed: Promise<void> | undefined
    const cuts: Participant = { stage: 'account', identified: record => { closed = record.close(IDLE, { abort: true }); steps.push('asked'); return undefined } }
    const { driver, lifecycle, open } = bench({ participants: [['cuts', cuts], recorder('watch', 'observe', steps)] })
    const { record, raw } = open()
    steps.length = 0
    expect(driver.identified(record, PEER)).toMatchObject({ code: 'gone' })
    await closed
    expect([steps, raw.calls, lifecycle.size]).toEqual([['asked', 'watch.closed idle'], ['abort'], 0])
  })

  it('makes an end of closing in order', async () => {
    const { clock, lifecycle, ready } = bench()
    const { record, raw } = ready()
    const closed = record.close(IDLE)
    expect(clock.pending).toBe(1)
    await record.close({ code: 'misbehaved', by: 'local' }, { abort: true })
    await closed
    expect([raw.calls, record.reason, lifecycle.size, clock.pending]).toEqual([['close', 'abort'], IDLE, 0, 0])
  })
})

describe('a refusal', () => {
  const stages = ['opened', 'identified', 'ready'] as const

  it.each(stages)('at %s cuts at once, and tells those that were passed', step => {
    const steps: string[] = []
    const { driver, events, lifecycle, raw } = bench({ participants: [recorder('first', 'gate', steps), recorder('no', 'account', steps, step), recorder('last', 'observe', steps)] })
    const made = raw()
    const record = expectRecord(driver.open(made))
    const answers = [enter(driver, record), driver.identified(record, PEER), driver.upgraded(record, fakeConnection(PEER))]

    expect(answers[stages.indexOf(step)]).toMatchObject({ code: 'blocked', module: 'no' })
    // asked again, it says the same
    expect(answers.slice(stages.indexOf(step) + 1).every(answer => answer === record.reason?.refusal)).toBe(true)
    expect(made.calls).toEqual(['abort'])
    expect(steps.filter(name => name.includes('closed'))).toEqual(step === 'opened' ? ['first.closed refused'] : ['last.closed refused', 'no.closed refused', 'first.closed refused'])
    expect(events.map(event => event.type).slice(stages.indexOf(step))).toEqual(step === 'opened' ? ['connection:refused'] : ['connection:refused', 'connection:closed'])
    expect(lifecycle.stats()).toMatchObject({ opened: 1, readied: 0, refused: { no: 1 }, closed: { refused: 1 } })
  })

  it('by something outside is counted under its name, and not twice', () => {
    const { driver, events, lifecycle, raw } = bench()
    const record = expectRecord(driver.open(raw()))
    const refusal = { code: 'gater', module: 'connectionGater', message: 'it said no' } as const
    driver.refuse(record, refusal)
    driver.refuse(record, refusal)
    expect(enter(driver, record)).toBe(refusal)
    expect(events).toEqual([{ type: 'connection:refused', record, refusal }])
    expect(lifecycle.stats().refused).toEqual({ connectionGater: 1 })
  })

  it('of an inbound connection makes no error', () => {
    const errors: Error[] = []
    for (let i = 0; i < 2; i++) {
      const { driver, raw } = bench({ participants: [recorder('no', 'gate', [], 'opened')] })
      for (let j = 0; j < 2; j++) {
        const made = raw()
        expectRefusal(driver.open(made))
        errors.push(...made.errors)
      }
    }
    expect(errors).toHaveLength(4)
    expect(errors[0]).toBe(errors[1])
    expect(errors[2]).not.toBe(errors[1])
  })

  it('of an outbound connection carries the refusal', () => {
    const { driver, raw } = bench({ participants: [recorder('no', 'gate', [], 'opened')] })
    const made = raw(undefined, 'outbound')
    const refusal = expectRefusal(driver.open(made))
    expect(made.errors).toEqual([expect.objectContaining({ name: 'ConnectionRefusedError', cause: refusal, message: 'no says no' })])
  })

  it('is logged on one line, for public addresses alone', () => {
    const { driver, lines, raw } = bench({ logging: true, participants: [recorder('no', 'gate', [], 'opened')] })
    for (const address of ['/ip4/93.184.216.34/tcp/1', '/ip4/10.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/1']) driver.open(raw(address))
    expect(lines).toEqual([{ level: 'log', args: ['refused remote=%s direction=%s module=%s code=%s', '93.184.216.34', 'inbound', 'no', 'blocked'] }])
  })
})

describe('between open and account', () => {
  it('whoever is crowded out is told to be refused, and account says so', () => {
    const { driver, events, raw } = bench({ maxHandshakingPerGroup: 1 })
    const record = expectRecord(driver.open(raw()))
    driver.open(raw())
    expect(events).toMatchObject([{ type: 'connection:refused', record, refusal: { code: 'crowded' } }])
    expect(enter(driver, record)).toBe(record.reason?.refusal)
    expect(events).toHaveLength(1)
  })

  it('whoever goes away is not told of at all', () => {
    const { driver, events, lifecycle, raw } = bench()
    const record = expectRecord(driver.open(raw()))
    lifecycle.lost(record, { error: ERROR })
    expect(enter(driver, record)).toMatchObject({ code: 'gone', reason: { code: 'remote-reset' } })
    expect(events).toEqual([])
  })

  it('nothing of it is left after account has refused it, even if it was closed in order', () => {
    const { driver, lifecycle, raw } = bench()
    const made = raw()
    const record = expectRecord(driver.open(made))
    void record.close(IDLE)
    expect(lifecycle.size).toBe(1)
    expect(enter(driver, record)).toMatchObject({ code: 'gone' })
    expect(made.calls).toEqual(['close', 'abort'])
    expect(lifecycle.size).toBe(0)
  })
})

describe('a foreign record', () => {
  it('is refused with an error', () => {
    const { open } = bench()
    const { driver, lifecycle } = bench()
    const { record } = open()
    expect(() => { lifecycle.lost(record, {}) }).toThrow('this is no connection record of this lifecycle')
    expect(() => driver.account({} as never)).toThrow('this is no connection record of this lifecycle')
    expect(() => { driver.streamClosed({} as never) }).toThrow('this is no stream record of this lifecycle')
  })
})
