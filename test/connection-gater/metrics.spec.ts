import { normaliseAddress } from '@cordon/address'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf } from '../composition/support.ts'
import { addressOf, expectNothingHeld, gated, quiet, visits } from './support.ts'
import type { GatedInit } from './support.ts'
import type { Metrics } from '@libp2p/interface'

afterEach(expectNothingHeld)

interface Registered {
  readonly label?: string
  readonly help?: string
  readonly calculate?: () => number | Record<string, number>
}

/** A sink in which only what the gater registers is kept */
class Sink {
  readonly registered = new Map<string, Registered & { readonly kind: string }>()

  readonly metrics: Metrics

  constructor () {
    const ignored = { update: () => {}, increment: () => {}, decrement: () => {}, reset: () => {}, observe: () => {}, timer: () => () => {} }
    const register = (kind: string) => (name: string, options: Registered): object => {
      if (name.startsWith('cordon_gater')) this.registered.set(name, { ...options, kind })
      return ignored
    }
    const kinds = ['Metric', 'MetricGroup', 'Counter', 'CounterGroup', 'Histogram', 'HistogramGroup', 'Summary', 'SummaryGroup'].map(kind => `register${kind}`)
    this.metrics = {
      ...Object.fromEntries(kinds.map(kind => [kind, register(kind)])),
      trackMultiaddrConnection: () => {},
      trackProtocolStream: () => {},
      createTrace: () => undefined,
      traceFunction: (_name: string, fn: unknown) => fn
    } as unknown as Metrics
  }

  read (): Record<string, number | Record<string, number>> {
    return Object.fromEntries([...this.registered].map(([name, { calculate }]) => [name, calculate?.() ?? NaN]))
  }
}

function into (sink: Sink): Pick<GatedInit, 'options'> {
  return { options: all => ({ ...quiet(all), metrics: () => sink.metrics }) }
}

const FROM = '127.0.1.2'

/** Every label that there may be */
const LABELS: Readonly<Record<string, readonly string[]>> = {
  cordon_gater_rules: ['manual', 'automatic', 'list'],
  cordon_gater_changes_total: ['added', 'removed', 'expired'],
  cordon_gater_refused_total: ['peer', 'ip', 'cidr', 'pattern', 'relay', 'transport', 'relayed', 'predicate', 'default', 'unproven']
}

describe('the metrics of a gater', () => {
  it('are registered once, with what they are and what their labels mean', async () => {
    const sink = new Sink()
    await gated(into(sink))
    expect([...sink.registered].map(([name, { kind, label }]) => [name, kind, label])).toEqual([
      ['cordon_gater_rules', 'registerMetricGroup', 'origin'],
      ['cordon_gater_changes_total', 'registerCounterGroup', 'change'],
      ['cordon_gater_refused_total', 'registerCounterGroup', 'cause'],
      ['cordon_gater_unwritten', 'registerMetric', undefined],
      ['cordon_gater_struck', 'registerMetric', undefined]
    ])
    for (const { help } of sink.registered.values()) expect(help).toMatch(/\S/)
    expect(sink.read()).toEqual({
      cordon_gater_rules: { manual: 0, automatic: 0, list: 0 }, cordon_gater_changes_total: { added: 0, removed: 0, expired: 0 }, cordon_gater_refused_total: {}, cordon_gater_unwritten: 0, cordon_gater_struck: 0
    })
  })

  it('are what was done, each refusal once, whichever way it came about', async () => {
    const sink = new Sink()
    const host = await gated(into(sink))
    const [guest, other] = [await gated({ from: FROM }), await gated()]
    // closed, turned away, refused by its peer, not dialled
    expect(await visits(host, guest)).toBe(true)
    await host.gater.block(FROM)
    expect(await visits(host, guest)).toBe(false)
    await host.gater.unblock(FROM)
    await host.gater.block(guest.id)
    expect(await visits(host, guest)).toBe(false)
    await host.gater.block('127.0.0.1', { direction: 'outbound' })
    expect(await failureOf(host.node.dial(addressOf(other)))).toBeInstanceOf(Error)
    await host.gater.loadList('feed', { content: '10.0.0.0/8\n11.0.0.0/8\n12.0.0.0/8' })
    host.gater.strike({ address: normaliseAddress('9.9.9.9') }, 100, 'noise')
    host.gater.strike({ address: normaliseAddress('9.9.9.8') }, 1, 'noise')

    expect(sink.read()).toEqual({
      cordon_gater_rules: { manual: 2, automatic: 1, list: 3 },
      cordon_gater_changes_total: { added: 4, removed: 1, expired: 0 },
      cordon_gater_refused_total: { ip: 3, peer: 1 },
      cordon_gater_unwritten: host.gater.status().unwritten,
      cordon_gater_struck: 2
    })
  })

  it('have no labels that a peer could choose', async () => {
    const sink = new Sink()
    const host = await gated({ ...into(sink), gater: { default: 'block' } })
    const guest = await gated({ from: FROM })
    for (const subject of [FROM, '127.0.0.0/8', '/tcp', '/ip4/*/tcp', { name: 'odd', predicate: () => true }, undefined]) {
      if (subject !== undefined) await host.gater.block(subject)
      expect(await visits(host, guest)).toBe(false)
      if (subject !== undefined) await host.gater.unblock(subject)
    }
    const read = sink.read()
    expect(read['cordon_gater_refused_total']).toEqual({ ip: 1, cidr: 1, transport: 1, pattern: 1, predicate: 1, default: 1 })
    for (const [name, labels] of Object.entries(LABELS)) expect(labels).toEqual(expect.arrayContaining(Object.keys(read[name] ?? {})))
  })
})
