import { normaliseAddress } from '@cordon/address'
import { every } from '@cordon/bench-harness'
import { eventually, stopAll } from '@cordon/testing/node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { comeDirectly, gated, recordsOf } from '../connection-gater-relays/support.ts'
import { MUTE_STREAMS } from './judge.ts'
import { Scene } from './support.ts'

/** Everybody's address: a household, a village or a university behind one translator */
const SHARED = '127.88.0.1'

const HONEST = 20
const STAYING = 10
const SECONDS = 10

/** How many connections that address may have, and how many of them at once */
const PER_ADDRESS = 64

/** The share of honest attempts that has to succeed */
const SERVED = 0.95

describe(`A43: one attacker among ${HONEST} honest peers at one address`, () => {
  describe(`with ${PER_ADDRESS} connections and a burst of ${PER_ADDRESS}`, () => {
    let scene: Scene

    beforeAll(async () => { scene = await Scene.start({ perAddress: PER_ADDRESS, strikes: {} }) })
    afterEach(async () => { await scene.disperse() })
    afterAll(async () => { await scene.stop() })

    it(`is blocked by its identity, and at least ${100 * SERVED} of 100 honest attempts succeed while it is struck all the time`, async () => {
      const name = await scene.attacker.call('name')
      const honest = await scene.invite(Array.from({ length: HONEST }, () => SHARED), STAYING)
      const bad = scene.order([SHARED], { oneIdentity: true })

      /** Leaves before it is anybody, after the first of the two messages in which it would say who it is; then comes again, opens streams that it does not use, and is cut or not let in */
      const misbehave = async (): Promise<void> => {
        await scene.attacker.call('visit', { ...bad, messages: 3 }, 1, 1)
        await scene.attacker.call('come', bad, 1, 1)
        await eventually(async () => {
          await scene.attacker.call('openStreams', MUTE_STREAMS + 8, 1, 0.05)
          return (await scene.attacker.call('live')).all === 0
        }, { interval: 50 })
      }
      const { probe: { dials, streams } } = await scene.during(honest, { dials: 1, streams: 20, seconds: SECONDS }, async () => {
        const underway: Array<Promise<void>> = []
        await every(1, SECONDS, () => { underway.push(misbehave()) })
        await Promise.all(underway)
      })

      for (const [kind, { tried, latencies, failures }] of Object.entries({ dials, streams })) {
        expect(latencies.length, `${kind} that succeeded of ${tried}, failures ${JSON.stringify(failures)}`).toBeGreaterThanOrEqual(tried * SERVED)
      }
      const { status, strikes, rule } = await scene.victim.call('gate', name)
      expect(rule).toMatchObject({ action: 'block', kind: 'peer', origin: 'automatic' })
      expect(rule?.hits).toBeGreaterThan(0)
      expect(status.rules).toEqual({ manual: 0, automatic: 1, list: 0 })
      expect(strikes?.place).toBeGreaterThanOrEqual(SECONDS - 2)
      expect(strikes?.peer).toBeGreaterThan(3)
      await scene.expectClean()
    })
  })

  describe('struck by the address alone', () => {
    afterEach(stopAll)

    it('takes nobody else with it: honest peers are let in and stay, in whichever moment the strike comes', async () => {
      const host = await gated({ limits: { prefixes: { ipv4: [{ length: 32, connections: PER_ADDRESS, burst: PER_ADDRESS }], entries: { '127.0.0.0/8': false } } } })
      const place = normaliseAddress(SHARED)
      const peers = await Promise.all(Array.from({ length: HONEST }, async () => gated({ localAddress: SHARED, listen: [] })))
      const [first, ...others] = peers
      if (first === undefined) throw new Error('there is nobody')
      expect(await comeDirectly(first, host)).toBe(true)

      let strikes = 0
      const strike = (): void => {
        strikes++
        expect(host.gater.strike({ address: place }, 10_000, 'noise').outcome).not.toBe('blocked')
      }
      // once they are there and nobody knows yet who they are, which is when they can be mistaken; and once they are known
      const over = new AbortController()
      for (const moment of ['connection:opened', 'connection:identified', 'connection:ready'] as const) host.lifecycle.addEventListener(moment, strike, { signal: over.signal })
      const came = await Promise.all(others.map(async peer => comeDirectly(peer, host)))
      over.abort()
      expect(came.filter(isIn => isIn)).toHaveLength(HONEST - 1)
      expect(strikes).toBe(3 * (HONEST - 1))
      expect(peers.map(({ id }) => recordsOf(host, id).length)).toEqual(peers.map(() => 1))
      expect(host.gater.status().rules.automatic).toBe(0)
    })

    it('is blocked there once everybody else has left', async () => {
      const host = await gated()
      const place = normaliseAddress(SHARED)
      const peer = await gated({ localAddress: SHARED, listen: [] })
      expect(await comeDirectly(peer, host)).toBe(true)
      expect(host.gater.strike({ address: place }, 1_000, 'noise').outcome).toBe('disconnect')
      await peer.node.stop()
      await eventually(() => host.lifecycle.size === 0)
      expect(host.gater.strike({ address: place }, 1, 'noise')).toMatchObject({ outcome: 'blocked', rule: { subject: `${SHARED}/32` } })
      expect(await comeDirectly(await gated({ localAddress: SHARED, listen: [] }), host)).toBe(false)
      expect(await comeDirectly(await gated({ localAddress: '127.88.0.2', listen: [] }), host)).toBe(true)
    })
  })
})
