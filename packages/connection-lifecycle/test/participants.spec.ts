import { describe, expect, it } from 'vitest'
import { bench, enter, expectRecord, expectRefusal, fakeConnection, PEERS, recorder, settle } from './support.ts'
import type { ConnectionRecord, Participant, Refusal } from '@cordon/interface-connection-lifecycle'

const PEER = PEERS[0]
const STEPS = ['opened', 'raw', 'identified', 'secured', 'ready'] as const
const FAULTS: ReadonlyArray<[string, () => unknown]> = [
  ['throws', () => { throw new Error('bug') }],
  // eslint-disable-next-line @typescript-eslint/only-throw-error
  ['throws nothing', () => { throw undefined }],
  ['rejects', () => Promise.reject(new Error('later'))],
  ['resolves', () => Promise.resolve(undefined)],
  ['answers with a thenable that throws', () => ({ then: () => { throw new Error('then') } })]
]
/** Of a step that has no say */
const UNHEARD: ReadonlyArray<[string, () => unknown]> = [
  ...FAULTS,
  ['answers with a refusal', () => ({ code: 'limit', module: 'buggy', message: 'no' })]
]
const NO_ANSWERS: ReadonlyArray<[string, () => unknown]> = [
  ['answers true', () => true],
  ['answers null', () => null],
  ['answers a refusal of another kind', () => ({ code: 'because', module: 'x' })]
]

describe('a step that is a bug', () => {
  for (const step of STEPS) {
    it.each(step === 'raw' || step === 'secured' ? UNHEARD : [...FAULTS, ...NO_ANSWERS])(`${step} %s: refuses, is logged and counted, and is told of the end`, async (_what, act) => {
      const steps: string[] = []
      const buggy = { stage: 'account', [step]: act, closed: () => { steps.push('buggy.closed') } } as unknown as Participant
      const { driver, events, lifecycle, lines, raw } = bench({ participants: [recorder('first', 'gate', steps), ['buggy', buggy], recorder('last', 'observe', steps)] })
      const made = raw()
      const record = expectRecord(driver.open(made))
      enter(driver, record)
      driver.identified(record, PEER)
      driver.secured(record, made.raw)
      driver.upgraded(record, fakeConnection(PEER))
      await settle()

      expect(record.reason?.refusal).toMatchObject({ code: 'fault', module: 'buggy' })
      expect(record.reason?.refusal?.message).toContain(`the step ${step} of buggy failed`)
      expect(JSON.parse(JSON.stringify(record.reason?.refusal))).toMatchObject({ code: 'fault', module: 'buggy', message: record.reason?.refusal?.message })
      expect(steps.filter(name => name.includes('closed'))).toEqual([...(step === 'opened' ? [] : ['last.closed refused']), 'buggy.closed', 'first.closed refused'])
      expect(lifecycle.stats()).toMatchObject({ faults: { buggy: 1 }, refused: { buggy: 1 } })
      expect(lines).toHaveLength(1)
      expect(lines[0]?.args.slice(1, 4)).toEqual([step, 'buggy', 1])
      expect(made.calls).toEqual(['abort'])
      expect(events.filter(event => event.type === 'connection:refused')).toHaveLength(1)
    })
  }

  it.each(UNHEARD)('closed %s: the others are told all the same', async (_what, act) => {
    const steps: string[] = []
    const buggy = { stage: 'account', closed: act } as unknown as Participant
    const { lifecycle, lines, open } = bench({ participants: [recorder('first', 'gate', steps), ['buggy', buggy], recorder('last', 'observe', steps)] })
    lifecycle.lost(open().record, {})
    await settle()
    expect(steps.filter(name => name.includes('closed'))).toEqual(['last.closed remote-close', 'first.closed remote-close'])
    expect(lifecycle.stats().faults).toEqual({ buggy: 1 })
    expect(lifecycle.stats().refused).toEqual({})
    expect(lines).toHaveLength(1)
  })

  it('is logged less and less often', () => {
    const buggy: Participant = { stage: 'gate', opened: () => { throw new Error('bug') } }
    const { driver, lifecycle, lines, raw } = bench({ participants: [['buggy', buggy]] })
    for (let i = 0; i < 1_000; i++) driver.open(raw())
    expect(lines.map(line => line.args[3])).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
    expect(lifecycle.stats().faults).toEqual({ buggy: 1_000 })
  })
})

describe('a participant', () => {
  it('without any step is passed', () => {
    const { lifecycle, ready } = bench({ participants: [['quiet', { stage: 'observe' }]] })
    const { record } = ready()
    expect(record.state).toBe('ready')
    lifecycle.lost(record, {})
    expect(lifecycle.size).toBe(0)
  })

  it('keeps its own this', () => {
    class Counter implements Participant {
      readonly stage = 'gate'
      #count = 0
      get count (): number { return this.#count }
      opened (): undefined { this.#count++ }
    }
    const counter = new Counter()
    bench({ participants: [['counter', counter]] }).open()
    expect(counter.count).toBe(1)
  })

  it('sees the state of each step', () => {
    const seen: string[] = []
    const see = (step: string) => (record: ConnectionRecord): undefined => { seen.push(`${step}: ${record.state} ${record.phase ?? ''}`.trim()) }
    const gate: Participant = { stage: 'gate', opened: see('gate opened'), raw: see('gate raw') }
    const watch: Participant = { stage: 'observe', opened: see('opened'), raw: see('raw'), identified: see('identified'), secured: see('secured'), ready: see('ready'), closed: see('closed') }
    const { driver, lifecycle, raw } = bench({ participants: [['gate', gate], ['watch', watch]] })
    const made = raw()
    const record = expectRecord(driver.open(made))
    enter(driver, record)
    driver.identified(record, PEER)
    driver.secured(record, made.raw)
    driver.upgraded(record, fakeConnection(PEER))
    lifecycle.lost(record, {})
    expect(seen).toEqual(['gate opened: new', 'gate raw: handshaking encrypt', 'opened: handshaking encrypt', 'raw: handshaking encrypt', 'identified: handshaking multiplex', 'secured: handshaking multiplex', 'ready: ready', 'closed: closed'])
  })

  it('that closes its connection from within a step is told of the end after it has answered', () => {
    const order: string[] = []
    const self: Participant = {
      stage: 'account',
      opened: record => {
        void record.close({ code: 'misbehaved', by: 'local' })
        order.push(`still in opened, ${record.state}`)
        return undefined
      },
      closed: () => { order.push('closed') }
    }
    const { driver, events, lifecycle, raw } = bench({ participants: [recorder('first', 'gate', order), ['self', self], recorder('never', 'observe', order)] })
    const made = raw()
    const record = expectRecord(driver.open(made))
    expect(enter(driver, record)).toMatchObject({ code: 'gone' })
    expect(order).toEqual(['first.opened', 'first.raw', 'still in opened, closed', 'closed', 'first.closed misbehaved'])
    expect(made.calls).toEqual(['close', 'abort'])
    expect(events).toEqual([])
    expect(lifecycle.size).toBe(0)
  })

  it('that closes its connection as a gate leaves nothing behind', () => {
    const gate: Participant = { stage: 'gate', opened: record => { void record.close({ code: 'misbehaved', by: 'local' }); return undefined } }
    const { clock, driver, lifecycle, raw } = bench({ participants: [['gate', gate]] })
    const made = raw()
    expectRefusal(driver.open(made))
    expect(made.calls).toEqual(['abort'])
    expect([lifecycle.size, clock.pending]).toEqual([0, 0])
  })
})

describe('before a dial', () => {
  it('each participant is asked until one refuses', () => {
    const steps: string[] = []
    const { driver, lifecycle } = bench({ participants: [recorder('a', 'gate', steps), recorder('b', 'gate', steps, 'dial'), recorder('c', 'observe', steps)] })
    expect(driver.dial({ peer: PEER })).toMatchObject({ code: 'blocked', module: 'b' })
    expect(steps).toEqual(['a.dial', 'b.dial'])
    expect(lifecycle.stats().refused).toEqual({ b: 1 })
  })

  it('a bug refuses', () => {
    const dial = (): Refusal | undefined => { throw new Error('bug') }
    const { driver, lifecycle } = bench({ participants: [['buggy', { stage: 'gate', dial }]] })
    expect(driver.dial({})).toMatchObject({ code: 'fault', module: 'buggy' })
    expect(lifecycle.stats().faults).toEqual({ buggy: 1 })
  })

  it('nobody is asked while the node stops', () => {
    const steps: string[] = []
    const { driver } = bench({ participants: [recorder('a', 'gate', steps)] })
    driver.draining()
    expect(driver.dial({ peer: PEER })).toMatchObject({ code: 'stopping' })
    expect(steps).toEqual([])
  })
})

describe('streams', () => {
  it('go through their steps, and back in reverse, once', () => {
    const steps: string[] = []
    const { clock, driver, lifecycle, ready } = bench({ participants: [recorder('a', 'account', steps), recorder('b', 'observe', steps)] })
    const { record } = ready()
    steps.length = 0
    clock.tick(5)
    const stream = driver.streamOpened(record, 'outbound')
    if ('code' in stream) throw new Error('refused')
    expect(stream).toMatchObject({ connection: record, direction: 'outbound', openedAt: clock.now(), stream: undefined, protocol: undefined })
    const muxed = {} as never
    driver.streamCreated(stream, muxed)
    expect(stream.stream).toBe(muxed)
    expect(driver.streamNegotiated(stream, '/x/1', 'x')).toBeUndefined()
    expect(stream).toMatchObject({ protocol: '/x/1', service: 'x' })
    expect(lifecycle.stats().streams).toBe(1)
    driver.streamClosed(stream)
    driver.streamClosed(stream)
    expect(steps).toEqual(['a.streamOpened', 'b.streamOpened', 'a.streamNegotiated', 'b.streamNegotiated', 'b.streamClosed', 'a.streamClosed'])
    expect(lifecycle.stats().streams).toBe(0)
    expect(driver.streamNegotiated(stream, '/x/1')).toMatchObject({ code: 'gone' })
  })

  it('that are refused hold nothing', () => {
    const steps: string[] = []
    const { driver, lifecycle, ready } = bench({ participants: [recorder('a', 'account', steps), recorder('no', 'account', steps, 'streamOpened'), recorder('c', 'observe', steps)] })
    const { record } = ready()
    steps.length = 0
    expect(driver.streamOpened(record, 'inbound')).toMatchObject({ code: 'blocked', module: 'no' })
    expect(steps).toEqual(['a.streamOpened', 'no.streamOpened', 'a.streamClosed'])
    expect(lifecycle.stats()).toMatchObject({ streams: 0, refused: { no: 1 } })
  })

  it('that are refused at negotiation are closed by the caller', () => {
    const steps: string[] = []
    const { driver, lifecycle, ready } = bench({ participants: [recorder('a', 'account', steps), recorder('no', 'account', steps, 'streamNegotiated')] })
    const stream = driver.streamOpened(ready().record, 'inbound')
    if ('code' in stream) throw new Error('refused')
    steps.length = 0
    expect(driver.streamNegotiated(stream, '/x/1')).toMatchObject({ code: 'blocked', module: 'no' })
    expect(lifecycle.stats().streams).toBe(1)
    driver.streamClosed(stream)
    expect(steps).toEqual(['a.streamNegotiated', 'no.streamNegotiated', 'no.streamClosed', 'a.streamClosed'])
  })

  it('that a participant ends from within a step are told of the end after it has answered', () => {
    const order: string[] = []
    const self: Participant = {
      stage: 'account',
      streamNegotiated: stream => {
        driver.streamClosed(stream)
        order.push('still in streamNegotiated')
        return undefined
      },
      streamClosed: () => { order.push('closed') }
    }
    const { driver, lifecycle, ready } = bench({ participants: [['self', self], recorder('b', 'observe', order)] })
    const stream = driver.streamOpened(ready().record, 'inbound')
    if ('code' in stream) throw new Error('refused')
    order.length = 0
    expect(driver.streamNegotiated(stream, '/x/1')).toMatchObject({ code: 'gone' })
    expect(order).toEqual(['still in streamNegotiated', 'b.streamClosed', 'closed'])
    expect(lifecycle.stats().streams).toBe(0)
  })

  it('outlive their connection until their handler is done', () => {
    const steps: string[] = []
    const { driver, lifecycle, ready } = bench({ participants: [recorder('a', 'account', steps)] })
    const { record } = ready()
    const stream = driver.streamOpened(record, 'inbound')
    if ('code' in stream) throw new Error('refused')
    lifecycle.lost(record, {})
    expect(lifecycle.stats().streams).toBe(1)
    expect(driver.streamNegotiated(stream, '/x/1')).toMatchObject({ code: 'gone' })
    expect(driver.streamOpened(record, 'inbound')).toMatchObject({ code: 'gone' })
    driver.streamClosed(stream)
    expect(steps.slice(-2)).toEqual(['a.closed remote-close', 'a.streamClosed'])
    expect(lifecycle.stats().streams).toBe(0)
  })

  it('are refused by a bug as connections are', async () => {
    const closed: string[] = []
    const buggy: Participant = { stage: 'observe', streamOpened: () => Promise.reject(new Error('later')) as never, streamClosed: () => { closed.push('buggy') } }
    const { driver, lifecycle, ready } = bench({ participants: [['buggy', buggy]] })
    expect(driver.streamOpened(ready().record, 'inbound')).toMatchObject({ code: 'fault', module: 'buggy' })
    await settle()
    expect(closed).toEqual(['buggy'])
    expect(lifecycle.stats()).toMatchObject({ streams: 0, faults: { buggy: 1 } })
  })

  it('whose connection is closed by a participant are refused', () => {
    const steps: string[] = []
    const others: string[] = []
    const killer: Participant = { stage: 'account', streamOpened: stream => { void stream.connection.close({ code: 'misbehaved', by: 'local' }); return undefined }, streamClosed: () => { steps.push('killer') } }
    const { driver, lifecycle, ready } = bench({ participants: [['killer', killer], recorder('b', 'observe', others)] })
    expect(driver.streamOpened(ready().record, 'inbound')).toMatchObject({ code: 'gone' })
    expect(steps).toEqual(['killer'])
    expect(others).not.toContain('b.streamOpened')
    expect(lifecycle.stats().streams).toBe(0)
  })
})
