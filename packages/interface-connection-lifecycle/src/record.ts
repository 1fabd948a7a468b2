import type { NormalisedAddress } from './address.ts'
import type { Refusal } from './refusal.ts'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/**
 * Where a connection stands. `new` becomes `handshaking`, `ready` or `closed`; `handshaking` becomes `ready` or
 * `closed`; `ready` becomes `closed`; nothing else happens.
 */
export type ConnectionState = 'new' | 'handshaking' | 'ready' | 'closed'

/**
 * What a handshaking connection waits for: the encrypted channel with an authenticated peer (`encrypt`), the
 * muxer (`multiplex`), or a handshake module (`handshake`).
 */
export type HandshakePhase = 'encrypt' | 'multiplex' | 'handshake'

export type Direction = 'inbound' | 'outbound'

/**
 * Why a connection ended; each connection has exactly one.
 *
 * - `remote-close`, `remote-reset`: the other side closed it in order, or cut it
 * - `local-close`, `local-abort`: the application or libp2p closed it in order, or cut it
 * - `refused`: a participant or the user's gater said no; `refusal` says which and why
 * - `crowded`: dropped while handshaking, to make room
 * - `deadline`: a phase of the handshake took too long
 * - `upgrade-failed`: encryption or multiplexing failed
 * - `handshake-failed`: the handshake module gave up
 * - `evicted`, `limit`, `idle`, `lifetime`, `bytes`, `misbehaved`, `unhealthy`: a module took it away
 * - `shutdown`: the node stopped
 */
export type CloseCode =
  'remote-close' | 'remote-reset' | 'local-close' | 'local-abort' |
  'refused' | 'crowded' | 'deadline' | 'upgrade-failed' | 'handshake-failed' |
  'evicted' | 'limit' | 'idle' | 'lifetime' | 'bytes' | 'misbehaved' | 'unhealthy' | 'shutdown'

export interface CloseReason {
  readonly code: CloseCode

  /** Who ended it */
  readonly by: 'local' | 'remote'

  /** What was refused, where `code` is `refused` or `crowded` */
  readonly refusal?: Refusal

  /** The error that led here, if there was one */
  readonly error?: Error
}

/** How a connection is closed */
export interface CloseOptions {
  /**
   * Cuts at once, for peers that get no time to answer: everything is released before the promise resolves, and
   * before `close` returns where no step about this connection is running.
   *
   * @default false
   */
  readonly abort?: boolean
}

/** One connection, from the first moment a socket or a raw connection exists until everything it held is released */
export interface ConnectionRecord {
  /** Unique in this process; never chosen by the peer */
  readonly id: string

  readonly direction: Direction

  /** Where bytes come from: for logs, rules and limits, never for dialling */
  readonly remoteAddr: Multiaddr

  readonly address: NormalisedAddress

  /** Known once authenticated */
  readonly remotePeer?: PeerId

  /** Known once upgraded */
  readonly connection?: Connection

  readonly state: ConnectionState

  /** What it waits for; only while `state` is `handshaking` */
  readonly phase?: HandshakePhase

  /** When it appeared, in ms of the lifecycle's clock */
  readonly openedAt: number

  /** Why it ended; only when `state` is `closed` */
  readonly reason?: CloseReason

  /** Aborts when the connection is closed; its reason is the `CloseReason`. A listener may still write synchronously. */
  readonly signal: AbortSignal

  /**
   * Closes the connection in order, and cuts it at the deadline; with `abort` it is cut at once, also where it was
   * being closed in order before. Idempotent: the first reason counts. Resolves once everything the connection
   * held is released; never rejects.
   */
  close (reason: CloseReason, options?: CloseOptions): Promise<void>
}

declare module '@libp2p/interface' {
  interface StreamHandlerOptions {
    /** The name of the service that a handler belongs to, for limits and statistics; see `StreamRecord.service` */
    service?: string
  }
}

/** One stream of a connection */
export interface StreamRecord {
  /** Unique in this process; never chosen by the peer */
  readonly id: string

  /** The record of the connection that carries it */
  readonly connection: ConnectionRecord

  readonly direction: Direction

  /** Absent for an outbound stream until the muxer has made it */
  readonly stream?: Stream

  /** Known once negotiated */
  readonly protocol?: string

  /** The name that the handler's registration gave its service (the `service` option of `handle`), if any */
  readonly service?: string

  /** When it was opened, in ms of the lifecycle's clock */
  readonly openedAt: number
}
