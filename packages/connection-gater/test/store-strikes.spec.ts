import { normaliseAddress } from '@cordon/address'
import { MemoryDatastore } from 'datastore-core'
import { describe, expect, it } from 'vitest'
import { settle, subjectsIn, Unreliable } from './store-support.ts'
import { EPOCH, from, lets, make } from './support.ts'
import type { CoreConnectionGater } from '@cordon/connection-gater'
import type { Batch } from 'interface-datastore'

describe('strikes of neighbours, who are drawn together', () => {
  const NEIGHBOURS = Array.from({ length: 8 }, (_, i) => `198.51.100.${i}`)

  /** What a crash after each commit would have left */
  class Copied extends Unreliable {
    readonly copies: MemoryDatastore[] = []

    override batch (): Batch {
      const batch = super.batch()
      const commit = batch.commit.bind(batch)
      batch.commit = async () => {
        await commit()
        const copy = new MemoryDatastore()
        for await (const { key, value } of super.query({})) await copy.put(key, value)
        this.copies.push(copy)
      }
      return batch
    }
  }

  const strike = (gater: CoreConnectionGater, ip: string): void => { gater.strike({ address: normaliseAddress(ip) }, 100, 'noise') }

  /** Whom whoever reads what a crash has left lets in again */
  async function letIn (datastore: MemoryDatastore, ips: readonly string[]): Promise<string[]> {
    const { gater } = make({ datastore })
    await gater.start()
    const free = ips.filter(ip => lets(gater, from(ip)))
    await gater.stop()
    return free
  }

  it('are blocked by what is in the datastore at every moment', async () => {
    const datastore = new Copied()
    const { gater } = make({ datastore, strikes: { aggregateAt: 8 } })
    await gater.start()
    for (const [i, ip] of NEIGHBOURS.entries()) {
      strike(gater, ip)
      for (let turn = 0; turn < 10; turn++) await settle()
      expect(datastore.copies.length).toBeGreaterThan(0)
      for (const copy of datastore.copies.splice(0)) expect(await letIn(copy, NEIGHBOURS.slice(0, i))).toEqual([])
    }
    expect(await subjectsIn(datastore)).toEqual(['198.51.100.0/24'])
    await gater.stop()
  })

  it('are so as well while all that there is has not been read yet', async () => {
    const datastore = new Copied()
    const earlier = make({ datastore })
    await earlier.gater.start()
    for (const ip of NEIGHBOURS.slice(0, 2)) strike(earlier.gater, ip)
    await earlier.gater.stop()

    const { gater } = make({ datastore, strikes: { aggregateAt: 2 } })
    datastore.reading = 'stops'
    const started = gater.start()
    await settle()
    datastore.copies.length = 0
    strike(gater, '198.51.100.9')
    await settle()
    expect([...gater.rules()].map(({ subject }) => subject)).toEqual(['198.51.100.0/24'])
    for (const copy of [...datastore.copies, datastore]) {
      const read = new MemoryDatastore()
      datastore.reading = 'works'
      for await (const { key, value } of copy.query({})) await read.put(key, value)
      datastore.reading = 'stops'
      expect(await letIn(read, NEIGHBOURS.slice(0, 2))).toEqual([])
    }
    datastore.reading = 'works'
    datastore.release()
    await started
    await settle()
    // the one that was read last is covered by it, and goes when its time is over
    expect(await subjectsIn(datastore)).toEqual(['198.51.100.1/32', '198.51.100.0/24'])
    await gater.stop()
  })
})

describe('strikes while nothing can be written', () => {
  const BLOCKS = 100

  /** What one batch may hold of which nobody knows whether it is in the datastore */
  const BATCH = 256

  it.each<[string, Partial<Unreliable>]>([['hangs', { mode: 'hangs' }], ['fails', { mode: 'fails' }], ['cannot be read', { reading: 'fails' }], ['cannot be read or written', { reading: 'fails', mode: 'fails' }]])('leave no more behind than there are blocks, where the datastore %s', async (_, how) => {
    const datastore = Object.assign(new Unreliable(), how)
    const { gater, clock } = make({ datastore, strikes: { maxBlocks: BLOCKS } })
    const started = gater.start()
    await settle()
    clock.tick(10_000)
    await started
    for (let i = 0; i < 100 * BLOCKS; i++) {
      gater.strike({ address: normaliseAddress(`10.${i >>> 8}.${i & 255}.1`) }, 100, 'noise')
      if (i % 1_000 === 0) {
        clock.tick(60_000)
        await settle()
      }
      expect(gater.status().unwritten).toBeLessThanOrEqual(BLOCKS + BATCH)
    }
    const expected = [...gater.rules()].map(({ subject }) => subject).sort()
    expect(expected).toHaveLength(BLOCKS)

    Object.assign(datastore, { mode: 'works', reading: 'works' })
    datastore.release()
    for (let i = 0; i < 10; i++) {
      clock.tick(60_000)
      for (let batch = 0; batch < 50; batch++) await settle()
    }
    expect(gater.status()).toMatchObject({ store: 'ready', unwritten: 0 })
    expect([...gater.rules()].map(({ subject }) => subject).sort()).toEqual(expected)
    expect((await subjectsIn(datastore)).sort()).toEqual(expected)
  })

  it('that was never started leave no more behind either', () => {
    const { gater } = make({ datastore: new MemoryDatastore(), strikes: { maxBlocks: BLOCKS } })
    for (let i = 0; i < 100 * BLOCKS; i++) gater.strike({ address: normaliseAddress(`10.${i >>> 8}.${i & 255}.1`) }, 100, 'noise')
    expect(gater.status().unwritten).toBe(BLOCKS)
  })
})

describe('a block by strikes that was kept', () => {
  it.each([['of 1970', -EPOCH, 600_000], ['a minute later', 60_000, 540_000]])('lasts no longer than a new one, with a wall clock %s', async (_, jump, left) => {
    const datastore = new MemoryDatastore()
    const first = make({ datastore, strikes: { blockDuration: 600_000 } })
    await first.gater.start()
    first.gater.strike({ address: normaliseAddress('198.51.100.1') }, 1_000, 'noise')
    await settle()
    await first.gater.stop()

    const { gater, clock } = make({ datastore, strikes: { blockDuration: 600_000 }, wallClock: () => EPOCH + first.clock.now() + jump })
    await gater.start()
    expect(gater.decide(from('198.51.100.1'))).toMatchObject({ retryAfter: left })
    clock.tick(600_000)
    expect(lets(gater, from('198.51.100.1'))).toBe(true)
    await gater.stop()
  })
})
