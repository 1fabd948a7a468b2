import { normaliseAddress } from '@cordon/address'
import { InvalidRuleError } from '@cordon/interface-connection-gater'
import { peerIdFromString } from '@libp2p/peer-id'
import { MemoryDatastore } from 'datastore-core'
import { describe, expect, it } from 'vitest'
import { EPOCH, from, lets, make, OTHER, PEER, RELAY, to } from './support.ts'
import type { GatePredicate, GateTarget, Offender, Subject } from '@cordon/interface-connection-gater'

const VIA = `/ip4/8.8.8.8/tcp/1/p2p/${RELAY}/p2p-circuit`

describe('as go-libp2p\'s gater', () => {
  it('158: everything is allowed at first', () => {
    const { gater } = make()
    for (const target of [from('1.2.3.4'), to('1.2.3.4'), from('1.2.3.4', PEER), { direction: 'outbound' as const, peer: PEER }]) expect(lets(gater, target)).toBe(true)
  })

  it('159: a blocked peer is not dialled and not let in, from anywhere, and once an outbound connection is secured; others are', async () => {
    const { gater } = make()
    await gater.block({ peer: PEER })
    expect(lets(gater, { direction: 'outbound', peer: PEER })).toBe(false)
    expect(lets(gater, from('1.2.3.4', PEER))).toBe(false)
    expect(lets(gater, to('1.2.3.4', PEER))).toBe(false)
    expect(lets(gater, from('1.2.3.4'))).toBe(true)
    expect(lets(gater, from('1.2.3.4', OTHER))).toBe(true)
  })

  it('160: a blocked address is not dialled and not let in, whoever is there; others are', async () => {
    const { gater } = make()
    await gater.block({ ip: '1.2.3.4' })
    for (const target of [from('1.2.3.4'), to('1.2.3.4'), from('1.2.3.4', PEER), from('/ip4/1.2.3.4/udp/1/quic-v1', PEER)]) expect(lets(gater, target)).toBe(false)
    expect(lets(gater, from('1.2.3.5'))).toBe(true)
  })

  it('161: a blocked range covers what is in it and nothing else', async () => {
    const { gater } = make()
    await gater.block({ cidr: '1.2.3.0/24' })
    expect(lets(gater, from('1.2.3.255'))).toBe(false)
    expect(lets(gater, from('1.2.4.0'))).toBe(true)
  })

  it('162 and 163: another gater on the same datastore has the same rules, and what was unblocked stays so', async () => {
    const datastore = new MemoryDatastore()
    const { gater } = make({ datastore })
    await gater.start()
    const subjects: Subject[] = [{ peer: PEER }, { ip: '1.2.3.4' }, { cidr: '2.0.0.0/8' }]
    for (const subject of subjects) await gater.block(subject, { reason: 'why', note: 'note' })
    const { gater: second } = make({ datastore })
    await second.start()
    expect([...second.rules()]).toEqual([...gater.rules()])
    for (const subject of subjects) expect(await second.unblock(subject)).toBe(1)
    expect([...second.rules()]).toEqual([])
    const { gater: third } = make({ datastore })
    await third.start()
    expect([...third.rules()]).toEqual([])
    expect(lets(third, from('1.2.3.4', PEER))).toBe(true)
  })
})

describe('decisions', () => {
  it('report the most specific of the rules that decided, and why', async () => {
    const { gater } = make()
    await gater.block('1.0.0.0/8')
    await gater.block('1.2.3.0/24', { reason: 'spam' })
    await gater.block({ transport: 'tcp' })
    await gater.allow(PEER)
    const refusal = gater.decide(from('/ip4/1.2.3.4/tcp/1', PEER))
    expect(refusal).toMatchObject({ code: 'blocked', module: 'gater', cause: 'cidr', permanent: true, direction: 'inbound' })
    expect(refusal?.rule).toMatchObject({ subject: '1.2.3.0/24', reason: 'spam', hits: 1 })
    expect(refusal?.message).toBe(`${PEER} is covered by "block any 1.2.3.0/24" of the operator: spam`)
    expect(JSON.parse(JSON.stringify(refusal))).toMatchObject({ code: 'blocked', module: 'gater', cause: 'cidr', message: refusal?.message, rule: { subject: '1.2.3.0/24', reason: 'spam' } })
    expect(gater.status().refusals).toEqual({ cidr: 1 })
  })

  it.each([['1.0.0.0/8', '1.2.3.0/24'], ['1.2.3.0/24', '1.0.0.0/8']])('report the longer range, whether it is of a list or of the operator: %s and %s', async (mine, listed) => {
    const { gater } = make()
    await gater.block(mine)
    await gater.loadList('feed', { content: `${listed}\n` })
    expect(gater.decide(from('1.2.3.4'))?.rule?.subject).toBe('1.2.3.0/24')
    expect(gater.decide(from('1.9.9.9'))?.rule?.subject).toBe('1.0.0.0/8')
  })

  it('in a private network wait for the peer while a rule could allow it, and for the address likewise', async () => {
    const { gater } = make({ default: 'block' })
    expect(gater.decide(from('1.2.3.4'))).toMatchObject({ cause: 'default', configPath: 'gater.default' })
    await gater.allow(PEER)
    expect(lets(gater, from('1.2.3.4'))).toBe(true)
    expect(lets(gater, from('1.2.3.4', OTHER))).toBe(false)
    expect(lets(gater, from('1.2.3.4', PEER))).toBe(true)
    expect(lets(gater, { direction: 'outbound', peer: OTHER })).toBe(false)
    await gater.allow('1.2.3.4')
    expect(lets(gater, { direction: 'outbound', peer: OTHER })).toBe(true)
    expect(lets(gater, to('1.2.3.4', OTHER))).toBe(true)
    expect(lets(gater, to('1.2.3.5', OTHER))).toBe(false)
  })

  it('refuse what comes through a relay while addresses are blocked, unless a rule allows it or the policy does', async () => {
    const { gater } = make()
    expect(lets(gater, from(VIA, PEER))).toBe(true)
    await gater.block('9.9.9.9')
    expect(gater.decide(from(VIA, PEER))).toMatchObject({ cause: 'unproven', configPath: 'gater.relayedUnknown' })
    expect(lets(gater, from('/ip4/8.8.8.8/tcp/1', RELAY))).toBe(true)
    expect(lets(gater, to(VIA, PEER))).toBe(true)
    await gater.allow(PEER)
    expect(lets(gater, from(VIA))).toBe(true)
    expect(lets(gater, from(VIA, PEER))).toBe(true)
    expect(lets(gater, from(VIA, OTHER))).toBe(false)
    await gater.allow({ relay: RELAY })
    expect(lets(gater, from(VIA, OTHER))).toBe(true)
    const { gater: open } = make({ relayedUnknown: 'allow' })
    await open.block('9.9.9.9')
    expect(lets(open, from(VIA, PEER))).toBe(true)
  })

  it('ask predicates, all of them, and refuse where one throws or answers with a promise', async () => {
    const { gater } = make()
    await gater.allow({ name: 'promise', predicate: (({ peer }: GateTarget) => peer === RELAY ? Promise.resolve(true) : false) as GatePredicate })
    await gater.block({ name: 'odd', predicate: ({ peer }) => peer === PEER })
    await gater.allow({ name: 'broken', predicate: ({ peer }) => { if (peer === OTHER) throw new Error('no'); return peer === undefined } })
    expect(gater.decide(from('1.2.3.4', PEER))).toMatchObject({ cause: 'predicate', permanent: true })
    expect(gater.verdict(from('1.2.3.4', OTHER))).toMatchObject({ decision: 'block', faulty: true })
    expect(gater.verdict(from('1.2.3.4', RELAY))).toMatchObject({ decision: 'block', faulty: true })
    expect(gater.verdict(from('1.2.3.4')).decision).toBe('allow')
    expect(await gater.unblock({ name: 'odd', predicate: () => true })).toBe(1)
    expect(gater.verdict(from('1.2.3.4', PEER)).decision).toBe('unknown')
  })

  it('are not made of a target that would be covered by nothing', () => {
    const { gater } = make()
    const { direction, address } = from('192.0.2.1')
    const wrong: unknown[] = [undefined, null, {}, { address }, { direction: 'both', address }, { direction, address: '192.0.2.1' }, { direction, address: null }, { direction, address: {} }]
    for (const target of wrong) {
      expect(() => gater.verdict(target as GateTarget)).toThrow(InvalidRuleError)
      expect(() => gater.decide(target as GateTarget)).toThrow(InvalidRuleError)
    }
    expect(() => gater.decide({ direction, peer: peerIdFromString(PEER) } as unknown as GateTarget)).toThrow('a peer must be the text of a peer id, which is its toString(), got an instance of Ed25519PeerId')
    expect(() => gater.verdict({ direction, addr: '192.0.2.1' } as unknown as GateTarget)).toThrow('a target has no "addr": it has direction, address, peer')
    expect(gater.decide({ direction, address: undefined, peer: undefined })).toBeUndefined()
    expect(() => gater.verdict({ direction, address: '192.0.2.1' } as unknown as GateTarget)).toThrow('an address must be what normaliseAddress() of @cordon/address returns, got "192.0.2.1"')
    expect(() => gater.strike({ address: '192.0.2.1' } as unknown as Offender, 10, 'x')).toThrow('an address must be what normaliseAddress()')
    expect(() => gater.strike({ ip: '192.0.2.1' } as unknown as Offender, 10, 'x')).toThrow('a strike needs { peer } or { address }, got {"ip"}')
    expect(() => gater.strike({}, 10, 'x')).toThrow('got {}')
    expect(() => gater.strike({ peer: PEER, address: '192.0.2.1' } as unknown as Offender, 1, 'x')).toThrow(InvalidRuleError)
    expect(gater.status().struck).toBe(0)
    expect(gater.verdict({ direction }).decision).toBe('unknown')
  })

  it('end with the time of a rule, whether or not it is asked about, and not a moment before', async () => {
    const { gater, clock } = make()
    const expired: string[] = []
    gater.addEventListener('rule:expired', ({ detail }) => { expired.push(detail.rule.subject) })
    await gater.start()
    await gater.block('1.2.3.4', { duration: 1_000 })
    await gater.block('1.2.3.5', { duration: 2_000 })
    clock.tick(999)
    expect(gater.decide(from('1.2.3.4'))).toMatchObject({ retryAfter: 1, permanent: false })
    clock.tick(1)
    expect(expired).toEqual(['1.2.3.4/32'])
    await gater.stop()
    expect(clock.pending).toBe(0)
    clock.tick(1_000)
    expect(lets(gater, from('1.2.3.5'))).toBe(true)
    expect(expired).toEqual(['1.2.3.4/32', '1.2.3.5/32'])
  })

  it('say when to come again by the clock that ends the rule, whatever the wall clock does', async () => {
    let wall = EPOCH
    const { gater, clock } = make({ wallClock: () => wall })
    await gater.block('1.2.3.4', { duration: 600_000 })
    for (let i = 0; i < 3; i++) gater.strike({ address: normaliseAddress('5.6.7.8') }, 1_000, 'abuse')
    const blocked = gater.decide(from('5.6.7.8'))?.retryAfter ?? 0
    clock.tick(1_000)
    for (const jump of [0, 86_400_000, -864_000_000]) {
      wall = EPOCH + jump
      expect(gater.decide(from('1.2.3.4'))).toMatchObject({ retryAfter: 599_000, permanent: false })
      expect(gater.decide(from('5.6.7.8'))).toMatchObject({ retryAfter: blocked - 1_000, permanent: false })
    }
  })

  it('cover directions as rules say', async () => {
    const { gater } = make()
    await gater.block('1.2.3.4', { direction: 'inbound' })
    expect(lets(gater, from('1.2.3.4'))).toBe(false)
    expect(lets(gater, to('1.2.3.4'))).toBe(true)
    await gater.block('1.2.3.4', { direction: 'outbound' })
    expect(lets(gater, to('1.2.3.4'))).toBe(false)
    expect(await gater.unblock('1.2.3.4', { direction: 'inbound' })).toBe(1)
    expect(lets(gater, from('1.2.3.4'))).toBe(true)
    expect(lets(gater, to('1.2.3.4'))).toBe(false)
  })
})

describe('events', () => {
  it('come once for each rule and second that it decides', async () => {
    const { gater, clock } = make()
    const seen: string[] = []
    gater.addEventListener('rule:added', ({ detail }) => { seen.push(`added ${detail.rule.id} ${detail.close}`) })
    gater.addEventListener('rule:hit', ({ detail }) => { seen.push(`hit ${detail.rule.hits}`) })
    gater.addEventListener('rule:removed', ({ detail }) => { seen.push(`removed ${detail.rule.hits}`) })
    await gater.block('1.2.3.4', { close: false })
    for (let i = 0; i < 5; i++) gater.decide(from('1.2.3.4'))
    clock.tick(1_000)
    gater.decide(from('1.2.3.4'))
    await gater.unblock('1.2.3.4')
    expect(seen).toEqual(['added block any 1.2.3.4/32 false', 'hit 1', 'hit 6', 'removed 6'])
  })
})

describe('rules that lift limits', () => {
  it('tell the resource manager whom the operator trusts', async () => {
    const { gater } = make()
    await gater.allow(PEER, { lifts: ['lane'] })
    await gater.allow('1.2.3.0/24', { lifts: ['counts', 'buckets'] })
    expect(gater.lifts(normaliseAddress('1.2.3.4'), undefined)).toEqual({ lane: true, counts: true, buckets: true })
    expect(gater.lifts(normaliseAddress('5.6.7.8'), PEER)).toEqual({ lane: true, counts: false, buckets: false })
    expect(gater.lifts(undefined, OTHER)).toEqual({ lane: false, counts: false, buckets: false })
    await gater.block(PEER)
    expect(gater.lifts(normaliseAddress('1.2.3.4'), PEER)).toEqual({ lane: false, counts: false, buckets: false })
    await gater.disallow(PEER)
    expect(gater.lifts(normaliseAddress('5.6.7.8'), undefined)).toEqual({ lane: false, counts: false, buckets: false })
  })
})

describe('bad input', () => {
  it.each([
    '', 'x', '1.2.3', '1.2.3.4/33', '256.1.1.1', '::1::', '2002::/16', '/', '/tcp/4001', '/ip4/1.2.3.4/tcp/4001', '/ip4/*/udp/1', '/dns/', '/dns/a.*.b', '/dns/*.1.2.3.4',
    '/p2p/', '/p2p/x', `/p2p/${PEER}/tcp`, '/p2p-circuit/p2p', '12D3KooW', `${PEER}!`, 'a'.repeat(10_000), '/http', '/ip4/::1', '/ip6/1.2.3.4', '/ip4/1.2.3.4/ipcidr', '/ws/ws',
    {}, { peer: 1 }, { ip: '1.2.3.0/24' }, { cidr: PEER }, { pattern: '1.2.3.4' }, { relay: 'x' }, { transport: 'smoke' }, { relayed: false }, { peer: PEER, ip: '1.2.3.4' }, { nothing: 'x' },
    { predicate: 1, name: 'x' }, { predicate: () => true, name: '' }, null, 5, [], undefined
  ])('is refused with its value: %o', async subject => {
    const { gater } = make()
    await expect(gater.block(subject as Subject)).rejects.toSatisfy(err => err instanceof InvalidRuleError && err.message.length < 400)
    expect(gater.status().rules.manual).toBe(0)
  })

  it.each([
    ['example.com', 'got "example.com"; a name is written /dns/example.com'],
    ['example.com:80', 'got "example.com:80"; rules have no ports; a name is written /dns/example.com'],
    ['*.example.com', 'got "*.example.com"; a name is written /dns/*.example.com'],
    ['www.example.com.', 'got "www.example.com."; a name is written /dns/www.example.com'],
    ['192.0.2.*', 'got "192.0.2.*"; a range is written as in 192.0.2.0/24'],
    ['127.0.0.1:4001', /got "127.0.0.1:4001"; rules have no ports$/],
    ['10.0.0.0/8:80', /got "10.0.0.0\/8:80"; rules have no ports$/],
    ['[::1]:4001', /got "\[::1\]:4001"; rules have no ports$/],
    ['https://192.0.2.1/', 'got "https://192.0.2.1/"; of a URL give the host alone'],
    [{ ip: '1.2.3.4', cidr: '1.2.3.0/24' }, 'got an object with 2 keys'],
    [peerIdFromString(PEER), 'a subject is a text (of a peer id its toString()), or an object with one of peer, ip, cidr, pattern, relay, transport, relayed, predicate; got an instance of Ed25519PeerId'],
    [Promise.resolve(PEER), 'got an instance of Promise']
  ])('is told what to write instead: %o', async (subject, message) => {
    await expect(make().gater.block(subject as Subject)).rejects.toThrow(message)
  })

  it.each([{ direction: 'sideways' }, { duration: 0 }, { duration: NaN }, { duration: -1 }, { duration: Infinity }, { reason: 'x'.repeat(257) }, { note: 5 }, { lifts: ['lane'] }, { unknown: 1 }, 5])('in options is refused: %o', async options => {
    const { gater } = make()
    await expect(gater.block('1.2.3.4', options as object)).rejects.toThrow(InvalidRuleError)
  })

  it.each([[{ default: 'maybe' }, /gater\.default/], [{ strikes: { blockAt: 1, disconnectAt: 2 } }, /disconnectAt/], [{ maxRules: 0 }, /maxRules/], [{ datastore: {} }, /datastore/], [{ storeTimeout: 'x' }, /storeTimeout/], [{ typo: 1 }, /typo/]])('in the configuration is refused: %o', (init, message) => {
    expect(() => make(init as object)).toThrow(message)
  })

  it('cannot make more rules than there may be', async () => {
    const { gater } = make({ maxRules: 10 })
    let refused = 0
    for (let i = 0; i < 100; i++) await gater.block(`1.2.3.${i}`).catch(() => { refused++ })
    expect(refused).toBe(90)
    await gater.block('1.2.3.0', { reason: 'changed' })
    expect(gater.status().rules.manual).toBe(10)
  })
})
