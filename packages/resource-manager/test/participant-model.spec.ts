import { isRefusal } from '@cordon/interface-connection-lifecycle'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Bench, held, peerId } from './participant-bench.ts'
import { SHARE } from './support.ts'
import type { TestRecord, TestStream } from './participant-bench.ts'
import type { ConnectionRecord, Direction, StreamRecord } from '@cordon/interface-connection-lifecycle'

const MAX_UNNEGOTIATED = 3

interface Step {
  readonly what: 'open' | 'raw' | 'identify' | 'close' | 'stream' | 'negotiate' | 'end'
  readonly which: number
  readonly peer: string
  readonly direction: Direction
}

const count = (of: ReadonlyArray<{ readonly direction: Direction }>, direction: Direction): number => of.filter(each => each.direction === direction).length

/** What is open, noted by going through it all, beside a participant that is told of the same */
class Model {
  readonly bench = new Bench({ transient: { connections: 4, streams: 6, streamsInbound: 5 }, peerDefault: { connections: 3 }, protocolDefault: { streams: 3 } }, MAX_UNNEGOTIATED)
  readonly #records: TestRecord[] = []
  readonly #streams: TestStream[] = []
  readonly #negotiated = new Set<StreamRecord>()

  constructor () {
    this.bench.shed = ({ spares }) => {
      const oldest = this.#records.find(record => record.direction === 'inbound' && record.remotePeer === undefined && spares?.(record) !== true)
      if (oldest !== undefined) this.#close(oldest)
      return oldest
    }
  }

  step ({ what, which, peer, direction }: Step): void {
    const { bench, bench: { participant } } = this
    const record = this.#records[which % this.#records.length]
    const stream = this.#streams[which % this.#streams.length]
    if (what === 'open') {
      const opened = bench.open(direction)
      if (!isRefusal(opened)) this.#records.push(opened)
    } else if (what === 'raw' && record !== undefined) {
      participant.raw(record)
    } else if (what === 'identify' && record !== undefined && record.remotePeer === undefined) {
      record.remotePeer = peerId(peer)
      if (participant.identified(record) !== undefined) this.#close(record)
    } else if (what === 'close' && record !== undefined) {
      this.#close(record)
    } else if (what === 'stream' && record?.remotePeer !== undefined) {
      this.#stream(record, direction)
    } else if (what === 'negotiate' && stream !== undefined) {
      this.#negotiate(stream)
    } else if (what === 'end' && stream !== undefined) {
      this.#streams.splice(this.#streams.indexOf(stream), 1)
      participant.streamClosed(stream)
    }
  }

  compare (): void {
    const { resets, manager } = this.bench
    // a stream that was reset holds nothing, although the participant is told of its end only later
    const living = this.#streams.filter(stream => !resets.includes(stream))
    const waiting = living.filter(stream => !this.#negotiated.has(stream))
    const strangers = this.#records.filter(({ remotePeer }) => remotePeer === undefined)
    const { system, transient } = manager.snapshot()
    expect(system.usage).toMatchObject({
      connectionsInbound: count(this.#records, 'inbound'), connectionsOutbound: count(this.#records, 'outbound'), fileDescriptors: this.#records.length,
      streamsInbound: count(living, 'inbound'), streamsOutbound: count(living, 'outbound')
    })
    expect(transient.usage).toMatchObject({
      connectionsInbound: count(strangers, 'inbound'), connectionsOutbound: count(strangers, 'outbound'), fileDescriptors: strangers.length,
      streamsInbound: count(waiting, 'inbound'), streamsOutbound: count(waiting, 'outbound')
    })
    for (const record of this.#records) {
      expect(count(waiting.filter(({ connection }) => connection === record), 'inbound')).toBeLessThanOrEqual(MAX_UNNEGOTIATED)
    }
  }

  end (): void {
    for (const record of [...this.#records]) this.#close(record)
    for (const stream of this.#streams) this.bench.participant.streamClosed(stream)
    expect(held(this.bench.manager)).toBe(0)
  }

  #close (record: ConnectionRecord): void {
    this.#records.splice(this.#records.findIndex(each => each === record), 1)
    this.bench.participant.closed(record)
  }

  #stream (record: TestRecord, direction: Direction): void {
    const { resets } = this.bench
    const before = resets.length
    const opened = this.bench.stream(record, direction)
    for (const { connection } of resets.slice(before)) expect(String(connection.remotePeer)).not.toBe(String(record.remotePeer))
    if (!isRefusal(opened)) this.#streams.push(opened)
  }

  #negotiate (stream: TestStream): void {
    // as the lifecycle, which tells of no protocol of a stream that has ended
    if (stream.protocol !== undefined || this.bench.resets.includes(stream) || !this.#records.some(record => record === stream.connection)) return
    if (this.bench.negotiate(stream, '/x') === undefined) this.#negotiated.add(stream)
    else delete stream.protocol
  }
}

describe('the participant, whatever happens in whatever order', () => {
  const step: fc.Arbitrary<Step> = fc.record({
    what: fc.constantFrom('open', 'open', 'raw', 'identify', 'identify', 'close', 'stream', 'stream', 'stream', 'negotiate', 'end'),
    which: fc.nat(20),
    peer: fc.constantFrom('a', 'b', 'c'),
    direction: fc.constantFrom('inbound', 'outbound')
  })

  const traces = fc.array(step, { maxLength: 120, size: 'max' })

  function run (steps: readonly Step[]): Bench {
    const model = new Model()
    for (const step of steps) {
      model.step(step)
      model.compare()
    }
    model.end()
    return model.bench
  }

  it('holds what is open and nothing else, lets nobody have more than it may, and ends with nothing', () => {
    fc.assert(fc.property(traces, steps => { run(steps) }), { numRuns: 500 * SHARE })
  })

  it('is tried with streams that are reset and connections that make room', () => {
    const benches = fc.sample(traces, { numRuns: 100, seed: 1 }).map(run)
    expect(benches.filter(({ resets }) => resets.length > 0).length).toBeGreaterThan(3)
    expect(benches.filter(({ sheds }) => sheds.length > 0).length).toBeGreaterThan(10)
  })
})
