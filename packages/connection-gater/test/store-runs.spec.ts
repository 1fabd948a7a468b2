import { normaliseAddress } from '@cordon/address'
import { RuleStoreError } from '@cordon/interface-connection-gater'
import { MemoryDatastore } from 'datastore-core'
import { describe, expect, it } from 'vitest'
import { errorsOf, settle, subjectsIn, Unreliable } from './store-support.ts'
import { from, lets, make } from './support.ts'

/** The default of `storeTimeout`, in ms */
const TIMEOUT = 4_000

describe('a datastore that hangs while it is written to', () => {
  it('is reported once, and no longer failing when it has answered', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    const errors = errorsOf(gater)
    await gater.start()
    datastore.mode = 'hangs'
    gater.block('1.2.3.4').catch(() => {})
    await settle()
    clock.tick(TIMEOUT - 1)
    expect([errors, gater.status().store]).toEqual([[], 'ready'])
    clock.tick(100_000)
    expect(errors).toMatchObject([{ name: RuleStoreError.name, message: expect.stringContaining('did not answer within 4000 ms') as unknown }])
    expect(gater.status()).toMatchObject({ store: 'failing', unwritten: 1 })
    datastore.mode = 'works'
    datastore.release()
    await settle()
    expect(gater.status()).toMatchObject({ store: 'ready', unwritten: 0 })
    expect(errors).toHaveLength(1)
    await gater.stop()
    expect(clock.pending).toBe(0)
  })

  it('is written to again in the next run, and what hung cannot undo that when it goes on', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    await gater.start()
    for (const subject of ['1.1.1.1', '2.2.2.2']) await gater.block(subject)
    datastore.mode = 'hangs'
    const block = gater.block('3.3.3.3').catch((err: unknown) => err)
    await settle()
    const stop = gater.stop()
    await settle()
    clock.tick(TIMEOUT)
    await stop
    expect(await block).toBeInstanceOf(RuleStoreError)
    expect(clock.pending).toBe(0)
    datastore.mode = 'works'
    await gater.start()
    await gater.block('4.4.4.4')
    await settle()
    expect(gater.status()).toMatchObject({ store: 'ready', unwritten: 0 })
    expect((await subjectsIn(datastore)).sort()).toEqual(['1.1.1.1/32', '2.2.2.2/32', '3.3.3.3/32', '4.4.4.4/32'])
    // a block of the old batch is taken back, then the old batch is written at last
    expect(await gater.unblock('3.3.3.3')).toBe(1)
    datastore.release()
    await settle()
    expect(gater.status()).toMatchObject({ store: 'ready', unwritten: 0 })
    expect((await subjectsIn(datastore)).sort()).toEqual(['1.1.1.1/32', '2.2.2.2/32', '4.4.4.4/32'])
    await gater.stop()
  })

  it('as it took something back, in force and in the datastore it is the same', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    await gater.start()
    await gater.block('1.1.1.1')
    datastore.mode = 'hangs'
    const unblock = gater.unblock('1.1.1.1').catch((err: unknown) => err)
    await settle()
    const stop = gater.stop()
    await settle()
    clock.tick(TIMEOUT)
    await stop
    expect(await unblock).toBeInstanceOf(RuleStoreError)
    datastore.mode = 'works'
    await gater.start()
    await settle()
    datastore.release()
    await settle()
    expect(lets(gater, from('1.1.1.1'))).toBe(false)
    expect(await subjectsIn(datastore)).toEqual(['1.1.1.1/32'])
    await gater.stop()
  })

  it('leaves nothing behind of those who no longer wait', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    await gater.start()
    datastore.mode = 'hangs'
    // more than may wait at a time, and all of them about one subject
    let late = 0
    for (let round = 0; round < 8; round++) {
      const blocks = Promise.allSettled(Array.from({ length: 10_000 }, async () => gater.block('1.2.3.4')))
      await settle()
      clock.tick(TIMEOUT)
      late += (await blocks).filter(({ status, reason }: { status: string, reason?: Error }) => status === 'rejected' && reason?.message.includes('did not answer') === true).length
    }
    expect(late).toBe(80_000)
    expect(gater.status().unwritten).toBe(2)
  })
})

describe('a gater that is stopped and started', () => {
  it('while it stops writes in the run that began', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    await gater.start()
    datastore.mode = 'hangs'
    const block = gater.block('1.2.3.4')
    const stop = gater.stop()
    const start = gater.start()
    datastore.mode = 'works'
    await settle()
    datastore.release()
    await Promise.all([stop, start, block])
    await gater.block('5.6.7.8')
    expect(gater.status()).toMatchObject({ store: 'ready', unwritten: 0 })
    clock.tick(100_000)
    await gater.block('9.9.9.9')
    await gater.stop()
    expect(clock.pending).toBe(0)
    expect((await subjectsIn(datastore)).sort()).toEqual(['1.2.3.4/32', '5.6.7.8/32', '9.9.9.9/32'])
  })

  it('that stops in the middle: what was read by then ends in its time', async () => {
    const datastore = new Unreliable()
    const { gater: first } = make({ datastore })
    await first.start()
    await first.block('1.2.3.4', { duration: 10_000 })
    datastore.reading = 'stops'
    const { gater, clock } = make({ datastore })
    const expired: string[] = []
    gater.addEventListener('rule:expired', ({ detail }) => { expired.push(detail.rule.subject) })
    const start = gater.start()
    await settle()
    expect(lets(gater, from('1.2.3.4'))).toBe(false)
    clock.tick(10_000)
    expect(expired).toEqual(['1.2.3.4/32'])
    expect(lets(gater, from('1.2.3.4'))).toBe(true)
    datastore.release()
    await gater.stop()
    await start
  })

  it('is started for all who have started it at the same time', async () => {
    const datastore = new Unreliable()
    const { gater: first } = make({ datastore })
    await first.start()
    await first.block('1.2.3.4')
    datastore.reading = 'hangs'
    const { gater } = make({ datastore })
    const first1 = gater.start()
    let isStarted = false
    const second = gater.start().then(() => { isStarted = true })
    await settle()
    expect(isStarted).toBe(false)
    datastore.release()
    await Promise.all([first1, second])
    expect(lets(gater, from('1.2.3.4'))).toBe(false)
    await gater.stop()
  })

  it('is stopped for all who have stopped it once what was left is written', async () => {
    const datastore = new Unreliable()
    const { gater } = make({ datastore })
    await gater.start()
    datastore.mode = 'hangs'
    const block = gater.block('1.2.3.4')
    await settle()
    const stop = gater.stop()
    let isStopped = false
    const second = gater.stop().then(() => { isStopped = true })
    await settle()
    expect(isStopped).toBe(false)
    datastore.release()
    await Promise.all([stop, second, block])
    expect(gater.status()).toMatchObject({ store: 'stopped', unwritten: 0 })
  })

  it('after what it wrote has failed writes it at the end, if that works again', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    await gater.start()
    datastore.mode = 'fails'
    await expect(gater.block('1.2.3.4')).rejects.toThrow('disk full')
    datastore.mode = 'works'
    await gater.stop()
    expect(gater.status().unwritten).toBe(0)
    expect(clock.pending).toBe(0)
    expect(await subjectsIn(datastore)).toEqual(['1.2.3.4/32'])
  })

  it('tries that once, and not for as long as it has time', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    await gater.start()
    datastore.mode = 'fails'
    await expect(gater.block('1.2.3.4')).rejects.toThrow('disk full')
    const { commits } = datastore
    await gater.stop()
    expect(datastore.commits).toBe(commits + 1)
    expect(clock.pending).toBe(0)
    datastore.mode = 'works'
    await gater.start()
    await settle()
    expect(gater.status()).toMatchObject({ store: 'ready', unwritten: 0 })
    expect(await subjectsIn(datastore)).toEqual(['1.2.3.4/32'])
    await gater.stop()
  })

  it('with what could not be written has that in force, and not what the datastore has', async () => {
    const datastore = new Unreliable()
    const { gater } = make({ datastore })
    await gater.start()
    await gater.block('1.2.3.4', { reason: 'older' })
    datastore.mode = 'fails'
    await expect(gater.block('1.2.3.4', { reason: 'newer' })).rejects.toThrow('disk full')
    await gater.stop()
    datastore.mode = 'works'
    await gater.start()
    await settle()
    expect([...gater.rules()].map(({ reason }) => reason)).toEqual(['newer'])
    await gater.stop()
    const { gater: second } = make({ datastore })
    await second.start()
    expect([...second.rules()].map(({ reason }) => reason)).toEqual(['newer'])
  })

  it('reads no more rules than there may be, and names those that have no room', async () => {
    const datastore = new MemoryDatastore()
    const { gater: first } = make({ datastore })
    await first.start()
    for (let i = 1; i <= 5; i++) await first.block(`192.0.2.${i}`)
    await first.stop()
    const { gater } = make({ datastore, maxRules: 3 })
    const errors = errorsOf(gater)
    await gater.start()
    expect(gater.status().rules.manual).toBe(3)
    expect(errors.map(({ name, cause }) => [name, (cause as Error).name])).toEqual(Array.from({ length: 2 }, () => ['StoredRuleError', 'TooManyRulesError']))
    await gater.stop()
    expect(await subjectsIn(datastore)).toHaveLength(5)
  })

  it('has room for its own rules again, also where there may be no more', async () => {
    const datastore = new MemoryDatastore()
    const { gater } = make({ datastore, maxRules: 2 })
    const errors = errorsOf(gater)
    await gater.start()
    for (const subject of ['1.2.3.4', '5.6.7.8']) await gater.block(subject)
    await gater.stop()
    await gater.start()
    expect(errors).toEqual([])
    expect(gater.status().rules.manual).toBe(2)
    await gater.stop()
  })
})

describe('unblocking before anything was read', () => {
  it('says that nobody knows what there is, and is possible afterwards', async () => {
    const datastore = new MemoryDatastore()
    const { gater: first } = make({ datastore })
    await first.start()
    await first.block('1.2.3.4')
    await first.stop()
    const { gater } = make({ datastore })
    await expect(gater.unblock('1.2.3.4')).rejects.toThrow('start the gater first')
    await expect(gater.disallow('1.2.3.4')).rejects.toThrow(RuleStoreError)
    await gater.start()
    expect(await gater.unblock('1.2.3.4')).toBe(1)
    expect(await gater.unblock('1.2.3.4')).toBe(0)
    await gater.stop()
  })

  it('ends with the run that was to read it', async () => {
    const datastore = new Unreliable()
    datastore.reading = 'hangs'
    const { gater } = make({ datastore })
    const start = gater.start()
    const unblock = gater.unblock('1.2.3.4')
    await gater.stop()
    await start
    await expect(unblock).rejects.toThrow(RuleStoreError)
  })

  it('is possible for functions, which nobody keeps, and without a datastore', async () => {
    const { gater } = make({ datastore: new MemoryDatastore() })
    const subject = { predicate: () => true, name: 'all' }
    await gater.block(subject)
    expect(await gater.unblock(subject)).toBe(1)
    const { gater: other } = make()
    other.strike({ address: normaliseAddress('1.2.3.4') }, 100, 'noise')
    expect(await other.unblock('1.2.3.4')).toBe(1)
  })
})
