import { isRefusal, lifecycleDriverSymbol } from '@cordon/interface-connection-lifecycle'
import { start, stop } from '@libp2p/interface'
import { expect, vi } from 'vitest'
import { fakeConnection, FakeRaw, fakeSecured, PEERS } from '../fakes.ts'
import type { Closing } from '../fakes.ts'
import type { LifecycleArgs, LifecycleSetup } from './args.ts'
import type { CloseReason, ConnectionLifecycle, ConnectionRecord, Direction, LifecycleDriver, LifecycleEvent, LifecycleHost, NamedParticipant, Participant, Refusal, Stage } from '@cordon/interface-connection-lifecycle'
import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

const EVENTS = [
  'connection:opened', 'connection:identified', 'connection:ready', 'connection:refused', 'handshake:failed',
  'connection:closed', 'reconnect:scheduled', 'reconnect:failed'
] as const satisfies ReadonlyArray<LifecycleEvent['type']>

/** What the bounds and deadlines are unless a test says otherwise: small, so that tests are */
const DEFAULTS = {
  maxHandshaking: 16,
  maxHandshakingPerGroup: 8,
  maxHandshakingOutbound: 16,
  deadlines: { encrypt: 3_000, multiplex: 2_000, handshake: 4_000, total: 10_000 },
  closeTimeout: 1_000,
  random: () => 0.5
}

const OUTSIDER = '/ip4/203.0.113.7/tcp/4001'

export interface OpenOptions {
  readonly from?: string
  readonly direction?: Direction
  readonly closing?: Closing
}

export interface StartOptions {
  readonly args?: Partial<LifecycleArgs>
  readonly participants?: readonly NamedParticipant[]
  readonly host?: Partial<Omit<LifecycleHost, 'participants'>>
}

/** One dial that the lifecycle asked for, to be answered by the test */
export interface Dial {
  readonly target: PeerId | Multiaddr[]
  readonly signal: AbortSignal | undefined
  succeed (): void
  fail (error: Error): void
}

export interface Opened {
  readonly record: ConnectionRecord
  readonly raw: FakeRaw
}

/** A lifecycle that is attached to a host of the test, and is driven as the registry would */
export class Harness {
  readonly lifecycle: ConnectionLifecycle
  readonly driver: LifecycleDriver
  /** Every event, in order */
  readonly events: LifecycleEvent[] = []
  readonly dials: Dial[] = []
  #raws = 0

  constructor (lifecycle: ConnectionLifecycle, options: StartOptions) {
    this.lifecycle = lifecycle
    this.driver = lifecycle[lifecycleDriverSymbol]
    for (const type of EVENTS) {
      lifecycle.addEventListener(type, ({ detail }) => { this.events.push(detail) })
    }
    this.driver.attach({
      dial: async (target, { signal }) => this.#dial(target, signal),
      keepsAlive: () => Promise.resolve(false),
      ...options.host,
      participants: options.participants ?? []
    })
  }

  /** As the node does that it belongs to */
  async start (): Promise<this> {
    await start(this.lifecycle)
    return this
  }

  async stop (): Promise<void> {
    await stop(this.lifecycle)
  }

  /** The types of all events of one record */
  told (record: ConnectionRecord): string[] {
    return this.events.filter(event => 'record' in event && event.record === record).map(({ type }) => type)
  }

  of<T extends LifecycleEvent['type']> (type: T): Array<Extract<LifecycleEvent, { type: T }>> {
    return this.events.filter((event): event is Extract<LifecycleEvent, { type: T }> => event.type === type)
  }

  raw ({ from = OUTSIDER, direction = 'inbound', closing = 'at-once' }: OpenOptions = {}): FakeRaw {
    // every connection has a port of its own, as in life
    return new FakeRaw(from.replace('/tcp/4001', `/tcp/${10_000 + this.#raws++ % 50_000}`), direction, closing)
  }

  /** Opens a raw connection that nobody refuses */
  open (options?: OpenOptions): Opened {
    const raw = this.raw(options)
    const record = this.driver.open(raw)
    if (isRefusal(record)) throw new Error(`refused by ${record.module}: ${record.message}`)
    const refusal = this.enter(record)
    if (refusal != null) throw new Error(`refused by ${refusal.module}: ${refusal.message}`)
    return { record, raw }
  }

  /** The same for a connection that somebody refuses */
  refused (options?: OpenOptions): { refusal: Refusal, raw: FakeRaw } {
    const raw = this.raw(options)
    const record = this.driver.open(raw)
    const refusal = isRefusal(record) ? record : this.enter(record)
    if (refusal == null) throw new Error('nobody refused')
    return { refusal, raw }
  }

  /** A raw connection is made of it, and the user's gater agrees */
  enter (record: ConnectionRecord): Refusal | undefined {
    return this.driver.appeared(record) ?? this.driver.account(record)
  }

  identify (record: ConnectionRecord, peer: PeerId = PEERS[0]): Refusal | undefined {
    return this.driver.identified(record, peer)
  }

  /** From the authenticated peer to libp2p's announcement */
  upgrade ({ record, raw }: Opened, peer: PeerId = PEERS[0]): Refusal | undefined {
    this.driver.secured(record, fakeSecured(record.direction))
    return this.driver.upgraded(record, fakeConnection(raw, peer))
  }

  /** A connection that went all the way; with a readiness module, all the way to its handshake */
  connect (options: OpenOptions & { readonly peer?: PeerId } = {}): Opened {
    const opened = this.open(options)
    const peer = options.peer ?? PEERS[0]
    const refusal = this.identify(opened.record, peer) ?? this.upgrade(opened, peer)
    if (refusal != null) throw new Error(`refused by ${refusal.module}: ${refusal.message}`)
    return opened
  }

  /** The other side ends it, with an error where it was cut */
  lose ({ record, raw }: Opened, error?: Error): void {
    raw.lose()
    this.lifecycle.lost(record, error == null ? {} : { error })
  }

  /** The one dial that waits for an answer */
  get dial (): Dial {
    const dial = this.dials.at(-1)
    if (dial == null) throw new Error('nothing was dialled')
    return dial
  }

  async #dial (target: PeerId | Multiaddr[], signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.dials.push({ target, signal, succeed: () => { resolve(undefined) }, fail: reject })
    })
  }
}

export interface Context {
  readonly start: (options?: StartOptions) => Promise<Harness>
}

export function context (setup: LifecycleSetup): Context {
  return {
    start: async (options = {}) => {
      const clock = {
        now: () => performance.now(),
        schedule: (delay: number, task: () => void) => {
          const timer = setTimeout(task, delay)
          return { cancel: () => { clearTimeout(timer) } }
        }
      }
      return new Harness(await setup.setup({ ...DEFAULTS, clock, ...options.args }), options).start()
    }
  }
}

/** Lets time pass, and all promises settle that can */
export async function pass (ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
}

/** A participant that notes each of its steps */
export interface Witness extends NamedParticipant {
  /** Every step, as `name.step`; shared between the witnesses of one test */
  readonly log: string[]
}

/** What a step answers; a throw or a promise where it misbehaves */
export type Answers = Partial<Record<Exclude<keyof Participant, 'stage'>, (...args: never[]) => unknown>>

export function witness (log: string[], name: string, stage: Stage, answers: Answers = {}): Witness {
  // `never`, because steps that misbehave answer with what the types forbid
  const step = (key: keyof Answers) => (...args: unknown[]): never => {
    log.push(`${name}.${key}`)
    const answer: unknown = (answers[key] as ((...args: unknown[]) => unknown) | undefined)?.(...args)
    return answer as never
  }
  return {
    log,
    name,
    participant: {
      stage,
      dial: step('dial'),
      opened: step('opened'),
      raw: step('raw'),
      identified: step('identified'),
      secured: step('secured'),
      ready: step('ready'),
      closed: step('closed'),
      streamOpened: step('streamOpened'),
      streamNegotiated: step('streamNegotiated'),
      streamClosed: step('streamClosed')
    }
  }
}

/** One witness for each stage, named after it */
export function everyStage (log: string[], answers: Partial<Record<Stage, Answers>> = {}): Witness[] {
  return (['gate', 'account', 'admit', 'observe'] as const).map(stage => witness(log, stage, stage, answers[stage]))
}

export const NO: Refusal = { code: 'blocked', module: 'admit', message: 'not today' }

export const EVICTED: CloseReason = { code: 'evicted', by: 'local' }

/** A record that has ended, and of which nothing is left */
export function expectGone ({ lifecycle }: Harness, record: ConnectionRecord): void {
  expect(record.state).toBe('closed')
  expect(record.phase).toBeUndefined()
  expect(record.signal.aborted).toBe(true)
  expect(record.signal.reason).toBe(record.reason)
  expect(lifecycle.get(record.id)).toBeUndefined()
  expect([...lifecycle.records()]).not.toContain(record)
}
