import { normaliseAddress } from '@cordon/address'
import { MemoryDatastore } from 'datastore-core'
import { Key } from 'interface-datastore'
import { describe, expect, it } from 'vitest'
import { Layer } from '../src/rules/layer.ts'
import { parseText } from '../src/rules/subject.ts'
import { keyOf } from '../src/store/codec.ts'
import { AutoBlocks } from '../src/strikes/auto-blocks.ts'
import { errorsOf, settle, subjectsIn, Unreliable } from './store-support.ts'
import { EPOCH, from, lets, make, OTHER, PEER } from './support.ts'
import type { CoreConnectionGater } from '@cordon/connection-gater'

const IP = normaliseAddress('1.2.3.4')

function strike (gater: CoreConnectionGater, text: string): void {
  gater.strike({ address: normaliseAddress(text) }, 100, 'noise')
}

async function hits (datastore: MemoryDatastore): Promise<unknown[]> {
  const { gater } = make({ datastore })
  const errors = errorsOf(gater)
  await gater.start()
  expect(errors).toEqual([])
  const found = [...gater.rules()].map(({ subject, hits }) => [subject, hits])
  await gater.stop()
  return found
}

describe('a rule that was taken back', () => {
  it.each<['waits to be written' | 'is being written']>([['waits to be written'], ['is being written']])('does not come back with its hits, which are due while that %s', async when => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    await gater.start()
    await gater.block('1.2.3.4')
    gater.decide(from('1.2.3.4'))
    clock.tick(59_999)
    datastore.mode = 'hangs'
    if (when === 'waits to be written') gater.block('5.6.7.8').catch(() => {})
    const unblock = gater.unblock('1.2.3.4')
    await settle()
    clock.tick(1)
    datastore.mode = 'works'
    datastore.release()
    expect(await unblock).toBe(1)
    await settle()
    expect(lets(gater, from('1.2.3.4'))).toBe(true)
    expect(await subjectsIn(datastore)).not.toContain('1.2.3.4/32')
    await gater.stop()
  })

  it('is gone for everybody who took it back, also where the first of them could not wait', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore, storeTimeout: 4_000 })
    await gater.start()
    await gater.block('1.2.3.4')
    datastore.mode = 'hangs'
    gater.block('5.6.7.8').catch(() => {})
    const first = gater.unblock('1.2.3.4').catch((err: unknown) => err)
    await settle()
    clock.tick(3_000)
    const second = gater.unblock('1.2.3.4')
    await settle()
    clock.tick(1_000)
    expect(await first).toBeInstanceOf(Error)
    datastore.mode = 'works'
    datastore.release()
    expect(await second).toBe(1)
    await settle()
    expect(lets(gater, from('1.2.3.4'))).toBe(true)
    expect(await subjectsIn(datastore)).toEqual(['5.6.7.8/32'])
  })

  it.each<['waits to be written' | 'is being written']>([['waits to be written'], ['is being written']])('and made anew by strikes while that %s is in force and in the datastore', async when => {
    const datastore = new Unreliable()
    const { gater } = make({ datastore })
    await gater.start()
    strike(gater, '1.2.3.4')
    await settle()
    datastore.mode = 'hangs'
    if (when === 'waits to be written') gater.block('5.6.7.8').catch(() => {})
    await settle()
    const unblock = gater.unblock('1.2.3.4')
    await settle()
    strike(gater, '1.2.3.4')
    datastore.mode = 'works'
    datastore.release()
    expect(await unblock).toBe(0)
    await settle()
    expect(lets(gater, from('1.2.3.4'))).toBe(false)
    expect(await subjectsIn(datastore)).toContain('1.2.3.4/32')
    await gater.stop()
  })

  it('says so to who listens before anything else is written, and may be made anew there', async () => {
    const datastore = new Unreliable()
    const { gater } = make({ datastore })
    await gater.start()
    await gater.block('1.2.3.4')
    gater.addEventListener('rule:removed', () => { void gater.block('1.2.3.4', { reason: 'again' }) }, { once: true })
    expect(await gater.unblock('1.2.3.4')).toBe(1)
    await settle()
    expect([...gater.rules()].map(({ reason }) => reason)).toEqual(['again'])
    expect(await subjectsIn(datastore)).toEqual(['1.2.3.4/32'])
  })
})

describe('hits', () => {
  it('are not written for what has taken the place of a rule that is gone', async () => {
    const datastore = new MemoryDatastore()
    const { gater, clock } = make({ datastore })
    await gater.start()
    await gater.block('/dns/foo.example')
    gater.decide({ direction: 'outbound', address: normaliseAddress('/dns4/foo.example/tcp/1') })
    await gater.unblock('/dns/foo.example')
    await gater.block(PEER)
    clock.tick(60_000)
    await settle()
    expect(await hits(datastore)).toEqual([[PEER, 0]])
    await gater.block('/dns/foo.example')
    gater.decide(from('9.9.9.9', PEER))
    await gater.unblock(PEER)
    await gater.block('/dns/bar.example')
    await gater.stop()
    const found = await hits(datastore)
    expect(found).toHaveLength(2)
    expect(found).toEqual(expect.arrayContaining([['/dns/foo.example', 0], ['/dns/bar.example', 0]]))
  })

  it('are in the datastore with the rule that could not be taken back', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    await gater.start()
    await gater.block('1.2.3.4')
    gater.decide(from('1.2.3.4'))
    clock.tick(59_999)
    datastore.mode = 'fails'
    const unblock = gater.unblock('1.2.3.4').catch((err: unknown) => err)
    clock.tick(1)
    expect(await unblock).toBeInstanceOf(Error)
    datastore.mode = 'works'
    clock.tick(1_000)
    await settle()
    await gater.stop()
    expect(await hits(datastore)).toEqual([['1.2.3.4/32', 1]])
  })
})

describe('listeners that act', () => {
  const MAX = 64

  it('by strikes leave blocks within their bound, and all of them end', () => {
    const { gater, clock } = make({ strikes: { maxBlocks: MAX } })
    let more = 200
    const again = (): void => {
      if (more-- > 0) strike(gater, `11.0.${more}.1`)
    }
    gater.addEventListener('rule:removed', again)
    gater.addEventListener('rule:added', again)
    gater.addEventListener('rule:expired', again)
    for (let i = 0; i < 3 * MAX; i++) strike(gater, `10.0.${i}.1`)
    expect(gater.status().rules.automatic).toBe(MAX)
    more = 0
    clock.tick(3_600_000)
    expect([...gater.rules()]).toEqual([])
    expect(gater.status().rules.automatic).toBe(0)
  })

  it('could not write beyond the bound if they did: there is an error instead', () => {
    const layer = new Layer(1)
    const blocks = new AutoBlocks(layer, { max: 2, aggregateAt: 8, seed: 1 })
    for (const text of ['1.1.1.1', '2.2.2.2']) blocks.put(parseText(text), { severity: 1, due: 1 })
    expect(() => { blocks.put(parseText('3.3.3.3'), { severity: 1, due: 1 }) }).toThrow('there are 2 blocks already')
    expect([blocks.size, layer.size]).toEqual([2, 2])
    blocks.put(parseText('1.1.1.1'), { severity: 2, due: 2 })
    expect([blocks.size, layer.size]).toEqual([2, 2])
  })

  it('see what is so, and not what is about to be', async () => {
    const { gater } = make({ strikes: { maxBlocks: 1 } })
    const seen: unknown[] = []
    for (const type of ['rule:added', 'rule:removed'] as const) gater.addEventListener(type, ({ detail: { rule } }) => { seen.push([type, rule.subject, [...gater.rules()].map(({ subject, origin }) => `${subject} ${origin}`)]) })
    strike(gater, '1.1.1.1')
    strike(gater, '2.2.2.2')
    await gater.block('2.2.2.2')
    expect(seen).toEqual([
      ['rule:added', '1.1.1.1/32', ['1.1.1.1/32 automatic']],
      ['rule:removed', '1.1.1.1/32', ['2.2.2.2/32 automatic']],
      ['rule:added', '2.2.2.2/32', ['2.2.2.2/32 automatic']],
      ['rule:removed', '2.2.2.2/32', ['2.2.2.2/32 manual']],
      ['rule:added', '2.2.2.2/32', ['2.2.2.2/32 manual']]
    ])
  })

  it('make a rule anew that has just ended, which is written', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    await gater.start()
    strike(gater, '1.2.3.4')
    await settle()
    gater.addEventListener('rule:expired', () => { gater.strike({ address: IP }, 1_000, 'again') }, { once: true })
    clock.tick(3_600_000)
    await settle()
    expect(lets(gater, from('1.2.3.4'))).toBe(false)
    expect(await subjectsIn(datastore)).toEqual(['1.2.3.4/32'])
    await gater.stop()
  })
})

describe('counts of changes', () => {
  it('are of new rules, of those of the operator and of strikes', async () => {
    const { gater, clock } = make()
    await gater.block('1.2.3.4')
    await gater.block('1.2.3.4', { reason: 'renewed' })
    expect(gater.status().changes).toEqual({ added: 1, removed: 0, expired: 0 })
    strike(gater, '5.6.7.8')
    strike(gater, '5.6.7.8')
    expect(gater.status().changes).toEqual({ added: 2, removed: 0, expired: 0 })
    const removed: string[] = []
    gater.addEventListener('rule:removed', ({ detail: { rule } }) => { removed.push(`${rule.origin} ${rule.subject}`) })
    await gater.block('5.6.7.8', { duration: 1_000 })
    expect(removed).toEqual(['automatic 5.6.7.8/32'])
    expect(gater.status().changes).toEqual({ added: 3, removed: 1, expired: 0 })
    const { expires = 0 } = [...gater.rules()].find(({ subject }) => subject === '5.6.7.8/32') ?? {}
    await gater.loadList('list', { format: 'json', content: JSON.stringify([{ subject: '9.9.9.9', expires }, { subject: '8.8.8.8' }]) })
    clock.tick(1_000)
    expect(gater.status()).toMatchObject({ changes: { added: 3, removed: 1, expired: 1 }, rules: { manual: 1, automatic: 0, list: 1 } })
    expect(await gater.unblock('1.2.3.4')).toBe(1)
    expect(gater.status().changes).toEqual({ added: 3, removed: 2, expired: 1 })
  })
})

describe('strikes while rules are read', () => {
  const manual = (subject: string): Uint8Array => new TextEncoder().encode(JSON.stringify({ v: 1, action: 'block', direction: 'any', subject, origin: 'manual', reason: 'operator' }))
  const automatic = (subject: string, expires = 9_000_000_000_000): Uint8Array => new TextEncoder().encode(JSON.stringify({ v: 1, action: 'block', direction: 'any', subject, origin: 'automatic', expires }))

  it('do not take the place of what the operator said', async () => {
    const datastore = new Unreliable()
    await datastore.put(new Key(keyOf(`block any ${PEER}`)), manual(PEER))
    const { gater, clock } = make({ datastore })
    gater.strike({ peer: PEER }, 100, 'noise')
    gater.strike({ peer: OTHER }, 100, 'noise')
    expect(gater.status().unwritten).toBe(2)
    await gater.start()
    await settle()
    clock.tick(3_600_000)
    expect([...gater.rules()]).toMatchObject([{ subject: PEER, origin: 'manual', reason: 'operator' }])
    await gater.stop()
    const { gater: second } = make({ datastore })
    await second.start()
    expect([...second.rules()]).toMatchObject([{ subject: PEER, origin: 'manual', reason: 'operator' }])
  })

  it('that were read, superseded and forgotten are not back after a restart', async () => {
    const datastore = new Unreliable()
    await datastore.put(new Key(keyOf('block any 10.0.0.1/32')), automatic('10.0.0.1/32'))
    await datastore.put(new Key(keyOf('block any 99.0.0.1/32')), automatic('99.0.0.1/32'))
    datastore.reading = 'hangs'
    datastore.mode = 'hangs'
    const { gater } = make({ datastore, strikes: { maxBlocks: 2 } })
    const start = gater.start()
    gater.block('1.2.3.4').catch(() => {})
    await settle()
    strike(gater, '10.0.0.1')
    datastore.reading = 'stops'
    datastore.release(['reading'])
    await settle()
    // it was read by now, and makes room for others
    for (const text of ['20.0.0.1', '21.0.0.1']) gater.strike({ address: normaliseAddress(text) }, 1_000, 'noise')
    expect(lets(gater, from('10.0.0.1'))).toBe(true)
    Object.assign(datastore, { reading: 'works', mode: 'works' })
    datastore.release()
    await start
    await settle()
    const inForce = [...gater.rules()].map(({ subject }) => subject).sort()
    expect(inForce).not.toContain('10.0.0.1/32')
    expect((await subjectsIn(datastore)).sort()).toEqual(inForce)
    await gater.stop()
  })

  it('that are drawn together when they are read leave a range of the operator alone', async () => {
    const datastore = new Unreliable()
    for (let i = 0; i < 4; i++) await datastore.put(new Key(keyOf(`block any 1.2.3.${i}/32`)), automatic(`1.2.3.${i}/32`))
    await datastore.put(new Key(keyOf('block any 1.2.3.0/24')), manual('1.2.3.0/24'))
    const { gater } = make({ datastore, strikes: { aggregateAt: 4 } })
    await gater.start()
    await settle()
    expect([...gater.rules()]).toMatchObject([{ subject: '1.2.3.0/24', origin: 'manual', reason: 'operator' }])
    expect(gater.status().unwritten).toBe(0)
    expect(await gater.unblock('1.2.3.0/24')).toBe(1)
    await gater.stop()
    expect(await subjectsIn(datastore)).toEqual([])
  })

  it('that are drawn together, and over, before a range of the operator is read leave it alone', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore, strikes: { aggregateAt: 4 } })
    for (let i = 0; i < 4; i++) await datastore.put(new Key(keyOf(`block any 1.2.3.${i}/32`)), automatic(`1.2.3.${i}/32`, EPOCH + clock.now() + 10_000))
    await datastore.put(new Key(keyOf('block any 1.2.3.0/24')), manual('1.2.3.0/24'))
    datastore.reading = 'stops'
    const start = gater.start()
    for (let read = 0; read < 4; read++) {
      await settle()
      if (read < 3) datastore.release()
    }
    expect([...gater.rules()]).toMatchObject([{ subject: '1.2.3.0/24', origin: 'automatic' }])
    clock.tick(10_000)
    expect([...gater.rules()]).toEqual([])
    datastore.reading = 'works'
    datastore.release()
    await start
    await settle()
    expect([...gater.rules()]).toMatchObject([{ subject: '1.2.3.0/24', origin: 'manual' }])
    await gater.stop()
    expect(await subjectsIn(datastore)).toEqual(['1.2.3.0/24'])
  })

  it('that are drawn together when they are read can be taken back, and are', async () => {
    const datastore = new Unreliable()
    for (let i = 0; i < 4; i++) await datastore.put(new Key(keyOf(`block any 1.2.3.${i}/32`)), automatic(`1.2.3.${i}/32`))
    const { gater } = make({ datastore, strikes: { aggregateAt: 4 } })
    datastore.reading = 'hangs'
    const start = gater.start()
    const unblock = gater.unblock('1.2.3.0/24')
    await settle()
    datastore.reading = 'works'
    datastore.release()
    await start
    expect(await unblock).toBe(1)
    await settle()
    expect(lets(gater, from('1.2.3.1'))).toBe(true)
    await gater.stop()
    expect(await subjectsIn(datastore)).toEqual([])
  })
})
