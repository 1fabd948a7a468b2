import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addresses, expectUnharmed, Scene } from './support.ts'

const SECONDS = 8
const PROBE = { dials: 5, streams: 20 }

/** The count of go-libp2p for one IPv4 address */
const HELD = 8

describe('A01: connections from one address', () => {
  let scene: Scene

  beforeAll(async () => { scene = await Scene.start() })
  afterEach(async () => { await scene.disperse() })
  afterAll(async () => { await scene.stop() })

  it.each([
    ['200 a second that would complete their handshake', { rate: 200, from: '127.66.0.1', order: {} }],
    ['2 a second that say nothing', { rate: 2, from: '127.66.0.2', order: { messages: 0 } }]
  ])(`%s: at most ${HELD} are held, at least 99 of 100 honest dials and streams succeed`, async (_, { rate, from, order }) => {
    const honest = await scene.invite(addresses(15, 77), 5)
    const quiet = await scene.during(honest, { ...PROBE, seconds: 2 }, async () => {})
    const before = await scene.seen()

    const attack = await scene.during(honest, { ...PROBE, seconds: SECONDS }, async () => {
      const { tried, reached } = await scene.attacker.call('flood', scene.order([from], order), rate, SECONDS)
      return { tried, reached, ...await scene.attacker.call('live') }
    })

    const { tried, reached, perSource } = attack.result
    const { most, refusals, refusedByManager } = await scene.seen()
    expect(tried).toBe(rate * SECONDS)
    expect(most.perShare).toBeLessThanOrEqual(HELD)
    expect(perSource).toBeLessThanOrEqual(HELD)
    expectUnharmed(attack, quiet)

    if (rate > HELD) {
      // who completes a handshake may stay: exactly as many as there is room for, and each other one is accounted for
      expect([most.perShare, reached, perSource]).toEqual([HELD, HELD, HELD])
      expect(refusedByManager - before.refusedByManager).toBe(tried - reached)
      expect(refusals.prefix.connections).toBeGreaterThan(0)
    }

    await scene.expectClean()
  })
})
