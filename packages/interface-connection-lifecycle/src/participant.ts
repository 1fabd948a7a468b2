import type { NormalisedAddress } from './address.ts'
import type { CloseReason, ConnectionRecord, StreamRecord } from './record.ts'
import type { Refusal } from './refusal.ts'
import type { MessageStream, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Where in the order a participant stands: rules first, then amounts, then places, then onlookers */
export type Stage = 'gate' | 'account' | 'admit' | 'observe'

/** The stages in the order in which they run; teardown runs them in reverse */
export const STAGES: readonly Stage[] = ['gate', 'account', 'admit', 'observe']

/** What we are about to dial: first the peer, if it is known, then each of its addresses */
export interface DialTarget {
  readonly peer?: PeerId
  readonly multiaddr?: Multiaddr
  readonly address?: NormalisedAddress
}

/**
 * A module that takes part in every connection's and stream's life. Every step is synchronous. A step that
 * throws, or returns a thenable, is a bug: it is logged, counted, and refuses.
 */
export interface Participant {
  readonly stage: Stage

  /** Before anything is dialled; may be called more than once for one `dial()` */
  dial? (target: DialTarget): Refusal | undefined

  /**
   * A connection exists; what a TCP listener accepted may be only a socket, of which libp2p has made nothing yet, and of
   * which `raw` is never shown if it ends here
   */
  opened? (record: ConnectionRecord): Refusal | undefined

  /**
   * In the same tick as `opened`, and only once everybody who was asked there has agreed (the gates among themselves and
   * then all others, or all together): the bytes as the wire has them, for meters and throttles
   */
  raw? (record: ConnectionRecord, raw: MultiaddrConnection): void

  /** The peer id is authenticated; the muxer does not exist yet */
  identified? (record: ConnectionRecord): Refusal | undefined

  /** The decrypted byte stream, before the muxer reads it */
  secured? (record: ConnectionRecord, secured: MessageStream): void

  /** The connection is upgraded, and the handshake, if there is one, has succeeded */
  ready? (record: ConnectionRecord): Refusal | undefined

  /**
   * Everything of this connection is to be released. Runs once, in reverse order, for each participant whose
   * `opened` was passed (returned undefined or a thenable, threw, or is absent), and not for one that refused at `opened`.
   */
  closed? (record: ConnectionRecord, reason: CloseReason): void

  /** Inbound: before the protocol is negotiated. Outbound: before the stream's first frame is sent. */
  streamOpened? (stream: StreamRecord): Refusal | undefined

  /** The protocol is known */
  streamNegotiated? (stream: StreamRecord): Refusal | undefined

  /** The stream has closed and its handler has settled; for each participant whose `streamOpened` was passed, as with `closed` */
  streamClosed? (stream: StreamRecord): void
}

/** A module carries its participant under this symbol */
export const participantSymbol = Symbol.for('@cordon/participant')

export interface ParticipantModule {
  readonly [participantSymbol]: Participant
}

/** Whether a module takes part in the life of connections */
export function isParticipantModule (value: unknown): value is ParticipantModule {
  return typeof value === 'object' && value != null && participantSymbol in value
}

/**
 * The one module that makes connections `ready` later than their upgrade (a handshake) says so under this
 * symbol, and calls `handshakeSucceeded` or `handshakeFailed` for every connection.
 */
export const readinessSymbol = Symbol.for('@cordon/readiness')

export interface ReadinessModule {
  readonly [readinessSymbol]: {
    /** Whether the result of our own `dial()` waits until the connection is ready */
    readonly holdDial: boolean
  }
}

/** Whether a module decides when connections become ready */
export function isReadinessModule (value: unknown): value is ReadinessModule {
  return typeof value === 'object' && value != null && readinessSymbol in value
}

/** A module that bounds how many connections are ready carries `true` under this symbol: libp2p's own bound, `maxConnections`, is then lifted */
export const boundsConnectionsSymbol = Symbol.for('@cordon/bounds-connections')

export interface BoundsConnectionsModule {
  readonly [boundsConnectionsSymbol]: true
}

/** Whether a module bounds how many connections are ready */
export function isBoundsConnectionsModule (value: unknown): value is BoundsConnectionsModule {
  return typeof value === 'object' && value != null && boundsConnectionsSymbol in value && value[boundsConnectionsSymbol] === true
}
