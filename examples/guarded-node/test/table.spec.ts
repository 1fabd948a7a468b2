import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clip } from '../src/lines.ts'
import { plainLines, table } from '../src/table.ts'
import type { Row } from '../src/ledger.ts'
import type { Paint } from '../src/lines.ts'
import type { ScopeRow, Scopes, Share } from '../src/scopes.ts'
import type { View } from '../src/table.ts'

const plain: Paint = (_look, text) => text

function rowOf (group: string, counts: Partial<Row> = {}): Row {
  return { new: 0, encrypt: 0, multiplex: 0, handshake: 0, ready: 0, left: 0, refused: 0, dropped: 0, ...counts, group }
}

function scopeOf (name: string, connections: Share, streams: Share): ScopeRow {
  return { name, connections, streams, descriptors: { used: connections.used, limit: Infinity } }
}

const SCOPES: Scopes = {
  system: scopeOf('system', { used: 13, limit: 97, direction: 'in' }, { used: 3, limit: 3_120 }),
  transient: scopeOf('transient', { used: 0, limit: 40 }, { used: 0, limit: Infinity }),
  peers: [scopeOf('…c8mW9Q 127.0.0.6 greedy', { used: 8, limit: 8 }, { used: 2, limit: 646 }), scopeOf('…EP6r6W', { used: 1, limit: 8 }, { used: 0, limit: 646 })],
  protocols: [{ name: '/ipfs/ping/1.0.0', used: 2, limit: 97, direction: 'in' }],
  services: [{ name: 'libp2p.ping', used: 2, limit: Infinity }],
  refusals: [{ scope: 'protocol-peer', words: 'streams in', count: 31 }, { scope: 'peer', words: 'connections in', count: 7 }]
}

const SMALL = { columns: 79, lines: 23 }

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
  labels: new Map([['127.0.0.2', 'honest'], ['127.0.0.7', 'stalls']]),
  scopes: SCOPES,
  shutOut: []
}

describe('the table', () => {
  it('shows records by group, state and phase, pings, scopes, and why', () => {
    expect(table(VIEW, SMALL, plain)).toEqual([
      ' from               new encrypt multiplex handshake ready  left refused dropped',
      ' 127.0.0.2 honest     ·       ·         ·         ·     1    13       ·       ·',
      ' 127.0.0.7 stalls     ·      12         ·         ·     ·     ·       ·     120',
      ' and 3 more',
      ' all                  ·      12         ·         ·     1    13       ·     120',
      '',
      ' honest pings       70 of 70 answered, p50 1 ms, p99 5 ms',
      ' to connect anew    p50 11 ms, p99 1.2 s',
      ' silent WebSockets  3 waiting, 12 expired, 0 dropped; running for 14 s',
      '',
      ' scope                               connections         streams    descriptors',
      ' system                              13 of 97 in       3 of 3120             13',
      '   transient                             0 of 40               0              0',
      '   peer …c8mW9Q 127.0.0.6 greedy          8 of 8        2 of 646              8',
      '   peer …EP6r6W                           1 of 8        0 of 646              1',
      ' streams in use     /ipfs/ping/1.0.0 2 of 97 in, libp2p.ping 2',
      ' over a limit       protocol-peer 31 streams in, peer 7 connections in',
      '',
      ' refused or dropped, and why                                               last',
      '  120× 127.0.0.7 was dropped: it held 32 of 32 handshakes of its group      now',
      '    1× 127.0.0.8 was refused: a rule says so                               12 s'
    ])
  })

  it('says in the row of whoever is shut out what that has led to, and marks whom a key would mean', () => {
    const rows = [...VIEW.rows.slice(0, 1), rowOf('127.0.0.7', { refused: 9 })]
    const shutOut = [{ name: '127.0.0.7 stalls', group: '127.0.0.7', cut: 8, refused: 2, early: 7 }]
    const lines = table({ ...VIEW, rows, shutOut, prompt: { selected: '127.0.0.7 stalls', text: 'b blocks' } }, SMALL, plain)
    expect(lines.slice(1, 3)).toEqual([
      ' 127.0.0.2 honest     ·       ·         ·         ·     1    13       ·       ·',
      '›127.0.0.7 stalls   shut out: 8 cut, 9 turned away            ·       9       ·'
    ])
    expect(lines.filter(line => /^ (?:shut out|rules)/.test(line))).toEqual([' rules              b blocks'])
  })

  it('says below who else is shut out: one that has no row, or shares its own', () => {
    const shutOut = [
      { name: 'greedy', group: '12D3KooW', cut: 1, refused: 2, early: 0 },
      { name: '10.0.0.0/8', group: '10.0.0.0/8', cut: 0, refused: 0, early: 0 }
    ]
    const lines = table({ ...VIEW, shutOut }, SMALL, plain)
    expect(lines.filter(line => line.includes('shut out'))).toEqual([' shut out           greedy: 1 cut, 2 turned away, and 1 more'])
  })

  it('shows where the connections are of somebody who is shut out and there all the same', () => {
    const shutOut = [{ name: '127.0.0.7 stalls', group: '127.0.0.7', cut: 0, refused: 0, early: 0 }]
    expect(table({ ...VIEW, shutOut }, SMALL, plain)).toContain(' 127.0.0.7 stalls     ·      12         ·         ·     ·     ·       ·     120')
  })

  it('has no pings where there are no visitors, and says that nobody was dropped yet', () => {
    const lines = table({ ...VIEW, pings: undefined, verdicts: [], more: 0 }, SMALL, plain)
    expect(lines.filter(line => line.includes('pings'))).toEqual([])
    expect(lines).toContain(' nobody yet')
  })

  it('says why a ping failed last', () => {
    const lines = table({ ...VIEW, pings: { ok: 0, failed: 1, lastError: 'it failed to connect' } }, SMALL, plain)
    expect(lines.filter(line => /honest pings|failure|anew/.test(line))).toEqual([' honest pings       0 of 1 answered', ' last failure       it failed to connect'])
  })

  it.each([[{ ok: 70, failed: 0 }, 'green'], [{ ok: 69, failed: 1 }, 'red']])('shows %j in %s', (counts, colour) => {
    const looks: string[] = []
    table({ ...VIEW, pings: counts }, SMALL, (look, text) => {
      if (text.includes('answered')) looks.push(look)
      return text
    })
    expect(looks).toEqual([colour])
  })

  it('keeps the order of the reasons while their counts change', () => {
    const order = (view: View): string[] => table(view, SMALL, plain).filter(line => line.includes('× ')).map(line => line.slice(7, 30))
    expect(order({ ...VIEW, verdicts: VIEW.verdicts.toReversed() })).toEqual(order(VIEW))
  })

  it('says that nothing is in use and nothing was refused', () => {
    const idle = { used: 0, limit: 8 }
    const lines = table({ ...VIEW, scopes: { ...SCOPES, system: scopeOf('system', idle, idle), peers: [], protocols: [], services: [], refusals: [] } }, SMALL, plain)
    expect(lines.filter(line => line.includes('peer '))).toEqual([])
    expect(lines).toEqual(expect.arrayContaining([' streams in use     none', ' over a limit       nothing yet']))
  })

  it('shows in yellow what has no room for more', () => {
    const yellow: string[] = []
    table({ ...VIEW, total: rowOf('all'), rows: [] }, SMALL, (look, text) => {
      if (look === 'yellow') yellow.push(text.trim())
      return text
    })
    expect(yellow).toEqual(['8 of 8', 'protocol-peer 31 streams in, peer 7 connections in'])
  })

  const many: View = {
    ...VIEW,
    rows: Array.from({ length: 8 }, (_, index) => rowOf(`127.0.0.${index}`)),
    more: 0,
    verdicts: Array.from({ length: 9 }, (_, index) => ({ text: `verdict ${index}`, count: 1, at: index })),
    scopes: { ...SCOPES, peers: Array.from({ length: 9 }, (_, index) => scopeOf(`peer ${index}`, { used: 1, limit: 8 }, { used: 0, limit: 8 })) }
  }

  it.each([
    // lines, reasons, peers, empty lines
    [20, 1, 0, 0],
    [21, 2, 0, 0],
    [23, 2, 2, 0],
    [26, 5, 2, 0],
    [29, 5, 2, 3],
    [33, 5, 6, 3],
    [60, 5, 6, 3]
  ])('has in %i lines room for %i reasons, %i peers and %i lines between', (lines, reasons, peers, gaps) => {
    const shown = table(many, { columns: 79, lines }, plain)
    expect(shown.filter(line => line.includes('× verdict'))).toHaveLength(reasons)
    expect(shown.filter(line => line.includes('  peer '))).toHaveLength(peers)
    expect(shown.filter(line => line === '')).toHaveLength(gaps)
    expect(shown.at(-1)).toContain('verdict 8')
  })

  it('leaves out even that nobody was dropped where all else takes the 23 lines', () => {
    const full: View = {
      ...many,
      more: 1,
      verdicts: [],
      pings: { ok: 0, failed: 1, lastError: 'it failed to connect', ping: { p50: 1, p99: 2 }, connect: { p50: 1, p99: 2 } },
      shutOut: [{ name: 'greedy', group: '12D3KooW', cut: 1, refused: 2, early: 0 }],
      prompt: { selected: '', text: 'b blocks' }
    }
    const shown = (lines: number): string[] => table(full, { columns: 79, lines }, plain)
    expect(shown(23)).toHaveLength(23)
    expect(shown(23).at(-1)).toContain('refused or dropped, and why')
    expect(shown(24).at(-1)).toBe(' nobody yet')
  })

  it('is never wider than the terminal and fits in its 24 lines, whatever it shows', () => {
    const count = fc.nat({ max: 1e12 })
    const text = fc.string({ maxLength: 200 })
    const row = fc.record({ group: fc.string({ minLength: 1, maxLength: 60 }), new: count, encrypt: count, multiplex: count, handshake: count, ready: count, left: count, refused: count, dropped: count })
    const quantiles = fc.record({ p50: count, p99: count })
    const share: fc.Arbitrary<Share> = fc.record({ used: count, limit: fc.oneof(count, fc.constant(Infinity)), direction: fc.constantFrom('in' as const, undefined) })
    const scope: fc.Arbitrary<ScopeRow> = fc.record({ name: text, connections: share, streams: share, descriptors: share })
    const named = fc.array(fc.tuple(text, share).map(([name, rest]) => ({ name, ...rest })), { maxLength: 8 })
    const scopes: fc.Arbitrary<Scopes> = fc.record({
      system: scope,
      transient: scope,
      peers: fc.array(scope, { maxLength: 8 }),
      protocols: named,
      services: named,
      refusals: fc.array(fc.record({ scope: fc.constant('peer' as const), words: text, count }), { maxLength: 20 })
    })
    const view: fc.Arbitrary<View> = fc.record({
      elapsed: count,
      rows: fc.array(row, { maxLength: 8 }),
      total: row,
      more: count,
      verdicts: fc.array(fc.record({ text: fc.string({ maxLength: 200 }), count, at: count }), { maxLength: 64 }),
      pings: fc.record({ ok: count, failed: count, lastError: fc.string({ maxLength: 200 }), ping: quantiles, connect: quantiles }),
      sockets: fc.record({ pending: count, expired: count, dropped: count }),
      labels: fc.constant(new Map([['a', 'label']])),
      scopes,
      shutOut: fc.array(fc.record({ name: text, group: fc.oneof(text, fc.constant('a')), cut: count, refused: count, early: count }), { maxLength: 3 }),
      prompt: fc.option(fc.record({ selected: text, text }), { nil: undefined })
    })
    fc.assert(fc.property(view, fc.integer({ min: 1, max: 200 }), fc.integer({ min: 23, max: 60 }), (view, columns, room) => {
      const lines = table(view, { columns, lines: room }, plain)
      expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(columns)
      expect(lines.length).toBeLessThanOrEqual(room)
    }))
  })

  it('cuts a line before it gives it a look, so that no look is cut', () => {
    const lines = table(VIEW, { ...SMALL, columns: 30 }, (look, text) => `<${look}>${text}</>`)
    expect(lines[0]).toBe('<bold> from               new encry…</>')
  })
})

describe('plain lines', () => {
  it('are one for the moment and one for each reason that was met since', () => {
    const before = new Map([['127.0.0.8 was refused: a rule says so', 1], ['127.0.0.7 was dropped: it held 32 of 32 handshakes of its group', 100]])
    expect(plainLines(VIEW, before)).toEqual([
      '14 s | 12 handshaking, 1 ready | 0 refused, 120 dropped | 3 silent WebSockets, 12 dropped | 13 of 97 connections in, 3 of 3120 streams, 38 over a limit | 70 of 70 pings, p50 1 ms, p99 5 ms',
      '  127.0.0.7 was dropped: it held 32 of 32 handshakes of its group (20 times)'
    ])
  })

  it('say who is shut out', () => {
    const shutOut = [{ name: 'greedy', group: '12D3KooW', cut: 1, refused: 2, early: 3 }]
    expect(plainLines({ ...VIEW, verdicts: [], shutOut }, new Map())).toEqual([expect.stringMatching(/ \| greedy shut out: 1 cut, 5 turned away$/)])
  })

  it('do without pings', () => {
    expect(plainLines({ ...VIEW, pings: undefined, verdicts: [] }, new Map())).toEqual(['14 s | 12 handshaking, 1 ready | 0 refused, 120 dropped | 3 silent WebSockets, 12 dropped | 13 of 97 connections in, 3 of 3120 streams, 38 over a limit'])
  })
})

it('clip says that something is missing', () => {
  expect(clip('abcdef', 6)).toBe('abcdef')
  expect(clip('abcdef', 4)).toBe('abc…')
})
