import { HandshakeTimeoutError } from '@cordon/interface-connection-lifecycle'
import { describe, expect, it, vi } from 'vitest'
import { everyStage, EVICTED, expectGone, pass } from './harness.ts'
import type { Context, Harness, Opened } from './harness.ts'

/** Many deadlines may share one timer, so one may fire this much late, in ms; never early */
const SLACK = 100

const READINESS = { readiness: { name: 'handshake', holdDial: false } }

async function expectDeadline (harness: Harness, { record, raw }: Opened, phase: string, left: number, deadline: number): Promise<void> {
  await pass(left - 1)
  expect(record.state).toBe('handshaking')
  await pass(1 + SLACK)
  expectGone(harness, record)
  expect(raw.aborted).toBe(true)
  expect(record.reason).toMatchObject({ code: 'deadline', by: 'local', error: { name: HandshakeTimeoutError.name, phase, deadline } })
  expect(harness.told(record).at(-1)).toBe('connection:closed')
  expect(harness.lifecycle.stats().closed).toEqual({ deadline: 1 })
}

export function deadlines ({ start }: Context): void {
  describe('deadlines', () => {
    it('of the encrypt phase', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      await expectDeadline(harness, harness.open(), 'encrypt', 3_000, 3_000)
      expect(log.slice(-4)).toEqual(['observe.closed', 'admit.closed', 'account.closed', 'gate.closed'])
    })

    it('of the multiplex phase, from the moment in which the peer is known', async () => {
      const harness = await start()
      const opened = harness.open()
      await pass(2_500)
      harness.identify(opened.record)
      await expectDeadline(harness, opened, 'multiplex', 2_000, 2_000)
    })

    it('of the handshake phase, from the end of the upgrade', async () => {
      const harness = await start({ host: READINESS })
      const opened = harness.open({ direction: 'outbound' })
      await pass(1_000)
      harness.identify(opened.record)
      harness.upgrade(opened)
      await expectDeadline(harness, opened, 'handshake', 4_000, 4_000)
    })

    it('in total, however fast each phase was', async () => {
      const harness = await start({ host: READINESS, args: { deadlines: { encrypt: 3_000, multiplex: 2_000, handshake: 4_000, total: 5_000 } } })
      const opened = harness.open()
      await pass(2_500)
      harness.identify(opened.record)
      await pass(1_500)
      harness.upgrade(opened)
      await expectDeadline(harness, opened, 'total', 1_000, 5_000)
    })

    it('none once it is ready', async () => {
      const harness = await start({ host: READINESS })
      const opened = harness.connect()
      harness.lifecycle.handshakeSucceeded(opened.record)
      await pass(120_000)
      expect(opened.record.state).toBe('ready')
    })

    it('and no timer of its own once it is ready or closed', async () => {
      const harness = await start()
      for (let n = 0; n < 50; n++) await harness.connect().record.close(EVICTED)
      for (let n = 0; n < 50; n++) harness.connect()
      // one that all deadlines share may still be armed
      expect(vi.getTimerCount()).toBeLessThanOrEqual(1)
    })

    it('while the user\'s gater thinks', async () => {
      const harness = await start()
      const raw = harness.raw()
      const record = harness.driver.open(raw)
      if ('code' in record) throw new Error('refused')
      await pass(3_000 + SLACK)
      expect(record.state).toBe('closed')
      expect(raw.aborted).toBe(true)
      expect(harness.enter(record)).toBeDefined()
      expect(harness.told(record)).not.toContain('connection:opened')
    })

    it('of many at once', async () => {
      const harness = await start({ args: { maxHandshaking: 500, maxHandshakingPerGroup: 500 } })
      const opened: Opened[] = []
      for (let n = 0; n < 100; n++) {
        opened.push(harness.open(), harness.open())
        await pass(10)
      }
      await pass(3_000 + SLACK)
      expect(opened.filter(({ record }) => record.reason?.code !== 'deadline')).toEqual([])
      expect(harness.lifecycle.size).toBe(0)
    })
  })
}
