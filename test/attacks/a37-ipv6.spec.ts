import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { noNetwork, ownNetwork, sameNetwork } from './namespace.ts'
import { Scene } from './support.ts'
import type { Order, Outcome } from './attacker.ts'

/** They exist in a network that the test makes for itself; the node is in the first */
const NETS = ['fd77:1::/48', 'fd77:2::/48', 'fd77:3::/48'] as const
const HOST = 'fd77:1::1'

const ADDRESSES = 10_000

/** How many handshakes at once; more would only make each of them slower */
const LANES = 16

/** The counts of go-libp2p, and for a /56 its bucket: as many may come at once, and then one in 5 s */
const PER_56 = { held: 8, burst: 16, interval: 5_000 }
const PER_48 = 64

/** The address of a host in a /64 of one of the networks; 256 of these are one /56 */
function address (net48: number, net64: number, host: number): string {
  return `fd77:${net48}:0:${net64.toString(16)}::${host.toString(16)}`
}

const reason = noNetwork(NETS)

describe('A37: a new IPv6 address for each connection', () => {
  // unlike Chromium this is nothing that could be installed: whoever runs this gives the permission, or does not
  if (reason != null) {
    process.stderr.write(`\nA37 is skipped as a whole: it needs a network of its own, which cannot be made here: ${reason}\n`)
    it.skip('needs a network of its own', () => {})
    return
  }

  let scene: Scene

  beforeAll(async () => {
    scene = await Scene.start({ listen: `/ip6/${HOST}/tcp/0`, through: ownNetwork(NETS), attackerThrough: sameNetwork })
  })
  afterEach(async () => { await scene.disperse() })
  afterAll(async () => { await scene.stop() })

  /** Each of them comes once and stays where it is let in */
  async function come (sources: readonly string[]): Promise<Outcome> {
    const order: Order = { ...scene.order(sources), host: HOST }
    const outcome = await scene.attacker.call('come', order, sources.length, LANES)
    expect(outcome.tried).toBe(sources.length)
    return outcome
  }

  it.each([
    { what: '/128 of one /64', sources: Array.from({ length: 200 }, (_, index) => address(1, 0x100, 0x10 + index)) },
    { what: '/64 of one /56', sources: Array.from({ length: 200 }, (_, index) => address(1, 0x200 + index, 1)) }
  ])(`a new $what each time: ${PER_56.held} are held, and what leaves makes room at the rate of one in 5 s only`, async ({ sources }) => {
    const begin = performance.now()
    expect((await come(sources)).reached).toBe(PER_56.held)
    // whoever is elsewhere gets in all the same
    expect((await come([address(1, 0x4200, 1), address(3, 0x200, 1)])).reached).toBe(2)
    await scene.expectClean()
    // the rest of its bucket, and then what comes into it
    expect((await come(sources)).reached).toBe(PER_56.held)
    await scene.expectClean()
    const { reached } = await come(sources)
    expect(reached).toBeLessThanOrEqual(Math.ceil((performance.now() - begin) / PER_56.interval))

    const { most, refusals } = await scene.seen()
    expect(most.per56).toBe(PER_56.held)
    expect(refusals.prefix.connections).toBeGreaterThan(0)
    expect(refusals.prefix.rate).toBeGreaterThan(0)
    await scene.expectClean()
  })

  it(`${ADDRESSES} addresses of a /48: never more than ${PER_56.held} of a /56 and ${PER_48} of the /48`, async () => {
    // 40 in each of 250 networks of 56 bits, in turn
    const { reached } = await come(Array.from({ length: ADDRESSES }, (_, index) => address(2, (1 + index % 250) * 0x100 + Math.floor(index / 250), 1 + index)))
    const { most, refusals } = await scene.seen()

    // more only where some left meanwhile: libp2p cuts those that answer no ping
    expect(reached).toBeGreaterThanOrEqual(PER_48)
    expect(most.per56).toBeLessThanOrEqual(PER_56.held)
    expect(most.per48).toBe(PER_48)
    // a small machine has room for 64 in all, but that nobody had to be told
    expect(refusals.system).toEqual({})
    await scene.expectClean()
  })
})
