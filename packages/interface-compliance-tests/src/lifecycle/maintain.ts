import { ConnectionRefusedError, WrongPeerError } from '@cordon/interface-connection-lifecycle'
import { UnsupportedProtocolError } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { PEERS } from '../fakes.ts'
import { everyStage, EVICTED, NO, pass } from './harness.ts'
import type { Context, Harness, Opened, StartOptions } from './harness.ts'
import type { DialTarget, Maintained, MaintainOptions } from '@cordon/interface-connection-lifecycle'

const [PEER, OTHER] = PEERS
const ADDRESS = multiaddr(`/ip4/198.51.100.1/tcp/4001/p2p/${String(PEER)}`)
const FREE = multiaddr(`/ip4/198.51.100.2/tcp/4001/p2p/${String(PEER)}`)
const OPTIONS = { minDelay: 1_000, maxDelay: 8_000, stableAfter: 30_000 }

/** So near to the upper bound that a delay tells its bound */
const ALMOST_ONE = 0.999_999

const PERMANENT: ReadonlyArray<readonly [string, () => Error]> = [
  ['another peer', () => new WrongPeerError(String(PEER), String(OTHER))],
  ['a permanent refusal', () => new ConnectionRefusedError({ ...NO, permanent: true })],
  ['an unsupported protocol', () => new UnsupportedProtocolError('nothing in common')],
  ['one inside libp2p\'s aggregate', () => new AggregateError([new WrongPeerError(String(PEER), String(OTHER))], 'all addresses failed')]
]

const MISTAKES: ReadonlyArray<readonly [string, MaintainOptions]> = [
  ['minDelay of -1', { minDelay: -1 }],
  ['minDelay of NaN', { minDelay: NaN }],
  ['maxDelay of Infinity', { maxDelay: Infinity }],
  ['stableAfter of -1', { stableAfter: -1 }],
  ['maxAttempts of 0', { maxAttempts: 0 }]
]

interface Kept {
  readonly harness: Harness
  readonly kept: Maintained
}

export function maintain ({ start }: Context): void {
  async function keep (options: MaintainOptions = {}, host: StartOptions['host'] = {}): Promise<Kept> {
    const harness = await start({ args: { random: () => ALMOST_ONE }, host })
    const kept = harness.lifecycle.maintain(ADDRESS, { ...OPTIONS, ...options })
    await pass()
    return { harness, kept }
  }

  /** Answers the dial that waits with a connection */
  async function answer (harness: Harness): Promise<Opened> {
    const opened = harness.connect({ direction: 'outbound', peer: PEER })
    harness.dial.succeed()
    await pass()
    return opened
  }

  async function failDial (harness: Harness, error = new Error('connection refused')): Promise<void> {
    harness.dial.fail(error)
    await pass()
  }

  /** The bound of the delay that was scheduled last, to 100 ms: a delay may be rounded */
  function bound (harness: Harness): number | undefined {
    const delay = harness.of('reconnect:scheduled').at(-1)?.delay
    return delay == null ? undefined : Math.round(delay / 100) * 100
  }

  describe('maintain', () => {
    it('dials at once, and not again while it is connected', async () => {
      const { harness } = await keep()
      expect(harness.dials).toHaveLength(1)
      await pass(6_000)
      expect(harness.dials).toHaveLength(1)
      const { record } = await answer(harness)
      await pass(600_000)
      expect(record.state).toBe('ready')
      expect(harness.dials).toHaveLength(1)
    })

    it('does not dial a peer that is connected already, but does so once it is gone', async () => {
      const harness = await start()
      const inbound = harness.connect({ peer: PEER })
      harness.lifecycle.maintain(PEER, OPTIONS)
      await pass(60_000)
      expect(harness.dials).toHaveLength(0)
      harness.lose(inbound)
      await pass(OPTIONS.maxDelay)
      expect(harness.dials).toHaveLength(1)
      expect(String(harness.dial.target)).toBe(String(PEER))
    })

    it('tries again with full jitter below a bound that doubles up to its own', async () => {
      const { harness } = await keep()
      for (const [attempt, expected] of [1_000, 2_000, 4_000, 8_000, 8_000].entries()) {
        expect(harness.dials).toHaveLength(attempt + 1)
        await failDial(harness)
        expect(bound(harness)).toBe(expected)
        await pass(expected * 0.9)
        expect(harness.dials).toHaveLength(attempt + 1)
        await pass(expected * 0.1 + 100)
      }
      const attempts = harness.of('reconnect:scheduled').map(({ attempt }) => attempt)
      expect(attempts).toEqual(attempts.map((_, n) => n + (attempts[0] ?? 0)))
      expect(harness.of('reconnect:scheduled').every(({ peer }) => peer == null || peer.equals(PEER))).toBe(true)
    })

    it('draws from the whole range', async () => {
      const harness = await start({ args: { random: () => 0 } })
      harness.lifecycle.maintain(PEER, OPTIONS)
      await pass()
      await failDial(harness)
      expect(harness.of('reconnect:scheduled').map(({ delay }) => delay)).toEqual([0])
      await pass(100)
      expect(harness.dials).toHaveLength(2)
    })

    it('connects again when the last connection is gone, and only then', async () => {
      const { harness } = await keep()
      const first = await answer(harness)
      const second = harness.connect({ peer: PEER })
      harness.lose(first)
      await pass(60_000)
      expect(harness.dials).toHaveLength(1)
      harness.lose(second)
      await pass(OPTIONS.maxDelay)
      expect(harness.dials).toHaveLength(2)
    })

    it('starts small again only after a stable connection', async () => {
      const { harness } = await keep()
      await failDial(harness)
      await failDialAfter(harness, 1_100)
      expect(bound(harness)).toBe(2_000)
      await pass(2_100)
      const unstable = await answer(harness)
      await pass(OPTIONS.stableAfter - 1_000)
      harness.lose(unstable)
      await pass(100)
      expect(bound(harness)).toBeGreaterThanOrEqual(2_000)
      await pass(OPTIONS.maxDelay)
      const stable = await answer(harness)
      await pass(OPTIONS.stableAfter + 1_000)
      harness.lose(stable)
      await pass(OPTIONS.minDelay + 100)
      await failDial(harness)
      expect(bound(harness)).toBeLessThanOrEqual(2_000)
    })

    it.each<[string, (harness: Harness) => void, boolean]>([
      ['the peer', ({ driver }) => { driver.dial({ peer: PEER }) }, true],
      ['its only address', ({ driver }) => { driver.dial({ multiaddr: ADDRESS }) }, true],
      ['one address of two', ({ driver }) => { for (const multiaddr of [ADDRESS, FREE]) driver.dial({ peer: PEER, multiaddr }) }, false],
      ['another peer', ({ driver }) => { driver.dial({ peer: OTHER }) }, false]
    ])('a dial that is denied by a permanent refusal of %s', async (_name, ask, hopeless) => {
      const refusal = { ...NO, permanent: true }
      const participants = everyStage([], { admit: { dial: ({ multiaddr }: DialTarget) => multiaddr === FREE ? undefined : refusal } })
      const harness = await start({ args: { random: () => ALMOST_ONE }, participants })
      harness.lifecycle.maintain(ADDRESS, OPTIONS)
      await pass()
      ask(harness)
      await failDial(harness, new Error('libp2p says only that it was denied'))
      expect(harness.of('reconnect:failed')).toMatchObject(hopeless ? [{ error: { name: 'ConnectionRefusedError', cause: refusal } }] : [])
      await pass(OPTIONS.minDelay + 100)
      expect(harness.dials).toHaveLength(hopeless ? 1 : 2)
    })

    it('is not woken by a connection of the peer that is refused', async () => {
      let refuses = false
      const participants = everyStage([], { admit: { identified: () => refuses ? NO : undefined } })
      const harness = await start({ args: { random: () => ALMOST_ONE }, participants })
      harness.lifecycle.maintain(ADDRESS, OPTIONS)
      await pass()
      const { record } = await answer(harness)
      await record.close(EVICTED)
      refuses = true
      expect(harness.identify(harness.open().record, PEER)).toBe(NO)
      await pass(60_000)
      expect(harness.dials).toHaveLength(1)
    })

    it.each([false, true])('a connection that is closed for a refusal, for good: %s, is followed by a dial that is asked about anew', async permanent => {
      const refusal = { ...NO, permanent }
      const { harness } = await keep()
      const { record } = await answer(harness)
      await record.close({ code: 'refused', by: 'local', refusal }, { abort: true })
      await pass(OPTIONS.maxDelay)
      expect(harness.dials).toHaveLength(2)
      expect(harness.of('reconnect:failed')).toEqual([])
      expect(harness.lifecycle.stats().refused).toEqual({ [NO.module]: 1 })
    })

    it('finds out before each attempt whether libp2p reconnects as well', async () => {
      let keepsAlive = false
      const { harness } = await keep({}, { keepsAlive: () => Promise.resolve(keepsAlive) })
      await failDial(harness)
      expect(harness.lifecycle.stats().conflicts).toBe(0)
      keepsAlive = true
      await pass(1_100)
      expect(harness.lifecycle.stats().conflicts).toBe(1)
    })

    it.each(PERMANENT)('gives up for good on %s', async (_name, error) => {
      const { harness } = await keep()
      await failDial(harness)
      await pass(1_100)
      const last = error()
      await failDial(harness, last)
      await pass(600_000)
      expect(harness.dials).toHaveLength(2)
      const failed = harness.of('reconnect:failed')
      expect(failed).toHaveLength(1)
      expect(failed[0]?.attempts).toBe(2)
      expect(failed[0]?.error).toBeInstanceOf(Error)
    })

    it('does not give up on a refusal that may pass', async () => {
      const { harness } = await keep()
      await failDial(harness, new ConnectionRefusedError(NO))
      await pass(1_100)
      expect(harness.dials).toHaveLength(2)
      expect(harness.of('reconnect:failed')).toEqual([])
    })

    it('gives up after as many attempts as it was given', async () => {
      const { harness } = await keep({ maxAttempts: 3 })
      for (let attempt = 0; attempt < 3; attempt++) {
        await failDial(harness)
        await pass(OPTIONS.maxDelay)
      }
      await pass(600_000)
      expect(harness.dials).toHaveLength(3)
      expect(harness.of('reconnect:failed')).toMatchObject([{ attempts: 3 }])
    })

    it('has one dial and one timer for a peer, however often it is asked for', async () => {
      const { harness } = await keep()
      harness.lifecycle.maintain(PEER, OPTIONS)
      harness.lifecycle.maintain([ADDRESS], OPTIONS)
      await pass()
      expect(harness.dials).toHaveLength(1)
      await failDial(harness)
      await pass(1_100)
      expect(harness.dials).toHaveLength(2)
    })

    it.each(['stop', 'dispose', 'signal'] as const)('%s ends it, and leaves the connection alone', async (how) => {
      const control = new AbortController()
      const { harness, kept } = await keep({ signal: control.signal })
      const opened = await answer(harness)
      const end = { stop: () => { kept.stop() }, dispose: () => { kept[Symbol.dispose]() }, signal: () => { control.abort() } }[how]
      end()
      expect(opened.record.state).toBe('ready')
      harness.lose(opened)
      await pass(600_000)
      expect(harness.dials).toHaveLength(1)
      kept.stop()
    })

    it('stops while it waits, and while it dials', async () => {
      for (const waiting of [true, false]) {
        const { harness, kept } = await keep()
        if (waiting) await failDial(harness)
        kept.stop()
        if (!waiting) await failDial(harness)
        await pass(600_000)
        expect(harness.dials).toHaveLength(1)
      }
    })

    it('waits no longer once the peer has connected to us', async () => {
      const { harness } = await keep()
      await failDial(harness)
      const inbound = harness.connect({ peer: PEER })
      await pass(60_000)
      expect(harness.dials).toHaveLength(1)
      harness.lose(inbound)
      await pass(OPTIONS.maxDelay)
      expect(harness.dials).toHaveLength(2)
    })

    it('does not dial a peer whose connection we closed, until it comes by itself', async () => {
      const { harness } = await keep()
      const { record } = await answer(harness)
      await harness.lifecycle.close(record, EVICTED)
      await pass(600_000)
      expect(harness.dials).toHaveLength(1)
      const inbound = harness.connect({ peer: PEER })
      harness.lose(inbound)
      await pass(OPTIONS.maxDelay)
      expect(harness.dials).toHaveLength(2)
    })

    it('does dial a peer whose connection we closed when it is maintained anew', async () => {
      const { harness } = await keep()
      const { record } = await answer(harness)
      await record.close(EVICTED)
      await pass(60_000)
      harness.lifecycle.maintain(PEER, OPTIONS)
      await pass(OPTIONS.maxDelay)
      expect(harness.dials).toHaveLength(2)
    })

    it('leaves others alone', async () => {
      const { harness } = await keep()
      await answer(harness)
      harness.lose(harness.connect({ peer: OTHER }))
      await pass(60_000)
      expect(harness.dials).toHaveLength(1)
    })

    it('dials no more once the node is draining', async () => {
      const { harness } = await keep()
      const opened = await answer(harness)
      harness.driver.draining()
      harness.lose(opened)
      await pass(600_000)
      expect(harness.dials).toHaveLength(1)
    })

    it('dials no more once the node has stopped', async () => {
      const { harness } = await keep()
      await failDial(harness)
      await harness.stop()
      await pass(600_000)
      expect(harness.dials).toHaveLength(1)
    })

    it.each([true, false])('counts peers, and those that libp2p keeps alive too: %s', async (keepsAlive) => {
      const { harness, kept } = await keep({}, { keepsAlive: () => Promise.resolve(keepsAlive) })
      expect(harness.lifecycle.stats()).toMatchObject({ maintained: 1, conflicts: keepsAlive ? 1 : 0 })
      kept.stop()
      expect(harness.lifecycle.stats()).toMatchObject({ maintained: 0, conflicts: 0 })
    })

    it.each([
      ['rejects', () => Promise.reject(new Error('no peer store'))],
      ['never answers', () => new Promise<boolean>(() => {})]
    ])('dials also where the question whether libp2p keeps the peer alive %s', async (_name, keepsAlive) => {
      const { harness } = await keep({}, { keepsAlive })
      await pass(10_000)
      expect(harness.dials).toHaveLength(1)
    })

    it('refuses addresses of no peer, or of several', async () => {
      const { lifecycle, dials } = await start()
      const targets = [
        multiaddr('/ip4/198.51.100.1/tcp/4001'),
        [],
        [ADDRESS, multiaddr(`/ip4/198.51.100.1/tcp/4001/p2p/${String(OTHER)}`)]
      ]
      for (const target of targets) {
        expect(() => lifecycle.maintain(target)).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
      }
      await pass(60_000)
      expect(dials).toEqual([])
    })

    it('takes several addresses of which one names the peer', async () => {
      const harness = await start()
      harness.lifecycle.maintain([multiaddr('/ip4/198.51.100.2/tcp/4001'), ADDRESS])
      await pass()
      expect(harness.dials).toHaveLength(1)
      expect(harness.dial.target).toHaveLength(2)
    })

    it.each(MISTAKES)('refuses a %s', async (_name, options) => {
      const { lifecycle } = await start()
      expect(() => lifecycle.maintain(PEER, options)).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
    })
  })

  async function failDialAfter (harness: Harness, ms: number): Promise<void> {
    await pass(ms)
    await failDial(harness)
  }
}
