import type { NormalisedAddress } from './address.ts'
import type { DialTarget, Participant } from './participant.ts'
import type { ConnectionRecord, Direction, StreamRecord } from './record.ts'
import type { Refusal } from './refusal.ts'
import type { AbortOptions, Connection, MessageStream, MessageStreamStatus, MultiaddrConnection, PeerId, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** A participant with the name under which its module was composed */
export interface NamedParticipant {
  readonly name: string
  readonly participant: Participant
}

/**
 * A connection as the lifecycle needs it: what to know of it, and how to end it together with all that lies below. It
 * may begin as a socket of which libp2p knows nothing yet.
 */
export interface RawConnection {
  readonly direction: Direction

  readonly address: NormalisedAddress

  /** May be made when it is first read: whom nobody admits needs none */
  readonly remoteAddr: Multiaddr

  readonly status: MessageStreamStatus

  /** What libp2p has made of it; absent where it is only a socket, until `appeared` */
  readonly raw?: MultiaddrConnection | undefined

  /** Ends it in order; may reject, or never settle, and is then followed by `abort` */
  close (options: AbortOptions): Promise<void>

  /** Cuts it, synchronously; never throws */
  abort (error: Error): void
}

/** What the node that a lifecycle is attached to offers to it */
export interface LifecycleHost {
  /** In the order in which their steps run */
  readonly participants: readonly NamedParticipant[]

  /** The module that makes connections ready later than their upgrade, if there is one */
  readonly readiness?: { readonly name: string, readonly holdDial: boolean }

  /** Dials; resolves once connected to the peer that the target names, and to no other. Used to reconnect. */
  dial (target: PeerId | Multiaddr[], options: AbortOptions): Promise<unknown>

  /** Whether libp2p itself has been told to reconnect to this peer (its `keep-alive` tags) */
  keepsAlive (peer: PeerId): Promise<boolean>
}

/**
 * How the component registry drives a lifecycle: one call for each moment in the life of a connection, in this
 * order but for `appeared` and `account`. Every call is synchronous and none of them throws because of anything a peer did.
 */
export interface LifecycleDriver {
  /**
   * Once, before the node starts.
   *
   * @throws {AlreadyAttachedError} when it is attached already
   */
  attach (host: LifecycleHost): void

  /**
   * Before a dial: asks every participant. Where everything that is dialled for a maintained peer (the peer, or each
   * of its addresses) is refused with `permanent`, that peer is given up.
   */
  dial (target: DialTarget): Refusal | undefined

  /**
   * A connection exists, if only as a socket: makes its record, runs `opened` of the `gate` stage, and finds it a
   * place among the handshaking; what the gates refuse therefore never drops anybody. On a refusal it has been
   * aborted already.
   */
  open (raw: RawConnection): ConnectionRecord | Refusal

  /**
   * libp2p has a raw connection now, in the same tick as `open`: shows it (`raw`) to everybody who was asked at `opened`.
   * Of this and `account` the second one tells `connection:opened`. On a refusal the raw connection has been aborted
   * already; a record that was closed in the meantime is refused with what closed it.
   */
  appeared (record: ConnectionRecord): Refusal | undefined

  /**
   * Runs `opened` of the remaining stages, and their `raw` where `appeared` was called before. Called after `appeared`
   * and once the user's own gater has agreed, in the same tick where that answers at once; but for a socket that this
   * gater has no `denyInboundConnection` for, before `appeared`. It answers as `appeared` does.
   */
  account (record: ConnectionRecord): Refusal | undefined

  /** Refuses in the name of something outside the participants (the user's gater); without effect on a closed record */
  refuse (record: ConnectionRecord, refusal: Refusal): void

  /** The peer id is authenticated */
  identified (record: ConnectionRecord, peer: PeerId): Refusal | undefined

  /** The decrypted byte stream exists and the muxer is about to read it */
  secured (record: ConnectionRecord, stream: MessageStream): void

  /**
   * libp2p has announced the connection. Without a readiness module this runs `ready` at once, otherwise the
   * record waits for `handshakeSucceeded`.
   */
  upgraded (record: ConnectionRecord, connection: Connection): Refusal | undefined

  /** libp2p gave up the upgrade; ends the raw connection where it is still open */
  upgradeFailed (record: ConnectionRecord, error: Error): void

  /** We have begun to close it ourselves (the application or libp2p called `close` or `abort`): notes who it was. The raw connection's end is told by `lost`. */
  closing (record: ConnectionRecord, how: 'local-close' | 'local-abort', error?: Error): void

  /** Resolves once the record is ready, or closed; at once where that is so already. For dials that wait for readiness. */
  settled (record: ConnectionRecord): Promise<void>

  /** A stream is about to exist; see `Participant.streamOpened`. On a refusal nothing is held. */
  streamOpened (record: ConnectionRecord, direction: Direction, stream?: Stream): StreamRecord | Refusal

  /** The muxer has made the outbound stream that was announced without one */
  streamCreated (record: StreamRecord, stream: Stream): void

  /** The protocol is known. On a refusal the caller resets the stream. */
  streamNegotiated (record: StreamRecord, protocol: string, service?: string): Refusal | undefined

  /** The stream has closed and its handler has settled; idempotent */
  streamClosed (record: StreamRecord): void

  /** From now on every new raw connection is refused; called before libp2p closes its connections */
  draining (): void
}

/** A lifecycle carries its driver under this symbol */
export const lifecycleDriverSymbol = Symbol.for('@cordon/lifecycle-driver')
