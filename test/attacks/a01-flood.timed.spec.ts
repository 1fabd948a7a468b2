import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addresses, expectUnharmed, Scene } from './support.ts'

const SECONDS = 8
const PROBE = { dials: 5, streams: 20 }

/** What comes from one address would complete its handshake, what comes from the other says nothing */
const FLOOD = { from: '127.66.0.1', rate: 200 }
const TRICKLE = { from: '127.66.0.2', rate: 2 }

/** The count of go-libp2p for one IPv4 address */
const HELD = 8

describe('A01: connections from one address', () => {
  let scene: Scene

  beforeAll(async () => { scene = await Scene.start() })
  afterEach(async () => { await scene.disperse() })
  afterAll(async () => { await scene.stop() })

  it(`${FLOOD.rate} a second, and ${TRICKLE.rate} a second from another: each holds at most ${HELD}, and at least 99 of 100 honest dials and streams succeed`, async () => {
    const honest = await scene.invite(addresses(15, 77), 5)
    const quiet = await scene.during(honest, { ...PROBE, seconds: 1 }, async () => {})

    const attack = await scene.during(honest, { ...PROBE, seconds: SECONDS }, async () => {
      const [flood, trickle] = await Promise.all([
        scene.attacker.call('flood', scene.order([FLOOD.from]), FLOOD.rate, SECONDS),
        scene.attacker.call('flood', scene.order([TRICKLE.from], { messages: 0 }), TRICKLE.rate, SECONDS)
      ])
      return { flood, trickle, live: await scene.attacker.call('live') }
    })

    const { flood, trickle, live } = attack.result
    const { most, refusals, refusedByManager } = await scene.seen()
    expect([flood.tried, trickle.tried]).toEqual([FLOOD.rate * SECONDS, TRICKLE.rate * SECONDS])
    // who completes a handshake may stay: exactly as many as there is room for, and not one more at any moment
    expect([most.perShare, flood.reached, live.perSource]).toEqual([HELD, HELD, HELD])
    // and all others are accounted for: nobody else was refused, and no honest peer was
    expect(refusals.prefix.connections).toBeGreaterThanOrEqual(flood.tried - flood.reached)
    expect(refusedByManager).toBe((refusals.prefix.connections ?? 0) + (refusals.prefix.rate ?? 0))
    expectUnharmed(attack, quiet)
    await scene.expectClean()
  })
})
