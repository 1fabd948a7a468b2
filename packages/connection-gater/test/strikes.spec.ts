import { normaliseAddress } from '@cordon/address'
import { InvalidRuleError } from '@cordon/interface-connection-gater'
import { seededRandom } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { Layer } from '../src/rules/layer.ts'
import { parseText } from '../src/rules/subject.ts'
import { AutoBlocks } from '../src/strikes/auto-blocks.ts'
import { Scoreboard } from '../src/strikes/scoreboard.ts'
import { IndexHeap } from '../src/tables/index-heap.ts'
import { from, lets, make, OTHER, PEER, RELAY, to } from './support.ts'

const PLACE = normaliseAddress('/ip4/1.2.3.4/tcp/1')

describe('strikes', () => {
  it('add up to a connection that is closed, then to a block that ends by itself', async () => {
    const { gater, clock } = make()
    expect(gater.strike({ peer: PEER }, 30, 'noise')).toEqual({ subject: PEER, score: 30, outcome: 'noted' })
    expect(gater.strike({ peer: PEER }, 30, 'noise')).toMatchObject({ outcome: 'disconnect', score: 60 })
    expect(gater.strike({ peer: PEER, address: PLACE }, 40, 'noise')).toMatchObject({ outcome: 'blocked', rule: { subject: PEER, origin: 'automatic', reason: 'noise' } })
    expect(lets(gater, from('9.9.9.9', PEER))).toBe(false)
    expect(lets(gater, from('1.2.3.4', OTHER))).toBe(true)
    clock.tick(3_600_000)
    expect(lets(gater, from('9.9.9.9', PEER))).toBe(true)
  })

  it('count half after a half-life', () => {
    const { gater, clock } = make()
    gater.strike({ peer: PEER }, 80, 'noise')
    clock.tick(600_000)
    expect(gater.strike({ peer: PEER }, 10, 'noise').score).toBeCloseTo(50)
  })

  it('hit the place where nobody is authenticated, by what shares one allowance', () => {
    const { gater } = make()
    expect(gater.strike({ address: normaliseAddress('/ip6/2a00::1:2:3:4/tcp/1') }, 100, 'noise')).toMatchObject({ outcome: 'blocked', rule: { subject: '2a00::/64' } })
    expect(gater.strike({ address: PLACE }, 100, 'noise')).toMatchObject({ outcome: 'blocked', rule: { subject: '1.2.3.4/32' } })
    expect(lets(gater, from('1.2.3.4', PEER))).toBe(false)
  })

  it('A43: block no place that others share, and no relay for what comes through it', () => {
    const { gater } = make()
    const via = normaliseAddress(`/ip4/8.8.8.8/tcp/1/p2p/${RELAY}/p2p-circuit`)
    for (let i = 0; i < 1_000; i++) {
      expect(gater.strike({ address: PLACE, sharers: 20 }, 100, 'noise').outcome).not.toBe('blocked')
      expect(gater.strike({ address: via }, 100, 'noise').outcome).not.toBe('blocked')
    }
    expect(gater.status().rules.automatic).toBe(0)
  })

  it('block nobody whom the operator allows', async () => {
    const { gater } = make()
    await gater.allow(PEER)
    expect(gater.strike({ peer: PEER }, 1_000, 'noise')).toMatchObject({ outcome: 'disconnect' })
    expect(lets(gater, from('1.2.3.4', PEER))).toBe(true)
  })

  it('keep out nobody whom the operator allows, whoever brought them about and whichever range they hit', async () => {
    const { gater } = make()
    await gater.allow('1.2.3.200')
    await gater.allow('2a00::1', { direction: 'inbound' })
    for (let host = 1; host < 9; host++) gater.strike({ address: normaliseAddress(`1.2.3.${host}`) }, 100, 'noise')
    gater.strike({ address: normaliseAddress('2a00::bad') }, 100, 'noise')
    expect(gater.status().rules).toMatchObject({ automatic: 2 })
    expect(['1.2.3.200', '1.2.3.201', '2a00::1', '2a00::2'].map(text => lets(gater, from(text)))).toEqual([true, false, true, false])
    expect(lets(gater, to('2a00::1'))).toBe(false)
    expect(gater.verdict(from('1.2.3.200'))).toMatchObject({ decision: 'allow', rule: { subject: '1.2.3.200/32' } })

    await gater.block('1.2.0.0/16')
    expect(gater.verdict(from('1.2.3.200'))).toMatchObject({ decision: 'block' })
  })

  it('are forgotten when the operator takes a block back', async () => {
    const { gater } = make()
    gater.strike({ peer: PEER }, 100, 'noise')
    expect(await gater.unblock(PEER)).toBe(1)
    expect(gater.strike({ peer: PEER }, 1, 'noise')).toMatchObject({ outcome: 'noted', score: 1 })
  })

  it('are forgiven by the operator, whose own rule stands above them', async () => {
    const { gater, clock } = make()
    gater.strike({ peer: PEER }, 100, 'noise')
    expect(await gater.unblock(PEER)).toBe(1)
    expect(lets(gater, from('1.2.3.4', PEER))).toBe(true)
    gater.strike({ peer: PEER }, 100, 'noise')
    await gater.block(PEER)
    expect(gater.status().rules).toMatchObject({ manual: 1, automatic: 0 })
    clock.tick(10_000_000)
    expect(lets(gater, from('1.2.3.4', PEER))).toBe(false)
  })

  it.each([[{}, 1], [{ peer: 'x' }, 1], [{ peer: PEER }, 0], [{ peer: PEER }, -1], [{ peer: PEER }, NaN], [{ peer: PEER }, Infinity], [{ address: PLACE, sharers: -1 }, 1], [{ address: PLACE, sharers: 0.5 }, 1]])('are refused where they make no sense: %o %o', (offender, weight) => {
    const { gater } = make()
    expect(() => gater.strike(offender, weight, 'noise')).toThrow(InvalidRuleError)
  })
})

describe('automatic blocks', () => {
  it('A41: are bounded at ten times the bound, and never displace the operator\'s rules', async () => {
    const { gater } = make({ strikes: { maxBlocks: 100, aggregateAt: 8 } })
    await gater.block('200.0.0.0/8')
    for (let i = 0; i < 1_000; i++) gater.strike({ address: normaliseAddress(`10.${i >>> 8}.${i & 255}.1`) }, 100, 'noise')
    expect(gater.status()).toMatchObject({ rules: { manual: 1, automatic: 100 }, evicted: 900 })
    expect(lets(gater, from('200.1.1.1'))).toBe(false)
  })

  it('A42: the least severe make room, so that a severe one survives any number of mild ones', () => {
    const { gater } = make({ strikes: { maxBlocks: 100, maxStruck: 1_000 } })
    gater.strike({ peer: PEER }, 10_000, 'flood')
    for (let i = 0; i < 10_000; i++) gater.strike({ address: normaliseAddress(`${10 + (i >>> 12)}.${(i >>> 4) & 255}.${i & 15}.1`) }, 101, 'noise')
    expect(lets(gater, from('1.2.3.4', PEER))).toBe(false)
    expect(gater.status()).toMatchObject({ rules: { automatic: 100 }, struck: 1_000 })
  })

  it('of one /24 or /56 are drawn together', () => {
    const { gater } = make()
    for (let i = 0; i < 7; i++) gater.strike({ address: normaliseAddress(`1.2.3.${i}`) }, 100, 'noise')
    expect(lets(gater, from('1.2.3.200'))).toBe(true)
    expect(gater.strike({ address: normaliseAddress('1.2.3.7') }, 100, 'noise').rule?.subject).toBe('1.2.3.0/24')
    expect(lets(gater, from('1.2.3.200'))).toBe(false)
    for (let i = 0; i < 8; i++) gater.strike({ address: normaliseAddress(`2a00:0:0:0${i}::1`) }, 100, 'noise')
    expect([...gater.rules()].map(({ subject }) => subject).sort()).toEqual(['1.2.3.0/24', '2a00::/56'])
  })

  it('hold the newest, and the most severe of all others, whatever the order', () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = seededRandom(seed)
      const layer = new Layer(seed)
      const blocks = new AutoBlocks(layer, { max: 20, aggregateAt: 1_000, seed })
      const added = new Map<string, number>()
      for (let i = 0; i < 200; i++) {
        const text = random.pick([`10.${random.int(0, 255)}.${random.int(0, 255)}.1/32`, `2a00:${random.int(1, 9_000)}::/64`])
        if (added.has(text)) continue
        added.set(text, random.next())
        const { add, severity, remove } = blocks.plan(parseText(text), added.get(text) ?? 0)
        for (const other of remove) expect(blocks.remove(other)).toBe(true)
        blocks.put(add, { severity, due: random.next() })
      }
      const worst = [...added].sort(([, a], [, b]) => b - a).slice(0, 19)
      expect([blocks.size, layer.size]).toEqual([20, 20])
      for (const [text, severity] of worst) {
        const found = layer.find(parseText(text), 'block', 'any')
        expect(found === undefined ? undefined : blocks.severityOf(found)).toBe(severity)
      }
    }
  })

  it('have reasons and ends of their own, and end in order', () => {
    const random = seededRandom(1)
    const layer = new Layer(1)
    const blocks = new AutoBlocks(layer, { max: 1_000, aggregateAt: 1_000, seed: 1 })
    const expected = new Map<string, number>()
    for (let i = 0; i < 2_000; i++) {
      const text = random.pick([`10.0.${random.int(0, 255)}.1/32`, `2a00:${random.int(1, 300)}::/64`, PEER, OTHER, RELAY])
      if (random.chance(0.3)) {
        expect(blocks.remove(parseText(text))).toBe(expected.delete(text))
      } else {
        const due = random.int(0, 1_000_000)
        expected.set(text, due)
        blocks.put(parseText(text), { severity: random.next(), reason: `until ${due}`, expires: due + 1, due })
      }
    }
    for (const [text, due] of [...expected].sort(([, a], [, b]) => a - b)) {
      expect([layer.nextEnding, layer.ending]).toEqual([due, expect.objectContaining({ due })])
      const { subject } = layer.ending ?? { subject: parseText(text) }
      const found = layer.find(subject, 'block', 'any')
      expect(found?.entries.details(found.index, found.variant)).toMatchObject({ reason: `until ${due}`, expires: due + 1 })
      expect(expected.get(subject.text)).toBe(due)
      blocks.remove(subject)
    }
    expect([layer.size, blocks.size, layer.nextEnding, layer.ending]).toEqual([0, 0, Infinity, undefined])
  })

  it('leave the others alone where the operator blocks the same subject already', async () => {
    const { gater } = make({ strikes: { maxBlocks: 2 } })
    await gater.block('9.9.9.9')
    for (const ip of ['1.1.1.1', '2.2.2.2', '9.9.9.9']) expect(gater.strike({ address: normaliseAddress(ip) }, 100, 'noise').outcome).toBe('blocked')
    expect(gater.status()).toMatchObject({ rules: { manual: 1, automatic: 2 }, evicted: 0 })
  })

  it('that are drawn together at the bound displace nobody', () => {
    const { gater } = make({ strikes: { maxBlocks: 8 } })
    gater.strike({ peer: PEER }, 100, 'noise')
    for (let i = 0; i < 8; i++) gater.strike({ address: normaliseAddress(`1.2.3.${i}`) }, 1_000, 'noise')
    expect([...gater.rules()].map(({ subject }) => subject).sort()).toEqual(['1.2.3.0/24', PEER].sort())
    expect(gater.status().evicted).toBe(0)
  })
})

describe('a heap of indices', () => {
  it('has the one with the smallest key first, whatever was put in, moved and removed', () => {
    const random = seededRandom(5)
    const keys = new Map<number, number>()
    const heap = new IndexHeap(index => keys.get(index) ?? 0)
    for (let i = 0; i < 5_000; i++) {
      const index = random.int(0, 200)
      if (random.chance(0.4)) {
        heap.remove(index)
        keys.delete(index)
      } else {
        keys.set(index, random.next())
        heap.put(index)
      }
      const [first] = [...keys].reduce((least, one) => one[1] < least[1] ? one : least, [-1, Infinity])
      expect([heap.first, heap.size]).toEqual([first, keys.size])
    }
  })
})

describe('a scoreboard', () => {
  it('remembers the most severe at ten times its bound, and whoever is struck now', () => {
    const random = seededRandom(3)
    const board = new Scoreboard(1_000, 50, 3)
    const weights = new Map<string, number>()
    for (let i = 0; i < 500; i++) {
      weights.set(`s${i}`, random.int(1, 1_000_000))
      board.strike(`s${i}`, weights.get(`s${i}`) ?? 0, 0)
    }
    expect(board.size).toBe(50)
    const worst = [...weights].sort(([, a], [, b]) => b - a).slice(0, 49)
    for (const [subject, weight] of worst) expect(board.score(subject, 0)).toBeCloseTo(weight, 3)
    for (const [subject] of worst) board.forget(subject)
    expect(board.size).toBeLessThanOrEqual(1)
  })

  it('agrees with sums that are halved one by one', () => {
    const random = seededRandom(7)
    const board = new Scoreboard(1_000, 1_000, 1)
    const naive = new Map<string, number>()
    let now = 0
    for (let i = 0; i < 2_000; i++) {
      const passed = random.int(0, 100)
      now += passed
      for (const [subject, score] of naive) naive.set(subject, score * 2 ** (-passed / 1_000))
      const subject = `s${random.int(0, 20)}`
      const weight = random.int(1, 50)
      naive.set(subject, (naive.get(subject) ?? 0) + weight)
      expect(board.strike(subject, weight, now)).toBeCloseTo(naive.get(subject) ?? 0, 6)
    }
  })
})
