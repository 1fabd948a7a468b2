import { normaliseAddress } from '@cordon/address'
import { createConnectionGater } from '@cordon/connection-gater'
import { fakeClock, seededRandom } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { ForeignGater } from './foreign-gater.ts'
import type { ConnectionGater, GatePredicate, GateTarget, Offender, RuleAction, RuleDirection, Subject } from '@cordon/interface-connection-gater'
import type { SeededRandom } from '@cordon/testing'

const TRACES = 60
const STEPS = 80

const PEERS = ['12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N', 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'] as const

const ADDRESSES = [
  ...Array.from({ length: 12 }, (_, host) => `/ip4/192.0.2.${host}/tcp/1`), '/ip4/192.0.3.1/udp/1/quic-v1', '/ip6/::ffff:c000:201/tcp/1/ws',
  ...Array.from({ length: 10 }, (_, net) => `/ip6/2a00:0:0:${net}::1/tcp/1`), '/dns4/node.example/tcp/1', '/dns/a.node.example/tcp/443/wss', '/memory/m', '/unix/tmp%2Fs', '/webrtc',
  ...PEERS.map(peer => `/ip4/192.0.2.1/tcp/1/p2p/${peer}/p2p-circuit`), '/ip4/192.0.2.1/tcp/1/p2p-circuit'
].map(text => normaliseAddress(text))

/** Each is the same function for both of them, or some would throw in one of them alone */
const PREDICATES: Readonly<Record<string, GatePredicate>> = {
  odd: ({ peer }) => peer === PEERS[1],
  broken: ({ address }) => { if (address?.class === 'memory') throw new Error('no'); return false },
  late: (({ peer }: GateTarget) => peer === PEERS[2] ? Promise.resolve(true) : false) as GatePredicate
}

const SUBJECTS: readonly Subject[] = [
  ...PEERS, '192.0.2.1', '::ffff:192.0.2.2', '192.0.2.0/24', '192.0.2.0/30', '192.0.0.0/8', '0.0.0.0/0', '2a00::/32', '2a00:0:0:1::/64', '::/0', '/ip4/*', '/ip4/192.0.2.0/ipcidr/24/ws', '/ip4/*/quic-v1', '/ip6/2a00::/ipcidr/16/tcp',
  '/dns/*', '/dns/node.example', '/dns4/*.Node.example', '/dns/*.node.example/wss', '/memory/m', '/memory', '/unix/tmp/s', '/tcp', '/webrtc', '/p2p-circuit', ...PEERS.map(peer => `/p2p/${peer}/p2p-circuit`),
  ...Object.entries(PREDICATES).map(([name, predicate]) => ({ name, predicate }))
]

const LISTS = ['192.0.2.0/29\n# nothing\nallow inbound 192.0.2.3', `block outbound ${PEERS[0]}\n/p2p-circuit`, 'nonsense\n2a00:0:0:2::/64', '']

const TARGETS: readonly GateTarget[] = (['inbound', 'outbound'] as const).flatMap(direction => [undefined, ...PEERS].flatMap(peer => [undefined, ...ADDRESSES].map(address => ({
  direction, ...(peer === undefined ? {} : { peer }), ...(address === undefined ? {} : { address })
}))))

/** Whatever everybody has to say alike; of two rules that are as specific, and of hits and times, everybody may tell in their own way */
function essence (gater: ConnectionGater, target: GateTarget): unknown {
  const { decision, rule } = gater.verdict(target)
  const refusal = gater.decide(target)
  return { decision, kind: rule?.kind, text: rule?.kind === 'pattern' || rule?.kind === 'predicate' ? undefined : rule?.subject, code: refusal?.code, cause: refusal?.cause, direction: refusal?.direction }
}

function portrait (gater: ConnectionGater): unknown {
  const { rules, struck, lists, store } = gater.status()
  return {
    counts: rules, struck, store, lists: lists.map(({ name, rules, invalid }) => ({ name, rules, invalid })).sort((a, b) => a.name < b.name ? -1 : 1),
    rules: [...gater.rules()].map(({ id, origin, kind, list = '' }) => `${id} ${origin} ${kind} ${list}`).sort()
  }
}

class Pair {
  readonly #random: SeededRandom
  readonly #clock = fakeClock()
  readonly #gaters: readonly ConnectionGater[]
  /** In some traces there are so many strikes that places of one range are drawn together */
  readonly #violent: boolean
  refusals = 0
  ranges = 0

  constructor (random: SeededRandom) {
    this.#random = random
    this.#violent = random.seed % 4 === 0
    const init = { default: random.pick(['allow', 'allow', 'block'] as const), relayedUnknown: random.pick(['refuse', 'allow'] as const), clock: this.#clock }
    this.#gaters = [createConnectionGater(init), new ForeignGater(init)]
  }

  async step (): Promise<string> {
    const drawn = this.#violent && this.#random.chance(0.3) ? 55 : this.#random.int(0, 99)
    if (drawn < 40) return this.#put()
    if (drawn < 55) return this.#takeBack()
    if (drawn < 75) return this.#violent ? this.#flood() : this.#strike()
    if (drawn < 85) return this.#load()
    const passed = this.#random.pick([1, 1_000, 300_000, 4_000_000])
    this.#clock.tick(passed)
    return `${passed} ms later`
  }

  compare (what: string): void {
    this.#alike(what, portrait)
    for (let count = 0; count < 15; count++) {
      const target = this.#random.pick(TARGETS)
      const said = this.#alike(`${what}, then ${target.direction} ${target.peer} at ${target.address?.key}`, gater => essence(gater, target))
      if ((said as { code?: string }).code !== undefined) this.refusals++
    }
  }

  async #put (): Promise<string> {
    const action = this.#random.pick(['allow', 'block', 'block'] as const)
    const subject = this.#random.pick(SUBJECTS)
    const options = { direction: this.#random.pick(['any', 'any', 'inbound', 'outbound'] as const), ...(this.#random.chance(0.3) ? { duration: this.#random.pick([1, 1_500, 1_000_000]) } : {}) }
    return this.#both(`${action} ${shown(subject)}`, async gater => { await gater[action](subject, options) })
  }

  async #takeBack (): Promise<string> {
    const action: RuleAction = this.#random.pick(['allow', 'block'])
    const subject = this.#random.pick(SUBJECTS)
    const options: { direction?: RuleDirection } = this.#random.chance(0.3) ? { direction: this.#random.pick(['any', 'inbound', 'outbound']) } : {}
    return this.#both(`not ${action} ${shown(subject)}`, async gater => action === 'allow' ? gater.disallow(subject, options) : gater.unblock(subject, options))
  }

  /** Several in a row, of places that are close to each other */
  async #flood (): Promise<string> {
    const family = this.#random.pick([4, 6])
    const near = ADDRESSES.filter(address => address.family === family)
    for (let count = 0; count < 12; count++) await this.#strike({ address: this.#random.pick(near) }, 103)
    return `a flood of IPv${family}`
  }

  // sums that meet no threshold exactly, where rounding would decide
  async #strike (offender: Offender = this.#offender(), weight = this.#random.pick([11, 41, 103])): Promise<string> {
    return this.#both('strike', async gater => {
      const { subject, score, outcome, rule } = gater.strike(offender, weight, 'noise')
      if (rule?.kind === 'cidr' && /\/(24|56)$/.test(rule.subject)) this.ranges++
      return { subject, score: score.toFixed(6), outcome, rule: rule?.subject }
    })
  }

  #offender (): Offender {
    return this.#random.chance(0.3) ? { peer: this.#random.pick(PEERS) } : { address: this.#random.pick(ADDRESSES), sharers: this.#random.pick([0, 0, 0, 3]) }
  }

  async #load (): Promise<string> {
    const name = this.#random.pick(['one', 'two'])
    const content = this.#random.pick(LISTS)
    return this.#both(`list ${name}`, async gater => content === '' ? gater.dropList(name) : (await gater.loadList(name, { content })).rules)
  }

  async #both (what: string, act: (gater: ConnectionGater) => Promise<unknown>): Promise<string> {
    const [ours, theirs] = await Promise.all(this.#gaters.map(act))
    expect(ours, what).toEqual(theirs)
    return what
  }

  #alike (what: string, of: (gater: ConnectionGater) => unknown): unknown {
    const [ours, theirs] = this.#gaters.map(of)
    expect(ours, what).toEqual(theirs)
    return ours
  }
}

function shown (subject: Subject): string {
  return typeof subject === 'string' ? subject : JSON.stringify(subject)
}

describe('ours and the foreign one', () => {
  it(`say alike of everybody, in ${TRACES} random traces of rules, lists, strikes and time`, async () => {
    let refusals = 0
    let ranges = 0
    for (let seed = 1; seed <= TRACES; seed++) {
      const pair = new Pair(seededRandom(seed))
      for (let step = 0; step < STEPS; step++) pair.compare(`seed ${seed}, step ${step}: ${await pair.step()}`)
      refusals += pair.refusals
      ranges += pair.ranges
    }
    expect(refusals).toBeGreaterThan(TRACES * STEPS / 2)
    expect(ranges).toBeGreaterThan(TRACES)
  }, 120_000)
})
