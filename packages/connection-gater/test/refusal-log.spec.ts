import { fakeClock } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { ConnectionGaterClass } from '../src/gater.ts'
import { parseInit } from '../src/init.ts'
import { from, lets, make, OTHER, PEER, RELAY, to } from './support.ts'
import type { Made } from './support.ts'
import type { ConnectionGaterInit } from '@cordon/connection-gater'
import type { GateTarget } from '@cordon/interface-connection-gater'

/** As many lines as there may be in a second */
const MAX = 20

const AT = '2023-11-14T22:30:00.000Z'

/** A gater that writes lines, at the beginning of a second */
function writing (init: ConnectionGaterInit = {}): Made & { readonly lines: string[] } {
  const lines: string[] = []
  return { ...make({ refusalLog: line => { lines.push(line) }, ...init }, fakeClock(1_000_000)), lines }
}

/** How many refusals lines tell of, whether or not they have a line of their own */
function told (lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Number(/: (\d+) more refusals were not written$/.exec(line)?.[1] ?? 1), 0)
}

describe('a refusal of a public address', () => {
  const TARGETS: ReadonlyArray<readonly [string, GateTarget]> = [
    ['refused inbound 8.8.4.4 ip', from('/ip4/8.8.4.4/tcp/4001')],
    ['refused inbound 8.8.4.4 ip', from('/ip6/::ffff:808:404/tcp/4001/ws', OTHER)],
    ['refused outbound 8.8.4.4 ip', to('/ip4/8.8.4.4/udp/4001/quic-v1')],
    ['refused inbound 2a00:1450::1 cidr', from('/ip6/2a00:1450:0:0:0:0:0:1/tcp/1')],
    ['refused inbound 9.9.9.9 peer', from('/ip4/9.9.9.9/tcp/1', PEER)],
    ['refused inbound 9.9.9.8 transport', from('/ip4/9.9.9.8/tcp/1/wss')],
    ['refused inbound 9.9.9.7 pattern', from('/ip4/9.9.9.7/tcp/1/ws')],
    ['refused inbound 9.9.9.6 predicate', from('/ip4/9.9.9.6/tcp/1')]
  ]

  it.each(TARGETS)('is a line: %s', async (line, target) => {
    const { gater, lines } = writing()
    for (const subject of ['8.8.4.4', '2a00:1450::/32', PEER, '/wss', '/ip4/9.9.9.7/ws']) await gater.block(subject)
    await gater.block({ name: 'even', predicate: ({ address }) => address?.key === '9.9.9.6' })
    gater.decide(target)
    expect(lines).toEqual([`${AT} cordon-gater: ${line}`])
  })

  it('is one where nobody is let in whom no rule allows', () => {
    const { gater, lines } = writing({ default: 'block' })
    gater.decide(from('/ip4/8.8.4.4/tcp/1'))
    expect(lines).toEqual([`${AT} cordon-gater: refused inbound 8.8.4.4 default`])
  })

  it('has nothing in it that a rule says or that somebody has chosen', async () => {
    const { gater, lines } = writing()
    const forged = `\n${AT} cordon-gater: refused inbound 8.8.8.8 ip`
    await gater.block('8.8.4.4', { reason: forged, note: forged })
    await gater.block({ name: 'odd', predicate: ({ address }) => address?.key === '9.9.9.9' }, { reason: forged })
    gater.strike({ peer: PEER }, 100, forged)
    for (const target of [from('8.8.4.4'), from('9.9.9.9'), from('1.1.1.1', PEER)]) gater.decide(target)
    expect(lines.map(line => line.slice(AT.length))).toEqual([' cordon-gater: refused inbound 8.8.4.4 ip', ' cordon-gater: refused inbound 9.9.9.9 predicate', ' cordon-gater: refused inbound 1.1.1.1 peer'])
  })

  it.each([
    '/ip4/127.0.0.1/tcp/1', '/ip4/10.1.2.3/tcp/1', '/ip4/192.168.1.1/tcp/1', '/ip4/100.64.0.1/tcp/1', '/ip4/169.254.1.1/tcp/1', '/ip4/203.0.113.1/tcp/1', '/ip6/::1/tcp/1', '/ip6/fe80::1/tcp/1', '/ip6/fd00::1/tcp/1',
    '/ip6/::ffff:7f00:1/tcp/1', '/dns4/node.example/tcp/443/wss', '/memory/1', '/unix/%2Ftmp%2Fx', `/ip4/8.8.8.8/tcp/1/p2p/${RELAY}/p2p-circuit`
  ])('is none of %s, which nobody can be shut out by', text => {
    const { gater, lines } = writing({ default: 'block' })
    expect(gater.decide(from(text, PEER))).toBeDefined()
    expect(gater.decide({ direction: 'inbound', peer: PEER })).toBeDefined()
    expect(lines).toEqual([])
  })

  it('is told also of whoever was turned away before there was a connection', async () => {
    const lines: string[] = []
    const gater = new ConnectionGaterClass(parseInit({ refusalLog: line => { lines.push(line) }, clock: fakeClock(1_000_000), wallClock: () => Date.parse(AT) }))
    await gater.block('8.8.4.0/24')
    expect(['8.8.4.4', '::ffff:8.8.4.4', '8.8.5.4'].map(address => gater.blocksAddress('inbound', address))).toEqual([true, true, false])
    expect(lines).toEqual(new Array(2).fill(`${AT} cordon-gater: refused inbound 8.8.4.4 cidr`))
    expect(gater.status().refusals).toEqual({ cidr: 2 })
  })

  it('that cannot be written is counted among those that are missing, and nothing else happens', async () => {
    const lines: string[] = []
    let isFull = true
    const { gater } = make({ refusalLog: line => { if (isFull) throw new Error('no space left'); lines.push(line) } }, fakeClock(1_000_000))
    await gater.block('8.8.4.4')
    expect(lets(gater, from('8.8.4.4')) || lets(gater, from('8.8.4.4'))).toBe(false)
    isFull = false
    expect(lets(gater, from('8.8.4.4'))).toBe(false)
    expect(lines).toEqual([`${AT} cordon-gater: 2 more refusals were not written`, `${AT} cordon-gater: refused inbound 8.8.4.4 ip`])
  })

  it('is none where it is only asked what would be', async () => {
    const { lines, gater } = writing()
    await gater.block('8.8.4.4')
    gater.verdict(from('8.8.4.4'))
    expect(lines).toEqual([])
  })
})

describe('a flood of refusals', () => {
  async function flood ({ gater, clock }: Made, seconds: number, each: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      for (let i = 0; i < each; i++) gater.decide(from(`8.8.${i >> 8}.${i & 255}`))
      clock.tick(1_000)
    }
  }

  it('causes at most 20 lines a second, and how many are missing is told in the next one', async () => {
    const made = writing()
    await made.gater.start()
    await made.gater.block('8.8.0.0/16')
    await flood(made, 10, 1_000)
    const seconds = made.lines.map(line => line.slice(0, AT.length))
    for (const second of seconds) expect(seconds.filter(other => other === second).length).toBeLessThanOrEqual(MAX)
    expect(told(made.lines)).toBe(10_000)
    expect(made.lines.filter(line => line.includes('more refusals'))).toHaveLength(10)
    expect(new Set(seconds).size).toBe(11)
    await made.gater.stop()
    expect([told(made.lines), made.clock.pending]).toEqual([10_000, 0])
  })

  it('that is over is told of to the end by itself, and once', async () => {
    const { gater, clock, lines } = writing()
    await gater.start()
    await gater.block('8.8.0.0/16')
    clock.tick(300)
    for (let i = 0; i < 25; i++) gater.decide(from('8.8.4.4'))
    expect(lines).toHaveLength(MAX)
    clock.tick(699)
    expect(lines).toHaveLength(MAX)
    clock.tick(1)
    expect(lines.slice(MAX)).toEqual(['2023-11-14T22:30:01.000Z cordon-gater: 5 more refusals were not written'])
    clock.tick(10_000)
    expect(lines).toHaveLength(MAX + 1)
    await gater.stop()
  })

  it('is told of when the gater stops in the midst of it', async () => {
    const { gater, clock, lines } = writing()
    await gater.start()
    await gater.block('8.8.0.0/16')
    for (let i = 0; i < 25; i++) gater.decide(from('8.8.4.4'))
    await gater.stop()
    expect([told(lines), clock.pending]).toEqual([25, 0])
  })

  it('that was before the gater started is told of by itself once it has', async () => {
    const { gater, clock, lines } = writing()
    await gater.block('8.8.0.0/16')
    for (let i = 0; i < 25; i++) gater.decide(from('8.8.4.4'))
    await gater.start()
    clock.tick(1_000)
    expect([told(lines), lines.length]).toEqual([25, MAX + 1])
    await gater.stop()
  })

  it('is told of by the next refusal where the gater was never started, and needs no timer', async () => {
    const { gater, clock, lines } = writing()
    await gater.block('8.8.0.0/16')
    for (let i = 0; i < 25; i++) gater.decide(from('8.8.4.4'))
    expect(clock.pending).toBe(0)
    clock.tick(1_000)
    gater.decide(from('8.8.4.4'))
    expect(lines.slice(MAX).map(line => line.slice(AT.length))).toEqual([' cordon-gater: 5 more refusals were not written', ' cordon-gater: refused inbound 8.8.4.4 cidr'])
  })
})
