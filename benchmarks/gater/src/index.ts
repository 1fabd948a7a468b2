/**
 * @packageDocumentation
 *
 * What it costs to look up who may connect: our tables against `net.BlockList`, a scan and a Go prefix table, with the
 * same prefixes and addresses in one run. See README.md.
 *
 * @example
 *
 * ```sh
 * npm run --silent bench -- gater --json
 * ```
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { BlockList } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contains, normaliseAddress, parsePrefix } from '@cordon/address'
import { benchmark } from '@cordon/bench-harness'
import { createConnectionGater } from '@cordon/connection-gater'
import { buildGo, runGo } from './go.ts'
import { distinct, Numbers } from './workload.ts'
import type { NormalisedAddress } from '@cordon/address'
import type { Report } from '@cordon/bench-harness'
import type { GateTarget } from '@cordon/interface-connection-gater'

/** Lookups per time measured, so that the clock does not count */
const BATCH = 100

const FULL = { rules: [1_000, 100_000, 1_000_000], ms: 2_000, addresses: 16_384 }
const QUICK = { rules: [1_000, 10_000], ms: 50, addresses: 2_048 }

/** How many addresses a scan is tried with: one lookup in the largest table takes tens of milliseconds */
const SCANNED = 100

/** What the issue asks for, at the largest table */
const TARGET = { rules: 1_000_000, p50Ns: 150, p99Ns: 500, bytes: 64e6, loadMs: 3_000, stallMs: 50 }

interface Row {
  readonly row: 'cordon' | 'blocklist' | 'linear' | 'bart'
  readonly rules: number
  readonly p50Ns: number
  readonly p99Ns: number
  readonly bytes: number
  readonly loadMs: number
  readonly stallMaxMs: number | null
}

interface Times {
  readonly p50Ns: number
  readonly p99Ns: number
  readonly found: number
}

/** @param read - touches an address before the time is taken: a node has just made it, so it is in a cache, and what it is looked up in is not */
function lookUp<T> (addresses: readonly T[], ms: number, read: (address: T) => number, isBlocked: (address: T) => boolean): Times {
  const samples: number[] = []
  let found = 0
  let touched = 0
  const end = performance.now() + ms
  for (let round = 0; round < 3 || performance.now() < end; round++) {
    for (let at = 0; at + BATCH <= addresses.length; at += BATCH) {
      for (let i = at; i < at + BATCH; i++) touched += read(addresses[i] as T)
      const start = process.hrtime.bigint()
      for (let i = at; i < at + BATCH; i++) if (isBlocked(addresses[i] as T)) found++
      // the first round warms up
      if (round > 0) samples.push(Number(process.hrtime.bigint() - start) / BATCH)
    }
    if (round > 0 && performance.now() > end) break
  }
  if (Number.isNaN(touched)) throw new Error('an address has no words')
  samples.sort((a, b) => a - b)
  return { p50Ns: samples[samples.length >> 1] ?? NaN, p99Ns: samples[Math.floor(samples.length * 0.99)] ?? NaN, found }
}

function wordOf (address: NormalisedAddress | undefined): number {
  return (address?.words[0] ?? 0) + (address?.words.length ?? 0) + (address?.key.length ?? 0)
}

function memory (): number {
  // after one, some of what the row before had left is still there, and the bytes of this row come out too few
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, arrayBuffers, external } = process.memoryUsage()
  return heapUsed + Math.max(arrayBuffers, external)
}

/** Beats every millisecond; the longest time between two beats is the longest that anything had to wait */
class Heart {
  #last = performance.now()
  #longest = 0
  readonly #timer = setInterval(() => { this.#beat() }, 1)

  stop (): number {
    clearInterval(this.#timer)
    this.#beat()
    return this.#longest
  }

  #beat (): void {
    const now = performance.now()
    this.#longest = Math.max(this.#longest, now - this.#last)
    this.#last = now
  }
}

/**
 * @param ranges - a line each
 * @param ids - of as many peers, likewise
 */
async function cordon (ranges: string, ids: string, addresses: readonly NormalisedAddress[], ms: number): Promise<Row & Times & { readonly wholeMs: number }> {
  const gater = createConnectionGater()
  const targets = addresses.map((address): GateTarget => ({ direction: 'inbound', address }))
  // what the workload left behind is not to be collected meanwhile
  globalThis.gc?.()
  await new Promise(resolve => { setTimeout(resolve, 10) })
  const heart = new Heart()
  const start = performance.now()
  const { bytes, rules } = await gater.loadList('ranges', { content: ranges })
  const loadMs = performance.now() - start
  await gater.loadList('peers', { content: ids })
  const wholeMs = performance.now() - start
  const stallMaxMs = heart.stop()
  const times = lookUp(targets, ms, ({ address }) => wordOf(address), target => gater.verdict(target).decision === 'block')
  return { row: 'cordon', rules, ...times, bytes, loadMs, wholeMs, stallMaxMs }
}

function blockList (prefixes: readonly string[], addresses: readonly NormalisedAddress[], ms: number): Row & Times {
  // it is not in the heap of JavaScript
  const before = process.memoryUsage.rss()
  const start = performance.now()
  const list = new BlockList()
  for (const text of prefixes) {
    const [ip = '', length = ''] = text.split('/')
    list.addSubnet(ip, Number(length), ip.includes(':') ? 'ipv6' : 'ipv4')
  }
  const loadMs = performance.now() - start
  const bytes = process.memoryUsage.rss() - before
  const times = lookUp(addresses, ms, wordOf, ({ key, family }) => list.check(key, family === 6 ? 'ipv6' : 'ipv4'))
  return { row: 'blocklist', rules: prefixes.length, ...times, bytes, loadMs, stallMaxMs: loadMs }
}

function linear (prefixes: readonly string[], addresses: readonly NormalisedAddress[], ms: number): Row & Times {
  const before = memory()
  const start = performance.now()
  const all = prefixes.map(text => parsePrefix(text))
  const loadMs = performance.now() - start
  const bytes = memory() - before
  const times = lookUp(addresses.slice(0, SCANNED), ms, wordOf, address => all.some(prefix => contains(prefix, address)))
  return { row: 'linear', rules: prefixes.length, ...times, bytes, loadMs, stallMaxMs: loadMs }
}

function judge (row: Row & { readonly wholeMs: number }, report: Report): void {
  if (row.rules !== TARGET.rules) return
  const missed = (what: string, got: number, most: number): void => { if (got > most) report.missed(`${what} at ${row.rules} rules: ${got.toFixed(1)}, more than ${most}`) }
  missed('lookup p50 (ns)', row.p50Ns, TARGET.p50Ns)
  missed('lookup p99 (ns)', row.p99Ns, TARGET.p99Ns)
  missed('bytes', row.bytes, TARGET.bytes)
  missed('load with as many peers (ms)', row.wholeMs, TARGET.loadMs)
  missed('longest stall (ms)', row.stallMaxMs ?? 0, TARGET.stallMs)
}

function show ({ row, rules, p50Ns, p99Ns, bytes, loadMs, stallMaxMs }: Row): Row {
  return { row, rules, p50Ns, p99Ns, bytes, loadMs, stallMaxMs }
}

benchmark('gater', { maxSeconds: 900 }, async ({ report, quick, wanted }) => {
  const size = quick ? QUICK : FULL
  const folder = mkdtempSync(join(tmpdir(), 'cordon-gater-'))
  try {
    const binary = wanted('bart') ? buildGo(folder) : undefined
    if (binary === undefined) report.progress('there is no Go here, or nobody asked for it')
    for (const rules of size.rules) {
      const numbers = new Numbers(rules)
      // in one piece: a million texts are a burden on the collector, which has its turn while lists are loaded
      const ranges = distinct(rules, () => numbers.prefix()).join('\n')
      const texts = Array.from({ length: size.addresses }, () => numbers.address())
      const addresses = texts.map(text => normaliseAddress(text))
      if (wanted('cordon')) {
        const result = await cordon(ranges, distinct(rules, () => numbers.peer()).join('\n'), addresses, size.ms)
        report.row({ ...show(result), wholeLoadMs: result.wholeMs })
        if (result.rules !== rules) report.invalid(`${result.rules} of ${rules} ranges were loaded`)
        judge(result, report)
        if (result.found === 0 && rules > 100_000) report.invalid('nothing was found')
      }
      if (wanted('blocklist')) report.row({ ...show(blockList(ranges.split('\n'), addresses.slice(0, SCANNED), size.ms)) })
      if (wanted('linear')) report.row({ ...show(linear(ranges.split('\n'), addresses, size.ms)) })
      if (binary !== undefined) {
        writeFileSync(join(folder, 'prefixes'), ranges)
        writeFileSync(join(folder, 'addresses'), addresses.map(({ key }) => key).join('\n'))
        report.row({ ...show({ row: 'bart', rules, ...runGo(binary, join(folder, 'prefixes'), join(folder, 'addresses')), stallMaxMs: null }) })
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
