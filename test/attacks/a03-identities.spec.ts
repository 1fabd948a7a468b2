import { eventually } from '@cordon/testing/node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addresses, Scene } from './support.ts'

const IDENTITIES = 4_500

/** How many of them come with one order */
const ROUND = 500

/** go-libp2p's bucket of one IPv4 address: as many may come at once, and then one in 5 s */
const BURST = 16

/** How many peers are remembered that nobody uses any more (`maxIdleScopes`) */
const IDLE = 1_024

/** In bytes, after a garbage collection, over what the node had before */
const HEAP = 5e6

/** In ms: the last of an upgrade is collected once the 10 s are over that it might have taken (libp2p's `inboundUpgradeTimeout`) */
const FORGOTTEN = 12_000

describe('A03: a new identity each time', () => {
  let scene: Scene

  beforeAll(async () => { scene = await Scene.start() })
  afterEach(async () => { await scene.disperse() })
  afterAll(async () => { await scene.stop() })

  it('from one address: identities do not help, those over its rate are refused before anything is encrypted', async () => {
    const { tried, reached } = await scene.attacker.call('visit', scene.order(['127.66.0.1']), 500, 4)
    const { readied, refusals, closed, refusedByManager } = await scene.seen()

    expect(tried).toBe(500)
    expect(reached).toBeGreaterThanOrEqual(BURST)
    // nobody else was authenticated, and it is the rate that refused: all of them leave at once, but what leaves slowly
    // is still counted
    expect(readied).toBe(reached)
    const { rate = 0, connections = 0, ...others } = refusals.prefix
    expect(rate).toBeGreaterThan(0)
    expect(rate + connections).toBe(tried - reached)
    expect(others).toEqual({})
    expect(refusedByManager).toBe(tried - reached)
    expect(closed['upgrade-failed']).toBeUndefined()
    await scene.expectClean()
  })

  it(`${IDENTITIES} from many addresses: the heap grows by at most ${HEAP / 1e6} MB, and ${IDLE} peers are remembered`, async () => {
    // what is compiled and loaded with the first of them was so in the test before
    const before = await scene.victim.call('heap')
    const order = scene.order(addresses(Math.ceil(IDENTITIES / (BURST - 1)), 68))
    for (let visited = 0; visited < IDENTITIES; visited += ROUND) {
      expect(await scene.attacker.call('visit', order, ROUND, 8)).toMatchObject({ reached: ROUND })
    }
    await scene.expectClean()
    const { idlePeers, prefixes, most } = await scene.seen()
    expect(idlePeers).toBe(IDLE)
    expect(prefixes).toBeLessThanOrEqual(order.sources.length + 1)
    expect(most.perPeer).toBe(1)
    await eventually(async () => {
      expect(await scene.victim.call('heap') - before).toBeLessThanOrEqual(HEAP)
    }, { deadline: FORGOTTEN, interval: 500 })
  })
})
