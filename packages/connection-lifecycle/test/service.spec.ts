import { connectionLifecycle } from '@cordon/connection-lifecycle'
import { isConnectionLifecycle, lifecycleDriverSymbol } from '@cordon/interface-connection-lifecycle'
import { fakeClock } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { bench, countingSignal, enter, EVENTS, expectRecord, expectRefusal, fakeConnection, PEERS, recorder, recordingLogger, settle } from './support.ts'
import type { Bench } from './support.ts'
import type { MonitorEvent } from '@cordon/interface-connection-lifecycle'
import type { ComponentLogger, Metrics } from '@libp2p/interface'

const PEER = PEERS[0]

async function read (events: AsyncIterable<MonitorEvent>): Promise<string[]> {
  const types: string[] = []
  for await (const event of events) types.push(event.type === 'monitor:dropped' ? `${event.type} ${event.count}` : event.type)
  return types
}

describe('the service', () => {
  it('is a lifecycle by itself, and does nothing', async () => {
    const lifecycle = connectionLifecycle()({ logger: recordingLogger([]) }) as Bench['lifecycle']
    expect(isConnectionLifecycle(lifecycle)).toBe(true)
    await lifecycle.start()
    await lifecycle.start()
    lifecycle.afterStart()
    lifecycle.beforeStop()
    await lifecycle.stop()
    await lifecycle.stop()
    expect(lifecycle.size).toBe(0)
  })

  it('drives one node', () => {
    const { driver } = bench()
    expect(() => { driver.attach({ participants: [], dial: () => Promise.resolve(), keepsAlive: () => Promise.resolve(false) }) }).toThrow(expect.objectContaining({ name: 'AlreadyAttachedError' }))
  })

  it('gives every record of the process an id of its own', () => {
    const ids = [bench(), bench()].flatMap(({ open }) => [open(), open()]).map(({ record }) => record.id)
    expect(new Set(ids).size).toBe(4)
    for (const id of ids) expect(id).toMatch(/^[\da-z]{8}-[12]$/)
  })

  it('has records that can be logged', () => {
    const { clock, ready, lifecycle } = bench()
    const { record } = ready(PEER)
    lifecycle.lost(record, {})
    expect(JSON.parse(JSON.stringify(record))).toEqual({ id: record.id, direction: 'inbound', remoteAddr: '/ip4/192.0.2.1/tcp/4001', remotePeer: String(PEER), state: 'closed', openedAt: clock.now(), reason: 'remote-close' })
  })

  it('finds records by id, connection and peer while they live', () => {
    const { driver, lifecycle, open, ready } = bench()
    const { record } = ready(PEER)
    const { record: second } = ready(PEER)
    const { record: third } = open()
    expect(lifecycle.forPeer(PEER)).toEqual([record, second])
    expect([...lifecycle.records()]).toEqual([record, second, third])
    expect(lifecycle.get(record.id)).toBe(record)
    // the answer is a copy
    lifecycle.forPeer(PEER).pop()
    lifecycle.lost(record, {})
    expect(lifecycle.forPeer(PEER)).toEqual([second])
    expect(lifecycle.get(record.id)).toBeUndefined()
    expect(lifecycle.forPeer(PEERS[1])).toEqual([])
    expect(driver.identified(second, PEER)).toBeUndefined()
  })

  it('counts', () => {
    const { driver, lifecycle, open, ready } = bench({ readiness: { name: 'hello', holdDial: false } })
    open()
    driver.identified(open().record, PEER)
    ready(PEER, 'outbound')
    const { record } = ready()
    lifecycle.handshakeSucceeded(record)
    const { record: closing } = open()
    void closing.close({ code: 'idle', by: 'local' })
    expect(lifecycle.stats()).toEqual({
      records: { new: 0, handshaking: 3, ready: 1, closed: 1 },
      handshaking: { encrypt: 1, multiplex: 1, handshake: 1 },
      inbound: 3,
      outbound: 1,
      streams: 0,
      opened: 5,
      readied: 1,
      closed: { idle: 1 },
      refused: {},
      faults: {},
      maintained: 0,
      conflicts: 0
    })
    expect(lifecycle.size).toBe(5)
  })
})

describe('stopping', () => {
  it('refuses newcomers from the first moment', async () => {
    const steps: string[] = []
    const { driver, events, lifecycle, raw } = bench({ participants: [recorder('gate', 'gate', steps)] })
    lifecycle.beforeStop()
    const made = raw()
    const refusal = expectRefusal(driver.open(made))
    expect(refusal).toMatchObject({ code: 'stopping', module: 'lifecycle' })
    expect(made.calls).toEqual(['abort'])
    expect(steps).toEqual([])
    expect(events).toMatchObject([{ type: 'connection:refused' }])
    await lifecycle.stop()
    expectRefusal(driver.open(raw()))
    await lifecycle.start()
    expectRecord(driver.open(raw()))
  })

  it('closes what is left in order, cuts it at the deadline, and leaves nothing', async () => {
    const { clock, lifecycle, open, ready } = bench()
    const all = [ready(), ready(PEER, 'outbound'), open(), open()]
    const waits = ready()
    void waits.record.close({ code: 'idle', by: 'local' })
    const [polite] = all
    if (polite != null) polite.raw.closing = 'resolves'
    let stopped = 0
    const stops = [lifecycle.stop(), lifecycle.stop()].map(stop => stop.then(() => { stopped++ }))
    await settle()
    expect(lifecycle.size).toBe(4)
    expect(stopped).toBe(0)
    clock.tick(1_000)
    await Promise.all(stops)
    expect(all.map(({ record }) => record.reason?.code)).toEqual(['shutdown', 'shutdown', 'shutdown', 'shutdown'])
    expect(waits.record.reason?.code).toBe('idle')
    expect(all.map(({ raw }) => raw.calls)).toEqual([['close'], ['close', 'abort'], ['close', 'abort'], ['close', 'abort']])
    expect([lifecycle.size, clock.pending]).toEqual([0, 0])
  })

  it('keeps the process alive while somebody waits for it, and no longer', async () => {
    const { clock, lifecycle, open } = bench({ closeTimeout: 2_500 })
    open()
    expect([clock.pending, clock.pendingRef]).toEqual([1, 0])
    const stopped = lifecycle.stop()
    for (let i = 0; i < 2; i++) {
      expect(clock.pendingRef).toBe(1)
      clock.tick(1_000)
    }
    expect(clock.pendingRef).toBe(1)
    clock.tick(500)
    await stopped
    expect(clock.pending).toBe(0)
    await lifecycle.stop()
    expect(clock.pending).toBe(0)
  })

  it('waits for itself before it starts again', async () => {
    const { clock, driver, lifecycle, open, raw } = bench()
    open()
    const stopped = lifecycle.stop()
    const restarted = lifecycle.start().then(() => 'started')
    expectRefusal(driver.open(raw()))
    clock.tick(1_000)
    await stopped
    expect(await restarted).toBe('started')
    expectRecord(driver.open(raw()))
    const again = lifecycle.stop()
    clock.tick(1_000)
    await again
    expect(lifecycle.size).toBe(0)
  })
})

describe('events', () => {
  it('reach a second listener in the order in which things happened', () => {
    const { driver, lifecycle, raw } = bench({ listen: false })
    const seen: string[] = []
    lifecycle.addEventListener('connection:opened', ({ detail: { record } }) => { lifecycle.lost(record, {}) })
    for (const type of EVENTS) lifecycle.addEventListener(type, () => { seen.push(type) })
    const made = raw()
    const record = expectRecord(driver.open(made))
    expect(enter(driver, record)).toMatchObject({ code: 'gone' })
    expect(seen).toEqual(['connection:opened', 'connection:closed'])
  })

  it('reach everybody else when telling one of them fails, and everything is released', () => {
    const { lifecycle, lines, ready } = bench({ listen: false })
    const seen: string[] = []
    for (const type of EVENTS) lifecycle.addEventListener(type, () => { seen.push(type) })
    const dispatch = lifecycle.safeDispatchEvent.bind(lifecycle)
    lifecycle.safeDispatchEvent = (type, detail) => {
      if (type === 'connection:opened' || type === 'connection:closed') throw new Error('boom')
      return dispatch(type, detail)
    }
    const { record } = ready(PEER)
    lifecycle.lost(record, {})
    expect(seen).toEqual(['connection:identified', 'connection:ready'])
    expect(lifecycle.size).toBe(0)
    expect(lines.map(({ level }) => level)).toEqual(['error', 'error'])
  })

  it('do not depend on a logger that works', async () => {
    const broken = (): never => { throw new Error('disk full') }
    const logger = { forComponent: () => Object.assign(broken, { enabled: true, error: broken, trace: broken, newScope: broken }) } as unknown as ComponentLogger
    const lifecycle = connectionLifecycle({ maxHandshaking: 8 })({ logger })
    const driver = lifecycle[lifecycleDriverSymbol]
    driver.attach({ participants: [{ name: 'fails', participant: { stage: 'account', closed: broken } }], dial: () => Promise.resolve(), keepsAlive: () => Promise.resolve(false) })
    const { raw } = bench()
    const made = raw('/ip4/93.184.216.34/tcp/1')
    made.abort = broken
    const record = expectRecord(driver.open(made))
    expect(enter(driver, record)).toBeUndefined()
    await record.close({ code: 'idle', by: 'local' }, { abort: true })
    expect(lifecycle.size).toBe(0)
    expect(lifecycle.stats().faults).toEqual({ fails: 1 })
  })

  it('are not made where nobody listens', () => {
    const { lifecycle, ready } = bench({ listen: false })
    let made = 0
    lifecycle.safeDispatchEvent = () => {
      made++
      return true
    }
    lifecycle.lost(ready().record, {})
    expect(made).toBe(0)
    lifecycle.addEventListener('connection:closed', () => {})
    lifecycle.lost(ready().record, {})
    expect(made).toBe(1)
  })

  it('of a listener that closes in order do not become a refusal once it is ready', async () => {
    const { driver, lifecycle, open } = bench({ listen: false })
    lifecycle.addEventListener('connection:ready', ({ detail: { record } }) => { void record.close({ code: 'idle', by: 'local' }) })
    const { record, raw } = open()
    driver.identified(record, PEER)
    expect(driver.upgraded(record, fakeConnection(PEER))).toBeUndefined()
    expect(raw.calls).toEqual(['close'])
    await settle()
    expect(lifecycle.size).toBe(1)
  })
})

describe('the monitor', () => {
  it('yields every event, and ends when the node stops', async () => {
    const { lifecycle, ready } = bench({ listen: false })
    const types = read(lifecycle.monitor())
    await settle()
    lifecycle.lost(ready().record, {})
    await lifecycle.stop()
    expect(await types).toEqual(['connection:opened', 'connection:identified', 'connection:ready', 'connection:closed'])
  })

  it('drops the oldest events for a slow reader, and says how many', async () => {
    const { lifecycle, ready } = bench({ listen: false })
    const events = lifecycle.monitor({ bufferSize: 3 })
    for (let i = 0; i < 10; i++) lifecycle.lost(ready().record, {})
    await lifecycle.stop()
    expect(await read(events)).toEqual(['monitor:dropped 37', 'connection:identified', 'connection:ready', 'connection:closed'])
  })

  it('keeps the order across its buffer, however it is read', async () => {
    const { lifecycle, open } = bench({ listen: false })
    const events = lifecycle.monitor({ bufferSize: 4 })
    const ids: string[] = []
    const expected: string[] = []
    for (let i = 0; i < 20; i++) {
      expected.push(open(`/ip4/192.0.2.${i}/tcp/1`).record.id)
      if (i % 3 === 2) {
        for (let j = 0; j < 3; j++) {
          const { value } = await events.next() as { value: MonitorEvent }
          if ('record' in value) ids.push(value.record.id)
        }
      }
    }
    expect(ids).toEqual(expected.slice(0, ids.length))
    expect(ids).toHaveLength(18)
  })

  it('answers those that wait in their order', async () => {
    const { lifecycle, open } = bench({ listen: false })
    const events = lifecycle.monitor()
    const both = [events.next(), events.next()]
    const ids = [open(), open()].map(({ record }) => record.id)
    expect((await Promise.all(both)).map(({ value }) => (value as { record: { id: string } }).record.id)).toEqual(ids)
  })

  it('ends with its signal, and with its reader', async () => {
    const { lifecycle, open } = bench({ listen: false })
    const controller = new AbortController()
    const signalled = lifecycle.monitor({ signal: controller.signal })
    const waiting = signalled.next()
    controller.abort()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(await read(lifecycle.monitor({ signal: controller.signal }))).toEqual([])

    const events = lifecycle.monitor()
    open()
    open()
    for await (const event of events) {
      expect(event.type).toBe('connection:opened')
      break
    }
    open()
    expect(await events.next()).toEqual({ done: true, value: undefined })
  })
})

describe('signals', () => {
  it('have no listeners left when a reader has ended, in whichever way', async () => {
    const { lifecycle } = bench()
    const ways: Array<(events: AsyncIterableIterator<MonitorEvent>, abort: () => void) => unknown> = [
      async events => await events.return?.(),
      (_events, abort) => { abort() },
      async () => { await lifecycle.stop() }
    ]
    for (const end of ways) {
      const counting = countingSignal()
      const events = lifecycle.monitor({ signal: counting.signal })
      expect(counting.listeners()).toBe(1)
      await end(events, counting.abort)
      expect(counting.listeners()).toBe(0)
    }
  })
})

describe('metrics', () => {
  it('are counts that are made when somebody reads them', async () => {
    const calculated = new Map<string, () => unknown>()
    const register = (name: string, options: { calculate (): unknown }): void => { calculated.set(name, () => options.calculate()) }
    const metrics = { registerMetric: register, registerMetricGroup: register, registerCounter: register, registerCounterGroup: register } as unknown as Metrics
    const clock = fakeClock()
    const lifecycle = connectionLifecycle({ clock })({ logger: recordingLogger([]), metrics })
    const driver = lifecycle[lifecycleDriverSymbol]
    driver.attach({ participants: [['no', 'gate']].map(([name = '']) => ({ name, participant: recorder(name, 'gate', [], 'opened')[1] })), dial: () => Promise.resolve(), keepsAlive: () => Promise.resolve(false) })
    driver.open(bench().raw())
    let computed = 0
    const { stats } = lifecycle
    lifecycle.stats = () => {
      computed++
      return stats.call(lifecycle)
    }

    expect(Object.fromEntries([...calculated].map(([name, calculate]) => [name, calculate()]))).toEqual({
      cordon_lifecycle_records: { new: 0, handshaking: 0, ready: 0, closed: 0 },
      cordon_lifecycle_handshaking: { encrypt: 0, multiplex: 0, handshake: 0 },
      cordon_lifecycle_streams: 0,
      cordon_lifecycle_opened_total: 1,
      cordon_lifecycle_readied_total: 0,
      cordon_lifecycle_closed_total: { refused: 1 },
      cordon_lifecycle_refused_total: { no: 1 },
      cordon_lifecycle_faults_total: {}
    })
    expect(computed).toBe(1)
    driver.open(bench().raw())
    // the next scrape
    expect([...calculated.values()].map(calculate => calculate())[3]).toBe(2)
    expect(computed).toBe(2)
    // a metric that is read alone, and late
    expect(calculated.get('cordon_lifecycle_streams')?.()).toBe(0)
    driver.open(bench().raw())
    clock.tick(1_000)
    expect(calculated.get('cordon_lifecycle_opened_total')?.()).toBe(3)
  })
})
