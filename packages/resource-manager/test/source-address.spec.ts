import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { fakeClock } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { Bench } from './participant-bench.ts'
import { refused } from './support.ts'
import type { PrefixConfig } from '@cordon/interface-resource-manager'

const TRANSPORTS = ['tcp/4001', 'udp/4001/quic-v1', 'udp/4001/quic-v1/webtransport', 'udp/4001/webrtc-direct']

const quic = (ip: string): string => `/ip${ip.includes(':') ? '6' : '4'}/${ip}/udp/4001/quic-v1`

function benchWith (prefixes: PrefixConfig, clock = fakeClock()): Bench {
  return new Bench({ prefixes: { ipv4: [], ipv6: [], ...prefixes } }, 32, { clock })
}

/** How many of `count` that come one after the other, and leave, are admitted */
function burst (bench: Bench, address: string, count: number): number {
  let opened = 0
  for (let n = 0; n < count; n++) {
    const record = bench.open('inbound', address)
    if (isRefusal(record)) continue
    // from here on it has cost its token
    bench.participant.raw(record)
    bench.close(record)
    opened++
  }
  return opened
}

// Decided differently: in go-libp2p `verifySourceAddress` says when a QUIC listener has to ask a newcomer to prove its address,
// before it costs a handshake, and the limiter that says it is made of the other limits. js-libp2p has no QUIC listener that could
// ask. What comes over UDP is judged when it is a connection, in the same prefixes as all others.
describe('where what comes over UDP is from', () => {
  it.each(TRANSPORTS)('70: is not to be proven, as there is no QUIC that could ask: a third from one IP address is refused, whichever came first and as %s', third => {
    for (const first of TRANSPORTS) {
      const bench = benchWith({ ipv4: [{ length: 32, connections: 2 }], ipv6: [{ length: 56, connections: 2 }] })
      for (const [ip, scope] of [['ip4/192.0.2.1', '192.0.2.1/32'], ['ip4/192.0.2.2', '192.0.2.2/32'], ['ip6/2001:db8::1', '2001:db8::/56']] as const) {
        expect([first, 'udp/1/quic-v1'].map(transport => isRefusal(bench.open('inbound', `/${ip}/${transport}`)))).toEqual([false, false])
        expect(refused(bench.open('inbound', `/${ip}/${third}`))).toMatchObject({ code: 'limit', scope: `prefix:${scope}`, current: 2, limit: 2 })
      }
      const { connectionsInbound, fileDescriptors } = bench.manager.snapshot().system.usage
      // only TCP takes a descriptor
      expect([connectionsInbound, fileDescriptors]).toEqual([6, first === 'tcp/4001' ? 3 : 0])
    }
  })

  it('71: no second limiter is made of the counts: they bound how many there are at once, and not how fast they come', () => {
    const bench = benchWith({ ipv4: [{ length: 32, connections: 8 }, { length: 24, connections: 8 }], ipv6: [{ length: 56, connections: 8 }], entries: { '10.0.0.0/8': { connections: 8 } } })
    // half of a count and 0.1 a second, in go-libp2p
    for (const ip of ['192.0.2.1', '10.0.0.1', '2001:db8::1']) expect(burst(bench, quic(ip), 100)).toBe(100)
    expect(burst(benchWith({}), quic('192.0.2.1'), 100)).toBe(100)
  })

  it('71: the buckets are those that are written down, at each level, in IPv4 and IPv6, and over TCP and UDP the same', () => {
    const levels = { connections: 8, rate: 0.001 }
    for (const transport of TRANSPORTS) {
      const bench = benchWith({ ipv4: [{ length: 32, burst: 6, ...levels }, { length: 24, burst: 10, ...levels }], ipv6: [{ length: 56, burst: 5, ...levels }], entries: { '10.0.0.0/8': { burst: 7, ...levels } } })
      expect(burst(bench, `/ip4/192.0.2.1/${transport}`, 20)).toBe(6)
      expect(burst(bench, quic('192.0.2.1'), 20)).toBe(0)
      expect(burst(bench, quic('192.0.2.2'), 20)).toBe(4)
      expect(burst(bench, quic('2001:db8::1'), 20)).toBe(5)
      expect(burst(bench, `/ip4/10.0.0.1/${transport}`, 20)).toBe(7)
    }
  })

  it('71: the defaults are 16 in a burst and one in 5 s, also for what comes over UDP', () => {
    const clock = fakeClock()
    const bench = benchWith({ ipv4: undefined, ipv6: undefined }, clock)
    expect(burst(bench, quic('192.0.2.1'), 40)).toBe(16)
    clock.tick(5_000)
    expect(burst(bench, quic('192.0.2.1'), 40)).toBe(1)
  })
})
