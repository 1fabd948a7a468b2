import { normaliseAddress } from '@cordon/address'
import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { fakeClock, seededRandom } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { createResourceManager, infiniteLimits } from '../src/index.ts'
import { admitted, refused, use, usageOf } from './support.ts'
import type { CoreResourceManager } from '../src/index.ts'
import type { managerWith } from './support.ts'
import type { ConnectionScope, LimitConfig, PrefixConfig } from '@cordon/interface-resource-manager'
import type { FakeClock } from '@cordon/testing'

const from = (ip: string): { address: ReturnType<typeof normaliseAddress> } => ({ address: normaliseAddress(ip) })
const RELAY = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'
const RELAY_2 = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'

function prefixed (prefixes: PrefixConfig): { manager: ReturnType<typeof managerWith>, clock: FakeClock } {
  const clock = fakeClock()
  return { clock, manager: createResourceManager({ clock, limits: { ...infiniteLimits, prefixes: { ipv4: [], ipv6: [], relay: {}, relayed: {}, ...prefixes } } }) }
}

/** An id that nobody has the key of */
const relayId = (n: number): string => RELAY.slice(0, -1) + '123456789'.charAt(n)

/** How many connections from an address are admitted of `count`; they stay */
function open (manager: ReturnType<typeof managerWith>, ip: string, count: number): number {
  let opened = 0
  for (let i = 0; i < count; i++) {
    const connection = manager.openConnection('inbound', from(ip))
    if (!('code' in connection)) opened++
  }
  return opened
}

/** The same, and they go at once, so that only rates count */
function burst (manager: ReturnType<typeof managerWith>, ip: string, count: number): number {
  let opened = 0
  for (let i = 0; i < count; i++) {
    const connection = manager.openConnection('inbound', from(ip))
    if ('code' in connection) continue
    connection.release()
    opened++
  }
  return opened
}

describe('how many connections a prefix has', () => {
  it('80: refuses the second of one address, and not its neighbour', () => {
    const { manager } = prefixed({ ipv4: [{ length: 32, connections: 1 }] })
    expect(open(manager, '192.0.2.1', 2)).toBe(1)
    expect(refused(manager.openConnection('inbound', from('192.0.2.1')))).toMatchObject({
      code: 'limit', scopeClass: 'prefix', scope: 'prefix:192.0.2.1/32', cause: 'connections', current: 1, attempted: 1, limit: 1, configPath: 'resourceManager.limits.prefixes.ipv4[0].connections'
    })
    expect(open(manager, '192.0.2.2', 1)).toBe(1)
    expect(usageOf(manager, 'system')).toEqual(use({ connectionsInbound: 2 }))
  })

  it('says so in words', () => {
    const { manager } = prefixed({ ipv4: [{ length: 32, connections: 1 }, { length: 24, rate: 0.5, burst: 3 }], ipv6: [{ length: 64, rate: 0 }] })
    expect(open(manager, '192.0.2.1', 1)).toBe(1)
    const why = (ip: string): string => refused(manager.openConnection('inbound', from(ip))).message
    expect(why('192.0.2.1')).toBe('prefix:192.0.2.1/32 has 1 of 1 inbound connections; resourceManager.limits.prefixes.ipv4[0].connections changes that')
    expect(open(manager, '192.0.2.2', 1) + open(manager, '192.0.2.3', 1)).toBe(2)
    expect(why('192.0.2.4')).toBe('prefix:192.0.2.0/24 connects more often than 0.5 times a second after a burst of 3; resourceManager.limits.prefixes.ipv4[1].rate changes that')
    expect(why('2001:db8::1')).toBe('prefix:2001:db8::/64 may not connect at all; resourceManager.limits.prefixes.ipv6[0].rate changes that')
  })

  it('81: a connection that goes makes room', () => {
    const { manager } = prefixed({ ipv4: [{ length: 32, connections: 1 }] })
    for (let i = 0; i < 3; i++) admitted(manager.openConnection('inbound', from('192.0.2.1'))).release()
  })

  it('82: counts IPv6 addresses by their /56', () => {
    const { manager } = prefixed({ ipv6: [{ length: 56, connections: 1 }] })
    expect(open(manager, '2001:db8::1', 2)).toBe(1)
    expect(open(manager, '2001:db8:0:ff::1', 1)).toBe(0)
    expect(open(manager, '2001:db8:0:100::1', 1)).toBe(1)
  })

  it('83: each level of IPv6 must have room', () => {
    const { manager } = prefixed({ ipv6: [{ length: 56, connections: 8 }, { length: 48, connections: 64 }] })
    expect(open(manager, '2001:db8:0::1', 9)).toBe(8)
    let total = 8
    for (let i = 1; i < 10; i++) total += open(manager, `2001:db8:0:${i}00::1`, 8)
    expect(total).toBe(64)
    expect(open(manager, '2001:db8:1::1', 9)).toBe(8)
    expect(manager.snapshot().prefixes.largest[0]).toEqual({ name: '2001:db8::/48', connections: 64, limit: 64 })
  })

  it('84: loopback passes although one connection is all that IPv4 may have', () => {
    const { manager } = prefixed({ ipv4: [{ length: 0, connections: 1 }] })
    expect(open(manager, '192.0.2.1', 2)).toBe(1)
    expect(open(manager, '127.0.0.1', 20)).toBe(20)
  })

  it('85: after any sequence of opening and closing every counter is zero', () => {
    const random = seededRandom(85)
    const { manager } = prefixed({ ipv4: [{ length: 32, connections: 3 }, { length: 24, connections: 5 }], ipv6: [{ length: 56, connections: 2 }], entries: { '10.0.0.0/8': { connections: 4 }, '10.1.0.0/16': { connections: 2 } } })
    const held: Array<{ release (): void }> = []
    for (let i = 0; i < 20_000; i++) {
      if (random.chance(0.5)) {
        const ip = random.pick([`192.0.${random.int(0, 2)}.${random.int(0, 3)}`, `10.${random.int(0, 2)}.0.${random.int(0, 2)}`, `2001:db8:0:${random.int(0, 3)}00::${random.int(1, 3)}`])
        const connection = manager.openConnection('inbound', from(ip))
        if (!('code' in connection)) held.push(connection)
      } else {
        held.splice(random.int(0, Math.max(held.length - 1, 0)), 1)[0]?.release()
      }
      if (held.length > 0 && i % 100 === 0) expect(manager.snapshot().prefixes.largest.length).toBeGreaterThan(0)
    }
    for (const connection of held) connection.release()
    expect(manager.snapshot().prefixes.largest).toEqual([])
  })

  it('86: the most specific entry decides', () => {
    const { manager } = prefixed({ entries: { '10.0.0.0/8': { connections: 1 }, '10.1.0.0/16': { connections: 3 }, '10.1.1.0/24': { connections: 2 } } })
    expect(open(manager, '10.1.1.1', 5)).toBe(2)
    expect(open(manager, '10.1.2.1', 5)).toBe(3)
    expect(open(manager, '10.2.0.1', 5)).toBe(1)
  })

  it('all relays together have a quarter of what the node may have, whoever plays them', () => {
    const manager = createResourceManager({ limits: { ...infiniteLimits, system: { ...infiniteLimits.system, connectionsInbound: 83 }, prefixes: { relay: { connections: 8 } } } })
    const through = (n: number, count: number): number => open(manager, `/ip4/192.0.2.1/tcp/1/p2p/${relayId(n)}/p2p-circuit`, count)
    expect([through(1, 10), through(2, 10), through(3, 10), through(4, 10)]).toEqual([8, 8, 5, 0])
    expect(refused(manager.openConnection('inbound', from(`/p2p/${relayId(5)}/p2p-circuit`)))).toMatchObject({
      code: 'limit', scopeClass: 'prefix', scope: 'prefix:relayed', cause: 'connections', current: 21, limit: 21, configPath: 'resourceManager.limits.prefixes.relayed.connections'
    })
    expect(open(manager, '192.0.2.1', 3)).toBe(3)
    expect(manager.snapshot().prefixes.largest[0]).toEqual({ name: 'relayed', connections: 21, limit: 21 })
  })

  it('all relays together have what the user says, from then on', () => {
    const manager = createResourceManager({ limits: { ...infiniteLimits, prefixes: { relay: {}, relayed: { connections: 2 } } } })
    const come = (): ReturnType<typeof manager.openConnection> => manager.openConnection('inbound', from(`/p2p/${relayId(1)}/p2p-circuit`))
    const first = admitted(come())
    admitted(come())
    expect(refused(come()).scope).toBe('prefix:relayed')
    manager.setLimits({ ...infiniteLimits, prefixes: { relay: {}, relayed: { connections: 3 } } })
    admitted(come())
    manager.setLimits({ ...infiniteLimits, prefixes: { relay: {}, relayed: { connections: 1 } } })
    expect(refused(come())).toMatchObject({ current: 3, limit: 1 })
    first.release()
    expect(refused(come())).toMatchObject({ current: 2, limit: 1 })
  })

  it('whoever is trusted and has proven it takes no place among the relayed', () => {
    const allowlist = [`/p2p/${RELAY_2}`]
    const manager = createResourceManager({ allowlist, limits: { ...infiniteLimits, prefixes: { relayed: { connections: 1 } } } })
    const come = (): ReturnType<typeof manager.openConnection> => manager.openConnection('inbound', from(`/p2p/${RELAY}/p2p-circuit`))
    const trusted = admitted(come())
    expect(refused(come()).scope).toBe('prefix:relayed')
    trusted.setPeer(RELAY_2)
    admitted(come())
    trusted.release()
    expect(refused(come()).current).toBe(1)
  })

  it('does not remember whom it refused', () => {
    const { manager } = prefixed({ ipv6: [{ length: 56, connections: 8 }, { length: 48, connections: 0 }] })
    expect(open(manager, '2001:db8::1', 3)).toBe(0)
    expect(manager.snapshot().prefixes.tracked).toBe(0)
  })
})

describe('how fast connections come from a prefix', () => {
  // decided differently: 0 blocks, and Infinity is what is not limited
  it('87: a rate of Infinity is no limit, and 0 blocks', () => {
    const { manager } = prefixed({ ipv4: [{ length: 32, rate: Infinity }], entries: { '10.0.0.0/8': { rate: 0 } } })
    expect(burst(manager, '192.0.2.1', 1000)).toBe(1000)
    expect(burst(manager, '10.0.0.1', 10)).toBe(0)
    const refusal = refused(manager.openConnection('inbound', from('10.0.0.1')))
    expect(refusal.code).toBe('rate')
    expect(refusal.retryAfter).toBeUndefined()
  })

  it('88: after a burst the rate counts, exactly', () => {
    const { manager, clock } = prefixed({ ipv4: [{ length: 32, rate: 10, burst: 5 }] })
    expect(burst(manager, '192.0.2.1', 10)).toBe(5)
    let opened = 0
    for (let i = 0; i < 1_000; i++) {
      clock.tick(10)
      opened += burst(manager, '192.0.2.1', 1)
    }
    expect(opened).toBe(100)
  })

  it('89: an entry without a rate is not bound to the rate of all', () => {
    const { manager } = prefixed({ global: { rate: 0.001, burst: 2 }, entries: { '10.0.0.0/8': {} } })
    expect(burst(manager, '192.0.2.1', 5)).toBe(2)
    expect(burst(manager, '10.0.0.1', 50)).toBe(50)
  })

  it('90: every entry that matches has to grant', () => {
    const { manager } = prefixed({ entries: { '10.0.0.0/8': { rate: 0.001, burst: 20 }, '10.1.0.0/16': { rate: 0.001, burst: 5 } } })
    expect(burst(manager, '10.1.0.1', 30)).toBe(5)
    expect(burst(manager, '10.2.0.1', 30)).toBe(15)
  })

  it('91: each level caps at its own burst, IPv4 and IPv6 apart', () => {
    const { manager } = prefixed({ ipv4: [{ length: 32, rate: 0.001, burst: 2 }, { length: 24, rate: 0.001, burst: 5 }], ipv6: [{ length: 56, rate: 0.001, burst: 3 }] })
    expect(burst(manager, '192.0.2.1', 10)).toBe(2)
    expect(burst(manager, '192.0.2.2', 10) + burst(manager, '192.0.2.3', 10) + burst(manager, '192.0.2.4', 10)).toBe(3)
    expect(burst(manager, '2001:db8::1', 10)).toBe(3)
  })

  it('92: four levels cap together', () => {
    const { manager } = prefixed({ ipv4: [32, 24, 16, 8].map((length, i) => ({ length, rate: 0.001, burst: 10 * 2 ** i })) })
    let total = burst(manager, '10.0.0.1', 100)
    expect(total).toBe(10)
    total += burst(manager, '10.0.0.2', 100) + burst(manager, '10.0.0.3', 100)
    expect(total).toBe(20)
    for (let i = 1; i < 10; i++) total += burst(manager, `10.0.${i}.1`, 100)
    expect(total).toBe(40)
    for (let i = 1; i < 20; i++) total += burst(manager, `10.${i}.0.1`, 100)
    expect(total).toBe(80)
  })

  it('93: without levels everything passes', () => {
    const { manager } = prefixed({})
    expect(open(manager, '192.0.2.1', 1000)).toBe(1000)
    expect(manager.snapshot().prefixes.tracked).toBe(0)
  })

  it('94: a bucket is forgotten once it is full again, and not before', () => {
    const { manager, clock } = prefixed({ ipv4: [{ length: 32, rate: 1, burst: 4 }] })
    expect(burst(manager, '192.0.2.1', 4)).toBe(4)
    clock.tick(3_999)
    burst(manager, '192.0.2.2', 1)
    expect(manager.snapshot().prefixes.tracked).toBe(2)
    clock.tick(2)
    burst(manager, '192.0.2.3', 1)
    expect(manager.snapshot().prefixes.tracked).toBe(2)
  })

  it('95: an empty bucket is full after burst / rate', () => {
    const { manager, clock } = prefixed({ ipv4: [{ length: 32, rate: 2, burst: 6 }] })
    burst(manager, '192.0.2.1', 6)
    expect(refused(manager.openConnection('inbound', from('192.0.2.1'))).retryAfter).toBe(500)
    clock.tick(3_000)
    expect(burst(manager, '192.0.2.1', 10)).toBe(6)
  })

  it('gives a token back only where the same step refuses', () => {
    const clock = fakeClock()
    const manager = createResourceManager({ clock, limits: { ...infiniteLimits, system: { connections: 1 }, prefixes: { ipv4: [{ length: 32, rate: 0.001, burst: 2 }], ipv6: [] } } })
    const first = admitted(manager.openConnection('inbound', from('192.0.2.1')))
    for (let i = 0; i < 10; i++) expect(refused(manager.openConnection('inbound', from('192.0.2.1'))).scope).toBe('system')
    first.cancel()
    first.cancel()
    admitted(manager.openConnection('inbound', from('192.0.2.1'))).release()
    admitted(manager.openConnection('inbound', from('192.0.2.1'))).release()
    expect(refused(manager.openConnection('inbound', from('192.0.2.1'))).code).toBe('rate')
  })

  it('gives no token back that was taken by other rules', () => {
    const at = (rate: number, burst: number): LimitConfig => ({ ...infiniteLimits, prefixes: { ipv4: [{ length: 32, rate, burst }], ipv6: [] } })
    const clock = fakeClock()
    const manager = createResourceManager({ clock, limits: at(1, 2) })
    const early = admitted(manager.openConnection('inbound', from('192.0.2.1')))
    manager.setLimits(at(0.001, 2))
    const late = admitted(manager.openConnection('inbound', from('192.0.2.1')))
    early.cancel()
    expect(refused(manager.openConnection('inbound', from('192.0.2.1'))).code).toBe('rate')
    late.cancel()
    expect(burst(manager, '192.0.2.1', 3)).toBe(1)
  })

  it('our own dials touch neither tokens nor counts', () => {
    const { manager } = prefixed({ ipv4: [{ length: 32, connections: 1, rate: 0.001, burst: 1 }] })
    for (let i = 0; i < 10; i++) admitted(manager.openConnection('outbound', from('192.0.2.1')))
    admitted(manager.openConnection('inbound', from('192.0.2.1')))
  })
})

describe('the defaults of prefixes', () => {
  it('are those of go-libp2p: 8 at once of one address, 16 in a burst, then one in 5 s', () => {
    const clock = fakeClock()
    const manager = createResourceManager({ clock, machine: { memory: 2 ** 40, fileDescriptors: 0 } })
    expect(open(manager, '192.0.2.1', 20)).toBe(8)
    expect(burst(manager, '192.0.2.2', 20)).toBe(16)
    clock.tick(5_000)
    expect(burst(manager, '192.0.2.2', 20)).toBe(1)
  })

  it('keep the exemption of loopback where other entries are given, and lose it where it is named', () => {
    const levels = { ipv4: [{ length: 32, connections: 1 }], ipv6: [{ length: 56, connections: 1 }] }
    const kept = prefixed({ ...levels, entries: { '10.0.0.0/8': { connections: 3 } } }).manager
    expect([open(kept, '127.0.0.1', 9), open(kept, '::1', 9), open(kept, '10.0.0.1', 9)]).toEqual([9, 9, 3])
    const lost = prefixed({ ...levels, entries: { '127.0.0.0/8': false, '::1/128': { connections: 2 } } }).manager
    expect([open(lost, '127.0.0.1', 9), open(lost, '::1', 9)]).toEqual([1, 2])
  })

  it('charge a relayed connection to its relay and not to the address of that, without a descriptor', () => {
    const manager = createResourceManager({ machine: { memory: 2 ** 40, fileDescriptors: 0 } })
    const relayed = { ...from(`/ip4/192.0.2.1/tcp/4001/p2p/${RELAY}/p2p-circuit`), usesDescriptor: true }
    const held = Array.from({ length: 8 }, () => admitted(manager.openConnection('inbound', relayed)))
    expect(refused(manager.openConnection('inbound', relayed))).toMatchObject({ scope: `prefix:relay:${RELAY}`, limit: 8 })
    expect(open(manager, '192.0.2.1', 8)).toBe(8)
    expect(usageOf(manager, 'system').fileDescriptors).toBe(0)
    held[0]?.setPeer('source')
    expect(usageOf(manager, 'peer', 'source')).toEqual(use({ connectionsInbound: 1 }))
    admitted(manager.openConnection('inbound', from(`/ip4/192.0.2.1/tcp/4001/p2p/${RELAY_2}/p2p-circuit`)))
  })

  it('do not let those without an IP address share one bucket', () => {
    const manager = createResourceManager({ machine: { memory: 2 ** 40, fileDescriptors: 0 } })
    let opened = 0
    for (let i = 0; i < 40; i++) {
      const connection = manager.openConnection('inbound', from(`/memory/${i}`))
      if ('code' in connection) continue
      opened++
      connection.setPeer(`peer-${i}`)
    }
    expect(opened).toBe(40)
  })

  it('judge what has no IP address by itself where that is asked for', () => {
    const { manager } = prefixed({ other: { connections: 1 } })
    expect([open(manager, '/memory/1', 3), open(manager, '/memory/2', 3)]).toEqual([1, 1])
  })
})

describe('many prefixes', () => {
  it('are bounded at each level, and counts stay right for those that are known', () => {
    const clock = fakeClock()
    const manager = createResourceManager({ clock, maxPrefixes: 100, limits: { ...infiniteLimits, prefixes: { ipv4: [{ length: 32, connections: 2, rate: 0.001, burst: 2 }], ipv6: [] } } })
    const kept = admitted(manager.openConnection('inbound', from('192.0.2.1')))
    for (let i = 0; i < 1_000; i++) admitted(manager.openConnection('inbound', from(`10.0.${i >> 8}.${i & 255}`))).release()
    const { tracked, evicted, largest } = manager.snapshot().prefixes
    expect(tracked).toBe(100)
    expect(evicted).toBe(901)
    expect(largest).toEqual([{ name: '192.0.2.1/32', connections: 1, limit: 2 }])
    kept.release()
  })

  it('go without an eviction that matters where their buckets are full', () => {
    const clock = fakeClock()
    const manager = createResourceManager({ clock, maxPrefixes: 100, limits: { ...infiniteLimits, prefixes: { ipv4: [{ length: 32, connections: 2, rate: 1, burst: 2 }], ipv6: [] } } })
    for (let i = 0; i < 1_000; i++) {
      clock.tick(100)
      admitted(manager.openConnection('inbound', from(`10.0.${i >> 8}.${i & 255}`))).release()
    }
    expect(manager.snapshot().prefixes).toMatchObject({ evicted: 0 })
    expect(manager.snapshot().prefixes.tracked).toBeLessThan(20)
  })

  describe('may be too many:', () => {
    function meter (): { clock: FakeClock, opens: (address: string, times: number) => number, connect: (address: string) => ConnectionScope, manager: CoreResourceManager } {
      const clock = fakeClock()
      const manager = createResourceManager({ clock, maxPrefixes: 2, limits: { ...infiniteLimits, prefixes: { ipv4: [{ length: 32, rate: 0.001, burst: 4, connections: 9 }], ipv6: [] } } })
      const opens = (address: string, times: number): number => {
        let count = 0
        for (let i = 0; i < times; i++) {
          const connection = manager.openConnection('inbound', from(address))
          if (isRefusal(connection)) break
          connection.release()
          count++
        }
        return count
      }
      return { clock, opens, manager, connect: address => admitted(manager.openConnection('inbound', from(address))) }
    }

    it('the one whose bucket is full soonest goes, and not the one that was left first', () => {
      const { manager, opens } = meter()
      opens('192.0.2.1', 3)
      opens('192.0.2.2', 2)
      opens('192.0.2.3', 1)
      expect(manager.snapshot().prefixes).toMatchObject({ tracked: 2, evicted: 1 })
      expect(opens('192.0.2.1', 4)).toBe(1)
    })

    it('the one that got its tokens back has nothing to be remembered for', () => {
      const { connect, manager, opens } = meter()
      const both = [connect('192.0.2.1'), connect('192.0.2.1')]
      opens('192.0.2.2', 1)
      for (const connection of both) connection.cancel()
      opens('192.0.2.3', 1)
      expect(manager.snapshot().prefixes).toMatchObject({ tracked: 2, evicted: 0 })
      expect(opens('192.0.2.2', 4)).toBe(3)
    })

    it('nobody matters any more once there are no buckets', () => {
      const { manager, opens } = meter()
      opens('192.0.2.1', 1)
      opens('192.0.2.2', 1)
      manager.setLimits({ ...infiniteLimits, prefixes: { ipv4: [{ length: 32, connections: 9 }], ipv6: [] } })
      opens('192.0.2.3', 1)
      expect(manager.snapshot().prefixes).toMatchObject({ tracked: 1, evicted: 0 })
    })

    it('those with full buckets go first also for whoever needs no token', () => {
      const { clock, connect, manager, opens } = meter()
      opens('192.0.2.1', 1)
      clock.tick(1_000_000)
      manager.setAllowlist({ lifts: () => ({ lane: false, counts: false, buckets: true }) })
      connect('192.0.2.2')
      connect('192.0.2.3')
      expect(manager.snapshot().prefixes).toMatchObject({ tracked: 2, evicted: 0 })
    })
  })

  it('may all be in use: the oldest is forgotten, and nobody is refused for it', () => {
    const manager = createResourceManager({ maxPrefixes: 10, limits: { ...infiniteLimits, prefixes: { ipv4: [{ length: 32, connections: 1 }], ipv6: [] } } })
    const held = Array.from({ length: 50 }, (_, i) => admitted(manager.openConnection('inbound', from(`10.0.0.${i}`))))
    expect(manager.snapshot().prefixes).toMatchObject({ tracked: 10, evicted: 40 })
    for (const connection of held) connection.release()
    expect(manager.snapshot().prefixes.largest).toEqual([])
  })

  it('keep their connections when limits change', () => {
    const { manager } = prefixed({ ipv4: [{ length: 32, connections: 5 }] })
    open(manager, '192.0.2.1', 3)
    manager.setLimits({ ...infiniteLimits, prefixes: { ipv4: [{ length: 32, connections: 4 }], ipv6: [] } })
    expect(open(manager, '192.0.2.1', 3)).toBe(1)
  })

  it.each<[string, PrefixConfig]>([
    ['a level had no limit', { ipv4: [{ length: 32 }] }],
    ['there was no level', { ipv4: [] }],
    ['an entry took its place', { ipv4: [{ length: 32, connections: 4 }], entries: { '192.0.2.0/24': {} } }],
    ['a level was another one', { ipv4: [{ length: 24, connections: 4 }] }]
  ])('know those that came while %s', (_, before) => {
    const limits = { ...infiniteLimits, prefixes: { ipv4: [{ length: 32, connections: 4 }], ipv6: [] } }
    const { manager } = prefixed(before)
    const [first] = Array.from({ length: 3 }, () => admitted(manager.openConnection('inbound', from('192.0.2.1'))))
    admitted(manager.openConnection('outbound', from('192.0.2.1')))
    manager.setLimits(limits)
    expect(manager.snapshot().prefixes.largest).toEqual([{ name: '192.0.2.1/32', connections: 3, limit: 4 }])
    expect(open(manager, '192.0.2.1', 10)).toBe(1)
    first?.release()
    expect(open(manager, '192.0.2.1', 10)).toBe(1)
    expect(manager.snapshot().classes.prefix).toMatchObject({ count: 1, idle: 0, peak: { connectionsInbound: 4 } })
  })

  it('know nobody of whom an allowlist has said that he does not count, before or after it was known who he is', () => {
    const { manager } = prefixed({ ipv4: [] })
    manager.setAllowlist({ lifts: (address, peer) => ({ lane: false, buckets: false, counts: peer !== undefined || address?.key === '192.0.2.2' }) })
    admitted(manager.openConnection('inbound', from('192.0.2.1'))).setPeer('a')
    admitted(manager.openConnection('inbound', from('192.0.2.2')))
    manager.setLimits({ ...infiniteLimits, prefixes: { ipv4: [{ length: 32, connections: 1 }], ipv6: [] } })
    expect(manager.snapshot().prefixes.largest).toEqual([])
  })

  it('keep their buckets when limits change', () => {
    const at = (connections: number): LimitConfig => ({ ...infiniteLimits, prefixes: { ipv4: [{ length: 32, connections, rate: 0.001, burst: 4 }], ipv6: [] } })
    const manager = createResourceManager({ clock: fakeClock(), limits: at(9) })
    expect(open(manager, '192.0.2.1', 3)).toBe(3)
    manager.setLimits(at(8))
    expect(open(manager, '192.0.2.1', 3)).toBe(1)
  })

  const metered = (rate: number, burst: number): LimitConfig => ({ ...infiniteLimits, prefixes: { ipv4: [{ length: 32, rate, burst }], ipv6: [] } })

  it.each<[string, readonly [number, number], readonly [number, number], number, number, number]>([
    ['raised: what was used up fills as fast as it may now', [1 / 3_600, 16], [10, 16], 0, 200, 2],
    ['raised: it is full when the new one would be', [1 / 3_600, 16], [10, 16], 0, 1_600, 16],
    ['lowered: what was used up stays so', [100, 16], [1 / 60, 16], 0, 1_000, 0],
    ['lowered with its burst: what was used up is no more than all', [1, 16], [1, 4], 0, 1_000, 1],
    ['kept with a larger burst: there is the rest of it', [0.001, 16], [0.001, 20], 4, 0, 0],
    ['set for the first time: nothing was used up', [Infinity, 16], [0.001, 16], 16, 0, 0],
    ['set again after nobody was admitted: nothing was used up', [0, 16], [0.001, 16], 16, 0, 0]
  ])('have a bucket whose rate is %s', (_, before, after, atOnce, wait, later) => {
    const clock = fakeClock()
    const manager = createResourceManager({ clock, limits: metered(...before) })
    burst(manager, '192.0.2.1', 16)
    manager.setLimits(metered(...after))
    expect(burst(manager, '192.0.2.1', 99)).toBe(atOnce)
    clock.tick(wait)
    expect(burst(manager, '192.0.2.1', 99)).toBe(later)
  })

  it('have a bucket that is full in time by the last of all rates, which are forgotten then', () => {
    const random = seededRandom(7)
    for (let trace = 0; trace < 300; trace++) {
      const clock = fakeClock()
      const manager = createResourceManager({ clock, limits: metered(1, 5) })
      let [rate, size] = [1, 5]
      for (let step = 0; step < 8; step++) {
        burst(manager, '192.0.2.1', random.int(0, 9))
        clock.tick(random.int(0, 5_000))
        ;[rate, size] = [random.pick([0.001, 0.1, 1, 50]), random.int(1, 9)]
        manager.setLimits(metered(rate, size))
      }
      clock.tick(Math.ceil(size / rate * 1_000) + 1)
      burst(manager, '192.0.2.2', 1)
      expect(manager.snapshot().prefixes).toMatchObject({ tracked: 1, evicted: 0 })
      expect(burst(manager, '192.0.2.1', 99)).toBe(size)
    }
  })

  it('show themselves alone in logs, and not all others that came', () => {
    const { manager } = prefixed({ ipv4: [] })
    const [first, second] = [admitted(manager.openConnection('inbound', from('192.0.2.1'))), admitted(manager.openConnection('inbound', from('192.0.2.2')))]
    second.setPeer('a')

    expect([first, second].map(connection => JSON.parse(JSON.stringify(connection)) as unknown)).toMatchObject([
      { name: first.name, direction: 'inbound', address: '192.0.2.1', usage: { connectionsInbound: 1 } },
      { name: second.name, direction: 'inbound', address: '192.0.2.2', peer: 'a', allowlisted: false }
    ])
    expect(Reflect.get(first, Symbol.for('nodejs.util.inspect.custom'))).toBeInstanceOf(Function)
  })
})
