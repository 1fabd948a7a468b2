import { AlreadyAttachedError, InvalidTransitionError, isConnectionLifecycle } from '@cordon/interface-connection-lifecycle'
import { describe, expect, it } from 'vitest'
import { PEERS } from '../fakes.ts'
import { everyStage, EVICTED, expectGone, pass } from './harness.ts'
import type { Context } from './harness.ts'

const READINESS = { readiness: { name: 'handshake', holdDial: false } }

export function states ({ start }: Context): void {
  describe('states', () => {
    it('is recognised, and can be attached once', async () => {
      const { lifecycle, driver } = await start()
      expect(isConnectionLifecycle(lifecycle)).toBe(true)
      expect(() => {
        driver.attach({ participants: [], dial: () => Promise.resolve(), keepsAlive: () => Promise.resolve(false) })
      }).toThrow(AlreadyAttachedError)
    })

    it('leads a connection from handshaking to ready', async () => {
      const harness = await start()
      const opened = harness.open()
      const { record } = opened
      expect(record).toMatchObject({ direction: 'inbound', state: 'handshaking', phase: 'encrypt' })
      expect(record.remotePeer).toBeUndefined()
      expect(harness.lifecycle.get(record.id)).toBe(record)
      harness.identify(record)
      expect(record).toMatchObject({ state: 'handshaking', phase: 'multiplex', remotePeer: PEERS[0] })
      expect(record.connection).toBeUndefined()
      harness.upgrade(opened)
      expect(record.state).toBe('ready')
      expect(record.phase).toBeUndefined()
      expect(record.connection?.remotePeer).toBe(PEERS[0])
      expect(record.reason).toBeUndefined()
      expect(record.signal.aborted).toBe(false)
    })

    it('waits for the handshake where a module makes connections ready', async () => {
      const harness = await start({ host: READINESS })
      const { record } = harness.connect()
      expect(record).toMatchObject({ state: 'handshaking', phase: 'handshake' })
      expect(record.connection).toBeDefined()
      expect(harness.lifecycle.handshakeSucceeded(record)).toBeUndefined()
      expect(record.state).toBe('ready')
    })

    it('does not let a handshake succeed twice, or after the end', async () => {
      const harness = await start({ host: READINESS })
      const { record } = harness.connect()
      harness.lifecycle.handshakeSucceeded(record)
      expect(() => harness.lifecycle.handshakeSucceeded(record)).toThrow(InvalidTransitionError)
      expect(record.state).toBe('ready')
      await harness.lifecycle.close(record, EVICTED)
      expect(() => harness.lifecycle.handshakeSucceeded(record)).toThrow(InvalidTransitionError)
      expect(record.state).toBe('closed')
    })

    it('ends a connection whose handshake failed, and tells so', async () => {
      const harness = await start({ host: READINESS })
      const opened = harness.connect()
      const error = new Error('wrong version')
      harness.lifecycle.handshakeFailed(opened.record, error)
      harness.lifecycle.handshakeFailed(opened.record, new Error('again'))
      await pass()
      expectGone(harness, opened.record)
      expect(opened.record.reason).toMatchObject({ code: 'handshake-failed', error })
      expect(opened.raw.ended).toBe(true)
      expect(harness.of('handshake:failed')).toEqual([{ type: 'handshake:failed', record: opened.record, error }])
      expect(harness.told(opened.record).at(-1)).toBe('connection:closed')
    })

    it('ends a connection that libp2p could not upgrade, and its raw connection with it', async () => {
      const harness = await start()
      const opened = harness.open()
      const error = new Error('no common encryption')
      harness.driver.upgradeFailed(opened.record, error)
      harness.driver.upgradeFailed(opened.record, error)
      await pass()
      expectGone(harness, opened.record)
      expect(opened.record.reason).toMatchObject({ code: 'upgrade-failed', error })
      expect(opened.raw.ended).toBe(true)
      expect(harness.lifecycle.stats().closed['upgrade-failed']).toBe(1)
    })

    it('refuses each further step of a record that has ended, and asks nobody', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const { record, raw } = harness.open()
      await harness.lifecycle.close(record, EVICTED)
      log.length = 0
      expect(harness.identify(record)).toBeDefined()
      expect(harness.upgrade({ record, raw })).toBeDefined()
      expect(harness.enter(record)).toBeDefined()
      harness.driver.refuse(record, { code: 'gater', module: 'gater', message: 'late' })
      harness.driver.closing(record, 'local-abort')
      harness.lifecycle.handshakeFailed(record, new Error('late'))
      expect(log).toEqual([])
      expect(record.reason).toMatchObject(EVICTED)
      expect(record.remotePeer).toBeUndefined()
    })

    it('runs the steps stage by stage, `raw` in the tick of `opened`', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const opened = harness.open()
      const order = ['gate', 'account', 'admit', 'observe']
      const steps = (step: string): string[] => log.filter(entry => entry.endsWith(`.${step}`))
      expect(steps('opened')).toEqual(order.map(name => `${name}.opened`))
      expect(steps('raw').toSorted()).toEqual(order.map(name => `${name}.raw`).toSorted())
      for (const [step, run] of [
        ['identified', () => harness.identify(opened.record)],
        ['secured', () => harness.upgrade(opened)]
      ] as const) {
        log.length = 0
        run()
        expect(steps(step)).toEqual(order.map(name => `${name}.${step}`))
      }
      expect(steps('ready')).toEqual(order.map(name => `${name}.ready`))
    })

    it('finds records by id, connection and peer', async () => {
      const harness = await start()
      const a = harness.connect({ peer: PEERS[0] })
      const b = harness.connect({ peer: PEERS[1], direction: 'outbound' })
      const c = harness.connect({ peer: PEERS[0] })
      const { lifecycle } = harness
      expect(new Set([a, b, c].map(({ record }) => record.id)).size).toBe(3)
      expect(new Set(lifecycle.forPeer(PEERS[0]))).toEqual(new Set([a.record, c.record]))
      expect(lifecycle.forPeer(PEERS[2])).toEqual([])
      expect(new Set(lifecycle.records())).toEqual(new Set([a.record, b.record, c.record]))
      expect(lifecycle.size).toBe(3)
      const { connection } = a.record
      if (connection == null) throw new Error('no connection')
      expect(lifecycle.forConnection(connection)).toBe(a.record)
      harness.lose(a)
      await pass()
      expect(lifecycle.forPeer(PEERS[0])).toEqual([c.record])
      expect(lifecycle.forConnection(connection)).toBe(a.record)
      expect(lifecycle.size).toBe(2)
    })

    it('counts', async () => {
      const harness = await start({ host: READINESS })
      const { lifecycle } = harness
      harness.open()
      const identified = harness.open({ direction: 'outbound' })
      harness.identify(identified.record)
      const ready = harness.connect()
      lifecycle.handshakeSucceeded(ready.record)
      harness.connect()
      expect(lifecycle.stats()).toMatchObject({
        records: { handshaking: 3, ready: 1 },
        handshaking: { encrypt: 1, multiplex: 1, handshake: 1 },
        inbound: 3,
        outbound: 1,
        streams: 0,
        opened: 4,
        readied: 1
      })
      harness.lose(ready)
      await pass()
      expect(lifecycle.stats()).toMatchObject({ records: { handshaking: 3, ready: 0 }, inbound: 2, opened: 4, readied: 1, closed: { 'remote-close': 1 } })
    })

    it('lets a dial wait until the record is ready or closed', async () => {
      const harness = await start({ host: READINESS })
      const [waits, ends] = [harness.connect(), harness.connect()]
      const settled: string[] = []
      void harness.driver.settled(waits.record).then(() => { settled.push('ready') })
      void harness.driver.settled(ends.record).then(() => { settled.push('closed') })
      await pass()
      expect(settled).toEqual([])
      harness.lifecycle.handshakeSucceeded(waits.record)
      await pass()
      expect(settled).toEqual(['ready'])
      harness.lose(ends)
      await pass()
      expect(settled).toEqual(['ready', 'closed'])
      await harness.driver.settled(waits.record)
      await harness.driver.settled(ends.record)
    })
  })
}
