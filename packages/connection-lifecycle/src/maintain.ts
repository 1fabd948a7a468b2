import { peerOf } from '@cordon/address'
import { TooManyMaintainedPeersError } from './errors.ts'
import { MaintainedPeer } from './maintained-peer.ts'
import { parseRetry } from './options.ts'
import { parseTarget } from './targets.ts'
import type { Random } from './backoff.ts'
import type { Emitter, PeerWatcher } from './context.ts'
import type { Log } from './log.ts'
import type { LifecycleRecord } from './record.ts'
import type { Clock, DialTarget, LifecycleHost, Maintained, Refusal } from '@cordon/interface-connection-lifecycle'

export interface MaintainerInit {
  readonly clock: Clock
  readonly random: Random
  readonly events: Emitter
  readonly log: Log
  readonly maxMaintained: number
  isConnected (peer: string): boolean
}

/** Keeps peers connected; the intent that outlives their connections, and stops and starts of the node */
export class Maintainer implements PeerWatcher {
  readonly #init: MaintainerInit
  /** By peer; at most `maxMaintained`, and the application alone puts them there */
  readonly #peers = new Map<string, MaintainedPeer>()
  #host: LifecycleHost | undefined

  constructor (init: MaintainerInit) {
    this.#init = init
  }

  get size (): number {
    return this.#peers.size
  }

  get conflicts (): number {
    let count = 0
    for (const peer of this.#peers.values()) if (peer.conflict) count++
    return count
  }

  maintain (target: unknown, options: unknown): Maintained {
    const retry = parseRetry(options)
    retry.signal?.throwIfAborted()
    const parsed = parseTarget(target)
    const key = parsed.peer.toString()
    const known = this.#peers.get(key)

    if (known == null && this.#peers.size >= this.#init.maxMaintained) throw new TooManyMaintainedPeersError(this.#init.maxMaintained)
    const peer = known ?? new MaintainedPeer(parsed, retry, {
      ...this.#init,
      host: () => this.#host,
      isConnected: () => this.#init.isConnected(key),
      beforeRetry: asks => { if (this.#host != null) void this.#findConflict(asks, this.#host) }
    })
    if (known == null) this.#peers.set(key, peer)
    else known.update(parsed, retry)

    peer.handles++
    this.#begin(peer)
    return this.#handle(key, peer, retry.signal)
  }

  /** From now on peers are dialled */
  start (host: LifecycleHost): void {
    if (this.#host != null) return
    this.#host = host
    // peers that are dialled in the same moment would answer in the same moment
    const spread = this.#peers.size > 1
    for (const peer of this.#peers.values()) this.#begin(peer, spread)
  }

  /** Nothing is dialled from here on, and nothing waits; who is wanted stays wanted */
  draining (): void {
    this.#host = undefined
    for (const peer of this.#peers.values()) peer.pause()
  }

  asked (target: DialTarget, refusal: Refusal | undefined): void {
    if (this.#peers.size === 0) return
    const key = target.peer?.toString() ?? (target.multiaddr == null ? undefined : peerOf(target.multiaddr))
    if (key != null) this.#peers.get(key)?.asked(target, refusal)
  }

  connected (record: LifecycleRecord): void {
    this.#of(record)?.connected()
  }

  closing (record: LifecycleRecord): void {
    // a node that stops does not change what is wanted when it starts again
    if (!record.reconnects && record.reason?.code !== 'shutdown') this.#of(record)?.suspend()
  }

  gone (record: LifecycleRecord): void {
    this.#of(record)?.gone(record)
  }

  #of (record: LifecycleRecord): MaintainedPeer | undefined {
    if (this.#peers.size === 0 || record.remotePeer == null) return undefined
    return this.#peers.get(record.remotePeer.toString())
  }

  #begin (peer: MaintainedPeer, spread = false): void {
    if (this.#host == null) return
    void this.#findConflict(peer, this.#host)
    if (spread) peer.wakeSoon()
    else peer.wake()
  }

  /** Two that reconnect to one peer dial it twice, and libp2p takes its tag away when it gives up */
  async #findConflict (peer: MaintainedPeer, host: LifecycleHost): Promise<void> {
    const { log } = this.#init
    const id = peer.target.peer
    try {
      const conflict = await host.keepsAlive(id)
      if (peer.handles === 0) return
      if (conflict && !peer.conflict) log.error('peer %p is maintained, and libp2p was told to reconnect to it as well; remove its keep-alive tags', id)
      peer.conflict = conflict
    } catch (err) {
      log('could not find out whether libp2p reconnects to %p - %e', id, err)
    }
  }

  #handle (key: string, peer: MaintainedPeer, signal: AbortSignal | undefined): Maintained {
    let stopped = false
    const stop = (): void => {
      if (stopped) return
      stopped = true
      signal?.removeEventListener('abort', stop)
      if (--peer.handles > 0) return
      peer.end()
      this.#peers.delete(key)
    }
    signal?.addEventListener('abort', stop)
    return { stop, [Symbol.dispose]: stop }
  }
}
