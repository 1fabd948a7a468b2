import { normaliseAddress } from '@cordon/address'
import { describe, expect, it } from 'vitest'
import { createAllowlist, createResourceManager, infiniteLimits } from '../src/index.ts'
import { admitted, managerWith, refused } from './support.ts'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'

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

  it.each(['', 'x', '/ip4/1.2.3', '/dns4/example.org', '/p2p/', '/ip4/1.2.3.4/ipcidr/33', 7 as unknown as string])('refuses %j', entry => {
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
})
