import { eventually } from '@cordon/testing/node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addresses, Scene } from './support.ts'
import type { Order, Outcome } from './attacker.ts'
import type { Honest } from './honest.ts'
import type { SceneInit } from './support.ts'
import type { Remote } from '@cordon/bench-harness'

/** How many descriptors the process may have, and the most of them that connections may take: 80 % */
const DESCRIPTORS = 256
const MOST = 204

const SOCKETS = 1_000

/** How many handshakes at once; more would only make each of them slower */
const LANES = 16

/** How soon after an attack an honest peer is served, in ms */
const RECOVERED = 2_000

const FEW: SceneInit = { through: ['sh', '-c', `ulimit -n ${DESCRIPTORS} && exec "$0" "$@"`], descriptors: true }

// There is no supervisor yet that would pause accepting where it fails: what cannot be accepted is dropped by Node.js
describe(`A10: ${SOCKETS} sockets at a node that may open ${DESCRIPTORS} files`, () => {
  let scene: Scene
  let honest: Remote<Honest>

  afterEach(async () => { await scene.disperse() })

  /** From an address each, so that it is not the address that is full */
  async function come (net: number, order: Partial<Order>): Promise<Outcome> {
    return scene.attacker.call('come', scene.order(addresses(SOCKETS, net), order), SOCKETS, order.messages === 0 ? SOCKETS : LANES)
  }

  /** The attack ends: an honest peer is served before long, and once it has left as well nothing is held */
  async function expectRecovered (): Promise<void> {
    const end = performance.now()
    await scene.attacker.call('end', 'reset')
    await scene.victim.call('relax')
    await eventually(async () => honest.call('visit'), { deadline: RECOVERED })
    expect(performance.now() - end).toBeLessThanOrEqual(RECOVERED)
    await scene.expectClean()
  }

  async function expectServedAfterSilence (net: number): Promise<void> {
    honest = await scene.invite(addresses(2, 77), 0)
    await come(net, { messages: 0 })
    expect(await scene.victim.call('spare')).toBeGreaterThan(0)
    await expectRecovered()
    const { peaks: { system, transient } } = await scene.seen()
    expect(system.descriptors).toEqual([transient.descriptors[0], MOST])
  }

  describe('with the limits of a small machine', () => {
    beforeAll(async () => { scene = await Scene.start(FEW) })
    afterAll(async () => { await scene.stop() })

    it(`that say nothing: no crash, files can be opened meanwhile, and an honest peer is served within ${RECOVERED / 1_000} s`, async () => {
      await expectServedAfterSilence(66)
    })

    it(`while the application uses up all descriptors: no crash, nobody is kept waiting, and an honest peer is served within ${RECOVERED / 1_000} s after it gave them back`, async () => {
      honest = await scene.invite(addresses(2, 78), 0)
      const { opened } = await scene.seen()
      await scene.victim.call('exhaust')
      await come(67, { messages: 0 })
      await eventually(async () => (await scene.attacker.call('live')).all === 0)
      expect((await scene.seen()).opened).toBe(opened)
      await expectRecovered()
    })
  })

  describe('with no limits but those of descriptors', () => {
    beforeAll(async () => { scene = await Scene.start({ ...FEW, descriptorsOnly: true }) })
    afterAll(async () => { await scene.stop() })

    it(`that say nothing: no crash, files can be opened meanwhile, and an honest peer is served within ${RECOVERED / 1_000} s`, async () => {
      await expectServedAfterSilence(66)
    })

    it(`that complete their handshake: ${MOST} are held and no more, files can be opened meanwhile, and an honest peer is served within ${RECOVERED / 1_000} s`, async () => {
      honest = await scene.invite(addresses(2, 78), 0)
      const { reached } = await come(67, {})
      const { most, peaks: { system } } = await scene.seen()
      // more come only where some have left
      expect(reached).toBeGreaterThanOrEqual(MOST)
      expect([most.connections, system.descriptors]).toEqual([MOST, [MOST, MOST]])
      expect(await scene.victim.call('spare')).toBeGreaterThan(0)
      await expectRecovered()
    })
  })
})
