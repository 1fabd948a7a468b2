import { quantile } from '@cordon/bench-harness'
import { eventually } from '@cordon/testing/node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addresses, isBusy, Scene } from './support.ts'

const CONNECTIONS = 20
const STREAMS = 1_000
const SECONDS = 8

/** How often each of them opens a part of its streams */
const ROUNDS = 40

const PROBE = { dials: 0, streams: 40 }

/** How many streams may wait for their protocol: in all, as go-libp2p has it, and of one connection */
const UNNEGOTIATED = { all: 128, perConnection: 32 }

/** Of honest streams, in ms */
const P99 = 100

describe(`A16: ${STREAMS} streams without a protocol on each of ${CONNECTIONS} connections`, () => {
  let scene: Scene

  beforeAll(async () => { scene = await Scene.start() })
  afterEach(async () => { await scene.disperse() })
  afterAll(async () => { await scene.stop() })

  async function connect (): Promise<void> {
    const { reached } = await scene.attacker.call('come', scene.order(addresses(CONNECTIONS, 66)), CONNECTIONS, CONNECTIONS)
    expect(reached).toBe(CONNECTIONS)
  }

  /** One more would wait if it could, and never does */
  async function expectBounded (): Promise<void> {
    const { most, peaks, refusals } = await scene.seen()
    expect(most.unnegotiated).toBe(UNNEGOTIATED.all)
    expect(peaks.transient.streamsInbound).toEqual([UNNEGOTIATED.all, UNNEGOTIATED.all])
    expect(most.unnegotiatedPerConnection).toBeLessThanOrEqual(UNNEGOTIATED.perConnection)
    expect(refusals.transient.streamsInbound).toBeGreaterThan(0)
  }

  it(`over ${SECONDS} s: at most ${UNNEGOTIATED.all} wait at once, at least 99 of 100 honest streams succeed, and p99 of opening one is at most ${P99} ms`, async () => {
    const honest = await scene.invite(addresses(6, 77), 5)
    const quiet = await scene.during(honest, { ...PROBE, seconds: 1 }, async () => {})
    await connect()
    const attack = await scene.during(honest, { ...PROBE, seconds: SECONDS }, async () => {
      await scene.attacker.call('openStreams', STREAMS / ROUNDS, ROUNDS, SECONDS)
    })

    await expectBounded()
    const { tried, latencies, failures } = attack.probe.streams
    expect(latencies.length, `streams that succeeded of ${tried}, failures ${JSON.stringify(failures)}`).toBeGreaterThanOrEqual(tried * 0.99)
    if (!isBusy(attack, quiet)) expect(quantile(latencies, 0.99)).toBeLessThanOrEqual(P99)
    // nobody was cut for it: a stream that is refused costs the connection nothing
    expect((await scene.attacker.call('live')).all).toBe(CONNECTIONS)
    await scene.expectClean()
  })

  // How long it takes to refuse so many is not judged here: how fast one connection may open streams is for the guard of
  // the muxer to say, which does not exist yet. The counts hold all the same.
  it(`all at once: at most ${UNNEGOTIATED.all} wait at once, ${UNNEGOTIATED.perConnection} of one connection, and honest streams are served right after`, async () => {
    const honest = await scene.invite(addresses(2, 78), 1)
    const answered = async (): Promise<number> => {
      const { streamsAdmitted, refusedByManager } = await scene.seen()
      return streamsAdmitted + refusedByManager
    }
    const before = await answered()
    await connect()
    await scene.attacker.call('openStreams', STREAMS, 1, 0.1)
    await eventually(async () => await answered() - before >= CONNECTIONS * STREAMS, { deadline: 20_000 })

    await expectBounded()
    const { streams } = await honest.call('probe', { dials: 0, streams: 20, seconds: 1 })
    expect(streams.failures).toEqual({})
    await scene.expectClean()
  })
})
