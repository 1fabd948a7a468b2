import { refuse } from './foreign-refusal.ts'
import type { CloseOptions, CloseReason, ConnectionRecord, ConnectionState, Direction, HandshakePhase, NamedParticipant, NormalisedAddress, RawConnection, Refusal, StreamRecord, Timer } from '@cordon/interface-connection-lifecycle'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

let ids = 0

/** The record, and what the lifecycle notes about it; whoever is handed one sees the interface only */
export class ForeignRecord implements ConnectionRecord {
  readonly id = `foreign-${++ids}`
  readonly raw: RawConnection
  readonly address: NormalisedAddress
  readonly openedAt: number
  state: ConnectionState = 'new'
  phase?: HandshakePhase
  remotePeer?: PeerId
  connection?: Connection
  reason?: CloseReason
  readonly control = new AbortController()
  readonly passed: NamedParticipant[] = []
  /** How many of them were shown the raw bytes, or are about to be */
  shown = 0
  /** libp2p has made a raw connection of it */
  appeared = false
  /** Everybody was asked about it */
  accounted = false
  /** Whether `connection:opened` was told, so that `connection:closed` has to be */
  told = false
  /** While participants are asked whether it may enter */
  asking = false
  intent?: { code: 'local-close' | 'local-abort', error?: Error }
  phaseTimer?: Timer
  totalTimer?: Timer
  readonly released = Promise.withResolvers<undefined>()
  readonly settled = Promise.withResolvers<undefined>()
  readonly #end: (record: ForeignRecord, reason: CloseReason, how: 'close' | 'abort') => void

  constructor (raw: RawConnection, openedAt: number, end: (record: ForeignRecord, reason: CloseReason, how: 'close' | 'abort') => void) {
    this.raw = raw
    this.openedAt = openedAt
    this.address = raw.address
    this.#end = end
  }

  get direction (): Direction {
    return this.raw.direction
  }

  get remoteAddr (): Multiaddr {
    return this.raw.remoteAddr
  }

  get signal (): AbortSignal {
    return this.control.signal
  }

  /** A function, because TypeScript does not know that a step may close the record */
  isClosed (): boolean {
    return this.state === 'closed'
  }

  /** What the caller of a step hears about a record that has ended */
  answer (): Refusal {
    return this.reason?.refusal ?? refuse('gone', `the connection had ended already: ${this.reason?.code}`)
  }

  async close (reason: CloseReason, { abort = false }: CloseOptions = {}): Promise<void> {
    this.#end(this, reason, abort ? 'abort' : 'close')
    await this.released.promise
  }
}

export class ForeignStream implements StreamRecord {
  readonly id = `foreign-${++ids}`
  readonly connection: ForeignRecord
  readonly direction: Direction
  readonly openedAt: number
  readonly passed: NamedParticipant[] = []
  stream?: Stream
  protocol?: string
  service?: string

  constructor (connection: ForeignRecord, direction: Direction, openedAt: number, stream?: Stream) {
    this.connection = connection
    this.direction = direction
    this.openedAt = openedAt
    if (stream != null) this.stream = stream
  }
}

/** The driver is handed back what it handed out */
export function own (record: ConnectionRecord): ForeignRecord {
  if (!(record instanceof ForeignRecord)) throw new TypeError('this record is not of this lifecycle')
  return record
}

export function ownStream (record: StreamRecord): ForeignStream {
  if (!(record instanceof ForeignStream)) throw new TypeError('this stream is not of this lifecycle')
  return record
}
