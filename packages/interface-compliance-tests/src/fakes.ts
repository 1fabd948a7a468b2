import { normaliseAddress } from '@cordon/address'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { TypedEventEmitter } from 'main-event'
import type { Direction, NormalisedAddress, RawConnection } from '@cordon/interface-connection-lifecycle'
import type { AbortOptions, Connection, MessageStream, MessageStreamEvents, MessageStreamStatus, MultiaddrConnection, PeerId, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Peers that exist nowhere; the ids are valid and fixed */
export const PEERS: readonly [PeerId, PeerId, PeerId] = [
  peerIdFromString('12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5'),
  peerIdFromString('12D3KooWJdaTsfe4FMLMCz3kzbMiZcQWVYGbmoCAdyuBqHsm7HqD'),
  peerIdFromString('12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8')
]

/** Whether and when a fake connection closes in order when it is asked to */
export type Closing = 'at-once' | 'never' | 'rejects'

const log = defaultLogger().forComponent('cordon:compliance')

/** No bytes pass through it; it only has a status, and says when that ends */
class FakeMessageStream extends TypedEventEmitter<MessageStreamEvents> {
  status: MessageStreamStatus = 'open'
  readonly timeline = { open: Date.now() }
  readonly log = log
  readonly direction: Direction

  constructor (direction: Direction) {
    super()
    this.direction = direction
  }

  end (status: MessageStreamStatus): void {
    if (this.status !== 'open' && this.status !== 'closing') return
    this.status = status
    this.safeDispatchEvent('close')
  }
}

/** A raw connection that is told what to do, and remembers what was done to it */
export class FakeRaw implements RawConnection {
  /** Whether libp2p has made anything of it yet; before, `raw` is absent, and typed as if it were not, because nearly every test has it */
  appeared = true
  readonly #made: MultiaddrConnection
  readonly direction: Direction
  readonly address: NormalisedAddress
  readonly remoteAddr: Multiaddr
  /** What was done to it, in order */
  readonly calls: string[] = []
  /** What it was cut with */
  error?: Error
  readonly #stream: FakeMessageStream
  readonly #closing: Closing

  constructor (remoteAddr: string, direction: Direction, closing: Closing) {
    this.direction = direction
    this.remoteAddr = multiaddr(remoteAddr)
    this.address = normaliseAddress(this.remoteAddr)
    this.#closing = closing
    this.#stream = new FakeMessageStream(direction)
    // only what a lifecycle may look at: the rest of a raw connection is libp2p's
    this.#made = Object.assign(this.#stream, {
      remoteAddr: this.remoteAddr,
      close: async (options?: AbortOptions) => { await this.close(options ?? {}) },
      abort: (error: Error) => { this.abort(error) }
    }) as unknown as MultiaddrConnection
  }

  get raw (): MultiaddrConnection {
    return this.appeared ? this.#made : undefined as never
  }

  get status (): MessageStreamStatus {
    return this.#stream.status
  }

  get aborted (): boolean {
    return this.calls.includes('abort')
  }

  /** Whether somebody has begun to end it, or it has ended by itself */
  get ended (): boolean {
    return this.calls.length > 0 || this.#stream.status !== 'open'
  }

  async close (options: AbortOptions): Promise<void> {
    this.calls.push('close')
    options.signal?.throwIfAborted()
    if (this.#closing === 'rejects') throw new Error('this connection cannot close in order')
    if (this.#closing === 'never') await new Promise<never>(() => {})
    this.#stream.end('closed')
  }

  abort (error: Error): void {
    this.error = error
    this.calls.push('abort')
    this.#stream.end('aborted')
  }

  /** The other side ends it; the caller tells the lifecycle, as the registry does */
  lose (): void {
    this.#stream.end('closed')
  }
}

/** A connection as libp2p announces it, as far as a lifecycle may look at it */
export function fakeConnection (raw: FakeRaw, remotePeer: PeerId): Connection {
  const connection: Pick<Connection, 'id' | 'remotePeer' | 'remoteAddr' | 'direction' | 'timeline' | 'streams' | 'log'> = {
    id: Math.random().toString(36).slice(2),
    remotePeer,
    remoteAddr: raw.raw.remoteAddr,
    direction: raw.direction,
    timeline: raw.raw.timeline,
    streams: [],
    log
  }
  return Object.assign(connection, {
    get status () { return raw.raw.status },
    close: async (options?: AbortOptions) => { await raw.close(options ?? {}) },
    abort: (error: Error) => { raw.abort(error) }
  }) as unknown as Connection
}

/** A stream of a connection */
export function fakeStream (direction: Direction): Stream {
  const stream = new FakeMessageStream(direction)
  return Object.assign(stream, {
    id: Math.random().toString(36).slice(2),
    protocol: '',
    close: () => {
      stream.end('closed')
      return Promise.resolve()
    },
    abort: () => { stream.end('aborted') }
  }) as unknown as Stream
}

/** The decrypted bytes of a connection */
export function fakeSecured (direction: Direction): MessageStream {
  return new FakeMessageStream(direction) as unknown as MessageStream
}
