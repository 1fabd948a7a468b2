// Peers that are no nodes, in a process of their own. What they may do to a guarded node is bounded by the orders that
// they are given: so many, so fast, from these addresses.

import { every, serve } from '@cordon/bench-harness'
import { stranger } from '@cordon/testing/node'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Stranger } from '@cordon/testing/node'
import type { PrivateKey } from '@libp2p/interface'

export interface Order {
  readonly host?: string
  readonly port: number

  /** Where they come from: each in turn */
  readonly sources: readonly string[]

  /** Whether all of them say that they are the same peer; otherwise each is somebody new */
  readonly oneIdentity?: boolean

  /** How far their handshakes go, see `StrangerInit.messages`; to the end by default */
  readonly messages?: number

  readonly earlyMuxer?: boolean
}

/** What became of an order */
export interface Outcome {
  readonly tried: number

  /** How many got as far as they should */
  readonly reached: number

  /** How many bytes each of them has sent, at least */
  readonly sent: number
}

const identity = await generateKeyPair('Ed25519')

/** Whoever is connected; bounded by the orders */
const live = new Map<Stranger, string>()

/** Where the next one of an order comes from, so that orders in a row go on where the last one ended */
let turn = 0

async function come ({ sources, oneIdentity = false, ...init }: Order): Promise<Stranger> {
  const localAddress = sources[turn++ % sources.length]
  const privateKey: PrivateKey = oneIdentity ? identity : await generateKeyPair('Ed25519')
  const one = await stranger({ ...init, localAddress, privateKey })
  live.set(one, localAddress ?? '')
  one.onEnd(() => { live.delete(one) })
  return one
}

/** Never rejects: to be refused is what they are for */
async function attempt (order: Order): Promise<Stranger | undefined> {
  return come(order).catch(() => undefined)
}

function outcome (comers: ReadonlyArray<Stranger | undefined>): Outcome {
  const reached = comers.filter(one => one != null)
  return { tried: comers.length, reached: reached.length, sent: reached.reduce((least, { sent }) => Math.min(least, sent), Infinity) }
}

/** Runs so many at a time */
async function inLanes <T> (times: number, lanes: number, task: () => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let left = times
  await Promise.all(Array.from({ length: Math.min(lanes, times) }, async () => {
    while (left-- > 0) results.push(await task())
  }))
  return results
}

const procedures = {
  /** Comes so many times a second whatever becomes of it, and stays where it is let in */
  async flood (order: Order, rate: number, seconds: number): Promise<Outcome> {
    const attempts: Array<Promise<Stranger | undefined>> = []
    await every(rate, seconds, () => { attempts.push(attempt(order)) })
    return outcome(await Promise.all(attempts))
  },

  /** Comes so many times, `lanes` at a time, and stays where it is let in */
  async come (order: Order, times: number, lanes: number): Promise<Outcome> {
    return outcome(await inLanes(times, lanes, async () => attempt(order)))
  },

  /** The same, and leaves at once */
  async visit (order: Order, times: number, lanes: number): Promise<Outcome> {
    return outcome(await inLanes(times, lanes, async () => {
      const one = await attempt(order)
      if (one != null) await new Promise<void>(resolve => { one.onEnd(resolve); one.end('close') })
      return one
    }))
  },

  /** Who it says it is where it has one identity */
  name (): string {
    return peerIdFromPrivateKey(identity).toString()
  },

  /** All of them send what they held back, in one tick; some of them reset their connection in the same tick */
  proceed (resets = 0): void {
    [...live.keys()].forEach((one, index) => {
      one.proceed()
      if (index < resets) one.end('reset')
    })
  },

  /** Each opens so many streams `rounds` times, evenly over so many seconds, and says nothing on them */
  async openStreams (count: number, rounds: number, seconds: number): Promise<void> {
    const everybody = [...live.keys()]
    await every(rounds * everybody.length / seconds, seconds, index => {
      const one = everybody[index % everybody.length]
      if (one?.ended === false) one.openStreams(count)
    })
  },

  /** How many are connected, and how many from the same address at most */
  live (): { all: number, perSource: number } {
    const bySource = new Map<string, number>()
    for (const source of live.values()) bySource.set(source, (bySource.get(source) ?? 0) + 1)
    return { all: live.size, perSource: Math.max(0, ...bySource.values()) }
  },

  end (how: 'reset' | 'close'): void {
    for (const one of live.keys()) one.end(how)
  }
}

export type Attacker = typeof procedures

serve(procedures)
