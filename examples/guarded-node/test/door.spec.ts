import { normaliseAddress } from '@cordon/address'
import { createConnectionGater } from '@cordon/connection-gater'
import { beforeEach, describe, expect, it } from 'vitest'
import { Door, turnedAway } from '../src/door.ts'
import { whyNot } from '../src/words.ts'
import { closed, recordOf, refused } from './records.ts'
import type { Visitor } from '../src/visitors.ts'
import type { StandaloneConnectionGater } from '@cordon/connection-gater'
import type { GateTarget } from '@cordon/interface-connection-gater'
import type { LifecycleEvent, Refusal } from '@cordon/interface-connection-lifecycle'
import type { Connection } from '@libp2p/interface'

const PEER = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'

const GREEDY: Visitor = { name: '127.0.0.6 greedy', kind: 'greedy', address: '127.0.0.6', peer: PEER }
const HONEST: Visitor[] = ['127.0.0.2', '127.0.0.3'].map(address => ({ name: `${address} honest`, kind: 'honest', address }))

/** As where all come from one address */
const SHARED: Visitor[] = [{ name: 'greedy', kind: 'greedy', peer: PEER }, { name: 'stalls', kind: 'stalls' }]

describe('the door', () => {
  let gater: StandaloneConnectionGater
  let visitors: Visitor[]
  let told: Array<[string, number]>
  let door: Door

  beforeEach(() => {
    gater = createConnectionGater()
    visitors = [...HONEST, GREEDY]
    told = []
    door = new Door(gater, () => visitors, (group, count) => { told.push([group, count]) })
  })

  function knock (host: string, peer?: string): Refusal | undefined {
    const target: GateTarget = { direction: 'inbound', address: normaliseAddress(host), ...(peer == null ? {} : { peer }) }
    return gater.decide(target)
  }

  /** What the lifecycle tells of a connection that the gater refused, when it came or while it was open */
  function observe (refusal: Refusal | undefined, isOpen: boolean): void {
    if (refusal == null) throw new Error('was let in')
    const event = refused('127.0.0.6', refusal)
    const record = isOpen ? { ...recordOf('127.0.0.6', 'closed'), connection: {} as Connection } : recordOf('127.0.0.6', 'closed')
    door.observe({ ...event, record } as LifecycleEvent)
  }

  it.each(['greedy', '127.0.0.6', '127.0.0.6 greedy', ` ${PEER}\t`])('shuts out a visitor that is called %j, by its address', async who => {
    expect(await door.block(who)).toEqual({ ok: true, text: '127.0.0.6 greedy is shut out: it had no connection' })
    expect(knock('127.0.0.6')?.code).toBe('blocked')
    expect(knock('127.0.0.2')).toBeUndefined()
    expect(visitors.map(visitor => door.isShut(visitor))).toEqual([false, false, true])
  })

  it('lets in again whom it shut out', async () => {
    await door.block('greedy')
    expect(await door.unblock('greedy')).toEqual({ ok: true, text: '127.0.0.6 greedy may come again' })
    expect(knock('127.0.0.6')).toBeUndefined()
    expect(door.shutOut).toEqual([])
  })

  it('shuts out a peer where all come from one address, and nobody that says nothing of itself', async () => {
    visitors = SHARED
    expect(await door.block('greedy')).toEqual({ ok: true, text: 'greedy is shut out: it had no connection' })
    expect(knock('127.0.0.1')).toBeUndefined()
    expect(knock('127.0.0.1', PEER)?.code).toBe('blocked')
    expect(await door.block('stalls')).toEqual({ ok: false, text: 'stalls does not say who it is, and here all come from one address: no rule can shut out it alone' })
    expect(visitors.map(visitor => door.isShut(visitor))).toEqual([true, false])
    await door.block('127.0.0.1')
    expect(visitors.map(visitor => door.isShut(visitor))).toEqual([true, true])
  })

  it('takes whatever a rule can be about', async () => {
    expect(await door.block('10.0.0.0/8')).toEqual({ ok: true, text: '10.0.0.0/8 is shut out: it had no connection' })
    expect(knock('10.1.2.3')?.code).toBe('blocked')
  })

  it.each([
    ['', 'whom? Name a visitor, an address, a range or a peer, such as 127.0.0.2 honest'],
    ['honest', 'there are 2 called honest: name one of 127.0.0.2 honest, 127.0.0.3 honest'],
    ['somebody', 'a subject must be an address, a range, a pattern or a peer id, got "somebody"'],
    ['10.0.0.0/33', 'the length of an IPv4 prefix must be a whole number from 0 to 32, got 33'],
    ['\x1b[2J', 'a subject must be an address, a range, a pattern or a peer id, got "\\u001b[2J"']
  ])('says what is wrong with %j', async (who, text) => {
    expect(await door.block(who)).toEqual({ ok: false, text })
    expect(await door.unblock(who)).toEqual({ ok: false, text })
  })

  it('says who is shut out, and who is not', async () => {
    expect(await door.unblock('greedy')).toEqual({ ok: false, text: '127.0.0.6 greedy was not shut out: nobody is' })
    await door.block('greedy')
    expect(await door.block('greedy')).toEqual({ ok: false, text: '127.0.0.6 greedy is shut out already' })
    expect(await door.unblock('127.0.0.2')).toEqual({ ok: false, text: '127.0.0.2 honest was not shut out: only 127.0.0.6 greedy' })
  })

  it('counts what was cut, what was refused, and what was turned away before there was a socket', async () => {
    await door.block('greedy')
    observe(knock('127.0.0.6'), true)
    observe(knock('127.0.0.6'), false)
    for (let attempt = 0; attempt < 3; attempt++) expect(gater.decide({ direction: 'inbound', address: normaliseAddress('127.0.0.6') })).toBeDefined()
    const [shutOut] = door.shutOut
    expect(shutOut).toEqual({ name: '127.0.0.6 greedy', group: '127.0.0.6', cut: 1, refused: 1, early: 3 })
    expect(shutOut == null ? 0 : turnedAway(shutOut)).toBe(4)
  })

  it('tells once of each that was turned away, also of those that came before it was let in', async () => {
    await door.block('greedy')
    knock('127.0.0.6')
    door.settle()
    door.settle()
    knock('127.0.0.6')
    knock('127.0.0.6')
    await door.unblock('greedy')
    door.settle()
    expect(told).toEqual([['127.0.0.6', 1], ['127.0.0.6', 2]])
  })

  it('starts to count anew with a new rule', async () => {
    await door.block('greedy')
    observe(knock('127.0.0.6'), true)
    await door.unblock('greedy')
    await door.block('greedy')
    expect(door.shutOut).toEqual([{ name: '127.0.0.6 greedy', group: '127.0.0.6', cut: 0, refused: 0, early: 0 }])
  })

  it('counts nothing that no rule refused', async () => {
    await door.block('greedy')
    door.observe(closed('127.0.0.6', { code: 'remote-close', by: 'remote' }))
    door.observe(refused('127.0.0.6', { code: 'limit', module: 'resourceManager', message: 'full' }))
    expect(door.shutOut).toMatchObject([{ cut: 0, refused: 0 }])
  })

  it('is told in words in which no peer stands', async () => {
    await gater.block(PEER)
    const refusal = knock('127.0.0.6', PEER)
    expect(refusal == null ? '' : whyNot(refusal)).toBe('a rule shuts it out')
  })
})
