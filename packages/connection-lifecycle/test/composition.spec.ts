import { isRefusal, STAGES } from '@cordon/interface-connection-lifecycle'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bench, enter, fakeConnection, PEERS, seedOf, settle } from './support.ts'
import type { Bench, FakeRaw } from './support.ts'
import type { ConnectionRecord, Participant, Refusal, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { PeerId } from '@libp2p/interface'

const RUNS = 3_000
const NO: Refusal = { code: 'limit', module: 'tape', message: 'the tape says no' }

/** What one participant was told of one connection or stream */
interface Told {
  /** It has said no itself at `opened` */
  refused: boolean
  /** It has passed `opened`: answered undefined or with a promise, or threw */
  passed: boolean
  closed: number
}

/**
 * Participants that do what a tape says: pass, refuse, throw, answer with a promise, close their own connection or
 * another one, make room, or open one more, from within any step, `closed` included.
 */
class Orchestra {
  readonly bench: Bench
  readonly told = new Map<string, Told[]>()
  readonly events = new Map<string, string[]>()
  readonly records: ConnectionRecord[] = []
  readonly raws: FakeRaw[] = []
  readonly streams: StreamRecord[] = []
  /** What a participant saw that it should not; not thrown there, because it would be caught as its own fault */
  readonly violations: string[] = []
  readonly #tape: readonly number[]
  readonly #shape: readonly number[]
  #at = 0
  #depth = 0

  constructor (shape: readonly number[], tape: readonly number[]) {
    this.#tape = tape
    this.#shape = shape
    const sorted = [...shape].sort((a, b) => a % 4 - b % 4)
    this.bench = bench({
      maxHandshaking: 4,
      maxHandshakingPerGroup: 2,
      maxHandshakingOutbound: 2,
      closeTimeout: 100,
      participants: sorted.map((code, i) => [`p${i}`, this.#participant(code, i)] as const)
    })
    this.#shape = sorted
    for (const type of ['connection:opened', 'connection:identified', 'connection:ready', 'connection:refused', 'connection:closed'] as const) {
      this.bench.lifecycle.addEventListener(type, ({ detail: { record } }) => {
        this.events.set(record.id, [...this.events.get(record.id) ?? [], type])
        this.#meddle(record)
      })
    }
  }

  toldOf (id: string): Told[] {
    const known = this.told.get(id)
    if (known != null) return known
    const made = this.#shape.map(() => ({ refused: false, passed: false, closed: 0 }))
    this.told.set(id, made)
    return made
  }

  get count (): number {
    return this.#shape.length
  }

  #participant (code: number, i: number): Participant {
    const ask = (step: string) => (subject: ConnectionRecord | StreamRecord): Refusal | undefined => {
      const told = this.toldOf(subject.id)[i] as Told
      if (told.closed > 0) this.violations.push(`${step} after the end`)
      const first = step === 'opened' || step === 'streamOpened'
      const act = this.#next()
      if (first) told.passed = act !== 1
      if (first) told.refused = act === 1
      if (act === 1) return NO
      if (act === 2) throw new Error('the tape says so')
      if (act === 3) return Promise.reject(new Error('later')) as unknown as Refusal
      this.#meddle('connection' in subject && 'openedAt' in subject && !('remoteAddr' in subject) ? subject.connection : subject)
      return undefined
    }
    const end = (subject: ConnectionRecord | StreamRecord): void => {
      const all = this.toldOf(subject.id)
      const told = all[i] as Told
      told.closed++
      // in reverse: whoever comes after this one has been told already, if it has to be told at all
      if (all.some((later, at) => at > i && later.passed && later.closed === 0)) this.violations.push('told of the end out of order')
      const act = this.#next()
      if (act === 2) throw new Error('the tape says so')
      if (act === 3) return Promise.reject(new Error('later')) as unknown as undefined
      if ('remoteAddr' in subject) this.#meddle(subject)
    }
    // some implement everything, some leave steps out
    return {
      stage: STAGES[code % 4] ?? 'observe',
      opened: ask('opened'),
      ...((code & 4) === 0 ? { raw: record => ask('raw')(record) as undefined } : {}),
      ...((code & 8) === 0 ? { identified: ask('identified') } : {}),
      ...((code & 16) === 0 ? { ready: ask('ready') } : {}),
      closed: end,
      streamOpened: ask('streamOpened'),
      ...((code & 32) === 0 ? { streamNegotiated: ask('streamNegotiated') } : {}),
      streamClosed: end
    }
  }

  /** Mostly 0: everything is fine */
  #next (): number {
    const code = this.#tape[this.#at++] ?? 0
    return code % 16
  }

  /** Does something to the lifecycle from within one of its callbacks */
  #meddle (record: ConnectionRecord): void {
    if (this.#depth > 3) return
    this.#depth++
    const act = this.#next()
    const { lifecycle } = this.bench
    const other = this.records[(this.#tape[this.#at] ?? 0) % Math.max(1, this.records.length)]
    if (act === 4) void record.close({ code: 'misbehaved', by: 'local' })
    if (act === 5) lifecycle.lost(record, {})
    if (act === 6 && other != null) void other.close({ code: 'evicted', by: 'local' })
    if (act === 7 && other != null) lifecycle.lost(other, { error: new Error('reset') })
    if (act === 8) lifecycle.shed('inbound')
    if (act === 9) this.open(this.#next())
    if (act === 10) for (const each of [...lifecycle.records()]) void each.close({ code: 'evicted', by: 'local' })
    if (act === 11) for (const stream of this.streams) this.bench.driver.streamClosed(stream)
    this.#depth--
  }

  open (code: number): void {
    const { driver } = this.bench
    const raw = this.bench.raw(`/ip4/192.0.2.${1 + (code & 1)}/tcp/1`, (code & 2) === 0 ? 'inbound' : 'outbound')
    raw.closing = (['hangs', 'resolves', 'rejects', 'silent', 'throws'] as const)[code % 5] ?? 'hangs'
    this.raws.push(raw)
    const record = driver.open(raw)
    if (isRefusal(record)) {
      expectEnded(raw)
      return
    }
    this.records.push(record)
    raw.onEnd = () => { this.bench.lifecycle.lost(record, {}) }
    if (isRefusal(enter(driver, record))) expectEnded(raw)
  }

  use (record: ConnectionRecord, code: number): void {
    const { driver } = this.bench
    const peer = PEERS[code % 3] as PeerId
    if (isRefusal(driver.identified(record, peer)) || isRefusal(driver.upgraded(record, fakeConnection(peer)))) return
    const stream = driver.streamOpened(record, 'inbound')
    if (isRefusal(stream)) return
    this.streams.push(stream)
    driver.streamNegotiated(stream, '/x/1')
    if (code % 2 === 0) driver.streamClosed(stream)
  }

  async stop (): Promise<void> {
    const { clock, driver, lifecycle } = this.bench
    for (const stream of this.streams) driver.streamClosed(stream)
    const stopped = lifecycle.stop()
    await settle()
    clock.tick(100)
    await stopped
  }
}

function expectEnded (raw: FakeRaw): void {
  if (raw.status === 'open') throw new Error('refused, but the raw connection is still open')
}

describe('any participants, doing anything from anywhere', () => {
  it('are told of the end once each if they were passed, and never if they refused', { timeout: 120_000 }, async () => {
    const seed = seedOf('composition')
    let told = 0
    let refused = 0

    await fc.assert(fc.asyncProperty(
      fc.array(fc.nat(63), { maxLength: 6 }),
      fc.array(fc.nat(1_023), { minLength: 50, maxLength: 300 }),
      fc.array(fc.nat(0xffff), { minLength: 5, maxLength: 40 }),
      async (shape, tape, script) => {
        const orchestra = new Orchestra(shape, tape)
        const { clock, driver, lifecycle } = orchestra.bench
        for (const code of script) {
          const record = orchestra.records[(code >>> 3) % Math.max(1, orchestra.records.length)]
          if (code % 8 < 4) orchestra.open(code >>> 3)
          else if (code % 8 === 4) clock.jump(code >>> 4)
          else if (code % 8 === 5 && record != null) driver.upgradeFailed(record, new Error('garbage'))
          else if (record != null) orchestra.use(record, code >>> 8)
          expect(lifecycle.stats().handshaking.encrypt).toBeLessThanOrEqual(6)
        }
        await orchestra.stop()
        expect(orchestra.violations).toEqual([])

        for (const all of orchestra.told.values()) {
          for (const { passed, closed } of all) {
            expect(closed).toBe(passed ? 1 : 0)
            told += closed
          }
          refused += all.filter(one => one.refused).length
        }
        for (const events of orchestra.events.values()) {
          const opened = events.filter(type => type === 'connection:opened').length
          expect(opened).toBeLessThanOrEqual(1)
          expect(events.filter(type => type === 'connection:closed').length).toBe(opened)
          if (opened === 1) expect([events[0], events.at(-1)]).toEqual(['connection:opened', 'connection:closed'])
          else expect(events).toEqual(['connection:refused'])
        }
        for (const raw of orchestra.raws) expectEnded(raw)
        expect(lifecycle.size).toBe(0)
        expect(lifecycle.stats().streams).toBe(0)
        expect(clock.pending).toBe(0)
      }
    ), { seed, numRuns: RUNS })

    expect(told, 'nobody was ever told of an end').toBeGreaterThan(RUNS)
    expect(refused, 'nobody ever refused').toBeGreaterThan(RUNS / 10)
  })
})
