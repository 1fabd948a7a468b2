import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnectionGater } from '@cordon/connection-gater'
import { MemoryDatastore } from 'datastore-core'
import { FsDatastore } from 'datastore-fs'
import { LevelDatastore } from 'datastore-level'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { STORE_PREFIX } from '../src/store/codec.ts'
import { settle, taken } from './store-support.ts'
import { from, make } from './support.ts'
import type { Datastore } from 'interface-datastore'

const RULES = 10_000

interface Opened {
  readonly datastore: Datastore
  readonly close: () => Promise<void>
}

const memory = new MemoryDatastore()

const KINDS: ReadonlyArray<readonly [string, number, (path: string) => Promise<Opened>]> = [
  ['in memory', RULES, async () => ({ datastore: memory, close: async () => {} })],
  ['LevelDB', RULES, async path => {
    const datastore = new LevelDatastore(path)
    await datastore.open()
    return { datastore, close: async () => datastore.close() }
  }],
  ['in files', 500, async path => {
    const datastore = new FsDatastore(path)
    await datastore.open()
    return { datastore, close: async () => datastore.close() }
  }]
]

describe.each(KINDS)('a datastore that is %s', (_, rules, open) => {
  let path: string

  beforeEach(() => { path = mkdtempSync(join(tmpdir(), 'cordon-gater-')) })
  afterEach(() => { rmSync(path, { recursive: true, force: true }) })

  it(`has all of ${rules} rules after a restart, and none that was taken back`, async () => {
    const first = await open(path)
    const gater = createConnectionGater({ datastore: first.datastore })
    await gater.start()
    const subject = (i: number): string => `10.${i >>> 16}.${(i >>> 8) & 255}.${i & 255}/32`
    const all = Array.from({ length: rules }, (_, i) => gater.block(subject(i), { reason: `the ${i}th` }))
    all.push(gater.block('/dns/*.example/wss'), gater.block(`/unix/${'deep/'.repeat(60)}end`), gater.allow('12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'))
    await Promise.all(all)
    await gater.unblock(subject(7))
    await gater.stop()
    await first.close()

    const second = await open(path)
    const again = createConnectionGater({ datastore: second.datastore })
    const errors: Error[] = []
    again.addEventListener('store:failed', ({ detail }) => { errors.push(detail.error) })
    await again.start()
    expect(errors).toEqual([])
    expect(again.status()).toMatchObject({ store: 'ready', rules: { manual: rules + 2 } })
    const ids = (from: typeof gater): string[] => [...from.rules()].map(({ id }) => id).sort()
    expect(ids(again)).toEqual(ids(gater))
    await again.stop()
    await second.close()
  })

  it('has none of many rules that were taken back at once, while their hits were due', async () => {
    const { datastore, close } = await open(path)
    const { gater, clock } = make({ datastore })
    await gater.start()
    const count = Math.min(rules, 2_000)
    const subject = (i: number): string => `11.0.${i >>> 8}.${i & 255}`
    await taken(clock, Promise.all(Array.from({ length: count }, async (_, i) => gater.block(subject(i)))))
    for (let i = 0; i < count; i++) gater.decide(from(subject(i)))
    clock.tick(59_999)
    const unblocks = Promise.all(Array.from({ length: count }, async (_, i) => gater.unblock(subject(i))))
    // as soon as the first of them are being written
    await settle()
    clock.tick(1)
    expect(await taken(clock, unblocks)).toEqual(new Array(count).fill(1))
    await gater.stop()
    const keys: string[] = []
    for await (const { key } of datastore.query({ prefix: STORE_PREFIX })) keys.push(key.toString())
    expect(keys.filter(key => key.includes('11%2e0%2e'))).toEqual([])
    await close()
  })
})
