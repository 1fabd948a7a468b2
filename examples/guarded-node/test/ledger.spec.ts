import { beforeEach, describe, expect, it } from 'vitest'
import { Ledger } from '../src/ledger.ts'
import { Samples } from '../src/samples.ts'
import { BLOCKED, closed, CROWDED, recordOf, refused } from './records.ts'
import type { Row } from '../src/ledger.ts'

const NOTHING: Omit<Row, 'group'> = { new: 0, encrypt: 0, multiplex: 0, handshake: 0, ready: 0, left: 0, refused: 0, dropped: 0 }

describe('the ledger', () => {
  let now: number
  let ledger: Ledger

  beforeEach(() => {
    now = 0
    ledger = new Ledger(() => now)
  })

  it('counts the live records of each group by state and phase', () => {
    const records = [recordOf('127.0.0.2', 'ready'), recordOf('127.0.0.10'), recordOf('127.0.0.10'), recordOf('127.0.0.10', 'handshaking', 'multiplex'), recordOf('127.0.0.10', 'new')]
    expect(ledger.rows(records, 8)).toEqual({
      rows: [{ ...NOTHING, group: '127.0.0.2', ready: 1 }, { ...NOTHING, group: '127.0.0.10', new: 1, encrypt: 2, multiplex: 1 }],
      total: { ...NOTHING, group: 'all', new: 1, encrypt: 2, multiplex: 1, ready: 1 },
      more: 0
    })
  })

  it('counts who left, who was dropped and who was refused', () => {
    ledger.observe(closed('127.0.0.2', { code: 'remote-close', by: 'remote' }))
    ledger.observe(closed('127.0.0.7', { code: 'crowded', by: 'local', refusal: CROWDED }))
    ledger.observe(closed('127.0.0.7', { code: 'deadline', by: 'local' }))
    ledger.observe(refused('127.0.0.8', BLOCKED))
    const { rows, total } = ledger.rows([], 8)
    expect(rows).toEqual([{ ...NOTHING, group: '127.0.0.2', left: 1 }, { ...NOTHING, group: '127.0.0.7', dropped: 2 }, { ...NOTHING, group: '127.0.0.8', refused: 1 }])
    expect(total).toEqual({ ...NOTHING, group: 'all', left: 1, dropped: 2, refused: 1 })
    expect(ledger.dropped).toBe(2)
    expect(ledger.closed).toEqual({ 'remote-close': 1, crowded: 1, deadline: 1 })
  })

  it('counts one that is refused late once, though it is refused and then closed', () => {
    ledger.observe(refused('127.0.0.8', BLOCKED))
    ledger.observe(closed('127.0.0.8', { code: 'refused', by: 'local', refusal: BLOCKED }))
    expect(ledger.rows([], 8).total).toEqual({ ...NOTHING, group: 'all', refused: 1 })
    expect(ledger.verdicts).toEqual([{ text: '127.0.0.8 was refused: a rule says so', count: 1, at: 0 }])
  })

  it('says who was dropped and why, once for all that share it, the newest last', () => {
    const crowded = closed('127.0.0.7', { code: 'crowded', by: 'local', refusal: CROWDED })
    ledger.observe(crowded)
    now = 1
    ledger.observe(closed('127.0.0.8', { code: 'upgrade-failed', by: 'local', error: new Error('garbage') }))
    now = 2
    ledger.observe(crowded)
    expect(ledger.verdicts).toEqual([
      { text: '127.0.0.8 was dropped: its handshake failed (garbage)', count: 1, at: 1 },
      { text: '127.0.0.7 was dropped: it held 32 of 32 handshakes of its group', count: 2, at: 2 }
    ])
  })

  it('counts those who were turned away before there was anything to observe', () => {
    ledger.turnedAway('127.0.0.6', 3)
    ledger.turnedAway('127.0.0.6', 2)
    expect(ledger.rows([], 8)).toEqual({ rows: [{ ...NOTHING, group: '127.0.0.6', refused: 5 }], total: { ...NOTHING, group: 'all', refused: 5 }, more: 0 })
    expect(ledger.verdicts).toEqual([{ text: '127.0.0.6 was refused: a rule shuts it out, without a socket', count: 5, at: 0 }])
  })

  it('says nothing of those who left', () => {
    ledger.observe(closed('127.0.0.2', { code: 'remote-reset', by: 'remote' }))
    expect(ledger.verdicts).toEqual([])
  })

  it('shows the groups that changed last, and how many there are besides', () => {
    for (const host of ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.1']) ledger.observe(closed(host, { code: 'remote-close', by: 'remote' }))
    const { rows, more } = ledger.rows([], 2)
    expect(rows.map(({ group }) => group)).toEqual(['127.0.0.1', '127.0.0.3'])
    expect(more).toBe(1)
  })

  it('holds no more than 256 groups and 64 reasons, however many peers there are', () => {
    for (let i = 0; i < 2_560; i++) {
      ledger.observe(closed(`127.0.${i >> 8}.${i & 255}`, { code: 'deadline', by: 'local' }))
    }
    const { rows, more, total } = ledger.rows([], 1)
    expect(rows.length + more).toBe(256)
    expect(ledger.verdicts).toHaveLength(64)
    expect(ledger.verdicts.at(-1)?.text).toBe('127.0.9.255 was dropped: it was too slow')
    expect(total.dropped).toBe(2_560)
  })

  it('counts the pings of the honest, and measures those that were answered', () => {
    ledger.pinged({ ok: true, connect: 10, ping: 1 })
    ledger.pinged({ ok: true, connect: 30, ping: 3 })
    ledger.pinged({ ok: false, error: 'no' })
    expect(ledger.pings).toEqual({ ok: 2, failed: 1, lastError: 'no', ping: { p50: 1, p99: 3 }, connect: { p50: 10, p99: 30 } })
  })
})

describe('quantiles', () => {
  it('are undefined where nothing was measured', () => {
    expect(new Samples().quantiles()).toBeUndefined()
  })

  it('are values that were measured', () => {
    const samples = new Samples()
    for (let i = 100; i > 0; i--) samples.add(i)
    expect(samples.quantiles()).toEqual({ p50: 50, p99: 99 })
  })

  it('forget what is older than their size', () => {
    const samples = new Samples(10)
    for (let i = 0; i < 100; i++) samples.add(i)
    expect(samples.quantiles()).toEqual({ p50: 94, p99: 99 })
  })
})
