import { ConnectionRefusedError } from '@cordon/interface-connection-lifecycle'
import { backoff } from './backoff.ts'
import { DIAL_TIMEOUT } from './constants.ts'
import { isPermanent } from './permanent.ts'
import type { Random } from './backoff.ts'
import type { Emitter } from './context.ts'
import type { Log } from './log.ts'
import type { RetryOptions } from './options.ts'
import type { LifecycleRecord } from './record.ts'
import type { Target } from './targets.ts'
import type { Clock, CloseReason, DialTarget, LifecycleHost, Refusal, Timer } from '@cordon/interface-connection-lifecycle'

export interface MaintainedPeerInit {
  readonly clock: Clock
  readonly random: Random
  readonly events: Emitter
  readonly log: Log

  /** Where to dial, and undefined while nothing may be dialled */
  host (): LifecycleHost | undefined

  /** Whether the peer has a live connection */
  isConnected (): boolean

  /** Called when the wait for another attempt is over */
  beforeRetry (peer: MaintainedPeer): void
}

/**
 * One peer that is kept connected, and the only place from which it is dialled again. It has one timer, and
 * either a timer or a dial in flight, never both at work: the timer of a dial is the deadline of that dial.
 *
 * What is wanted (`wake`, `suspend`, `end`) is stored apart from what is so, and looked at anew after each wait.
 */
export class MaintainedPeer {
  readonly #init: MaintainedPeerInit
  #target: Target
  #options: RetryOptions
  #timer: Timer | undefined
  #dialling: AbortController | undefined
  /** Why a connection of ours ended before it was ready, until the next dial */
  #lastReason: CloseReason | undefined
  /** Of the dial in flight: the first permanent refusal of what was asked about */
  #denied: Refusal | undefined
  /** Of the dial in flight: whether there is an address that was not refused, or not for good */
  #open = false
  /** How often it was maintained anew; what becomes of a dial that began before the last time says nothing */
  #updates = 0
  #ended = false
  /** Closed on purpose, or given up: not dialled until the peer connects, or is maintained anew */
  #suspended = false
  /** Since a connection was last ready for long enough; delays grow with it */
  #attempts = 0
  /** Dials in a row that failed */
  #failures = 0

  /** How many `maintain` calls want it */
  handles = 0
  /** libp2p's own reconnecting has been told of it as well */
  conflict = false

  constructor (target: Target, options: RetryOptions, init: MaintainedPeerInit) {
    this.#target = target
    this.#options = options
    this.#init = init
  }

  get target (): Target {
    return this.#target
  }

  /** Maintained anew: the latest options count, and addresses are those of the latest call that had some */
  update (target: Target, options: RetryOptions): void {
    if (target.addresses.length > 0) this.#target = target
    this.#options = options
    this.#suspended = false
    this.#failures = 0
    this.#updates++
  }

  /** Dials if that is wanted, possible and not being done; otherwise makes sure that nothing is armed in vain */
  wake (): void {
    if (this.#ended || this.#dialling != null) return
    this.#disarm()
    if (this.#suspended || this.#init.host() == null || this.#init.isConnected()) return
    void this.#dial()
  }

  /** As `wake`, after a while within the first delay */
  wakeSoon (): void {
    if (this.#ended || this.#dialling != null) return
    this.#disarm()
    if (this.#suspended || this.#init.host() == null || this.#init.isConnected()) return
    this.#timer = this.#init.clock.schedule(this.#init.random() * this.#options.minDelay, () => {
      this.#timer = undefined
      this.wake()
    })
  }

  /** What the participants said to a dial of it; libp2p tells whoever dials that it was denied, and not by whom */
  asked (target: DialTarget, refusal: Refusal | undefined): void {
    if (this.#dialling == null) return
    if (refusal?.permanent === true) this.#denied ??= refusal
    else if (target.multiaddr != null) this.#open = true
  }

  /** The peer has connected, in whichever direction */
  connected (): void {
    if (this.#suspended) this.#failures = 0
    this.#suspended = false
    this.#lastReason = undefined
    if (this.#dialling == null) this.#disarm()
  }

  /** Its last connection was closed on purpose */
  suspend (): void {
    this.#suspended = true
    this.pause()
  }

  /** Its last connection is gone, and everything of it released */
  gone (record: LifecycleRecord): void {
    if (record.readyAt != null) {
      this.#failures = 0
      if (this.#init.clock.now() - record.readyAt >= this.#options.stableAfter) this.#attempts = 0
      this.#lastReason = undefined
    } else if (record.direction === 'outbound' && !this.#init.isConnected()) {
      // what is said of one that was ready, or came by itself, may not be true of the next dial: that is asked about anew
      this.#lastReason = record.reason
    }
    // the outcome of a dial in flight decides, with this in mind; and a node that stops has not failed to connect
    if (this.#ended || this.#suspended || this.#dialling != null || this.#timer != null || this.#init.host() == null || this.#init.isConnected()) return
    this.#over(undefined)
  }

  /** Nothing is dialled and nothing waits from here on; `wake` begins again, unless it has ended */
  pause (): void {
    this.#disarm()
    this.#dialling?.abort(new Error('reconnecting was stopped'))
    this.#dialling = undefined
  }

  end (): void {
    this.#ended = true
    this.pause()
  }

  async #dial (): Promise<void> {
    const host = this.#init.host()
    if (host == null) return
    const { peer, addresses } = this.#target
    const updates = this.#updates
    this.#lastReason = this.#denied = undefined
    this.#open = false
    const dialling = this.#dialling = new AbortController()
    // foreign code, so it does not decide how long we wait
    const timeout = new Error(`the dial was not answered within ${DIAL_TIMEOUT} ms`)
    this.#timer = this.#init.clock.schedule(DIAL_TIMEOUT, () => { dialling.abort(timeout) })
    const { signal } = dialling
    let onAbort: (() => void) | undefined
    let error: unknown

    try {
      await Promise.race([
        host.dial(addresses.length > 0 ? [...addresses] : peer, { signal }),
        new Promise((_resolve, reject) => {
          onAbort = () => { reject(signal.reason as Error) }
          signal.addEventListener('abort', onAbort, { once: true })
        })
      ])
    } catch (err) {
      error = err ?? new Error('the dial failed')
    } finally {
      if (onAbort != null) signal.removeEventListener('abort', onAbort)
    }

    // paused or ended meanwhile; whoever did that has cleaned up, and another dial may be on its way
    if (this.#dialling !== dialling) return
    this.#dialling = undefined
    this.#disarm()
    if (this.#updates !== updates) this.wake()
    // without an error it has connected, and may be gone again
    else if (error != null || !this.#init.isConnected()) this.#over(error)
  }

  /** An attempt has come to nothing, or what came of it is over */
  #over (error: unknown): void {
    if (error != null || this.#lastReason != null) this.#failures++
    if (!this.#init.isConnected() && !this.#suspended) this.#retry(error)
  }

  /** Waits for the next attempt, unless there is no point in one */
  #retry (error: unknown): void {
    const reason = this.#lastReason
    this.#lastReason = undefined
    if (error != null && this.#denied != null && !this.#open) {
      this.#giveUp(new ConnectionRefusedError(this.#denied))
      return
    }
    const hopeless = reason?.refusal?.permanent === true || isPermanent(error) || isPermanent(reason?.error)
    if (hopeless || this.#failures >= this.#options.maxAttempts) {
      this.#giveUp(error ?? reason?.error ?? (reason?.refusal == null ? undefined : new ConnectionRefusedError(reason.refusal)))
    } else {
      this.#schedule()
    }
  }

  #schedule (): void {
    if (this.#init.host() == null) return
    const { clock, events, random } = this.#init
    const { minDelay, maxDelay } = this.#options
    const delay = backoff(this.#attempts, minDelay, maxDelay, random)
    const attempt = ++this.#attempts
    this.#timer = clock.schedule(delay, () => {
      this.#timer = undefined
      this.#init.beforeRetry(this)
      this.wake()
    })
    if (events.wants('reconnect:scheduled')) events.emit({ type: 'reconnect:scheduled', peer: this.#target.peer, attempt, delay })
  }

  #giveUp (error: unknown): void {
    const { events, log } = this.#init
    const reason = error instanceof Error ? error : new Error('the dial failed', { cause: error })
    this.#suspended = true
    log.error('gave up reconnecting to %p after %d failed dials - %e', this.#target.peer, this.#failures, reason)
    if (events.wants('reconnect:failed')) events.emit({ type: 'reconnect:failed', peer: this.#target.peer, attempts: this.#failures, error: reason })
  }

  #disarm (): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
