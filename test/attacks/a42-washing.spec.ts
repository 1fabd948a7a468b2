import { eventually } from '@cordon/testing/node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { MUTE_STREAMS, WEIGHT } from './judge.ts'
import { addresses, Scene } from './support.ts'
import type { Order } from './attacker.ts'

/** So few that they are easily pushed out: a fiftieth of the default */
const BLOCKS = 1_000

/** New identities that come and misbehave, and others of whom we are only told */
const COMERS = 1_100
const STRUCK = 10_000

/** Nobody is cut before they are blocked: with the default that takes everybody a second visit */
const BLOCK_AT = 100

/** How many streams without a word it takes to be blocked at once, where the first strikes have faded a little; and what somebody opens who means it */
const ENOUGH = MUTE_STREAMS + BLOCK_AT / WEIGHT + 1
const MANY = MUTE_STREAMS + 24

/** How many of them at a time; a small node has 64 places */
const ROUND = 50

/** How many may come at once from one address, as in go-libp2p */
const BURST = 15

describe(`A42: new identities are to push out who was blocked, where ${BLOCKS} are remembered`, () => {
  let scene: Scene
  let name: string

  beforeAll(async () => {
    scene = await Scene.start({ strikes: { maxBlocks: BLOCKS, maxStruck: BLOCKS, disconnectAt: BLOCK_AT } })
    name = await scene.attacker.call('name')
  })
  afterEach(async () => { await scene.disperse() })
  afterAll(async () => { await scene.stop() })

  /** So many come, are let in, open so many streams without a word and are cut */
  async function misbehave (order: Order, count: number, streams: number): Promise<void> {
    const { readied } = await scene.seen()
    expect(await scene.attacker.call('come', order, count, 8)).toMatchObject({ reached: count })
    // what is sent before the muxer is there is lost (@libp2p/noise 17.0.3)
    await eventually(async () => (await scene.seen()).readied === readied + count)
    await scene.attacker.call('openStreams', streams, 1, 0.05)
    await eventually(async () => (await scene.attacker.call('live')).all === 0)
  }

  it(`whoever was bad stays blocked while ${COMERS} new ones come and are blocked, and ${STRUCK} more are struck`, async () => {
    const bad = scene.order(addresses(20, 66), { oneIdentity: true })
    await misbehave(bad, 1, MANY)
    const { rule } = await scene.victim.call('gate', name)
    expect(rule).toMatchObject({ action: 'block', kind: 'peer', origin: 'automatic', reason: 'opens streams and says nothing' })

    const fresh = scene.order(addresses(Math.ceil(COMERS / BURST), 67))
    for (let come = 0; come < COMERS; come += ROUND) await misbehave(fresh, ROUND, ENOUGH)
    const { status: washed, strikes, rule: kept } = await scene.victim.call('gate', name)
    expect(washed).toMatchObject({ rules: { automatic: BLOCKS }, evicted: COMERS + 1 - BLOCKS, struck: BLOCKS })
    expect(strikes?.place).toBe(0)
    expect(kept).toEqual(rule)

    await scene.victim.call('strikeFresh', STRUCK, BLOCK_AT)
    const { status, rule: after } = await scene.victim.call('gate', name)
    expect(status).toMatchObject({ rules: { automatic: BLOCKS }, evicted: COMERS + STRUCK + 1 - BLOCKS, struck: BLOCKS })
    expect(after).toEqual(rule)

    // and it is a block still: from wherever it comes, it is cut as soon as it is known
    await scene.attacker.call('come', bad, 10, 2)
    await eventually(async () => (await scene.victim.call('gate', name)).rule?.hits === (rule?.hits ?? 0) + 10)
    await eventually(async () => (await scene.attacker.call('live')).all === 0)
    await scene.expectClean()
  })
})
