import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { miscount, Sink } from '../src/scrape.ts'
import { WORKLOADS } from '../src/workload.ts'

const GO = new URL('../go/', import.meta.url)

/** More take too long for a test */
const PEERS = 10_000

const rows = Object.entries(WORKLOADS).filter(([row]) => Number(/peers=(\d+)/.exec(row)?.[1] ?? 0) <= PEERS)

describe('the rows of the benchmark', () => {
  it.each(rows)('%s does what it says, and gives everything back', (_row, { prepare, variants }) => {
    const sink = new Sink()
    const { operation, counts } = prepare(variants.includes('on') ? sink : undefined)
    const before = { counts: sink.counts(), used: sink.used() }
    for (let i = 0; i < 10; i++) operation(i)
    expect(miscount(before.counts, sink.counts(), 10, variants.includes('on') ? counts : {})).toBeUndefined()
    expect(sink.used()).toEqual(before.used)
  })

  it('are those of the Go program', () => {
    const sources = readdirSync(GO).filter(name => name.endsWith('.go')).map(name => readFileSync(new URL(name, GO), 'utf8'))
    const benchmarks = sources.flatMap(source => [...source.matchAll(/^func Benchmark(\w+)/gm)].map(([, name = '']) => name))
    const known = new Set(Object.values(WORKLOADS).map(({ go }) => go.split('/')[0]))
    // two rows of one benchmark that is measured otherwise
    expect(benchmarks.filter(name => !known.has(name))).toEqual(['Footprint'])
    expect(Object.keys(WORKLOADS)).toEqual(Object.values(WORKLOADS).map(({ go }) => go.toLowerCase()))
  })

  it('are wrong where a counter is', () => {
    const sink = new Sink()
    const counts = sink.counts()
    expect(miscount(counts, { ...counts, stream: 9 }, 10, { stream: 1 })).toContain('stream went from 0 to 9')
    expect(miscount(counts, { ...counts, peer: 1 }, 10, {})).toContain('peer')
  })
})
