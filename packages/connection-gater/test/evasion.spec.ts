import { normaliseAddress } from '@cordon/address'
import { systemClock } from '@cordon/clock'
import { InvalidRuleError } from '@cordon/interface-connection-gater'
import { describe, expect, it } from 'vitest'
import { ConnectionGaterClass } from '../src/gater.ts'
import { parseInit } from '../src/init.ts'
import { from, lets, make, PEER, to } from './support.ts'

describe('a dial', () => {
  it.each([
    '/dns4/127.0.0.1:4001?.friend.example/tcp/1/ws', '/dns4/localhost:4001?.friend.example/tcp/1/ws', '/dns4/u@localhost/tcp/1/ws', '/dns4/local\thost/tcp/1/ws', '/dns4/loc%61lhost/tcp/1/ws',
    '/dns4/localhost:4001?/tcp/1/ws', '/dns4/localhost#x/tcp/1/ws', '/dns4/127.0.0.1:4001\\x.friend.example/tcp/1/ws', `/dns4/${'a'.repeat(300)}/tcp/1/ws`
  ])('to what is no name is refused, because a transport may read another name in it: %s', async text => {
    const { gater } = make()
    await gater.allow('/dns/*.friend.example')
    expect(gater.decide(to(text))).toMatchObject({ cause: 'malformed', rule: undefined })
    expect(gater.decide(to(text))?.message).toContain('is no name of a host')
    expect(gater.status().refusals).toEqual({ malformed: 2 })
  })

  it.each(['/dns4/friend.example/tcp/1/ws', '/dnsaddr/b\u00fccher.example', '/dns6/_a-b.Friend.example./tcp/1', '/dns4/xn--bcher-kva.example/tcp/443/wss'])('to a name is one: %s', text => {
    expect(lets(make().gater, to(text))).toBe(true)
  })

  it('to the unspecified address leads to this machine', async () => {
    const { gater } = make()
    await gater.block('127.0.0.0/8')
    await gater.block('::1', { direction: 'outbound' })
    expect(['/ip4/0.0.0.0/tcp/1', '/ip4/0.0.0.0/tcp/1/ws', '/ip6/::/tcp/1', '/ip6/::/udp/1/quic-v1'].map(text => gater.decide(to(text))?.rule?.subject)).toEqual(['127.0.0.0/8', '127.0.0.0/8', '::1/128', '::1/128'])
    expect(lets(gater, from('/ip6/::/tcp/1'))).toBe(true)

    // what is open there already is closed by them as well
    const node = new ConnectionGaterClass(parseInit({}))
    void node.block('127.0.0.0/8')
    expect([...node.blocking(to('/ip4/0.0.0.0/tcp/1'))].map(({ subject }) => subject)).toEqual(['127.0.0.0/8'])
  })

  it('to a name is judged by the address that it leads to, and by where that leads', async () => {
    const node = new ConnectionGaterClass(parseInit({}))
    expect(node.blocksAddress('outbound', '0.0.0.0')).toBe(false)
    await node.block('0.0.0.0')
    expect(node.blocksAddress('outbound', '0.0.0.0')).toBe(true)
    await node.unblock('0.0.0.0')
    await node.block('127.0.0.1')
    expect([node.blocksAddress('outbound', '0.0.0.0'), node.blocksAddress('inbound', '0.0.0.0')]).toEqual([true, false])
    expect(node.status().refusals).toEqual({ ip: 2 })
  })

  it('is not refused before its socket exists for what a function may allow later', async () => {
    const node = new ConnectionGaterClass(parseInit({}))
    node.strike({ address: normaliseAddress('1.2.3.4') }, 100, 'noise')
    expect(node.blocksAddress('inbound', '1.2.3.4')).toBe(true)
    await node.block({ name: 'nobody', predicate: () => false })
    expect(node.blocksAddress('inbound', '1.2.3.4')).toBe(true)
    await node.allow({ name: 'friends', predicate: () => true })
    expect(node.blocksAddress('inbound', '1.2.3.4')).toBe(false)
    await node.block('1.2.3.0/24')
    expect(node.blocksAddress('inbound', '1.2.3.4')).toBe(true)
  })

  it('to the unspecified address is judged by its own rules as well', async () => {
    const { gater } = make({ default: 'block' })
    expect(gater.decide(to('/ip4/0.0.0.0/tcp/1'))).toMatchObject({ cause: 'default' })
    await gater.allow('0.0.0.0')
    expect(lets(gater, to('/ip4/0.0.0.0/tcp/1'))).toBe(true)
  })
})

describe('rules whose time is over', () => {
  it('decide nothing, however many of them there are', async () => {
    const { gater, clock } = make({ default: 'block' })
    for (let i = 0; i < 5_000; i++) {
      await gater.allow(`10.0.${i >> 8}.${i & 255}`, { duration: 1_000 })
      await gater.block(`11.0.${i >> 8}.${i & 255}`, { duration: 1_000 })
    }
    await gater.allow('11.0.0.0/8')
    expect([from('10.0.19.1'), from('11.0.19.1')].map(target => lets(gater, target))).toEqual([true, false])
    clock.tick(1_000)
    expect([from('10.0.19.1'), from('11.0.19.1')].map(target => lets(gater, target))).toEqual([false, true])
    expect(gater.verdict(from('11.0.19.2')).rule?.subject).toBe('11.0.0.0/8')
  })
})

describe('what others say', () => {
  it('of a reason is shown without what a terminal or a log would obey', async () => {
    const { gater } = make()
    await gater.block(PEER, { reason: 'a\n2026 cordon-gater: refused inbound 1.1.1.1 ip\u001b[31m\u202e' })
    expect(gater.decide(from('1.2.3.4', PEER))?.message).toMatch(/: a\ufffd2026 cordon-gater: refused inbound 1.1.1.1 ip\ufffd\[31m\ufffd$/)
  })

  it('and what is promised ends nothing when it is not kept', async () => {
    // where it did, the runner would say that a rejection was not handled
    const late = async (): Promise<never> => { throw new Error('late') }
    const { gater } = make({ refusalLog: late as unknown as () => void })
    await gater.block({ name: 'late', predicate: (() => late()) as unknown as () => boolean })
    await expect(gater.block({ name: 'later', predicate: late as unknown as () => boolean })).rejects.toThrow('predicate of a subject must answer at once, got an async function')
    expect(gater.decide(from('8.8.4.4'))).toMatchObject({ cause: 'predicate' })
    await new Promise<void>(resolve => { systemClock.schedule(0, resolve, { ref: true }) })
  })

  it.each([{ weight: '5', reason: 'noise' }, { weight: 5, reason: undefined }])('of a strike is checked before it counts: %o', ({ weight, reason }) => {
    const { gater } = make()
    const strike = gater.strike.bind(gater) as (offender: object, weight: unknown, reason: unknown) => unknown
    expect(() => strike({ address: normaliseAddress('1.2.3.4') }, weight, reason)).toThrow(InvalidRuleError)
    expect(gater.status().struck).toBe(0)
  })
})

describe('a range', () => {
  it('of IPv4 addresses inside IPv6 is not taken for one that has nothing of them', async () => {
    const { gater } = make()
    await expect(gater.block('::ffff:198.51.100.7/32')).rejects.toThrow(InvalidRuleError)
    expect((await gater.block('::ffff:198.51.100.0/120')).subject).toBe('198.51.100.0/24')
  })
})

describe('an allow rule that lifts limits', () => {
  it.each([{ direction: 'outbound' as const, lifts: ['counts' as const] }])('is about those who come in: %o', async options => {
    const { gater } = make()
    await expect(gater.allow('1.2.3.0/24', options)).rejects.toThrow('limits are lifted for those who connect to us')
    await expect(gater.allow({ name: 'all', predicate: () => true }, { lifts: ['lane'] })).rejects.toThrow('a function lifts no limits')
  })
})

describe('filters', () => {
  it.each([{ direction: 'both' }, { dirction: 'inbound' }, 'inbound', null])('that are wrong take nothing back and list nothing: %o', async filter => {
    const { gater } = make()
    await gater.block(PEER)
    await expect(gater.unblock(PEER, filter as never)).rejects.toThrow(InvalidRuleError)
    expect(() => gater.rules(filter as never)).toThrow(InvalidRuleError)
    expect(() => gater.export('xml' as never)).toThrow(InvalidRuleError)
    expect(gater.status().rules.manual).toBe(1)
  })
})
