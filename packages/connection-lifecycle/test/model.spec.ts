import { isRefusal } from '@cordon/interface-connection-lifecycle'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { LifecycleRecord } from '../src/record.ts'
import { holds, rowOf, TABLE } from './held.ts'
import { Reference } from './model.ts'
import { bench, fakeConnection, PEERS, report, seedOf } from './support.ts'
import type { Kind, Model, ModelInit, Plan, Step } from './model.ts'
import type { Bench, FakeRaw } from './support.ts'
import type { ConnectionRecord, NamedParticipant, Refusal } from '@cordon/interface-connection-lifecycle'
import type { PeerId } from '@libp2p/interface'

const RUNS = 10_000
const EVENTS = 200
const GROUPS = ['/ip4/192.0.2.1/tcp/1', '/ip4/192.0.2.2/tcp/1', '/ip6/2001:db8::1/tcp/1', '/memory/x'] as const
const KINDS: readonly Kind[] = ['hangs', 'resolves', 'rejects', 'silent', 'throws']
const STEPS: readonly Step[] = ['opened', 'raw', 'identified', 'secured', 'ready']
const HOWS: ReadonlyArray<Plan['how']> = ['refuses', 'throws', 'promises']
const MODEL: Omit<ModelInit, 'readiness'> = { max: 8, perGroup: 5, outbound: 2, encrypt: 300, multiplex: 200, handshake: 400, total: 700, closeTimeout: 100, count: 3, gates: 1 }
const BOOM = new Error('boom')

/** One connection, as it is and as it should be */
interface Pair {
  readonly model: Model
  readonly raw: FakeRaw
  readonly events: string[]
  readonly closedBy: number[]
  record: LifecycleRecord | undefined
}

/** The lifecycle and the reference model side by side; every event goes to both, and then they are compared */
class Duel {
  readonly bench: Bench
  readonly model: Reference
  pairs: Pair[] = []
  readonly #byId = new Map<string, Pair>()
  #opening: Pair | undefined
  #plan: Plan | undefined
  #flush = false

  constructor (readiness: boolean) {
    const { max, perGroup, outbound, encrypt, multiplex, handshake, total, closeTimeout } = MODEL
    this.bench = bench({
      listen: false,
      maxHandshaking: max,
      maxHandshakingPerGroup: perGroup,
      maxHandshakingOutbound: outbound,
      closeTimeout,
      deadlines: { encrypt, multiplex, handshake, total },
      participants: [0, 1, 2].map(i => [`p${i}`, this.#participant(i)] as const),
      ...(readiness ? { readiness: { name: 'hello', holdDial: false } } : {})
    })
    this.model = new Reference({ ...MODEL, readiness }, this.bench.clock.now())
    for (const type of ['connection:opened', 'connection:identified', 'connection:ready', 'connection:refused', 'handshake:failed', 'connection:closed'] as const) {
      this.bench.lifecycle.addEventListener(type, event => { this.#pairOf(event.detail.record).events.push(type) })
    }
  }

  #participant (who: number): NamedParticipant['participant'] {
    const act = (step: Step, record: ConnectionRecord): Refusal | undefined => {
      if (who === 0 && step === 'opened') this.#check(own(record), 'new –')
      const plan = this.#plan
      if (plan?.step !== step || plan.who !== who) return undefined
      this.#plan = undefined
      if (plan.how === 'throws') throw BOOM
      if (plan.how === 'promises') return Promise.reject(BOOM) as unknown as Refusal
      return { code: 'limit', module: `p${who}`, message: 'planned' }
    }
    return {
      stage: who === 0 ? 'gate' : 'observe',
      opened: record => act('opened', record),
      raw: record => { return act('raw', record) as undefined },
      identified: record => act('identified', record),
      secured: record => { return act('secured', record) as undefined },
      ready: record => act('ready', record),
      closed: record => { this.#pairOf(record).closedBy.push(who) }
    }
  }

  /** While a record is being opened nobody knows its id yet */
  #pairOf (record: ConnectionRecord): Pair {
    const known = this.#byId.get(record.id)
    if (known != null) return known
    const pair = this.#opening
    if (pair == null) throw new Error(`nobody knows of record ${record.id}`)
    pair.record = own(record)
    this.#byId.set(record.id, pair)
    return pair
  }

  /** One event, made of the bits of a number; 0 does nothing, so that shrinking leads there */
  step (code: number): void {
    const op = code % 20
    const a = (code >>> 5) & 7
    const b = (code >>> 8) & 7
    const c = (code >>> 11) & 31
    const { lifecycle, driver } = this.bench
    const pair = this.pairs[(code >>> 16) % Math.max(1, this.pairs.length)]

    if (op === 0) return
    if (op <= 5) {
      this.#open(a % 4, b === 0, KINDS[c % 5] ?? 'hangs', c)
    } else if (op === 6) {
      this.#advance(a === 7 ? 1_000 : (b + 1) * 20, c % 3 === 0)
    } else if (op === 7) {
      this.#plan = this.model.plan = { who: a % 3, step: STEPS[b % 5] ?? 'opened', how: HOWS[c % 3] ?? 'refuses' }
    } else if (op === 8) {
      const victim = lifecycle.shed(a % 2 === 0 ? 'inbound' : 'outbound')
      const expected = this.model.shed(a % 2 === 0 ? 'inbound' : 'outbound')
      if ((victim == null ? undefined : this.#pairOf(victim).model) !== expected) throw new Error('shed dropped another one')
    } else if (pair?.record != null) {
      this.#act(op, a, b, pair, pair.record, driver, lifecycle)
    }
  }

  #act (op: number, a: number, b: number, { model, raw }: Pair, record: LifecycleRecord, driver: Bench['driver'], lifecycle: Bench['lifecycle']): void {
    const peer = PEERS[a % 3] as PeerId
    if (op === 9 || op === 10) {
      driver.identified(record, peer)
      this.model.identified(model, a % 3)
    } else if (op === 11 || op === 12) {
      const open = b !== 0
      driver.upgraded(record, fakeConnection(peer, open ? 'open' : 'aborted'))
      this.model.upgraded(model, open, a % 3)
    } else if (op === 13) {
      const throws = this.model.handshakeSucceeded(model)
      try {
        lifecycle.handshakeSucceeded(record)
        if (throws) throw new Error('it did not throw')
      } catch (err) {
        if (!throws || (err as Error).name !== 'InvalidTransitionError') throw err
      }
    } else if (op === 14) {
      lifecycle.handshakeFailed(record, BOOM)
      this.model.handshakeFailed(model)
      this.#flush = true
    } else if (op === 15) {
      // as a transport does: the raw connection ends, then it is told
      const local = a % 2 === 0
      const error = b % 2 === 0
      if (raw.status === 'open') raw.status = error ? 'reset' : 'closed'
      model.rawEnded = true
      lifecycle.lost(record, { local, ...(error ? { error: BOOM } : {}) })
      this.model.lost(model, local, error)
    } else if (op === 16) {
      const abort = a % 4 === 0
      void lifecycle.close(record, { code: 'idle', by: 'local' }, { abort })
      if (abort) this.model.abort(model, 'idle')
      else this.model.close(model, 'idle')
      this.#flush = true
    } else if (op === 17) {
      if (a % 2 === 0) {
        const how = b % 2 === 0 ? 'local-close' : 'local-abort'
        driver.closing(record, how)
        this.model.closing(model, how)
      } else {
        driver.secured(record, raw.raw)
        this.model.secured(model)
      }
    } else if (op === 18) {
      if (a % 2 === 0 && raw.status === 'open') {
        raw.status = 'reset'
        model.rawEnded = true
      }
      driver.upgradeFailed(record, BOOM)
      this.model.upgradeFailed(model)
    } else {
      driver.refuse(record, { code: 'gater', module: 'gater', message: 'no' })
      this.model.refuse(model)
    }
  }

  #open (group: number, outbound: boolean, kind: Kind, way: number): void {
    const { driver } = this.bench
    const direction = outbound ? 'outbound' : 'inbound'
    const raw = this.bench.raw(GROUPS[group], direction)
    raw.closing = kind
    const model = this.model.open(`g${group}`, direction, kind)
    const pair: Pair = this.#opening = { model, raw, events: [], closedBy: [], record: undefined }
    // what a transport other than TCP makes has its raw connection from the first moment
    raw.appeared = way % 3 === 0
    const answer = driver.open(raw)
    if (!isRefusal(answer)) this.#pairOf(answer)
    this.#opening = undefined
    this.pairs.push(pair)
    if (isRefusal(answer) !== (model.state === 'closed')) throw new Error(`open answered ${isRefusal(answer) ? 'a refusal' : 'a record'}`)
    if (isRefusal(answer)) return

    raw.onEnd = () => { this.bench.lifecycle.lost(answer, {}) }
    const appear = (record: ConnectionRecord): Refusal | undefined => {
      raw.appeared = true
      this.model.appeared(model)
      return driver.appeared(record)
    }
    const account = (record: ConnectionRecord): Refusal | undefined => {
      this.model.account(model)
      return driver.account(record)
    }
    // a few are only asked about, as while the user's gater thinks; of a few libp2p makes nothing; the rest in both orders
    const steps = way < 4 ? [appear] : way < 6 ? [account] : way % 2 === 0 ? [appear, account] : [account, appear]
    for (const step of steps) {
      const refusal = step(answer)
      if (isRefusal(refusal) !== (model.state === 'closed' as string)) throw new Error(`${step.name} answered something else`)
      if (isRefusal(refusal)) return
    }
  }

  #advance (ms: number, jumps: boolean): void {
    if (jumps) this.bench.clock.jump(ms)
    else this.bench.clock.tick(ms)
    this.model.advance(ms)
  }

  /** What was promised happens, where something was */
  async settle (): Promise<void> {
    if (!this.#flush) return
    this.#flush = false
    for (let i = 0; i < 4; i++) await Promise.resolve()
    this.model.settle()
  }

  /** Compares everything, and forgets what is released */
  compare (): void {
    const { lifecycle } = this.bench
    let live = 0
    let released = 0

    for (const { model, record, events, closedBy, raw } of this.pairs) {
      if (!model.released) live++
      else released++
      sameList('events', events, model.events)
      sameList('closed', closedBy, model.closedBy)
      if (model.released) same('raw connection is open', raw.status === 'open', false)
      if (record == null) continue
      same('state', record.state, model.state)
      same('phase', record.phase, model.phase)
      same('reason', record.reason?.code, model.code)
      same('by', record.reason?.by, model.by)
      same('released', record.released, model.released)
      this.#check(record, rowOf(record))
      if (model.released) checkEvents(events)
    }

    same('size', lifecycle.size, live)
    if (released > 0) {
      // nothing happens to what is released any more: `events` is checked to the end of the run by its length
      for (const { record, model } of this.pairs) if (model.released && record != null) this.#byId.delete(record.id)
      this.pairs = this.pairs.filter(pair => !pair.model.released)
      this.model.connections = this.model.connections.filter(c => !c.released)
    }
  }

  /** P17: what it holds is what the document says */
  #check (record: LifecycleRecord, row: string): void {
    const held = holds(this.bench.lifecycle, record)
    const says = TABLE.get(row)
    if (says == null) throw new Error(`docs/lifecycle.md knows nothing of ${row}`)
    if (held.listed !== says.listed || held.byPeer !== says.byPeer || held.place !== says.place || held.deadlines !== says.deadlines || held.raw !== says.raw) {
      throw new Error(`a record that is ${row} holds ${JSON.stringify(held)}, docs/lifecycle.md says ${JSON.stringify(says)}`)
    }
  }

  /** The node stops: everything is told, and nothing is left */
  async stop (): Promise<void> {
    const { clock, lifecycle } = this.bench
    this.model.shutdown()
    const stopped = lifecycle.stop()
    for (let i = 0; i < 4; i++) await Promise.resolve()
    this.model.settle()
    this.compare()
    this.#advance(MODEL.closeTimeout, false)
    await stopped
    this.compare()
    const stats = lifecycle.stats()
    same('opened', stats.opened, this.model.opened)
    same('readied', stats.readied, this.model.readied)
    same('closed', sum(stats.closed), this.model.opened)
    same('refused', sum(stats.refused), this.model.refusals)
    same('faults', sum(stats.faults), this.model.faults)
    same('records', [...lifecycle.records()].length + lifecycle.size, 0)
    same('timers', clock.pending, 0)
    for (const peer of PEERS) same('records of a peer', lifecycle.forPeer(peer).length, 0)
  }
}

function own (record: ConnectionRecord): LifecycleRecord {
  if (record instanceof LifecycleRecord) return record
  throw new Error('not a record of ours')
}

function same (what: string, is: unknown, should: unknown): void {
  if (is !== should) throw new Error(`${what}: is ${String(is)}, should be ${String(should)}`)
}

function sameList (what: string, is: readonly unknown[], should: readonly unknown[]): void {
  if (is.length !== should.length || is.some((item, i) => item !== should[i])) throw new Error(`${what}: is ${is.join()}, should be ${should.join()}`)
}

function sum (counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

/** P16, from the events alone */
function checkEvents (events: readonly string[]): void {
  const count = (type: string): number => events.filter(event => event === type).length
  const opened = count('connection:opened')
  const closed = count('connection:closed')
  if (opened > 1 || closed > opened || count('connection:ready') > opened || count('connection:refused') > 1) throw new Error(`events: ${events.join()}`)
  if (opened === 1 && events[0] !== 'connection:opened') throw new Error(`something before connection:opened: ${events.join()}`)
  if (closed === 1 && events.at(-1) !== 'connection:closed') throw new Error(`something after connection:closed: ${events.join()}`)
}

describe('the lifecycle and its reference model', () => {
  let compared = 0
  const reached = new Map<string, number>()

  afterAll(() => {
    report(`lifecycle model: ${compared} events compared; ${[...reached].map(([what, count]) => `${what} ${count}`).join(', ')}`)
  })

  it(`agree after each of ${EVENTS} events, in ${RUNS} runs`, { timeout: 180_000 }, async () => {
    const seed = seedOf('lifecycle model')

    await fc.assert(fc.asyncProperty(fc.boolean(), fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: EVENTS, maxLength: EVENTS }), async (readiness, codes) => {
      const duel = new Duel(readiness)
      for (const code of codes) {
        duel.step(code)
        await duel.settle()
        duel.compare()
        compared++
      }
      for (const { model } of duel.pairs) reached.set(model.state, (reached.get(model.state) ?? 0) + 1)
      await duel.stop()
      for (const [code, count] of Object.entries(duel.bench.lifecycle.stats().closed)) reached.set(code, (reached.get(code) ?? 0) + count)
    }), { seed, numRuns: RUNS, endOnFailure: false })

    expect(compared).toBeGreaterThanOrEqual(RUNS * EVENTS)
    for (const code of ['refused', 'crowded', 'deadline', 'upgrade-failed', 'handshake-failed', 'remote-close', 'remote-reset', 'local-close', 'local-abort', 'idle', 'shutdown', 'ready', 'handshaking']) {
      expect(reached.get(code) ?? 0, `nothing was ever ${code}, so this proved less than it says`).toBeGreaterThan(RUNS / 100)
    }
  })
})
