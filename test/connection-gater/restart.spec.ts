import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fakeClock } from '@cordon/testing'
import { closedPort, eventually, hostilePeer } from '@cordon/testing/node'
import { prefixLogger } from '@libp2p/logger'
import { LevelDatastore } from 'datastore-level'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { closedFor, expectNothingHeld, gated, quiet, SlowDatastore, still, storeOf, visits } from './support.ts'
import type { GatedInit, GatedNode } from './support.ts'
import type { RuleStoreError, StoredRuleError } from '@cordon/interface-connection-gater'
import type { Pair, Query } from 'interface-datastore'

/** How many rules are kept */
const RULES = 10_000

let path: string

beforeEach(() => { path = mkdtempSync(join(tmpdir(), 'cordon-gater-')) })

afterEach(async () => {
  await expectNothingHeld()
  rmSync(path, { recursive: true, force: true })
})

/** The nth blocked address, all of them on loopback, so that somebody can come from there */
const address = (n: number): string => `127.1.${n >> 8}.${n & 255}`

/** A LevelDB that answers no query before it is told to */
class SlowLevel extends LevelDatastore {
  readonly #released = Promise.withResolvers<undefined>()
  asked = false

  release (): void {
    this.#released.resolve(undefined)
  }

  override async * query (query: Query): AsyncGenerator<Pair> {
    this.asked = true
    await this.#released.promise
    yield * super.query(query)
  }
}

async function open <T extends LevelDatastore> (datastore: T): Promise<T> {
  await datastore.open()
  return datastore
}

/** For a machine that has other things to do as well */
const PATIENT: Pick<GatedInit, 'gater' | 'init'> = { gater: { storeTimeout: 30_000 }, init: { startTimeout: 60_000, stopTimeout: 60_000 } }

/** The LevelDB of a node that has made all the rules, and has ended */
async function written (): Promise<void> {
  const datastore = await open(new LevelDatastore(path))
  const { gater, node } = await gated({ datastore, ...PATIENT })
  await Promise.all(Array.from({ length: RULES }, async (_, n) => gater.block(address(n), { reason: `the ${n}th` })))
  expect(gater.status()).toMatchObject({ store: 'ready', unwritten: 0, rules: { manual: RULES } })
  await node.stop()
  await datastore.close()
}

function listenOn (port: number): Pick<GatedInit, 'options'> {
  return { options: all => ({ ...quiet(all), addresses: { listen: [`/ip4/127.0.0.1/tcp/${port}`] } }) }
}

/** Whether anybody listens */
async function answers (port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = net.connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => { resolve(false) })
  })
}

describe(`a node that kept ${RULES} rules in LevelDB`, () => {
  it('has all of them in force before anybody can connect', async () => {
    await written()
    const port = await closedPort()
    const datastore = await open(new SlowLevel(path))
    const starting = gated({ datastore, ...PATIENT, ...listenOn(port) })
    await eventually(() => datastore.asked)
    expect(await answers(port)).toBe(false)
    datastore.release()
    const host = await starting
    expect(await answers(port)).toBe(true)

    expect(host.gater.status()).toMatchObject({ store: 'ready', rules: { manual: RULES } })
    const blocked = hostilePeer({ kind: 'b', port, localAddress: strike => address(strike * 97 % RULES) })
    await blocked.strike(100)
    await eventually(() => blocked.live === 0)
    await blocked.stop()
    expect(host.gater.status().refusals).toEqual({ ip: 100 })
    // who looked whether anybody listens
    await eventually(() => host.lifecycle.size === 0)
    expect(host.lifecycle.stats().opened).toBe(1)
    expect(await visits(host, await gated({ from: '127.2.0.1' }))).toBe(true)
    expect([...host.gater.rules()].find(({ subject }) => subject === `${address(9_999)}/32`)).toMatchObject({ reason: 'the 9999th' })
    await host.node.stop()
    await datastore.close()
  })

  it('starts without them at its deadline, says so, and has them in force as soon as the datastore answers', async () => {
    await written()
    const clock = fakeClock()
    const errors: Array<RuleStoreError | StoredRuleError> = []
    const lines: string[] = []
    const datastore = await open(new SlowLevel(path))
    const starting = gated({
      datastore,
      gater: still(clock),
      made: gater => { gater.addEventListener('store:failed', ({ detail }) => { errors.push(detail.error) }) },
      options: all => ({ ...quiet(all), logger: logInto(lines) })
    })
    await eventually(() => clock.pendingRef === 1)
    clock.tick(3_999)
    expect(errors).toEqual([])
    clock.tick(1)
    const host = await starting
    expect(errors).toMatchObject([{ name: 'RuleStoreError', message: 'the rules could not be read within 4000 ms; the node starts without those that are missing' }])
    expect(lines).toEqual([expect.stringContaining('could not be read within 4000 ms')])
    expect(host.gater.status()).toMatchObject({ store: 'loading', rules: { manual: 0 } })

    // whoever comes in the meantime is let in, until the rules are known
    const [guest, other] = [await gated({ from: address(42) }), await gated({ from: '127.2.0.1' })]
    expect([await visits(host, guest), await visits(host, other)]).toEqual([true, true])
    // what is made meanwhile is newer than what is kept
    const allowed = host.gater.unblock(address(43))
    void host.gater.block(address(44), { reason: 'again' })
    datastore.release()
    await eventually(() => {
      // reading goes on in slices, with a rest after each
      clock.tick(0)
      return host.lifecycle.stats().records.ready === 1
    })
    expect(closedFor(host)).toMatchObject([{ cause: 'ip', rule: { subject: `${address(42)}/32`, reason: 'the 42th' } }])
    expect(await allowed).toBe(1)
    expect(host.gater.status()).toMatchObject({ store: 'ready', rules: { manual: RULES - 1 } })
    expect([...host.gater.rules()].find(({ subject }) => subject === `${address(44)}/32`)?.reason).toBe('again')
    expect(await visits(host, guest)).toBe(false)
    await host.node.stop()
    await datastore.close()
  })
})

/** A logger that writes down what a gater has to complain about */
function logInto (lines: string[]): NonNullable<Parameters<NonNullable<GatedInit['options']>>[0]['logger']> {
  const { forComponent } = prefixLogger('')
  return {
    forComponent: name => {
      const logger = forComponent(name)
      return name !== 'cordon:gater' ? logger : Object.assign(() => {}, logger, { error: (_format: string, error: Error) => { lines.push(error.message) } })
    }
  }
}

describe('a rule that is kept', () => {
  /** The node is stopped, and another one is started on what it kept, some time later */
  async function later (host: GatedNode, init: GatedInit): Promise<GatedNode> {
    await host.node.stop()
    return gated(init)
  }

  it('and taken back is still taken back for the next node', async () => {
    const datastore = await open(new LevelDatastore(path))
    const first = await gated({ datastore })
    await first.gater.block('127.0.1.2')
    await first.gater.block('127.0.1.3')
    await first.gater.unblock('127.0.1.2')
    const second = await later(first, { datastore })
    expect([await visits(second, await gated({ from: '127.0.1.2' })), await visits(second, await gated({ from: '127.0.1.3' }))]).toEqual([true, false])
    await second.gater.unblock('127.0.1.3')
    const third = await later(second, { datastore })
    expect([...third.gater.rules()]).toEqual([])
    await third.node.stop()
    await datastore.close()
  })

  it('ends when it would have ended, whether or not a node was running then', async () => {
    const datastore = await open(new LevelDatastore(path))
    const clock = fakeClock()
    const init: GatedInit = { datastore, gater: still(clock) }
    const first = await gated(init)
    await first.gater.block('127.0.1.2', { duration: 60_000 })
    await first.gater.block('127.0.1.3', { duration: 120_000 })
    await first.gater.block('127.0.1.4')
    const guests = [await gated({ from: '127.0.1.2' }), await gated({ from: '127.0.1.3' }), await gated({ from: '127.0.1.4' })]
    const letIn = async (host: GatedNode): Promise<boolean[]> => {
      const answers: boolean[] = []
      for (const guest of guests) answers.push(await visits(host, guest))
      return answers
    }
    await first.node.stop()
    clock.tick(60_000)
    const second = await gated(init)
    expect(await letIn(second)).toEqual([true, false, false])
    clock.tick(59_999)
    expect(second.gater.status().rules.manual).toBe(2)
    clock.tick(1)
    expect((await letIn(second)).slice(1)).toEqual([true, false])
    const third = await later(second, init)
    expect([...third.gater.rules()].map(({ subject }) => subject)).toEqual(['127.0.1.4/32'])
    await third.node.stop()
    await datastore.close()
  })

  it('and cannot be read is reported and left alone, and the others are in force', async () => {
    const datastore = await storeOf(new SlowDatastore(), [['block', '127.0.1.2'], ['block', '127.0.1.3']])
    datastore.release()
    for await (const { key } of datastore.query({ filters: [({ key }) => decodeURIComponent(key.toString()).includes('127.0.1.2')] })) await datastore.put(key, Uint8Array.of(1, 2, 3))
    const errors: string[] = []
    const host = await gated({ datastore, made: gater => { gater.addEventListener('store:failed', ({ detail }) => { errors.push(detail.error.name) }) } })
    expect(errors).toEqual(['StoredRuleError'])
    expect([...host.gater.rules()].map(({ subject }) => subject)).toEqual(['127.0.1.3/32'])
  })
})
