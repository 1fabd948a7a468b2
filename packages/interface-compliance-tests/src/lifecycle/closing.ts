import { describe, expect, it } from 'vitest'
import { everyStage, EVICTED, expectGone, pass } from './harness.ts'
import type { Context, Harness, Opened } from './harness.ts'
import type { CloseReason, ConnectionRecord } from '@cordon/interface-connection-lifecycle'

const REVERSED = ['observe.closed', 'admit.closed', 'account.closed', 'gate.closed']

/** Each way to end a record, with what its reason says; `how` runs in the middle of its life */
const ENDS: ReadonlyArray<readonly [string, (harness: Harness, opened: Opened) => void, Partial<CloseReason>]> = [
  ['the remote closes', (harness, opened) => { harness.lose(opened) }, { code: 'remote-close', by: 'remote' }],
  ['the remote resets', (harness, opened) => { harness.lose(opened, new Error('reset')) }, { code: 'remote-reset', by: 'remote' }],
  ['a local error', ({ lifecycle }, { record, raw }) => {
    raw.lose()
    lifecycle.lost(record, { local: true, error: new Error('time-out') })
  }, { code: 'local-abort', by: 'local' }],
  ['the application closes', (harness, opened) => {
    harness.driver.closing(opened.record, 'local-close')
    harness.lose(opened)
  }, { code: 'local-close', by: 'local' }],
  ['the application closes while the remote resets', (harness, opened) => {
    harness.driver.closing(opened.record, 'local-close')
    harness.lose(opened, new Error('reset'))
  }, { code: 'local-close', by: 'local' }],
  ['the application aborts', (harness, opened) => {
    harness.driver.closing(opened.record, 'local-abort', new Error('enough'))
    harness.lose(opened, new Error('enough'))
  }, { code: 'local-abort', by: 'local' }],
  ['a module closes', (_harness, { record }) => { void record.close(EVICTED) }, EVICTED]
]

export function closing ({ start }: Context): void {
  describe('closing', () => {
    it.each(ENDS)('%s: everything is let go of once, in reverse, and the reason says who it was', async (_name, end, reason) => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const opened = harness.connect()
      log.length = 0
      end(harness, opened)
      expect(opened.record.state).toBe('closed')
      await pass()
      expectGone(harness, opened.record)
      expect(opened.record.reason).toMatchObject(reason)
      expect(log).toEqual(REVERSED)
      expect(harness.of('connection:closed')).toEqual([{ type: 'connection:closed', record: opened.record, reason: opened.record.reason }])
      expect(harness.lifecycle.size).toBe(0)
      expect(harness.lifecycle.stats().closed).toEqual({ [opened.record.reason?.code ?? '']: 1 })
    })

    it.each(ENDS)('%s while handshaking', async (_name, end) => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const opened = harness.open()
      end(harness, opened)
      await pass()
      expectGone(harness, opened.record)
      expect(opened.raw.ended).toBe(true)
      expect(log.slice(-4)).toEqual(REVERSED)
      expect(harness.told(opened.record)).toEqual(['connection:opened', 'connection:closed'])
    })

    it('the first end counts, however often and in whatever way it is told', async () => {
      for (const [name, first, reason] of ENDS) {
        const log: string[] = []
        const harness = await start({ participants: everyStage(log) })
        const opened = harness.connect()
        log.length = 0
        first(harness, opened)
        for (const [, again] of ENDS) again(harness, opened)
        await Promise.all([harness.lifecycle.close(opened.record, EVICTED), opened.record.close(EVICTED), pass()])
        harness.lifecycle.lost(opened.record, {})
        await pass(60_000)
        expect(opened.record.reason, name).toMatchObject(reason)
        expect(log, name).toEqual(REVERSED)
        expect(harness.of('connection:closed'), name).toHaveLength(1)
      }
    })

    it('says so first, then closes the transport, then lets go, then tells', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const { record, raw } = harness.connect({ closing: 'never' })
      const atAbort: unknown[] = []
      record.signal.addEventListener('abort', () => { atAbort.push(record.state, raw.ended, record.reason) })
      log.length = 0
      const done = record.close(EVICTED)
      expect(atAbort).toEqual(['closed', false, EVICTED])
      expect(raw.calls).toEqual(['close'])
      expectGone(harness, record)
      await pass(500)
      expect(log).toEqual([])
      expect(harness.told(record)).not.toContain('connection:closed')
      expect(harness.lifecycle.size).toBe(1)
      await pass(600)
      expect(raw.aborted).toBe(true)
      expect(log).toEqual(REVERSED)
      await done
      expect(harness.lifecycle.size).toBe(0)
    })

    it('cuts at once what cannot close in order', async () => {
      const harness = await start()
      const { record, raw } = harness.connect({ closing: 'rejects' })
      await record.close(EVICTED)
      expect(raw.calls).toEqual(['close', 'abort'])
      expectGone(harness, record)
    })

    it('waits no longer once the raw connection has ended', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const opened = harness.connect({ closing: 'never' })
      log.length = 0
      const done = opened.record.close(EVICTED)
      harness.lose(opened)
      await done
      expect(log).toEqual(REVERSED)
      await pass(60_000)
      expect(harness.of('connection:closed')).toHaveLength(1)
    })

    it('resolves for every caller once all is released', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const { record } = harness.connect({ closing: 'never' })
      const released: boolean[] = []
      const all = [record.close(EVICTED), harness.lifecycle.close(record, EVICTED), record.close(EVICTED)]
      for (const one of all) void one.then(() => { released.push(log.includes('gate.closed')) })
      await pass(5_000)
      expect(released).toEqual([true, true, true])
      await record.close(EVICTED)
    })

    it.each(['the record', 'the lifecycle'])('cuts at once where %s is asked to', async who => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const { record, raw } = harness.connect({ closing: 'never' })
      log.length = 0
      const done = who === 'the record' ? record.close(EVICTED, { abort: true }) : harness.lifecycle.close(record, EVICTED, { abort: true })
      expect(raw.calls).toEqual(['abort'])
      await done
      expectGone(harness, record)
      expect(record.reason).toEqual(EVICTED)
      expect(log).toEqual(REVERSED)
      expect(harness.lifecycle.size).toBe(0)
      expect(harness.of('connection:closed')).toHaveLength(1)
    })

    it('cuts at once what was being closed in order', async () => {
      const harness = await start()
      const { record, raw } = harness.connect({ closing: 'never' })
      const first = record.close(EVICTED)
      await record.close({ code: 'misbehaved', by: 'local' }, { abort: true })
      await first
      expect(raw.calls).toEqual(['close', 'abort'])
      expect(record.reason).toEqual(EVICTED)
      expect(harness.lifecycle.size).toBe(0)
    })

    it('makes room on request: the oldest of the largest group, released before the answer', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const { lifecycle } = harness
      const ready = harness.connect({ from: '/ip4/198.51.100.1/tcp/4001' })
      harness.open({ from: '/ip4/198.51.100.2/tcp/4001' })
      const oldest = harness.open({ from: '/ip4/198.51.100.3/tcp/4001' })
      for (let n = 0; n < 3; n++) harness.open({ from: '/ip4/198.51.100.3/tcp/4001' })
      const outbound = harness.open({ direction: 'outbound' })
      log.length = 0
      expect(lifecycle.shed('inbound')).toBe(oldest.record)
      expect(log).toEqual(REVERSED)
      expect(oldest.raw.aborted).toBe(true)
      expect(oldest.record.reason).toMatchObject({ code: 'crowded', by: 'local', refusal: { code: 'crowded' } })
      for (let n = 0; n < 4; n++) expect(lifecycle.shed('inbound')).toBeDefined()
      expect(lifecycle.shed('inbound')).toBeUndefined()
      expect(lifecycle.shed('outbound')).toBe(outbound.record)
      expect(lifecycle.shed('outbound')).toBeUndefined()
      expect(ready.record.state).toBe('ready')
      await pass()
      expect(lifecycle.stats().closed).toMatchObject({ crowded: 6 })
    })

    it('makes room among those who are nobody yet, and leaves authenticated peers alone', async () => {
      const harness = await start({ host: { readiness: { name: 'handshake', holdDial: true } } })
      const waiting = harness.connect({ from: '/ip4/198.51.100.1/tcp/4001' })
      const authenticated = harness.open({ from: '/ip4/198.51.100.1/tcp/4001' })
      harness.identify(authenticated.record)
      expect(harness.lifecycle.shed('inbound')).toBeUndefined()
      const stranger = harness.open({ from: '/ip4/198.51.100.2/tcp/4001' })
      expect(harness.lifecycle.shed('inbound')).toBe(stranger.record)
      expect([waiting.record.phase, authenticated.record.phase]).toEqual(['handshake', 'multiplex'])
    })

    it('makes room among those whose end makes room: who is spared still counts for its group', async () => {
      const harness = await start()
      const { lifecycle } = harness
      const lone = harness.open({ from: '/ip4/198.51.100.2/tcp/4001' }).record
      const [first, second, third] = [1, 1, 1].map(() => harness.open({ from: '/ip4/198.51.100.1/tcp/4001' }).record)
      expect(lifecycle.shed('inbound', { spares: record => record === first })).toBe(second)
      expect(lifecycle.shed('inbound', { except: lone, spares: record => record !== lone })).toBeUndefined()
      expect(lifecycle.shed('inbound', { spares: record => record !== lone })).toBe(lone)
      expect(lifecycle.shed('inbound', { except: first as ConnectionRecord, spares: () => false })).toBe(third)
    })

    it('makes room among groups of one and two as if they were equally large', async () => {
      const harness = await start()
      const open = (n: number): ConnectionRecord => harness.open({ from: `/ip4/198.51.100.${n}/tcp/4001` }).record
      const [lone, first, second, other] = [1, 2, 2, 3].map(open)
      const shed = Array.from({ length: 4 }, () => harness.lifecycle.shed('inbound'))
      expect(shed).toEqual([lone, first, second, other])
    })

    it('makes room for a newcomer at the cost of its own group, and never of itself', async () => {
      const shed: Array<ConnectionRecord | undefined> = []
      let isFull = false
      const participants = everyStage([], {
        account: { opened: (record: ConnectionRecord) => { if (isFull) shed.push(started.lifecycle.shed('inbound', { except: record })) } }
      })
      const started: Harness = await start({ participants })
      const rival = started.open({ from: '/ip4/198.51.100.1/tcp/4001' })
      const [first, second] = [1, 2].map(() => started.open({ from: '/ip4/198.51.100.2/tcp/4001' }).record)
      isFull = true
      const newcomer = started.open({ from: '/ip4/198.51.100.2/tcp/4001' })
      expect(shed).toEqual([first])
      expect([rival.record.state, second?.state, newcomer.record.state]).toEqual(['handshaking', 'handshaking', 'handshaking'])
    })

    it('makes room for a newcomer at the cost of whoever is there, and never of itself', async () => {
      const shed: Array<ConnectionRecord | undefined> = []
      const participants = everyStage([], {
        account: { opened: (record: ConnectionRecord) => { shed.push(started.lifecycle.shed('inbound', { except: record })) } }
      })
      const started: Harness = await start({ participants })
      const lone = started.open({ from: '/ip4/198.51.100.1/tcp/4001' })
      expect(shed).toEqual([undefined])
      expect(lone.record.state).toBe('handshaking')
      const second = started.open({ from: '/ip4/198.51.100.2/tcp/4001' })
      expect(shed[1]).toBe(lone.record)
      const third = started.open({ from: '/ip4/198.51.100.2/tcp/4001' })
      expect(shed[2]).toBe(second.record)
      expect(started.lifecycle.shed('inbound', { except: third.record })).toBeUndefined()
      expect(third.record.state).toBe('handshaking')
    })
  })

  describe('draining', () => {
    it('refuses every new raw connection, and leaves the others alone', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const { record } = harness.connect()
      log.length = 0
      harness.driver.draining()
      for (const direction of ['inbound', 'outbound'] as const) {
        const { refusal, raw } = harness.refused({ direction })
        expect(refusal.code).toBe('stopping')
        expect(raw.aborted).toBe(true)
      }
      expect(log.filter(entry => entry.endsWith('.opened'))).toEqual([])
      expect(record.state).toBe('ready')
      await record.close({ code: 'shutdown', by: 'local' })
      expect(record.reason?.code).toBe('shutdown')
      expect(harness.lifecycle.size).toBe(0)
    })
  })
}
