import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Unnegotiated } from '../src/node/unnegotiated.ts'
import type { Waiting } from '../src/node/unnegotiated.ts'
import type { Place } from '@cordon/fair-set'
import type { Direction } from '@cordon/interface-connection-lifecycle'
import type { RefusalCause } from '@cordon/interface-resource-manager'

interface Stream extends Waiting {
  readonly direction: Direction
  /** The smaller, the older */
  readonly age: number
}

const DIRECTIONS: readonly Direction[] = ['inbound', 'outbound']
const CAUSES: readonly RefusalCause[] = ['streams', 'streamsInbound', 'streamsOutbound']
const OTHER_CAUSES: ReadonlyArray<RefusalCause | undefined> = ['memory', 'connections', 'connectionsInbound', 'connectionsOutbound', 'fileDescriptors', 'rate', undefined]

/** One letter for each stream, oldest first: whose it is; ours in upper case. `missing` is the number of one that does not exist yet. */
function waiting (text: string, missing?: number): { rule: Unnegotiated<Stream>, streams: Stream[], places: Array<Place<Stream>> } {
  const rule = new Unnegotiated<Stream>()
  const streams = Array.from(text, (letter, age): Stream => ({ peer: letter.toLowerCase(), exists: age !== missing, age, direction: letter === letter.toLowerCase() ? 'inbound' : 'outbound' }))
  return { rule, streams, places: streams.map(stream => rule.add(stream.direction, stream)) }
}

/** The rule once more, by going through everybody; `streams` is the oldest first */
function expected (streams: readonly Stream[], cause: RefusalCause, newcomer: string): Stream | undefined {
  const inbound = streams.filter(({ direction }) => direction === 'inbound')
  const outbound = streams.filter(({ direction }) => direction === 'outbound')
  const eligible = cause === 'streamsOutbound' || (cause === 'streams' && inbound.length === 0) ? outbound : inbound
  const count = (peer: string): number => eligible.filter(stream => stream.peer === peer).length
  const most = Math.max(...eligible.map(({ peer }) => count(peer)))
  return count(newcomer) >= most ? undefined : eligible.find(({ peer }) => count(peer) === most)
}

describe('who gives up a stream without a protocol', () => {
  it('is nobody whose streams do not exist yet, though they count', () => {
    const { rule } = waiting('AAAb', 0)
    expect(rule.yields('streamsOutbound', 'z')?.age).toBe(1)
    expect(rule.yields('streamsOutbound', 'a')).toBeUndefined()
  })

  it.each<[string, RefusalCause, string, number | undefined]>([
    // what waits, what was full, who comes, and which one goes
    ['', 'streamsInbound', 'z', undefined],
    ['a', 'streamsInbound', 'z', 0],
    ['baa', 'streamsInbound', 'z', 1],
    ['abba', 'streamsInbound', 'z', 0],
    ['baab', 'streamsInbound', 'a', undefined],
    ['baab', 'streamsInbound', 'b', undefined],
    ['baa', 'streamsInbound', 'b', 1],
    ['baa', 'streamsInbound', 'a', undefined],
    ['AAb', 'streamsInbound', 'z', 2],
    ['AAb', 'streamsInbound', 'b', undefined],
    ['AAb', 'streamsOutbound', 'b', 0],
    ['aab', 'streamsOutbound', 'z', undefined],
    // both directions together: inbound ones first
    ['AAAb', 'streams', 'z', 3],
    ['AAAb', 'streams', 'b', undefined],
    ['AABb', 'streams', 'a', 3],
    ['BAA', 'streams', 'z', 1],
    ['BAA', 'streams', 'a', undefined]
  ])('of "%s", where %s is full and %s comes, is number %s', (text, cause, newcomer, age) => {
    expect(waiting(text).rule.yields(cause, newcomer)?.age).toBe(age)
  })

  it.each(OTHER_CAUSES)('is nobody where the cause is %s', cause => {
    expect(waiting('aaaAAA').rule.yields(cause, 'z')).toBeUndefined()
  })
})

describe('streams without a protocol', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd', 'A', 'B', 'C', 'D'), maxLength: 30 })
  const newcomer = fc.constantFrom('a', 'b', 'c', 'd', 'z')
  const cause = fc.constantFrom(...CAUSES)

  it('yield as if one had gone through them all, whoever left before', () => {
    fc.assert(fc.property(letters, fc.array(fc.nat(29), { maxLength: 20 }), cause, newcomer, (text, leaving, cause, newcomer) => {
      const { rule, streams, places } = waiting(text)
      const left = new Set<number>()
      for (const age of leaving) {
        const [stream, place] = [streams[age], places[age]]
        if (stream === undefined || place === undefined) continue
        left.add(age)
        // some leave twice
        rule.remove(stream.direction, place)
      }
      const staying = streams.filter(({ age }) => !left.has(age))
      expect(rule.size).toBe(staying.length)
      expect(rule.yields(cause, newcomer)).toBe(expected(staying, cause, newcomer))
      expect(rule.size).toBe(staying.length)
    }), { numRuns: 2_000 })
  })

  it('never take one from the peer of the newcomer, nor leave the newcomer\'s peer with more than the loser\'s had', () => {
    fc.assert(fc.property(letters, cause, newcomer, (text, cause, newcomer) => {
      const { rule, streams } = waiting(text)
      const loser = rule.yields(cause, newcomer)
      if (loser === undefined) return
      const count = (peer: string): number => streams.filter(stream => stream.peer === peer && stream.direction === loser.direction).length
      expect(loser.peer).not.toBe(newcomer)
      expect(count(newcomer) + 1).toBeLessThanOrEqual(count(loser.peer))
    }), { numRuns: 2_000 })
  })

  it('do not let one peer crowd out another: who has one and waits keeps it, while somebody has more', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('flood', 'a', 'b', 'c'), { minLength: 1, maxLength: 200 }), fc.integer({ min: 4, max: 12 }), (arrivals, room) => {
      const rule = new Unnegotiated<Stream>()
      const places = new Map<Stream, Place<Stream>>()
      arrivals.forEach((peer, age) => {
        const honest = peer !== 'flood'
        const has = [...places.keys()].some(stream => stream.peer === peer)
        // the honest have one at a time
        if (honest && has) return
        if (rule.size >= room) {
          const loser = rule.yields('streamsInbound', peer)
          if (loser !== undefined) rule.remove('inbound', places.get(loser) as Place<Stream>)
          if (loser !== undefined) places.delete(loser)
          expect(loser?.peer, `${peer} comes`).toBe(honest ? 'flood' : undefined)
          if (loser === undefined) return
        }
        const stream: Stream = { peer, exists: true, age, direction: 'inbound' }
        places.set(stream, rule.add('inbound', stream))
      })
      expect(rule.size).toBeLessThanOrEqual(room)
    }))
  })

  it.each(DIRECTIONS)('that are %s are counted until they leave, and leave once', direction => {
    const rule = new Unnegotiated<Waiting>()
    const places = [1, 2, 3].map(() => rule.add(direction, { peer: 'a', exists: true }))
    expect(rule.size).toBe(3)
    for (const place of [...places, ...places]) rule.remove(direction, place)
    expect(rule.size).toBe(0)
  })
})
