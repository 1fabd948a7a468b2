import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clip, plainLines, table } from '../src/table.ts'
import type { Row } from '../src/ledger.ts'
import type { Paint, View } from '../src/table.ts'

const plain: Paint = (_look, text) => text

function rowOf (group: string, counts: Partial<Row> = {}): Row {
  return { new: 0, encrypt: 0, multiplex: 0, handshake: 0, ready: 0, left: 0, refused: 0, dropped: 0, ...counts, group }
}

const VIEW: View = {
  elapsed: 14_200,
  rows: [rowOf('127.0.0.2', { ready: 1, left: 13 }), rowOf('127.0.0.7', { encrypt: 12, dropped: 120 })],
  total: rowOf('all', { encrypt: 12, ready: 1, left: 13, dropped: 120 }),
  more: 3,
  verdicts: [
    { text: '127.0.0.8 was refused: a rule says so', count: 1, at: 2_000 },
    { text: '127.0.0.7 was dropped: it held 32 of 32 handshakes of its group', count: 120, at: 14_000 }
  ],
  pings: { ok: 70, failed: 0, ping: { p50: 1.2, p99: 5 }, connect: { p50: 11, p99: 1_200 } },
  sockets: { pending: 3, expired: 12, dropped: 0 },
  labels: new Map([['127.0.0.2', 'honest'], ['127.0.0.7', 'stalls']])
}

describe('the table', () => {
  it('shows records by group, state and phase, pings, and why', () => {
    expect(table(VIEW, 79, plain)).toEqual([
      ' from               new encrypt multiplex handshake ready  left refused dropped',
      ' 127.0.0.2 honest     ·       ·         ·         ·     1    13       ·       ·',
      ' 127.0.0.7 stalls     ·      12         ·         ·     ·     ·       ·     120',
      ' and 3 more',
      ' all                  ·      12         ·         ·     1    13       ·     120',
      '',
      ' honest pings       70 of 70 answered, p50 1 ms, p99 5 ms',
      ' to connect anew    p50 11 ms, p99 1.2 s',
      ' silent WebSockets  3 waiting, 12 expired, 0 dropped',
      '',
      ' refused or dropped, and why                                               last',
      '  120× 127.0.0.7 was dropped: it held 32 of 32 handshakes of its group      now',
      '    1× 127.0.0.8 was refused: a rule says so                               12 s',
      ' running for 14 s'
    ])
  })

  it('has no pings where there are no visitors, and says that nobody was dropped yet', () => {
    const lines = table({ ...VIEW, pings: undefined, verdicts: [], more: 0 }, 79, plain)
    expect(lines.filter(line => line.includes('pings'))).toEqual([])
    expect(lines).toContain(' nobody yet')
  })

  it('says why a ping failed last', () => {
    const lines = table({ ...VIEW, pings: { ok: 0, failed: 1, lastError: 'it failed to connect' } }, 79, plain)
    expect(lines.filter(line => /honest pings|failure|anew/.test(line))).toEqual([' honest pings       0 of 1 answered', ' last failure       it failed to connect'])
  })

  it.each([[{ ok: 70, failed: 0 }, 'green'], [{ ok: 69, failed: 1 }, 'red']])('shows %j in %s', (counts, colour) => {
    const looks: string[] = []
    table({ ...VIEW, pings: counts }, 79, (look, text) => {
      if (text.includes('answered')) looks.push(look)
      return text
    })
    expect(looks).toEqual([colour])
  })

  it('keeps the order of the reasons while their counts change', () => {
    const order = (view: View): string[] => table(view, 79, plain).filter(line => line.includes('× ')).map(line => line.slice(7, 30))
    expect(order({ ...VIEW, verdicts: VIEW.verdicts.toReversed() })).toEqual(order(VIEW))
  })

  it('is never wider than the terminal and fits in its 24 lines, whatever it shows', () => {
    const count = fc.nat({ max: 1e12 })
    const row = fc.record({ group: fc.string({ minLength: 1, maxLength: 60 }), new: count, encrypt: count, multiplex: count, handshake: count, ready: count, left: count, refused: count, dropped: count })
    const quantiles = fc.record({ p50: count, p99: count })
    const view: fc.Arbitrary<View> = fc.record({
      elapsed: count,
      rows: fc.array(row, { maxLength: 8 }),
      total: row,
      more: count,
      verdicts: fc.array(fc.record({ text: fc.string({ maxLength: 200 }), count, at: count }), { maxLength: 64 }),
      pings: fc.record({ ok: count, failed: count, lastError: fc.string({ maxLength: 200 }), ping: quantiles, connect: quantiles }),
      sockets: fc.record({ pending: count, expired: count, dropped: count }),
      labels: fc.constant(new Map([['a', 'label']]))
    })
    fc.assert(fc.property(view, fc.integer({ min: 1, max: 200 }), (view, width) => {
      const lines = table(view, width, plain)
      expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(width)
      expect(lines.length).toBeLessThan(24)
    }))
  })

  it('cuts a line before it gives it a look, so that no look is cut', () => {
    const lines = table(VIEW, 30, (look, text) => `<${look}>${text}</>`)
    expect(lines[0]).toBe('<bold> from               new encry…</>')
  })
})

describe('plain lines', () => {
  it('are one for the moment and one for each reason that was met since', () => {
    const before = new Map([['127.0.0.8 was refused: a rule says so', 1], ['127.0.0.7 was dropped: it held 32 of 32 handshakes of its group', 100]])
    expect(plainLines(VIEW, before)).toEqual([
      '14 s | 12 handshaking, 1 ready | 0 refused, 120 dropped | 3 silent WebSockets, 12 dropped | 70 of 70 pings, p50 1 ms, p99 5 ms',
      '  127.0.0.7 was dropped: it held 32 of 32 handshakes of its group (20 times)'
    ])
  })

  it('do without pings', () => {
    expect(plainLines({ ...VIEW, pings: undefined, verdicts: [] }, new Map())).toEqual(['14 s | 12 handshaking, 1 ready | 0 refused, 120 dropped | 3 silent WebSockets, 12 dropped'])
  })
})

it('clip says that something is missing', () => {
  expect(clip('abcdef', 6)).toBe('abcdef')
  expect(clip('abcdef', 4)).toBe('abc…')
})
