import { cordon } from '@cordon/cordon'
import { buildNode, eventually, stopAll, within } from '@cordon/testing/node'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { afterEach, describe, expect, it } from 'vitest'
import { Complaints, expectUnhindered, keepBusy, stopClean, TEST_TIMEOUT } from './support.ts'
import type { Guarded } from './support.ts'
import type { GossipSub } from '@libp2p/gossipsub'
import type { ComponentLogger } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'

const NODES = 5
const TOPIC = 'cordon-test'

/** Follows each message until every node but its author has it, once */
class Deliveries {
  readonly #missing = new Map<string, { readonly by: Set<number>, readonly arrived: () => void }>()
  readonly twice: string[] = []

  async expect (id: string, by: number[]): Promise<void> {
    await new Promise<void>(resolve => { this.#missing.set(id, { by: new Set(by), arrived: resolve }) })
    this.#missing.delete(id)
  }

  arrived (id: string, at: number): void {
    const missing = this.#missing.get(id)

    if (missing?.by.delete(at) !== true) {
      this.twice.push(`${id} at ${at}`)
    } else if (missing.by.size === 0) {
      missing.arrived()
    }
  }
}

async function build (logger: ComponentLogger): Promise<Libp2p<Guarded & { pubsub: GossipSub }>> {
  return buildNode({
    transport: 'tcp',
    stack: 'chainsafe',
    compose: options => cordon({ ...options, logger, services: { identify: identify(), pubsub: gossipsub() } })
  })
}

afterEach(stopAll)

describe('gossipsub on guarded nodes', () => {
  it('delivers every message in a mesh of 5, once', async () => {
    using complaints = new Complaints()
    const deliveries = new Deliveries()
    const nodes = await Promise.all(Array.from({ length: NODES }, async () => build(complaints.logger)))

    for (const [at, { services: { pubsub } }] of nodes.entries()) {
      pubsub.addEventListener('message', ({ detail: { topic, data } }) => {
        if (topic === TOPIC) deliveries.arrived(new TextDecoder().decode(data.subarray(0, data.indexOf(0))), at)
      })
      pubsub.subscribe(TOPIC)
    }

    // a ring, so that messages have to be passed on
    await Promise.all(nodes.map(async (node, at) => node.dial(nodes[(at + 1) % NODES]?.getMultiaddrs() ?? [])))
    await eventually(() => nodes.every(({ services: { pubsub } }) => pubsub.getSubscribers(TOPIC).length === 2), { deadline: 15_000 })

    const rounds = await Promise.all(nodes.map(async ({ services: { pubsub } }, author) => keepBusy(async round => {
      const id = `${author}-${round}`
      const payload = new Uint8Array(1_024)
      payload.set(new TextEncoder().encode(id))
      const delivered = deliveries.expect(id, [...nodes.keys()].filter(at => at !== author))
      await pubsub.publish(TOPIC, payload)
      await within(10_000, `delivering ${id}`, delivered)
    })))

    expect(Math.min(...rounds)).toBeGreaterThan(0)
    expect(deliveries.twice).toEqual([])
    expectUnhindered(nodes)
    await stopClean(nodes, stopAll)
    complaints.expectNone()
  }, TEST_TIMEOUT)
})
