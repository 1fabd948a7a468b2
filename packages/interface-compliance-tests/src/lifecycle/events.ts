import { describe, expect, it } from 'vitest'
import { everyStage, EVICTED, NO, pass } from './harness.ts'
import type { Context } from './harness.ts'
import type { MonitorEvent } from '@cordon/interface-connection-lifecycle'

/** Reads what is there, and not further */
async function drain (monitor: AsyncIterator<MonitorEvent>): Promise<MonitorEvent[]> {
  const out: MonitorEvent[] = []
  for (;;) {
    const next = await Promise.race([monitor.next(), pass(1).then(() => undefined)])
    if (next == null || next.done === true) return out
    out.push(next.value)
  }
}

export function events ({ start }: Context): void {
  describe('events', () => {
    it('tell the life of a connection in order', async () => {
      const harness = await start({ host: { readiness: { name: 'handshake', holdDial: false } } })
      const { record } = harness.connect()
      harness.lifecycle.handshakeSucceeded(record)
      await record.close(EVICTED)
      expect(harness.events).toEqual([
        { type: 'connection:opened', record },
        { type: 'connection:identified', record },
        { type: 'connection:ready', record },
        { type: 'connection:closed', record, reason: record.reason }
      ])
    })

    it('come after the state is complete', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const seen: unknown[] = []
      const { lifecycle } = harness
      lifecycle.addEventListener('connection:opened', ({ detail: { record } }) => { seen.push(record.state, log.at(-1)) })
      lifecycle.addEventListener('connection:ready', ({ detail: { record } }) => { seen.push(record.state, lifecycle.stats().records.ready) })
      lifecycle.addEventListener('connection:closed', ({ detail: { record } }) => { seen.push(record.state, log.at(-1), lifecycle.size) })
      const { record } = harness.connect()
      await record.close(EVICTED)
      expect(seen[0]).toBe('handshaking')
      expect(['observe.opened', 'observe.raw']).toContain(seen[1])
      expect(seen.slice(2)).toEqual(['ready', 1, 'closed', 'gate.closed', 0])
    })

    it('say nothing more after the end', async () => {
      const harness = await start()
      const opened = harness.connect()
      await opened.record.close(EVICTED)
      const { length } = harness.events
      harness.identify(opened.record)
      harness.upgrade(opened)
      harness.driver.upgradeFailed(opened.record, new Error('late'))
      harness.driver.refuse(opened.record, NO)
      harness.lose(opened, new Error('late'))
      await pass(120_000)
      expect(harness.events).toHaveLength(length)
    })
  })

  describe('monitor', () => {
    it('yields every event from the call on', async () => {
      const harness = await start()
      const monitor = harness.lifecycle.monitor()
      const first = harness.connect()
      expect(await drain(monitor)).toEqual(harness.events)
      await first.record.close(EVICTED)
      expect(await drain(harness.lifecycle.monitor())).toEqual([])
    })

    it('gives a reader that waits the next event', async () => {
      const harness = await start()
      const monitor = harness.lifecycle.monitor()
      const next = monitor.next()
      const { record } = harness.open()
      expect(await next).toEqual({ done: false, value: { type: 'connection:opened', record } })
    })

    it('drops the oldest for a slow reader, and says how many', async () => {
      const harness = await start({ args: { maxHandshaking: 500, maxHandshakingPerGroup: 500 } })
      const monitor = harness.lifecycle.monitor({ bufferSize: 4 })
      const opened = Array.from({ length: 40 }, () => harness.open())
      const read = await drain(monitor)
      const dropped = read.flatMap(event => event.type === 'monitor:dropped' ? [event.count] : [])
      const kept = read.filter(({ type }) => type !== 'monitor:dropped')
      expect(kept.length).toBeGreaterThan(0)
      expect(kept.length).toBeLessThanOrEqual(4)
      expect(dropped.reduce((sum, count) => sum + count, 0)).toBe(40 - kept.length)
      expect(kept).toEqual(opened.slice(-kept.length).map(({ record }) => ({ type: 'connection:opened', record })))
      harness.open()
      expect((await drain(monitor)).map(({ type }) => type)).toEqual(['connection:opened'])
    })

    it('ends with its signal, also for a reader that waits', async () => {
      const harness = await start()
      const control = new AbortController()
      const monitor = harness.lifecycle.monitor({ signal: control.signal })
      const waiting = monitor.next()
      control.abort()
      expect(await waiting).toMatchObject({ done: true })
      harness.open()
      expect(await monitor.next()).toMatchObject({ done: true })
      const late = harness.lifecycle.monitor({ signal: control.signal })
      expect(await late.next()).toMatchObject({ done: true })
    })

    it('ends when the reader leaves its loop', async () => {
      const harness = await start()
      const monitor = harness.lifecycle.monitor()
      harness.open()
      for await (const event of monitor) {
        expect(event.type).toBe('connection:opened')
        break
      }
      harness.open()
      expect(await monitor.next()).toMatchObject({ done: true })
    })

    it.each([0, -1, NaN, 1.5])('refuses a buffer of %s', async (bufferSize) => {
      const { lifecycle } = await start()
      expect(() => lifecycle.monitor({ bufferSize })).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
    })
  })
}
