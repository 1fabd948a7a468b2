import { RuleStoreError, StoredRuleError } from '@cordon/interface-connection-gater'
import { fakeClock } from '@cordon/testing'
import { MemoryDatastore } from 'datastore-core'
import { Key } from 'interface-datastore'
import { describe, expect, it } from 'vitest'
import { keyOf } from '../src/store/codec.ts'
import { errorsOf, settle, subjectsIn, Unreliable } from './store-support.ts'
import { from, lets, make, PEER } from './support.ts'
import type { GateTarget } from '@cordon/interface-connection-gater'

describe('a datastore that hangs', () => {
  it('delays no decision; a block is in force, an unblock is not, and both say so', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    const errors = errorsOf(gater)
    await gater.start()
    await gater.block('9.9.9.9')
    datastore.mode = 'hangs'
    const block = gater.block('1.2.3.4')
    const unblock = gater.unblock('9.9.9.9')
    const outcome = Promise.allSettled([block, unblock])
    await settle()
    expect(lets(gater, from('1.2.3.4'))).toBe(false)
    expect(lets(gater, from('9.9.9.9'))).toBe(false)
    clock.tick(10_000)
    expect(await outcome).toMatchObject([{ reason: { name: RuleStoreError.name } }, { reason: { name: RuleStoreError.name } }])
    expect(errors).toMatchObject([{ name: RuleStoreError.name }])
    expect(gater.status().store).toBe('failing')
    expect(lets(gater, from('1.2.3.4'))).toBe(false)
    expect(lets(gater, from('9.9.9.9'))).toBe(false)
    datastore.mode = 'works'
    datastore.release()
    await settle()
    expect(gater.status()).toMatchObject({ store: 'ready', unwritten: 0 })
    expect((await subjectsIn(datastore)).sort()).toEqual(['1.2.3.4/32', '9.9.9.9/32'])
    expect(errors).toHaveLength(1)
    await gater.stop()
  })

  it('while it is read does not keep the node from starting, and what was changed meanwhile is newer', async () => {
    const datastore = new Unreliable()
    const { gater: first } = make({ datastore })
    await first.start()
    for (const subject of ['1.2.3.4', '5.6.7.8', '9.9.9.9']) await first.block(subject)
    datastore.reading = 'hangs'
    const { gater, clock } = make({ datastore })
    const errors = errorsOf(gater)
    const start = gater.start()
    await settle()
    clock.tick(10_000)
    await start
    expect(errors).toMatchObject([{ name: RuleStoreError.name }])
    expect(gater.status().store).toBe('loading')
    expect(lets(gater, from('1.2.3.4'))).toBe(true)
    await gater.block('5.6.7.8', { reason: 'newer' })
    const unblock = gater.unblock('9.9.9.9')
    datastore.reading = 'works'
    datastore.release()
    expect(await unblock).toBe(1)
    expect([...gater.rules()].map(({ subject, reason }) => [subject, reason]).sort()).toEqual([['1.2.3.4/32', undefined], ['5.6.7.8/32', 'newer']])
    await gater.stop()
  })

  it('does not hang the end', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    await gater.start()
    datastore.mode = 'hangs'
    gater.block('1.2.3.4').catch(() => {})
    const stop = gater.stop()
    await settle()
    clock.tick(10_000)
    await stop
    expect(clock.pending).toBe(0)
  })
})

describe('a datastore that fails', () => {
  it('is reported and tried again, and holds everything in the end', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    const errors = errorsOf(gater)
    await gater.start()
    await gater.block('9.9.9.9')
    datastore.mode = 'fails'
    await expect(gater.block('1.2.3.4')).rejects.toThrow('disk full')
    expect(lets(gater, from('1.2.3.4'))).toBe(false)
    expect(gater.status()).toMatchObject({ store: 'failing', unwritten: 1 })
    const { commits } = datastore
    clock.tick(999)
    await settle()
    expect(datastore.commits).toBe(commits)
    clock.tick(1)
    await settle()
    expect(datastore.commits).toBe(commits + 1)
    const unblock = gater.unblock('9.9.9.9').catch((err: unknown) => err)
    await settle()
    clock.tick(2_000)
    await settle()
    expect(await unblock).toBeInstanceOf(RuleStoreError)
    expect(lets(gater, from('9.9.9.9'))).toBe(false)
    datastore.mode = 'works'
    clock.tick(4_000)
    await settle()
    expect(gater.status()).toMatchObject({ store: 'ready', unwritten: 0 })
    expect((await subjectsIn(datastore)).sort()).toEqual(['1.2.3.4/32', '9.9.9.9/32'])
    expect(errors).toHaveLength(3)
    await gater.stop()
  })

  it('when it is read is read again', async () => {
    const datastore = new Unreliable()
    const { gater: first } = make({ datastore })
    await first.start()
    await first.block('1.2.3.4')
    datastore.reading = 'fails'
    const { gater, clock } = make({ datastore })
    const errors = errorsOf(gater)
    const start = gater.start()
    await settle()
    expect(gater.status().store).toBe('failing')
    datastore.reading = 'works'
    clock.tick(1_000)
    await start
    expect(lets(gater, from('1.2.3.4'))).toBe(false)
    expect(errors).toHaveLength(1)
  })
})

describe('what is kept', () => {
  it('comes back with everything: when it ends, why, how often it decided', async () => {
    const datastore = new MemoryDatastore()
    const clock = fakeClock()
    const { gater } = make({ datastore }, clock)
    await gater.start()
    await gater.block('1.2.3.4', { duration: 60_000, reason: 'why', note: 'note', direction: 'inbound' })
    await gater.allow(PEER, { lifts: ['lane'] })
    await gater.block('/dns/*.example/wss')
    await gater.block(`/unix/${'long/'.repeat(50)}`)
    for (let i = 0; i < 3; i++) gater.decide(from('1.2.3.4'))
    await gater.block('5.6.7.8', { duration: 1_000 })
    await gater.stop()
    clock.tick(1_000)
    const { gater: second } = make({ datastore }, clock)
    await second.start()
    const sorted = (rules: Iterable<{ readonly id: string }>): unknown[] => [...rules].sort((a, b) => a.id < b.id ? -1 : 1)
    expect(sorted(second.rules())).toEqual(sorted(gater.rules()))
    expect(second.status().rules.manual).toBe(4)
    clock.tick(59_000)
    expect(lets(second, from('1.2.3.4'))).toBe(true)
    await second.stop()
    expect(await subjectsIn(datastore)).not.toContain('1.2.3.4/32')
  })

  it('counts hits at most once a minute', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    await gater.start()
    await gater.block('1.2.3.4')
    const { commits } = datastore
    for (let second = 0; second < 59; second++) {
      gater.decide(from('1.2.3.4'))
      clock.tick(1_000)
    }
    await settle()
    expect(datastore.commits).toBe(commits)
    clock.tick(1_000)
    await settle()
    expect(datastore.commits).toBe(commits + 1)
    await gater.stop()
  })

  it('keeps the process alive for as long as somebody waits for it', async () => {
    const clock = fakeClock()
    const asked: unknown[] = []
    const schedule = clock.schedule.bind(clock)
    clock.schedule = (delay, task, options) => {
      asked.push([delay, options])
      return schedule(delay, task, options)
    }
    const { gater } = make({ datastore: new MemoryDatastore(), storeTimeout: 4_000 }, clock)
    const failure = expect(gater.block('1.2.3.4')).rejects.toThrow('the gater is not started: what was made is in force and will be written once it starts, what was to be removed stays')
    await settle()
    expect(asked).toContainEqual([4_000, { ref: true }])
    clock.tick(4_000)
    await failure
  })

  it('writes no hits of what it does not keep: rules of a list, and predicates', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    await gater.start()
    await gater.loadList('feed', { content: '1.2.3.4\n' })
    await gater.block({ name: 'odd', predicate: ({ address }: GateTarget) => address?.key === '5.6.7.8' })
    const { commits } = datastore
    for (const ip of ['1.2.3.4', '5.6.7.8']) expect(gater.decide(from(ip))).toBeDefined()
    clock.tick(120_000)
    await settle()
    expect([datastore.commits, gater.status().unwritten]).toEqual([commits, 0])
    await gater.stop()
    expect([datastore.commits, await subjectsIn(datastore)]).toEqual([commits, []])
  })

  it('lets everything else have its turn while many are written, also where the datastore answers at once', async () => {
    const datastore = new MemoryDatastore()
    const { gater, clock } = make({ datastore })
    await gater.start()
    const all = Promise.all(Array.from({ length: 10_000 }, async (_, i) => gater.block(`10.0.${i >> 8}.${i & 255}`)))
    const left: number[] = []
    for (let turn = 0; gater.status().unwritten > 0; turn++) {
      // a test that waits for ever tells less
      if (turn > 100) throw new Error('nothing is written any more')
      for (let i = 0; i < 100; i++) await settle()
      left.push(gater.status().unwritten)
      clock.tick(0)
    }
    await all
    expect(left.length).toBeGreaterThan(8)
    expect(left.every((unwritten, i) => unwritten >= 10_000 - (i + 1) * 1_024)).toBe(true)
    await gater.stop()
    expect(await subjectsIn(datastore)).toHaveLength(10_000)
  })

  it('writes what is left at once where it is stopped in between', async () => {
    const datastore = new MemoryDatastore()
    const { gater } = make({ datastore })
    await gater.start()
    const all = Promise.all(Array.from({ length: 5_000 }, async (_, i) => gater.block(`10.0.${i >> 8}.${i & 255}`)))
    for (let i = 0; i < 100; i++) await settle()
    expect(gater.status().unwritten).toBeGreaterThan(0)
    await gater.stop()
    await all
    expect(await subjectsIn(datastore)).toHaveLength(5_000)
  })

  it('is skipped and reported where it is corrupted, and left where it is', async () => {
    const datastore = new MemoryDatastore()
    const { gater: first } = make({ datastore })
    await first.start()
    for (const subject of ['1.2.3.4', '5.6.7.8']) await first.block(subject)
    const text = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
    const good = { v: 1, action: 'block', direction: 'any', subject: '7.7.7.7/32', origin: 'manual' }
    const key = keyOf('block any 7.7.7.7/32')
    const bad: Array<[string, Uint8Array]> = [
      [key, text('{')], [key, Uint8Array.of(0xff, 0xfe)], [key, new Uint8Array(0)], [key, new Uint8Array(100_000)], [key, text('null')], [key, text('[]')],
      [key, text({ ...good, v: 2 })], [key, text({ ...good, action: 'ban' })], [key, text({ ...good, subject: '7.7.7.0/33' })], [key, text({ ...good, subject: '7.7.7.7' })], [key, text({ ...good, more: 1 })],
      [key, text({ ...good, expires: 'soon' })], [key, text({ ...good, subject: 'x'.repeat(1_000) })], [key, text('{"__proto__":{"v":1}}')], [keyOf('block any 7.7.7.8/32'), text(good)], ['/cordon/gater/1', text(good)]
    ]
    for (const [at, value] of bad) {
      await datastore.put(new Key(at), value)
      const { gater } = make({ datastore })
      const errors = errorsOf(gater)
      await gater.start()
      expect(errors).toHaveLength(1)
      expect(errors[0]).toBeInstanceOf(StoredRuleError)
      expect(errors[0]).toMatchObject({ key: at })
      expect(gater.status().rules.manual).toBe(2)
      expect(await datastore.get(new Key(at))).toEqual(value)
      await datastore.delete(new Key(at))
      await gater.stop()
    }
  })

  it('is not mixed up where a rule is made, taken back and made again at once', async () => {
    const datastore = new MemoryDatastore()
    const { gater } = make({ datastore })
    await gater.start()
    await gater.block('1.2.3.4')
    const [removed] = await Promise.all([gater.unblock('1.2.3.4'), gater.block('1.2.3.4', { reason: 'again' })])
    expect(removed).toBe(0)
    expect(lets(gater, from('1.2.3.4'))).toBe(false)
    expect(await subjectsIn(datastore)).toEqual(['1.2.3.4/32'])
    await Promise.all([gater.block('5.6.7.8'), gater.unblock('5.6.7.8')])
    expect(lets(gater, from('5.6.7.8'))).toBe(true)
    expect(await subjectsIn(datastore)).toEqual(['1.2.3.4/32'])
  })

  it('is older than what was said before it was read', async () => {
    const datastore = new MemoryDatastore()
    const { gater: first } = make({ datastore })
    await first.start()
    await first.block('1.2.3.4', { reason: 'older' })
    const { gater } = make({ datastore })
    const block = gater.block('1.2.3.4', { reason: 'newer' })
    await gater.start()
    await block
    expect([...gater.rules()].map(({ reason }) => reason)).toEqual(['newer'])
  })

  it('may be stopped and started again, as often as anybody likes', async () => {
    const datastore = new MemoryDatastore()
    const { gater, clock } = make({ datastore })
    await Promise.all([gater.start(), gater.start()])
    await gater.block('1.2.3.4', { duration: 1_000 })
    await Promise.all([gater.stop(), gater.stop()])
    expect(clock.pending).toBe(0)
    await gater.start()
    expect(gater.status().rules.manual).toBe(1)
    clock.tick(1_000)
    await settle()
    expect(await subjectsIn(datastore)).toEqual([])
    await gater.stop()
  })
})
