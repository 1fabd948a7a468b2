import { eventually } from '@cordon/testing/node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addresses, Scene } from './support.ts'
import type { Order } from './attacker.ts'
import type { Moment } from './victim.ts'

const TIMES = 500

/** Fewer than may be transient at once (32), so that none is dropped to make room */
const BATCH = 25

/** In ms. The gater of these tests thinks until the connection ends; by default it would be told off after 250. */
const GATER_TIMEOUT = 10_000

interface Point {
  readonly what: string
  /** How far the peer goes before it resets: what it sends of its messages */
  readonly order: Pick<Order, 'messages' | 'earlyMuxer'>
  /** Where the gater is asked and does not answer, as it could look somebody up in a database */
  readonly thinks?: Moment
}

/** Where an upgrade of libp2p waits for something, in order */
const POINTS: readonly Point[] = [
  { what: 'the gater is asked about the address', order: { messages: 0 }, thinks: 'denyInboundConnection' },
  { what: 'nothing was sent', order: { messages: 0 } },
  { what: 'half of the name of multistream-select was sent', order: { messages: 0.5 } },
  { what: 'the encryption was not named', order: { messages: 1 } },
  { what: 'half of its name was sent', order: { messages: 1.5 } },
  { what: 'the first message of noise was not sent', order: { messages: 2 } },
  { what: 'half of the first message of noise was sent', order: { messages: 2.5 } },
  { what: 'the last message of noise was not sent', order: { messages: 3 } },
  { what: 'half of the last message of noise was sent', order: { messages: 3.5 } },
  { what: 'the gater is asked about the peer', order: {}, thinks: 'denyInboundEncryptedConnection' },
  { what: 'the muxer was not named', order: { earlyMuxer: false } },
  { what: 'the gater is asked about the upgraded connection', order: {}, thinks: 'denyInboundUpgradedConnection' }
]

describe('A08: reset during the upgrade', () => {
  let scene: Scene
  // each comes 10 times in all, which is below its rate
  const from = addresses(TIMES * POINTS.length / 10, 66)

  beforeAll(async () => {
    scene = await Scene.start({ gaterTimeout: GATER_TIMEOUT })
  })
  afterEach(async () => { await scene.disperse() })
  afterAll(async () => { await scene.stop() })

  /** As many as come at once get as far as the point, the node is seen to wait there, and all of them reset */
  async function resetAt ({ order, thinks }: Point): Promise<void> {
    const { reached, sent } = await scene.attacker.call('come', scene.order(from, order), BATCH, BATCH)
    expect(reached).toBe(BATCH)
    await eventually(async () => {
      const { tracked, thinking, received } = await scene.victim.call('waiting')
      expect([thinking, thinks != null || tracked === BATCH, received >= sent]).toEqual([thinks == null ? 0 : BATCH, true, true])
    }, { interval: 2 })
    await scene.attacker.call('end', 'reset')
    await eventually(async () => {
      expect(await scene.victim.call('waiting')).toMatchObject({ tracked: 0, thinking: 0 })
    }, { interval: 2 })
  }

  it.each(POINTS.map(point => [point.what, point] as const))(`${TIMES} times while %s: no socket and no count is left, and an honest peer is served`, async (_, point) => {
    const before = await scene.seen()
    await scene.victim.call('thinkAt', point.thinks)
    for (let done = 0; done < TIMES; done += BATCH) await resetAt(point)

    const { opened, closed } = await scene.seen()
    expect(opened - before.opened).toBe(TIMES)
    // it was the reset that ended them, and nothing of ours
    expect([closed.deadline, closed.refused, closed.crowded]).toEqual([undefined, undefined, undefined])
    await scene.expectNothingHeld()

    await scene.victim.call('thinkAt', undefined)
    // two, because one would come too often in all
    const honest = await scene.invite(addresses(2, 77), 0)
    await honest.call('visit')
    await scene.expectClean()
  })
})
