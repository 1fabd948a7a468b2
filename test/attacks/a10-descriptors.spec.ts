import { eventually } from '@cordon/testing/node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addresses, Scene } from './support.ts'
import type { Outcome } from './attacker.ts'
import type { SceneInit } from './support.ts'

/** How many descriptors the process may have, and the most of them that connections may take: 80 % */
const DESCRIPTORS = 256
const MOST = 204

/** How many inbound connections a small machine may have, by go-libp2p */
const SMALL = 64

const SOCKETS = 1_000

/** How many handshakes at once; more would only make each of them slower */
const LANES = 16

/** How soon after an attack an honest peer is served, in ms */
const RECOVERED = 2_000

const FEW: SceneInit = { through: ['sh', '-c', `ulimit -n ${DESCRIPTORS} && exec "$0" "$@"`], descriptors: true }

// There is no supervisor yet that would pause accepting where it fails: what cannot be accepted is dropped by Node.js
describe(`A10: ${SOCKETS} sockets at a node that may open ${DESCRIPTORS} files`, () => {
  describe.each([
    { what: 'with the limits of a small machine', init: FEW, most: SMALL },
    { what: 'with no limits but those of descriptors', init: { ...FEW, descriptorsOnly: true }, most: MOST }
  ])('$what', ({ init, most: limit }) => {
    let scene: Scene

    beforeAll(async () => { scene = await Scene.start(init) })
    afterEach(async () => { await scene.disperse() })
    afterAll(async () => { await scene.stop() })

    // from an address each, so that it is not the address that is full
    const come = async (net: number, messages?: number): Promise<Outcome> => {
      return scene.attacker.call('come', scene.order(addresses(SOCKETS, net), messages == null ? {} : { messages }), SOCKETS, messages == null ? LANES : SOCKETS)
    }

    /** The attack is over: an honest peer is served before long, and once it has left as well nothing is held */
    async function expectRecovered (): Promise<void> {
      const honest = await scene.invite(addresses(1, 77), 0)
      const begin = performance.now()
      await eventually(async () => honest.call('visit'), { deadline: RECOVERED })
      expect(performance.now() - begin).toBeLessThanOrEqual(RECOVERED)
      await scene.expectClean()
    }

    it(`that say nothing: no crash, files can be opened meanwhile, and an honest peer is served ${RECOVERED / 1_000} s after`, async () => {
      await come(66, 0)
      expect(await scene.victim.call('spare')).toBeGreaterThan(0)
      await scene.attacker.call('end', 'reset')
      await expectRecovered()
      const { peaks: { system, transient } } = await scene.seen()
      expect(system.descriptors).toEqual([transient.descriptors[0], MOST])
    })

    it(`that complete their handshake: ${limit} are held and no more, files can be opened meanwhile, and an honest peer is served ${RECOVERED / 1_000} s after`, async () => {
      const { reached } = await come(67)
      const { most, peaks: { system } } = await scene.seen()
      expect([reached, most.connections, system.descriptors]).toEqual([limit, limit, [limit, MOST]])
      expect(await scene.victim.call('spare')).toBeGreaterThan(0)
      await scene.attacker.call('end', 'reset')
      await expectRecovered()
    })

    it(`while the application uses up all descriptors: no crash, nobody is kept waiting, and an honest peer is served ${RECOVERED / 1_000} s after it gave them back`, async () => {
      const { opened } = await scene.seen()
      await scene.victim.call('exhaust')
      await come(68, 0)
      await eventually(async () => (await scene.attacker.call('live')).all === 0)
      expect((await scene.seen()).opened).toBe(opened)
      await scene.victim.call('relax')
      await expectRecovered()
    })
  })
})
