import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { createResourceManager } from '@cordon/resource-manager'
import { seededRandom } from '@cordon/testing'
import { eventually } from '@cordon/testing/node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addresses, Scene } from './support.ts'
import type { ConnectionScope, ResourceManager } from '@cordon/interface-resource-manager'

const SCHEDULES = 1_000
const SEED = 6

const PEER = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'

/** go-libp2p's limits of a small machine: inbound connections of the node, of those not authenticated yet, and descriptors of one peer */
const LIMITS = { system: 64, transient: 32, peer: 4 }

/** What each connection of a schedule still has to do */
interface Actor {
  scope: ConnectionScope | undefined
  steps: Array<'open' | 'promote' | 'close'>
  state: 'none' | 'transient' | 'promoted'
}

/** One schedule: all connections take their steps in a random order, and each answer is compared with a plain recount */
class Schedule {
  readonly #manager: ResourceManager
  readonly #actors: Actor[]
  transient = 0
  promoted: number
  most = 0
  wrong = ''

  constructor (manager: ResourceManager, connections: number, held: number, hasty: () => boolean) {
    this.#manager = manager
    this.promoted = held
    this.#actors = Array.from({ length: connections }, () => ({
      scope: undefined,
      // some end before they are promoted, as a remote does that resets
      steps: hasty() ? ['open', 'close'] : ['open', 'promote', 'close'],
      state: 'none'
    }))
  }

  run (pick: (below: number) => number): void {
    const left = [...this.#actors]
    while (left.length > 0) {
      const index = pick(left.length)
      const actor = left[index] as Actor
      this.#step(actor, actor.steps.shift())
      if (actor.steps.length === 0) left.splice(index, 1)
      this.most = Math.max(this.most, this.promoted)
    }
  }

  #step (actor: Actor, step: Actor['steps'][number] | undefined): void {
    if (step === 'open') this.#open(actor)
    else if (step === 'promote') this.#promote(actor)
    else this.#close(actor)
  }

  #open (actor: Actor): void {
    const room = this.transient < LIMITS.transient && this.transient + this.promoted < LIMITS.system
    const scope = this.#manager.openConnection('inbound', { usesDescriptor: true })
    this.#compare('open', room, !isRefusal(scope))
    if (isRefusal(scope)) return
    actor.scope = scope
    actor.state = 'transient'
    this.transient++
  }

  #promote (actor: Actor): void {
    if (actor.scope === undefined) return
    const room = this.promoted < LIMITS.peer
    const refusal = actor.scope.setPeer(PEER)
    this.#compare('promote', room, refusal === undefined)
    if (refusal !== undefined) return
    actor.state = 'promoted'
    this.transient--
    this.promoted++
  }

  #close (actor: Actor): void {
    actor.scope?.release()
    if (actor.state === 'transient') this.transient--
    if (actor.state === 'promoted') this.promoted--
    actor.state = 'none'
  }

  #compare (step: string, expected: boolean, actual: boolean): void {
    if (expected !== actual) this.wrong ||= `${step} should ${expected ? 'succeed' : 'be refused'} with ${this.transient} transient and ${this.promoted} promoted`
  }
}

describe('A06: N upgrades finish at once and one place is left', () => {
  it(`${SCHEDULES} schedules for each N from 2 to 50: never more than the limit, and the sums are right`, () => {
    const random = seededRandom(SEED)
    const manager = createResourceManager({ machine: { memory: 1, fileDescriptors: 0 } })
    const scopes = [manager.scope('system'), manager.scope('transient'), manager.scope('peer', PEER)]
    const counted = (): number[] => scopes.map(scope => scope.usage().connectionsInbound)
    const held = Array.from({ length: LIMITS.peer - 1 }, () => {
      const scope = manager.openConnection('inbound', { usesDescriptor: true })
      if (isRefusal(scope) || scope.setPeer(PEER) !== undefined) throw new Error('there is room for these')
      return scope
    })

    for (let connections = 2; connections <= 50; connections++) {
      let won = 0
      for (let count = 0; count < SCHEDULES; count++) {
        const schedule = new Schedule(manager, connections, held.length, () => random.chance(0.2))
        schedule.run(below => random.int(0, below - 1))
        // failing values are shown with what it takes to see them again
        const where = `seed ${SEED}, ${connections} connections, schedule ${count}`
        if (schedule.wrong !== '') throw new Error(`${where}: ${schedule.wrong}`)
        if (schedule.most > LIMITS.peer) throw new Error(`${where}: ${schedule.most} were promoted`)
        if (schedule.most === LIMITS.peer) won++
        if (String(counted()) !== String([held.length, 0, held.length])) throw new Error(`${where}: ${counted().join()} are left`)
      }
      // the last place is given away, and not merely kept free
      expect(won).toBeGreaterThan(SCHEDULES / 2)
    }

    held.forEach(scope => { scope.release() })
    scopes.forEach(scope => { scope.release() })
    expect(manager.snapshot()).toMatchObject({ system: { usage: { connectionsInbound: 0, fileDescriptors: 0 } }, peers: [], classes: { peer: { count: 0 } } })
  })

  describe('on a real node', () => {
    let scene: Scene

    beforeAll(async () => { scene = await Scene.start() })
    afterEach(async () => { await scene.disperse() })
    afterAll(async () => { await scene.stop() })

    // an address of its own for each connection, so that it is the peer that is full
    const from = addresses(250, 66)

    it.each([
      { connections: 2, resets: 0 },
      { connections: 8, resets: 0 },
      { connections: 24, resets: 0 },
      { connections: 24, resets: 12 }
    ])('$connections of one peer send their last message in one tick, $resets of them reset in the same tick: one place, one winner, each loser is closed with its refusal', async ({ connections, resets }) => {
      const before = await scene.seen()
      const order = scene.order(from, { oneIdentity: true })
      expect(await scene.attacker.call('come', order, LIMITS.peer - 1, 1)).toMatchObject({ reached: LIMITS.peer - 1 })
      await eventually(async () => (await scene.seen()).readied === before.readied + LIMITS.peer - 1)

      // all but the last of the four messages of a handshake
      expect(await scene.attacker.call('come', { ...order, messages: 3 }, connections, connections)).toMatchObject({ reached: connections })
      await eventually(async () => (await scene.victim.call('held'))['handshaking'] === connections)
      await scene.attacker.call('proceed', resets)

      await eventually(async () => (await scene.victim.call('held'))['handshaking'] === 0)
      const { most, causes, closed, refusals } = await scene.seen()
      expect(most.perPeer).toBe(LIMITS.peer)
      const lost = (closed.refused ?? 0) - (before.closed.refused ?? 0)

      if (resets === 0) {
        // there is no Goodbye yet that would tell the loser why: it is told by the `closed` event on this side
        expect(lost).toBe(connections - 1)
        await eventually(async () => (await scene.attacker.call('live')).all === LIMITS.peer)
      } else {
        expect(lost).toBeLessThan(connections)
        await eventually(async () => (await scene.attacker.call('live')).all <= LIMITS.peer)
      }

      const [cause = '', ...others] = Object.keys(causes)
      expect([cause, others]).toEqual([expect.stringMatching(/^peer:/), []])
      expect(causes[cause]).toBe(closed.refused)
      expect(refusals.peer.fileDescriptors).toBe(closed.refused)
      expect(closed.deadline).toBeUndefined()
      await scene.expectClean()
    })
  })
})
