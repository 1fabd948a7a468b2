import { describe, expect, it } from 'vitest'
import { BenchmarkReport, table } from '../src/report.ts'

function paper (): { lines: string[], write (text: string): void } {
  const lines: string[] = []

  return { lines, write: text => { lines.push(text) } }
}

describe('report', () => {
  it('prints a JSON object a line, at once, and nothing else to the same place', () => {
    const out = paper()
    const notes = paper()
    const report = new BenchmarkReport('sums', true, out, notes)

    report.progress('adding')
    report.row({ row: 'one', value: 1.23456789, p50Ms: NaN, nested: { third: 1 / 3 } })
    report.end()

    expect(out.lines).toEqual(['{"bench":"sums","row":"one","value":1.235,"p50Ms":null,"nested":{"third":0.3333}}\n'])
    expect(notes.lines).toEqual(['sums: adding\n'])
  })

  it('prints a table at the end otherwise', () => {
    const out = paper()
    const report = new BenchmarkReport('sums', false, out, paper())

    report.row({ row: 'one', value: 1 })
    expect(out.lines).toEqual([])
    report.end()

    expect(out.lines).toEqual(['sums\nrow  value\none      1\n'])
  })

  it('is valid until it is told otherwise; a missed target is no reason', () => {
    const report = new BenchmarkReport('sums', true, paper(), paper())

    report.missed('less than 1')
    expect(report.valid).toBe(true)
    report.invalid('the control did not suffer')
    expect(report.valid).toBe(false)
  })
})

describe('table', () => {
  it('shows a column for each field of any row, and leaves nested values out', () => {
    expect(table([{ row: 'a', x: 0.123456 }, { row: 'bb', y: null, nested: [1] }])).toBe([
      'row       x  y',
      '  a  0.1235  -',
      ' bb       -  -'
    ].join('\n'))
  })
})
