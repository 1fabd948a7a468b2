import { ConnectionRefusedError } from '@cordon/interface-connection-lifecycle'
import { InvalidParametersError } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Clock, DialTarget, LifecycleEvent, LifecycleHost, Maintained, MaintainOptions, Refusal, Timer } from '@cordon/interface-connection-lifecycle'
import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

type Target = PeerId | Multiaddr | Multiaddr[]

interface Kept {
  readonly peer: PeerId
  readonly target: PeerId | Multiaddr[]
  readonly options: Required<Omit<MaintainOptions, 'signal'>>
  handles: number
  /** How often in a row we came back to it, for the delay; a stable connection resets it */
  attempts: number
  /** Dials in a row that failed */
  failures: number
  busy: boolean
  /** What was refused for good of the dial in flight, and whether anything was not */
  denied?: Refusal
  open: boolean
  /** We closed its connection ourselves */
  paused: boolean
  conflict: boolean
  timer?: Timer
  readyAt?: number
}

export interface Surroundings {
  readonly clock: Clock
  readonly random: () => number
  readonly host: () => LifecycleHost | undefined
  readonly connected: (peer: PeerId) => boolean
  readonly emit: (event: LifecycleEvent) => void
}

function peerOf (target: Target): PeerId {
  if ('type' in target) return target
  const names = new Set([target].flat().flatMap(address => address.getComponents().filter(({ name }) => name === 'p2p').map(({ value }) => value ?? '')))
  const [name] = names
  if (name == null || names.size > 1) throw new InvalidParametersError(`the addresses must name one peer, got ${names.size}`)
  return peerIdFromString(name)
}

function check (options: MaintainOptions): Kept['options'] {
  const { minDelay = 1_000, maxDelay = 60_000, stableAfter = 30_000, maxAttempts = Infinity } = options
  for (const [name, value] of Object.entries({ minDelay, maxDelay, stableAfter })) {
    if (!(value >= 0 && value < Infinity)) throw new InvalidParametersError(`${name} must be a number of ms, got ${value}`)
  }
  if (!(maxAttempts >= 1)) throw new InvalidParametersError(`maxAttempts must be at least 1, got ${maxAttempts}`)
  return { minDelay, maxDelay, stableAfter, maxAttempts }
}

function isPermanent (error: unknown): boolean {
  if (typeof error !== 'object' || error == null) return false
  if ('permanent' in error && error.permanent === true) return true
  if ('name' in error && (error.name === 'WrongPeerError' || error.name === 'UnsupportedProtocolError')) return true
  if ('errors' in error && Array.isArray(error.errors) && error.errors.some(isPermanent)) return true
  return 'cause' in error && isPermanent(error.cause)
}

/** Which peers we want, apart from which we have */
export class ForeignMaintain {
  readonly #around: Surroundings
  /** By peer id; bounded by what the application asks for */
  readonly #kept = new Map<string, Kept>()
  #stopped = false

  constructor (around: Surroundings) {
    this.#around = around
  }

  get size (): number {
    return this.#kept.size
  }

  get conflicts (): number {
    return [...this.#kept.values()].filter(({ conflict }) => conflict).length
  }

  add (target: Target, options: MaintainOptions = {}): Maintained {
    const peer = peerOf(target)
    const key = peer.toString()
    const checked = check(options)
    const kept = this.#kept.get(key) ?? {
      peer, options: checked, target: 'type' in target ? target : [target].flat(), handles: 0, attempts: 0, failures: 0, busy: false, open: false, paused: false, conflict: false
    }
    this.#kept.set(key, kept)
    kept.handles++
    kept.paused = false
    let stopped = false
    const stop = (): void => {
      if (stopped) return
      stopped = true
      if (--kept.handles > 0) return
      kept.timer?.cancel()
      if (this.#kept.get(key) === kept) this.#kept.delete(key)
    }
    options.signal?.addEventListener('abort', stop, { once: true })
    if (options.signal?.aborted === true) stop()
    this.#look(kept)
    this.#dial(kept)
    return { stop, [Symbol.dispose]: stop }
  }

  stop (): void {
    this.#stopped = true
    for (const { timer } of this.#kept.values()) timer?.cancel()
  }

  asked ({ peer, multiaddr }: DialTarget, refusal: Refusal | undefined): void {
    const key = peer?.toString() ?? multiaddr?.getComponents().findLast(({ name }) => name === 'p2p')?.value
    const kept = key == null ? undefined : this.#kept.get(key)
    if (kept == null) return
    if (refusal?.permanent === true) kept.denied ??= refusal
    else if (multiaddr != null) kept.open = true
  }

  ready (peer: PeerId): void {
    const kept = this.#kept.get(peer.toString())
    if (kept == null) return
    kept.timer?.cancel()
    kept.paused = false
    kept.failures = 0
    kept.readyAt ??= this.#around.clock.now()
  }

  /** A connection of this peer has ended */
  gone (peer: PeerId, byUs: boolean, refused: boolean): void {
    const kept = this.#kept.get(peer.toString())
    if (kept == null || this.#around.connected(peer)) return
    const { clock } = this.#around
    if (kept.readyAt != null && clock.now() - kept.readyAt >= kept.options.stableAfter) kept.attempts = 0
    delete kept.readyAt
    // a refusal neither lets it go nor wants it again
    if (!refused) kept.paused = byUs
    if (!this.#wanted(kept)) return
    // the next dial is asked about anew
    this.#later(kept)
  }

  #look (kept: Kept): void {
    this.#around.host()?.keepsAlive(kept.peer).then(conflict => { kept.conflict = conflict }, () => {})
  }

  #wanted (kept: Kept): boolean {
    return !this.#stopped && kept.handles > 0 && !kept.paused && !kept.busy && !this.#around.connected(kept.peer)
  }

  #later (kept: Kept): void {
    if (!this.#wanted(kept)) return
    const { minDelay, maxDelay } = kept.options
    const delay = this.#around.random() * Math.min(maxDelay, minDelay * 2 ** kept.attempts)
    kept.attempts++
    kept.timer?.cancel()
    kept.timer = this.#around.clock.schedule(delay, () => {
      this.#look(kept)
      this.#dial(kept)
    })
    this.#around.emit({ type: 'reconnect:scheduled', peer: kept.peer, attempt: kept.attempts, delay })
  }

  #dial (kept: Kept): void {
    const host = this.#around.host()
    if (host == null || !this.#wanted(kept)) return
    kept.timer?.cancel()
    kept.busy = true
    kept.open = false
    delete kept.denied
    host.dial(kept.target, {}).then(() => {
      kept.busy = false
      this.#later(kept)
    }, (err: unknown) => {
      kept.busy = false
      const error = err instanceof Error ? err : new Error(String(err))
      this.#failed(kept, kept.denied == null || kept.open ? error : new ConnectionRefusedError(kept.denied))
    })
  }

  #failed (kept: Kept, error: Error): void {
    const attempts = ++kept.failures
    if (!this.#wanted(kept) || (!isPermanent(error) && attempts < kept.options.maxAttempts)) this.#later(kept)
    else this.#giveUp(kept, error)
  }

  #giveUp (kept: Kept, error: Error): void {
    this.#kept.delete(kept.peer.toString())
    kept.handles = 0
    this.#around.emit({ type: 'reconnect:failed', peer: kept.peer, attempts: kept.failures, error })
  }
}
