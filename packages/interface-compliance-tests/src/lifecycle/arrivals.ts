import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { describe, expect, it } from 'vitest'
import { everyStage, expectGone, NO, pass } from './harness.ts'
import type { Closing, FakeRaw } from '../fakes.ts'
import type { Answers, Context, Harness } from './harness.ts'
import type { ConnectionRecord, Stage } from '@cordon/interface-connection-lifecycle'

interface Arrived {
  readonly harness: Harness
  readonly log: string[]
  readonly raw: FakeRaw
}

export function arrivals ({ start }: Context): void {
  /** A socket of which libp2p has made nothing yet */
  async function arrive (more: Partial<Record<Stage, Answers>> = {}, closing: Closing = 'at-once'): Promise<Arrived> {
    const log: string[] = []
    const harness = await start({ participants: everyStage(log, more) })
    const raw = harness.raw({ closing })
    raw.appeared = false
    return { harness, log, raw }
  }

  function opened ({ harness, raw }: Arrived): ConnectionRecord {
    const record = harness.driver.open(raw)
    if (isRefusal(record)) throw new Error(`refused by ${record.module}: ${record.message}`)
    return record
  }

  describe('a socket', () => {
    it('is shown to nobody before libp2p has made a raw connection of it: the gates first, the others once they were asked', async () => {
      const one = await arrive()
      const { harness, log, raw } = one
      const record = opened(one)
      expect(log.splice(0)).toEqual(['gate.opened'])
      expect(record).toMatchObject({ state: 'handshaking', phase: 'encrypt', direction: 'inbound' })
      expect(record.remoteAddr.toString()).toBe(raw.remoteAddr.toString())

      raw.appeared = true
      expect(harness.driver.appeared(record)).toBeUndefined()
      expect(log.splice(0)).toEqual(['gate.raw'])
      expect(harness.driver.account(record)).toBeUndefined()
      expect(log).toEqual([...['account', 'admit', 'observe'].map(name => `${name}.opened`), ...['account', 'admit', 'observe'].map(name => `${name}.raw`)])
      expect(harness.told(record)).toEqual(['connection:opened'])
    })

    it('is shown to all where all were asked before', async () => {
      const one = await arrive()
      const { harness, log, raw } = one
      const record = opened(one)
      expect(harness.driver.account(record)).toBeUndefined()
      expect(log.splice(0)).toEqual(['gate', 'account', 'admit', 'observe'].map(name => `${name}.opened`))
      expect(harness.told(record)).toEqual([])

      raw.appeared = true
      expect(harness.driver.appeared(record)).toBeUndefined()
      expect(log.splice(0)).toEqual(['gate', 'account', 'admit', 'observe'].map(name => `${name}.raw`))
      expect(harness.told(record)).toEqual(['connection:opened'])
      expect(harness.identify(record) ?? harness.upgrade({ record, raw })).toBeUndefined()
      expect(record.state).toBe('ready')
    })

    it('or what has a raw connection already is shown to each of them once, in whatever order it is asked about', async () => {
      for (const first of ['appeared', 'account'] as const) {
        const { harness, log, raw } = await arrive()
        raw.appeared = true
        const record = harness.driver.open(raw)
        if (isRefusal(record)) throw new Error('refused')
        for (const step of [first, first === 'account' ? 'appeared' : 'account'] as const) expect(harness.driver[step](record)).toBeUndefined()
        expect(log.filter(entry => entry.endsWith('.raw'))).toEqual(['gate', 'account', 'admit', 'observe'].map(name => `${name}.raw`))
        expect(harness.told(record)).toEqual(['connection:opened'])
      }
    })

    it.each(['gate', 'account', 'observe'] as const)('that %s refuses is cut, and shown to nobody', async stage => {
      const { harness, log, raw } = await arrive({ [stage]: { opened: () => NO } })
      const record = harness.driver.open(raw)
      expect(isRefusal(record) ? record : harness.driver.account(record)).toBe(NO)
      await pass()
      expect(raw.calls).toEqual(['abort'])
      expect(log.filter(entry => entry.endsWith('.raw'))).toEqual([])
      expect(harness.lifecycle.size).toBe(0)
      const [event] = harness.of('connection:refused')
      // of what nothing was made it is still known where it came from
      expect(event?.record.remoteAddr.toString()).toBe(raw.remoteAddr.toString())
      expect(harness.events).toEqual([event])
    })

    it('of which libp2p makes nothing is let go of', async () => {
      const one = await arrive()
      const { harness, log, raw } = one
      const record = opened(one)
      expect(harness.driver.account(record)).toBeUndefined()
      const error = new Error('nothing was made of it')
      harness.driver.upgradeFailed(record, error)
      await pass()
      expectGone(harness, record)
      expect(raw.aborted).toBe(true)
      expect(record.reason).toMatchObject({ code: 'upgrade-failed', by: 'local', error })
      expect(log.filter(entry => entry.endsWith('.closed'))).toEqual(['observe', 'admit', 'account', 'gate'].map(name => `${name}.closed`))
      // nothing was refused or announced
      expect(harness.told(record)).toEqual([])
      expect(harness.lifecycle.stats().closed).toEqual({ 'upgrade-failed': 1 })
      // it never comes back
      expect(isRefusal(harness.driver.appeared(record))).toBe(true)
      expect(log.filter(entry => entry.endsWith('.raw'))).toEqual([])
    })

    it('that is dropped before libp2p has made anything of it is not shown', async () => {
      const one = await arrive()
      const { harness, log, raw } = one
      const record = opened(one)
      await record.close({ code: 'local-abort', by: 'local' }, { abort: true })
      raw.appeared = true
      expect(isRefusal(harness.driver.appeared(record))).toBe(true)
      expect(isRefusal(harness.driver.account(record))).toBe(true)
      expect(raw.calls).toEqual(['abort'])
      expect(log).toEqual(['gate.opened', 'gate.closed'])
    })

    it('that a step closes while it is shown is refused with what closed it', async () => {
      const { harness, log, raw } = await arrive({ account: { raw: (record: ConnectionRecord) => { void record.close({ code: 'misbehaved', by: 'local' }, { abort: true }) } } })
      const record = harness.driver.open(raw)
      if (isRefusal(record) || harness.driver.account(record) != null) throw new Error('refused')
      raw.appeared = true
      expect(harness.driver.appeared(record)).toMatchObject({ code: 'gone' })
      expect(raw.aborted).toBe(true)
      await pass()
      expectGone(harness, record)
      expect(log.filter(entry => entry.endsWith('.raw'))).toEqual(['gate.raw', 'account.raw'])
      expect(log.filter(entry => entry.endsWith('.closed'))).toHaveLength(4)
      expect(harness.told(record)).toEqual([])
    })

    it('that a step closes in order is cut, because whoever is refused forgets it', async () => {
      const { harness, raw } = await arrive({ account: { opened: (record: ConnectionRecord) => { void record.close({ code: 'misbehaved', by: 'local' }) } } }, 'never')
      const record = harness.driver.open(raw)
      if (isRefusal(record)) throw new Error('refused')
      expect(harness.driver.account(record)).toMatchObject({ code: 'gone' })
      expect(raw.aborted).toBe(true)
      await pass()
      expectGone(harness, record)
    })

    it.each(['appeared', 'account'] as const)('that a listener ends as it is announced is refused by the second call, where %s is the first', async first => {
      const one = await arrive({}, 'never')
      const { harness, raw } = one
      harness.lifecycle.addEventListener('connection:opened', ({ detail }) => { void detail.record.close({ code: 'misbehaved', by: 'local' }) })
      const record = opened(one)
      raw.appeared = true
      expect(harness.driver[first](record)).toBeUndefined()
      expect(harness.driver[first === 'account' ? 'appeared' : 'account'](record)).toMatchObject({ code: 'gone' })
      expect(raw.aborted).toBe(true)
      await pass()
      expectGone(harness, record)
      expect(harness.told(record)).toEqual(['connection:opened', 'connection:closed'])
    })

    it('a step of which fails while it is shown is refused, and never announced', async () => {
      const one = await arrive({ admit: { raw: () => { throw new Error('a fault') } } })
      const { harness, raw } = one
      const record = opened(one)
      expect(harness.driver.account(record)).toBeUndefined()
      raw.appeared = true
      expect(harness.driver.appeared(record)).toMatchObject({ code: 'fault', module: 'admit' })
      expect(raw.aborted).toBe(true)
      await pass()
      expectGone(harness, record)
      expect(harness.told(record)).toEqual(['connection:refused'])
    })
  })
}
