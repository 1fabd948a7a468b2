import type { ConnectionState } from './record.ts'
import type { Refusal } from './refusal.ts'

/** Thrown when a connection is asked to change to a state it cannot reach */
export class InvalidTransitionError extends Error {
  static override name = 'InvalidTransitionError'
  override name = 'InvalidTransitionError'
  readonly from: ConnectionState
  readonly to: ConnectionState

  constructor (from: ConnectionState, to: ConnectionState) {
    super(`a connection cannot go from ${from} to ${to}`)
    this.from = from
    this.to = to
  }
}

/** Thrown by a local `dial()` when a module of ours refused the connection after it was made; its `cause` is the refusal */
export class ConnectionRefusedError extends Error {
  static override name = 'ConnectionRefusedError'
  override name = 'ConnectionRefusedError'
  override readonly cause: Refusal

  constructor (refusal: Refusal) {
    super(refusal.message)
    this.cause = refusal
  }
}

/** Thrown when a stream is opened, and used to reset it, when a module of ours refused it; its `cause` is the refusal */
export class StreamRefusedError extends Error {
  static override name = 'StreamRefusedError'
  override name = 'StreamRefusedError'
  override readonly cause: Refusal

  constructor (refusal: Refusal) {
    super(refusal.message)
    this.cause = refusal
  }
}

/** The reason why a connection was aborted when a phase of its handshake took too long */
export class HandshakeTimeoutError extends Error {
  static override name = 'HandshakeTimeoutError'
  override name = 'HandshakeTimeoutError'
  /** The phase that took too long, or `total` */
  readonly phase: string
  /** In ms */
  readonly deadline: number

  constructor (phase: string, deadline: number) {
    super(`the ${phase} phase of the handshake took longer than ${deadline} ms`)
    this.phase = phase
    this.deadline = deadline
  }
}

/** Thrown when a lifecycle that already drives one node is attached to another */
export class AlreadyAttachedError extends Error {
  static override name = 'AlreadyAttachedError'
  override name = 'AlreadyAttachedError'

  constructor (message = 'this lifecycle is already attached to a node') {
    super(message)
  }
}

/** The error with which a maintained peer is given up when it proves to be another peer than the one that was asked for */
export class WrongPeerError extends Error {
  static override name = 'WrongPeerError'
  override name = 'WrongPeerError'
  /** The peer id that was asked for */
  readonly expected: string

  /** The peer id that was found, where the encrypter tells */
  readonly actual?: string

  constructor (expected: string, actual?: string, options?: ErrorOptions) {
    super(`expected peer ${expected} but found ${actual ?? 'another one'}`, options)
    this.expected = expected
    this.actual = actual
  }
}
