import { describe, expect, it } from 'vitest'
import { PEERS } from '../fakes.ts'
import { NO, everyStage, pass } from './harness.ts'
import type { Context, Harness, Opened } from './harness.ts'
import type { Direction } from '@cordon/interface-connection-lifecycle'

const ARGS = { maxHandshaking: 12, maxHandshakingPerGroup: 4, maxHandshakingOutbound: 6 }

const host = (n: number): string => `/ip4/198.51.100.${n}/tcp/4001`

/** Opens this many from one address */
function fill (harness: Harness, from: string, count: number, direction: Direction = 'inbound'): Opened[] {
  return Array.from({ length: count }, () => harness.open({ from, direction }))
}

function alive (opened: Opened[]): boolean[] {
  return opened.map(({ record }) => record.state !== 'closed')
}

const relayed = (relay: number): string => `/ip4/192.0.2.1/tcp/4001/p2p/${String(PEERS[relay])}/p2p-circuit`

/** Remotes that share one allowance, and such that do not */
const GROUPS: ReadonlyArray<readonly [string, string, string, boolean]> = [
  ['one IPv4 address', host(1), host(1), true],
  ['neighbours', host(1), host(2), false],
  ['one IPv6 /64', '/ip6/2001:db8:1:2::1/tcp/4001', '/ip6/2001:db8:1:2:ffff::9/tcp/4001', true],
  ['two IPv6 /64', '/ip6/2001:db8:1:2::1/tcp/4001', '/ip6/2001:db8:1:3::1/tcp/4001', false],
  ['two spellings of one address', '/ip4/198.51.100.1/tcp/4001', '/ip6/::ffff:198.51.100.1/tcp/4001', true],
  ['two loopback addresses', '/ip4/127.0.0.1/tcp/4001', '/ip4/127.0.0.2/tcp/4001', false],
  ['one relay', relayed(0), relayed(0), true],
  ['two relays at one address', relayed(0), relayed(1), false],
  ['a relay and its address', '/ip4/192.0.2.1/tcp/4001', relayed(0), false]
]

export function bounds ({ start }: Context): void {
  describe('bounds', () => {
    it('a full group drops its oldest', async () => {
      const harness = await start({ args: ARGS, participants: everyStage([]) })
      const bystander = harness.open({ from: host(9) })
      const opened = fill(harness, host(1), 6)
      await pass()
      expect(alive(opened)).toEqual([false, false, true, true, true, true])
      expect(bystander.record.state).toBe('handshaking')
      const [first] = opened
      expect(first?.raw.aborted).toBe(true)
      expect(first?.record.reason).toMatchObject({ code: 'crowded', by: 'local', refusal: { code: 'crowded' } })
      expect(first == null ? [] : harness.told(first.record).at(-1)).toBe('connection:closed')
    })

    it('a full node drops the oldest of the largest group', async () => {
      const harness = await start({ args: ARGS })
      const small = fill(harness, host(1), 3)
      const large = fill(harness, host(2), 4)
      const rest = [fill(harness, host(3), 3), fill(harness, host(4), 2)].flat()
      const newcomer = harness.open({ from: host(5) })
      await pass()
      expect(alive(large)).toEqual([false, true, true, true])
      expect(alive([...small, ...rest, newcomer])).not.toContain(false)
    })

    it('of groups that are equally large, the oldest of all goes', async () => {
      const harness = await start({ args: ARGS })
      const [a, b, c] = [fill(harness, host(1), 1), fill(harness, host(2), 4), fill(harness, host(1), 3)]
      const more = fill(harness, host(3), 4)
      const newcomer = harness.open({ from: host(7) })
      await pass()
      expect(alive([...a, ...b, ...c])).toEqual([false, ...Array.from({ length: 7 }, () => true)])
      expect(alive([...more, newcomer])).not.toContain(false)
    })

    it('of groups that have two at most, the oldest of all goes, whichever is larger', async () => {
      const harness = await start({ args: ARGS })
      const alone = fill(harness, host(1), 1)
      const others = [[2, 2], [3, 2], [4, 2], [5, 2], [6, 2], [7, 1]].flatMap(([n = 0, count = 0]) => fill(harness, host(n), count))
      const newcomer = harness.open({ from: host(7) })
      await pass()
      expect(alive(alone)).toEqual([false])
      expect(alive([...others, newcomer])).not.toContain(false)
    })

    it.each(GROUPS)('%s', async (_name, one, other, shared) => {
      const harness = await start({ args: ARGS })
      const first = fill(harness, one, 4)
      fill(harness, other, 1)
      await pass()
      expect(alive(first)).toEqual([!shared, true, true, true])
    })

    it('stays below its bounds at ten times as many', async () => {
      const harness = await start({ args: ARGS })
      const opened = Array.from({ length: 120 }, (_, n) => harness.open({ from: host(1 + n % 7) }))
      await pass()
      const handshaking = opened.filter(({ record }) => record.state === 'handshaking')
      expect(handshaking).toHaveLength(ARGS.maxHandshaking)
      expect(harness.lifecycle.size).toBe(ARGS.maxHandshaking)
      expect(harness.lifecycle.stats().closed).toEqual({ crowded: 108 })
    })

    it.each(['in order', 'after a failed handshake'])('what is closed %s and never ends stays below the same bounds, and large groups pay', async (how) => {
      const harness = await start({ args: ARGS, host: { readiness: { name: 'handshake', holdDial: true } } })
      const end = ({ record }: Opened): void => {
        if (how === 'in order') void record.close({ code: 'idle', by: 'local' })
        else harness.lifecycle.handshakeFailed(record, new Error('no'))
      }
      const connect = (n: number): Opened => harness.connect({ from: host(n), closing: 'never' })
      const honest = connect(9)
      end(honest)
      const opened = Array.from({ length: 120 }, () => connect(1))
      for (const one of opened) end(one)
      expect(harness.lifecycle.size).toBe(1 + ARGS.maxHandshakingPerGroup)
      expect(opened.map(({ raw }) => raw.aborted)).toEqual(opened.map((_, n) => n < 120 - ARGS.maxHandshakingPerGroup))
      for (let n = 0; n < 120; n++) end(connect(1 + n % 3))
      expect(harness.lifecycle.size).toBe(ARGS.maxHandshaking)
      expect(honest.raw.aborted).toBe(false)
      await pass(60_000)
      expect(harness.lifecycle.size).toBe(0)
    })

    it('an outbound connection is never dropped for an inbound one', async () => {
      const harness = await start({ args: ARGS })
      const outbound = fill(harness, host(1), 3, 'outbound')
      Array.from({ length: 40 }, (_, n) => harness.open({ from: host(1 + n % 8) }))
      await pass()
      expect(alive(outbound)).toEqual([true, true, true])
      expect(harness.lifecycle.stats()).toMatchObject({ inbound: ARGS.maxHandshaking, outbound: 3 })
    })

    it('outbound connections have a bound of their own', async () => {
      const harness = await start({ args: ARGS })
      const inbound = fill(harness, host(1), 3)
      for (let n = 0; n < 30; n++) {
        const record = harness.driver.open(harness.raw({ from: host(10 + n), direction: 'outbound' }))
        if (!('code' in record)) harness.enter(record)
      }
      await pass()
      expect(alive(inbound)).toEqual([true, true, true])
      expect(harness.lifecycle.stats()).toMatchObject({ inbound: 3, outbound: ARGS.maxHandshakingOutbound })
    })

    it('a place is free again once a connection is ready, or closed', async () => {
      const harness = await start({ args: ARGS })
      const ready = Array.from({ length: 20 }, () => harness.connect({ from: host(1) }))
      const waiting = fill(harness, host(1), 4)
      const [first] = waiting
      if (first == null) throw new Error('nothing opened')
      harness.lose(first)
      const replacement = harness.open({ from: host(1) })
      await pass()
      expect(alive([...ready, ...waiting, replacement])).toEqual([...ready.map(() => true), false, true, true, true, true])
    })

    it('takes a place from the first moment, while the user\'s gater still thinks', async () => {
      const harness = await start({ args: ARGS })
      const first = harness.driver.open(harness.raw({ from: host(1) }))
      if ('code' in first) throw new Error('refused')
      fill(harness, host(1), 4)
      await pass()
      expect(first.state).toBe('closed')
      expect(harness.enter(first)).toMatchObject({ code: 'crowded' })
    })

    it('what a gate refuses drops nobody', async () => {
      const unwelcome = '/ip4/198.51.100.1/udp/9/quic-v1'
      const harness = await start({
        args: ARGS,
        participants: everyStage([], { gate: { opened: (record: { remoteAddr: { toString (): string } }) => record.remoteAddr.toString() === unwelcome ? NO : undefined } })
      })
      const opened = fill(harness, host(1), 4)
      expect(harness.refused({ from: unwelcome }).refusal).toBe(NO)
      expect(alive(opened)).toEqual([true, true, true, true])
    })
  })
}
