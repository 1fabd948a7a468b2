import { normaliseAddress } from '@cordon/address'
import { connectionLifecycle } from '@cordon/connection-lifecycle'
import { isRefusal, lifecycleDriverSymbol } from '@cordon/interface-connection-lifecycle'
import { fakeClock } from '@cordon/testing'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { ConnectionLifecycleInit } from '@cordon/connection-lifecycle'
import type {
  ConnectionLifecycle, ConnectionRecord, Direction, LifecycleDriver, LifecycleEvent, LifecycleHost, NormalisedAddress, Participant, RawConnection, Refusal
} from '@cordon/interface-connection-lifecycle'
import type { FakeClock } from '@cordon/testing'
import type { AbortOptions, ComponentLogger, Connection, Logger, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Ed25519 public keys of no meaning */
export const PEERS = [
  '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5',
  '12D3KooWJRSrypvnpHgc6ZAgyCni4KcSmbV7uGRaMw5LgMKT18fq',
  '12D3KooWNvSZnPi3RrhrTwEY4LuuBeB6K6facKUCJcyWG1aoDd2p'
].map(text => peerIdFromString(text)) as unknown as readonly [PeerId, PeerId, PeerId]

export const EVENTS: ReadonlyArray<LifecycleEvent['type']> = [
  'connection:opened', 'connection:identified', 'connection:ready', 'connection:refused', 'handshake:failed', 'connection:closed',
  'reconnect:scheduled', 'reconnect:failed'
]

export interface Line {
  readonly level: 'log' | 'error' | 'trace'
  readonly args: readonly unknown[]
}

/** A logger that remembers what was said, and is enabled only on request */
export function recordingLogger (lines: Line[], enabled = false): ComponentLogger {
  const make = (): Logger => Object.assign((...args: unknown[]): void => { if (enabled) lines.push({ level: 'log', args }) }, {
    enabled,
    error: (...args: unknown[]): void => { lines.push({ level: 'error', args }) },
    trace: (): void => {},
    newScope: make
  })
  return { forComponent: make }
}

/** A raw connection that ends when it is told to, and remembers how */
export class FakeRaw implements RawConnection {
  readonly direction: Direction
  readonly address: NormalisedAddress
  readonly remoteAddr: Multiaddr
  /** Whether libp2p has made anything of it yet; before, `raw` is absent, and typed as if it were not, because nearly every test has it */
  appeared = true
  readonly #made: MultiaddrConnection
  readonly calls: string[] = []
  readonly errors: Error[] = []
  status: MultiaddrConnection['status'] = 'open'
  /** What `close` does: ends at once and tells, ends without a word, never ends, or fails */
  closing: 'resolves' | 'silent' | 'hangs' | 'rejects' | 'throws' = 'hangs'
  /** Called when `abort` or `close` has ended it, as a transport tells of its `close` event */
  onEnd: (() => void) | undefined

  constructor (address: Multiaddr, direction: Direction) {
    this.direction = direction
    this.remoteAddr = address
    this.address = normaliseAddress(address)
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    const fake = this
    this.#made = { remoteAddr: address, get status () { return fake.status } } as MultiaddrConnection
  }

  get raw (): MultiaddrConnection {
    return this.appeared ? this.#made : undefined as never
  }

  close (options: AbortOptions): Promise<void> {
    this.calls.push('close')
    if (this.closing === 'throws') throw new Error('close throws')
    if (this.closing === 'rejects') return Promise.reject(new Error('close rejects'))
    if (this.closing === 'resolves' || this.closing === 'silent') {
      this.status = 'closed'
      if (this.closing === 'resolves') this.onEnd?.()
      return Promise.resolve()
    }
    return new Promise((_resolve, reject) => {
      options.signal?.addEventListener('abort', () => { reject(new Error('aborted')) }, { once: true })
    })
  }

  abort (error: Error): void {
    this.calls.push('abort')
    this.errors.push(error)
    if (this.status !== 'open') return
    this.status = 'aborted'
    this.onEnd?.()
  }
}

export interface Bench {
  readonly clock: FakeClock
  readonly lifecycle: ConnectionLifecycle & { start (): Promise<void>, afterStart (): void, beforeStop (): void, stop (): Promise<void> }
  readonly driver: LifecycleDriver
  /** Every event, in order */
  readonly events: LifecycleEvent[]
  readonly lines: Line[]
  /** The steps of `recorder` participants, in order: `name.step:id` */
  readonly steps: string[]
  /** A raw connection that is not opened yet */
  raw (address?: string, direction?: Direction): FakeRaw
  /** Opens and accounts, and expects that it works */
  open (address?: string, direction?: Direction): { record: ConnectionRecord, raw: FakeRaw }
  /** Opens, accounts, authenticates and upgrades */
  ready (peer?: PeerId, direction?: Direction): { record: ConnectionRecord, raw: FakeRaw, connection: Connection }
}

export interface BenchInit extends ConnectionLifecycleInit {
  participants?: ReadonlyArray<readonly [string, Participant]>
  readiness?: LifecycleHost['readiness']
  host?: Partial<LifecycleHost>
  listen?: boolean
  logging?: boolean
}

/** A raw connection is made of it, and the user's gater agrees */
export function enter (driver: LifecycleDriver, record: ConnectionRecord): Refusal | undefined {
  return driver.appeared(record) ?? driver.account(record)
}

/** A lifecycle with a clock that stands still, driven by hand */
export function bench (init: BenchInit = {}): Bench {
  const { participants = [], readiness, host, listen = true, logging, ...options } = init
  const clock = fakeClock()
  const lines: Line[] = []
  const events: LifecycleEvent[] = []
  const lifecycle = connectionLifecycle({ clock, random: () => 0.5, ...options })({ logger: recordingLogger(lines, logging) }) as Bench['lifecycle']
  const driver = lifecycle[lifecycleDriverSymbol]

  driver.attach({
    participants: participants.map(([name, participant]) => ({ name, participant })),
    ...(readiness == null ? {} : { readiness }),
    dial: () => Promise.reject(new Error('nobody is there')),
    keepsAlive: () => Promise.resolve(false),
    ...host
  })
  if (listen) {
    for (const type of EVENTS) lifecycle.addEventListener(type, event => { events.push(event.detail) })
  }

  const raw = (address = '/ip4/192.0.2.1/tcp/4001', direction: Direction = 'inbound'): FakeRaw => new FakeRaw(parse(address), direction)
  const open: Bench['open'] = (address, direction) => {
    const made = raw(address, direction)
    const record = expectRecord(driver.open(made))
    const refusal = enter(driver, record)
    if (refusal != null) throw new Error(`refused: ${refusal.message}`)
    made.onEnd = () => { lifecycle.lost(record, {}) }
    return { record, raw: made }
  }

  return {
    clock,
    lifecycle,
    driver,
    events,
    lines,
    steps: [],
    raw,
    open,
    ready: (peer = PEERS[0], direction) => {
      const { record, raw } = open(undefined, direction)
      const connection = fakeConnection(peer)
      driver.identified(record, peer)
      driver.upgraded(record, connection)
      return { record, raw, connection }
    }
  }
}

/** Parsed once, because property tests use the same few very often */
const PARSED = new Map<string, Multiaddr>()

function parse (address: string): Multiaddr {
  const known = PARSED.get(address)
  if (known != null) return known
  const parsed = multiaddr(address)
  PARSED.set(address, parsed)
  return parsed
}

export function fakeConnection (peer: PeerId, status: Connection['status'] = 'open'): Connection {
  return { remotePeer: peer, status } as Connection
}

export function expectRecord (answer: ConnectionRecord | Refusal): ConnectionRecord {
  if (isRefusal(answer)) throw new Error(`refused: ${answer.message}`)
  return answer
}

export function expectRefusal (answer: unknown): Refusal {
  if (!isRefusal(answer)) throw new Error('not refused')
  return answer
}

/** A participant that notes every step in `steps` and refuses where `refuses` says */
export function recorder (name: string, stage: Participant['stage'], steps: string[], refuses?: string): [string, Participant] {
  const refusal = (step: string): Refusal | undefined => step === refuses ? { code: 'blocked', module: name, message: `${name} says no` } : undefined
  const ask = (step: string) => (): Refusal | undefined => {
    steps.push(`${name}.${step}`)
    return refusal(step)
  }
  return [name, {
    stage,
    dial: ask('dial'),
    opened: ask('opened'),
    raw: () => { steps.push(`${name}.raw`) },
    identified: ask('identified'),
    secured: () => { steps.push(`${name}.secured`) },
    ready: ask('ready'),
    closed: (_record, reason) => { steps.push(`${name}.closed ${reason.code}`) },
    streamOpened: ask('streamOpened'),
    streamNegotiated: ask('streamNegotiated'),
    streamClosed: () => { steps.push(`${name}.streamClosed`) }
  }]
}

/** A signal that knows how many listeners it has */
export function countingSignal (): { readonly signal: AbortSignal, readonly abort: () => void, readonly listeners: () => number } {
  const controller = new AbortController()
  const { signal } = controller
  let listeners = 0
  const add = signal.addEventListener.bind(signal) as (...args: unknown[]) => void
  const remove = signal.removeEventListener.bind(signal) as (...args: unknown[]) => void
  signal.addEventListener = (...args: unknown[]): void => {
    listeners++
    add(...args)
  }
  signal.removeEventListener = (...args: unknown[]): void => {
    listeners--
    remove(...args)
  }
  return { signal, abort: () => { controller.abort() }, listeners: () => listeners }
}

/** Lets everything that was promised happen; no time passes */
export async function settle (): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

/** What a property test says of itself */
export function report (line: string): void {
  // eslint-disable-next-line no-console
  console.info(line)
}

/** A seed that is new for each run and told; `CORDON_SEED` repeats one */
export function seedOf (what: string): number {
  const env = 'process' in globalThis ? globalThis.process.env : {}
  const seed = Number(env['CORDON_SEED'] ?? Date.now() & 0x7fffffff)
  report(`${what}: seed ${seed}`)
  return seed
}
