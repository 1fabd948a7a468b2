import { normaliseAddress } from '@cordon/address'
import { describe, expect, it } from 'vitest'
import { createAllowlist, createResourceManager, infiniteLimits } from '../src/index.ts'
import { admitted, managerWith, refused } from './support.ts'
import type { LimitWarning } from '../src/index.ts'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource, ConnectionScope, Lifted } from '@cordon/interface-resource-manager'

const A = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'
const B = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'
const at = (ip: string): NormalisedAddress => normaliseAddress(ip)

const ALL = { lane: true, counts: true, buckets: true }
const LANE = { lane: true, counts: false, buckets: false }
const PROVEN = { lane: true, counts: true, buckets: false }
const NOTHING = { lane: false, counts: false, buckets: false }

describe('an allowlist', () => {
  it('72: an address with a port allows the address', () => {
    expect(createAllowlist(['/ip4/1.2.3.4/tcp/1234']).lifts(at('1.2.3.4'), undefined)).toEqual(ALL)
  })

  it('73: and no other', () => {
    const list = createAllowlist(['/ip4/1.2.3.4/tcp/1234'])
    expect([list.lifts(at('1.2.3.5'), undefined), list.lifts(at('1.2.3.5'), A)]).toEqual([NOTHING, NOTHING])
  })

  it('74: an address of one peer lets the connection in, and then that peer alone', () => {
    const list = createAllowlist([`/ip4/1.2.3.4/p2p/${B}`])
    expect([list.lifts(at('1.2.3.4'), undefined), list.lifts(at('1.2.3.4'), A), list.lifts(at('1.2.3.4'), B)]).toEqual([LANE, NOTHING, PROVEN])
  })

  it('75: a range allows every peer in it', () => {
    const list = createAllowlist(['/ip4/1.2.3.0/ipcidr/24', '2001:db8::/32'])
    expect([list.lifts(at('1.2.3.99'), A), list.lifts(at('1.2.4.1'), A), list.lifts(at('2001:db8::1'), undefined)]).toEqual([ALL, NOTHING, ALL])
  })

  it('76: a range of one peer allows that peer', () => {
    const list = createAllowlist([`/ip4/1.2.3.0/ipcidr/24/p2p/${A}`])
    expect([list.lifts(at('1.2.3.99'), A), list.lifts(at('1.2.3.99'), B), list.lifts(at('1.2.4.1'), A)]).toEqual([PROVEN, NOTHING, NOTHING])
  })

  it('77: everybody', () => {
    expect(createAllowlist(['/ip4/0.0.0.0/ipcidr/0']).lifts(at('9.9.9.9'), B)).toEqual(ALL)
  })

  it('78: a peer with several addresses, one of them twice', () => {
    const list = createAllowlist([`/ip4/1.2.3.4/p2p/${A}`, `/ip4/1.2.3.5/tcp/1/p2p/${A}`, `/ip4/1.2.3.4/p2p/${A}`])
    expect(list.size).toBe(2)
    expect(['1.2.3.4', '1.2.3.5', '1.2.3.6'].map(ip => list.lifts(at(ip), A))).toEqual([PROVEN, PROVEN, NOTHING])
  })

  it.each(['/ip4/1.2.3.4/tcp/1234', '/ip4/1.2.3.4/udp/1/quic-v1', '/ip4/1.2.3.4/tcp/443/tls/sni/example.org/ws', '/ip4/1.2.3.0/ipcidr/24/tcp/1', '/ip4/1.2.3.4/'])('72: %s is the address, whatever is spoken there', entry => {
    const list = createAllowlist([entry])
    expect([list.lifts(at('1.2.3.4'), undefined), list.lifts(at('1.2.4.4'), undefined)]).toEqual([ALL, NOTHING])
  })

  it.each(['/ip4/1.2.3.0/24', `/ip4/1.2.3.0/24/p2p/${A}`])('refuses %s, which seems to be a range and would be one address', entry => {
    expect(() => createAllowlist([entry])).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
  })

  it.each(['/ip4/1.2.3.4', `/ip4/1.2.3.4/p2p/${A}`, '/ip4/1.2.3.0/ipcidr/24', `/ip4/1.2.3.0/ipcidr/24/p2p/${A}`, `/p2p/${A}`])('79: removing %s undoes adding it', entry => {
    const list = createAllowlist()
    list.add(entry)
    expect(list.lifts(at('1.2.3.4'), A)).not.toEqual(NOTHING)
    expect(list.remove(entry)).toBe(true)
    expect(list.remove(entry)).toBe(false)
    expect(list.lifts(at('1.2.3.4'), A)).toEqual(NOTHING)
  })

  it('a peer alone is allowed from everywhere, and without an address', () => {
    const list = createAllowlist([`/p2p/${A}`])
    expect([list.lifts(at('9.9.9.9'), undefined), list.lifts(at('9.9.9.9'), A), list.lifts(undefined, A), list.lifts(at('9.9.9.9'), B)]).toEqual([LANE, PROVEN, PROVEN, NOTHING])
  })

  it('finds each of 10,000 entries, whatever their lengths', () => {
    const list = createAllowlist()
    for (let i = 0; i < 5_000; i++) list.add(`10.${i >> 8}.${i & 255}.0/${24 + i % 9}`)
    for (let i = 0; i < 4_999; i++) list.add(`2001:db8:${i.toString(16)}::/${48 + i % 81}`)
    list.add(`/ip6/2001:db8:ffff::1/p2p/${A}`)
    expect(list.size).toBe(10_000)
    expect(() => { list.add('192.0.2.1') }).toThrow('10000')
    expect(() => { list.add('10.0.0.0/24') }).not.toThrow()
    for (let i = 0; i < 5_000; i++) expect(list.lifts(at(`10.${i >> 8}.${i & 255}.0`), undefined)).toEqual(ALL)
    for (let i = 0; i < 4_999; i++) expect(list.lifts(at(`2001:db8:${i.toString(16)}::`), undefined)).toEqual(ALL)
    expect(list.lifts(at('2001:db8:ffff::1'), A)).toEqual(PROVEN)
    expect(list.lifts(at('2001:db8:ffff::2'), A)).toEqual(NOTHING)
    expect(list.lifts(at('11.0.0.0'), undefined)).toEqual(NOTHING)
  })

  it('asks no more of an address than there are lengths', () => {
    const list = createAllowlist(Array.from({ length: 5_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/${24 + i % 2}`))
    let read = 0
    const address = new Proxy(at('192.0.2.1'), { get: (target, key) => { read++; return target[key as keyof NormalisedAddress] } })
    expect(list.lifts(address, undefined)).toEqual(NOTHING)
    expect(read).toBeLessThan(20)
  })

  it('tells what is at one range apart: everybody, and each peer', () => {
    const list = createAllowlist(['10.0.0.0/8', `/ip4/10.0.0.0/ipcidr/8/p2p/${A}`, `/ip4/10.0.0.0/ipcidr/8/p2p/${B}`])
    const address = at('10.1.1.1')
    expect([list.size, list.lifts(address, A), list.remove('10.0.0.0/8'), list.remove('10.0.0.0/8')]).toEqual([3, ALL, true, false])
    expect([list.lifts(address, undefined), list.lifts(address, A), list.lifts(address, B)]).toEqual([LANE, PROVEN, PROVEN])
    expect([list.remove(`/ip4/10.9.9.9/ipcidr/8/p2p/${A}`), list.lifts(address, A), list.lifts(address, B), list.size]).toEqual([true, NOTHING, PROVEN, 1])
  })

  it.each([
    '/p2p/garbagegarbage', '/p2p/12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW', `/p2p/${A}1`, `/p2p/1${A}`, `/p2p/${A.replace('J', 'l')}`, '/p2p/Qm',
    `/ip4/192.0.2.1/tcp/1/p2p/${A}/`, '/ip4/192.0.2.1/tcp/1/p2p/garbagegarbage', '/ip4/192.0.2.1/tcp/1/p2p', `/ip4/192.0.2.1/tcp/1/ipfs/${A}x`, `/ip4/192.0.2.1/p2p/${A}/p2p-circuit/p2p/${A}`, `/ip4/192.0.2.1/tcp/1/p2p/${A}/tcp/2`
  ])('refuses %s, which names no peer, instead of trusting nobody or everybody there', entry => {
    expect(() => createAllowlist([entry])).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
  })

  it.each([
    // A and B as libp2p's specs/peer-ids write them as CIDs
    'bafzaajaiaejca77utbidbetz47enfct5feyjmupawaghoiexeordbgmnrv3zz2us', 'bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe'
  ])('says which spelling of a peer is needed: %s', cid => {
    expect(() => createAllowlist([`/p2p/${cid}`])).toThrow(/looks like a CID.*base58, as PeerId\.toString\(\) does/)
  })

  // of an Ed25519, an RSA and a secp256k1 key
  it.each([A, B, '16Uiu2HAmFMBFyFdP1FfZgoE82m5AuWxSqetRczHpW3Zq2NJXdKK9'])('takes every kind of peer id as it is written: %s', peer => {
    expect(createAllowlist([`/p2p/${peer}`]).lifts(undefined, peer)).toEqual(PROVEN)
    expect(createAllowlist([`/ip4/192.0.2.1/tcp/1/ipfs/${peer}`]).lifts(at('192.0.2.1'), peer)).toEqual(PROVEN)
  })

  it.each(['', 'x', '/ip4/1.2.3', '/dns4/example.org', '/p2p/', '/ip4/1.2.3.4/ipcidr/33', '1.2.3.4:4001', '/ip4/1.2.3.4/foo', '/ip4/1.2.3.4/tcp', '/ip4/1.2.3.4/tcp/http', '/ip4/1.2.3.4/tcp/1//ws', 7 as unknown as string])('refuses %j', entry => {
    expect(() => createAllowlist([entry])).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
  })
})

// 66 to 68 are decided differently: prefixes are not given limits of their own; entries lift what there is, also those added later
describe('an allowlist and prefixes', () => {
  const limits = { ...infiniteLimits, prefixes: { ipv4: [{ length: 32, connections: 1, rate: 0.001, burst: 1 }], ipv6: [{ length: 56, connections: 1, rate: 0.001, burst: 1 }] } }

  it.each([[66, '/ip4/1.2.3.0/ipcidr/24', '1.2.3.4'], [67, '/ip6/2001:db8::/ipcidr/32', '2001:db8::1']])('%d: a range without a peer is not bound to counts and rates', (_number, entry, ip) => {
    const manager = createResourceManager({ limits, allowlist: [entry] })
    for (let i = 0; i < 20; i++) admitted(manager.openConnection('inbound', { address: at(ip) }))
    expect(manager.snapshot().prefixes.tracked).toBe(0)
  })

  it('68: a range that was added later on neither', () => {
    const list = createAllowlist()
    const manager = createResourceManager({ limits, allowlist: list })
    admitted(manager.openConnection('inbound', { address: at('1.2.3.4') }))
    refused(manager.openConnection('inbound', { address: at('1.2.3.4') }))
    list.add('/ip4/1.2.3.0/ipcidr/24')
    admitted(manager.openConnection('inbound', { address: at('1.2.3.4') }))
  })

  it('a peer gives its place back once it is proven, and its token not', () => {
    const manager = createResourceManager({ limits: { ...limits, prefixes: { ipv4: [{ length: 32, connections: 1, rate: 0.001, burst: 3 }], ipv6: [] } }, allowlist: [`/ip4/1.2.3.4/p2p/${A}`] })
    const address = at('1.2.3.4')
    admitted(manager.openConnection('inbound', { address })).setPeer(A)
    const second = admitted(manager.openConnection('inbound', { address }))
    expect(refused(manager.openConnection('inbound', { address })).cause).toBe('connections')
    expect(second.setPeer(B)).toBeUndefined()
    expect(refused(manager.openConnection('inbound', { address })).cause).toBe('connections')
    second.release()
    admitted(manager.openConnection('inbound', { address })).release()
    expect(refused(manager.openConnection('inbound', { address })).cause).toBe('rate')
  })

  it('the wrong peer whose move is refused keeps its place', () => {
    const manager = createResourceManager({
      limits: { ...limits, system: { connections: 0 }, prefixes: { ipv4: [{ length: 32, connections: 1 }], ipv6: [] } },
      allowlist: [`/ip4/1.2.3.4/p2p/${A}`]
    })
    const connection = admitted(manager.openConnection('inbound', { address: at('1.2.3.4') }))
    expect(refused(connection.setPeer(B)).scope).toBe('system')
    expect(manager.snapshot().prefixes.largest).toEqual([{ name: '1.2.3.4/32', connections: 1, limit: 1 }])
    connection.release()
    expect(manager.snapshot().prefixes.largest).toEqual([])
  })

  it('somebody else may say who is trusted from some time on', () => {
    const manager = managerWith({ system: { connections: 0 } })
    refused(manager.openConnection('inbound', { address: at('1.2.3.4') }))
    const source = createAllowlist(['1.2.3.4'])
    manager.setAllowlist(source)
    expect(manager.allowlist).toBe(source)
    admitted(manager.openConnection('inbound', { address: at('1.2.3.4') }))
  })

  it.each([undefined, null, 'x', 7, {}, { lifts: true }, [7]])('%j says of nobody who is trusted, and nothing changes', wrong => {
    const manager = createResourceManager({ allowlist: ['1.2.3.4'] })
    const { allowlist } = manager
    expect(() => { manager.setAllowlist(wrong as unknown as AllowlistSource) }).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
    expect(manager.allowlist).toBe(allowlist)
  })

  it('a list of entries will do as well', () => {
    const manager = managerWith({ system: { connections: 0 } })
    manager.setAllowlist(['1.2.3.4'])
    admitted(manager.openConnection('inbound', { address: at('1.2.3.4') }))
    expect(() => { manager.setAllowlist(['nonsense']) }).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
    admitted(manager.openConnection('inbound', { address: at('1.2.3.4') }))
  })

  it('where nobody was said to be trusted, nobody can be added without effect', () => {
    const { allowlist } = createResourceManager()
    expect(allowlist.lifts(at('1.2.3.4'), A)).toEqual(NOTHING)
    expect('add' in allowlist).toBe(false)
  })
})

describe('an allowlist that misbehaves', () => {
  const address = at('1.2.3.4')
  const limited = { prefixes: { ipv4: [{ length: 32, connections: 2, rate: 0.001, burst: 4 }], ipv6: [] } }

  it('is taken to lift nothing where it throws, and that is said once', () => {
    const warnings: LimitWarning[] = []
    const lifts = (): Lifted => { throw new Error('broken') }
    const manager = managerWith(limited, { allowlist: { lifts }, onWarning: warning => { warnings.push(warning) } })
    admitted(manager.openConnection('inbound', { address })).cancel()
    expect(manager.snapshot().system.usage.connectionsInbound).toBe(0)
    const connection = admitted(manager.openConnection('inbound', { address }))
    expect(connection.setPeer(A)).toBeUndefined()
    expect(manager.snapshot().prefixes.largest).toMatchObject([{ connections: 1 }])
    expect(warnings).toEqual([{ path: 'resourceManager.allowlist', message: expect.stringContaining('broken') as string }])
    manager.setAllowlist({ lifts })
    connection.release()
    admitted(manager.openConnection('inbound', { address })).release()
    expect(warnings).toHaveLength(2)
    expect(manager.snapshot().prefixes.largest).toEqual([])
  })

  it('that trusts somebody no longer gives nothing back that was not taken', () => {
    const source: { lifts: AllowlistSource['lifts'] } = { lifts: () => ({ lane: false, counts: false, buckets: false }) }
    const manager = managerWith(limited, { allowlist: source })
    const opens = (times: number): number => Array.from({ length: times }, () => manager.openConnection('inbound', { address })).reduce((count, connection) => {
      if ('code' in connection) return count
      connection.release()
      return count + 1
    }, 0)
    const { lifts } = source
    opens(1)
    source.lifts = () => ALL
    const trusted = admitted(manager.openConnection('inbound', { address }))
    source.lifts = lifts
    trusted.cancel()
    expect(opens(2) + opens(2)).toBe(3)
  })

  const answers: ReadonlyArray<[string, () => unknown]> = [
    ['nothing', () => undefined],
    ['an empty object', () => ({})],
    ['a promise', async () => Promise.resolve(ALL)],
    ['numbers', () => ({ lane: 1, counts: 1, buckets: 1 })],
    ['a text for its lane', () => ({ ...ALL, lane: 'yes' })],
    ['a text for its counts', () => ({ ...ALL, counts: 'yes' })],
    ['nothing for its buckets', () => ({ ...ALL, buckets: undefined })],
    ['what cannot be read', () => ({ get lane () { throw new Error('broken') } })]
  ]

  it.each(answers)('lifts nothing where it answers with %s', (_what, answer) => {
    const manager = managerWith({ system: { connections: 0 } }, { allowlist: { lifts: () => answer() as Lifted } })
    expect(refused(manager.openConnection('inbound', { address })).scope).toBe('system')
  })

  it('asks for other peers before it answers: the stream is charged to its own', () => {
    const allowlist: AllowlistSource = {
      lifts: () => {
        void manager.checkConnection('outbound', { peer: 'somebody-else' })
        return LANE
      }
    }
    const manager = managerWith({ transient: { streams: 0 } }, { allowlist })
    admitted(manager.openStream('victim', 'inbound'))
    expect([...manager.stat().peers.keys()]).toEqual(['victim'])
  })

  /** Does something the first time that it is asked */
  const first = (act: () => void, answer: Lifted): AllowlistSource => {
    let asked = false
    return {
      lifts: () => {
        if (asked) return answer
        asked = true
        act()
        return answer
      }
    }
  }

  it('opens another connection before it answers: each is counted at its own prefix', () => {
    const allowlist = first(() => { admitted(manager.openConnection('inbound', { address: at('5.6.7.8') })) }, NOTHING)
    const manager = managerWith(limited, { allowlist })
    const connection = admitted(manager.openConnection('inbound', { address }))
    expect(manager.snapshot().prefixes.largest.map(({ name }) => name).sort()).toEqual(['1.2.3.4/32', '5.6.7.8/32'])
    connection.release()
    expect(manager.snapshot().prefixes.largest.map(({ name }) => name)).toEqual(['5.6.7.8/32'])
  })

  it('is asked once for whoever comes in, also where the normal scopes are full', () => {
    let asked = 0
    const manager = managerWith({ transient: { connections: 0 } }, { allowlist: { lifts: () => { asked++; return LANE } } })
    admitted(manager.openConnection('inbound', { address }))
    expect(asked).toBe(1)
  })

  it('asks for a connection that has room before it answers: what has none is refused by who has none', () => {
    const allowlist = first(() => { expect(manager.checkConnection('inbound')).toBeUndefined() }, NOTHING)
    const manager = managerWith({ transient: { connectionsOutbound: 0 } }, { allowlist })
    expect(refused(manager.openConnection('outbound'))).toMatchObject({ scope: 'transient', cause: 'connectionsOutbound', direction: 'outbound' })
  })

  it('opens a stream of the same peer before it answers: its limit holds', () => {
    const allowlist = first(() => { admitted(manager.openStream('p', 'outbound')) }, LANE)
    const manager = managerWith({ transient: { streams: 0 }, peerDefault: { streams: 1 } }, { allowlist })
    expect(refused(manager.openStream('p', 'inbound'))).toMatchObject({ scope: 'peer:p', current: 1, limit: 1 })
    expect(manager.snapshot().allowlistedSystem.usage.streamsOutbound).toBe(1)
  })

  it('ends the connection that it is asked about: nothing is given back twice', () => {
    const opened: ConnectionScope[] = []
    const manager = managerWith(limited, { allowlist: { lifts: (_address, peer) => { if (peer === A) opened[0]?.release(); return peer === undefined ? NOTHING : ALL } } })
    const connection = admitted(manager.openConnection('inbound', { address }))
    opened.push(connection)
    expect(() => connection.setPeer(A)).toThrow(expect.objectContaining({ name: 'ScopeClosedError' }))
    const { system, prefixes, peers } = manager.snapshot()
    expect([system.usage.connectionsInbound, prefixes.largest, peers]).toEqual([0, [], []])
  })
})
