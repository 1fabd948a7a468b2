import type { ResourceRefusal, ScopeClass } from './refusal.ts'
import type { Direction, NormalisedAddress } from '@cordon/interface-connection-lifecycle'

/** How much a scope uses, or has used at most; `memory` is in bytes */
export interface ScopeUsage {
  readonly connectionsInbound: number
  readonly connectionsOutbound: number
  readonly streamsInbound: number
  readonly streamsOutbound: number
  readonly fileDescriptors: number
  readonly memory: number
}

/** Something that is held until it is released; releasing it again has no effect */
export interface Held extends Disposable {
  release (): void
}

/** Memory that was granted */
export interface Reservation extends Held {
  /** In bytes, as it was granted; 0 once it is released. A scope that ends gives everything back, and this does not tell. */
  readonly size: number

  /**
   * Changes the amount. A refusal leaves it as it was; giving some back is never refused. Where its scope has ended,
   * more is refused with the code `gone`.
   *
   * @param size - in bytes, what it shall be afterwards
   * @param priority - of what is added, 0 to 255; by default that with which it was made
   * @throws {ScopeClosedError} after `release` of this reservation
   * @throws {InvalidSizeError} when the size or the priority is none
   */
  resize (size: number, priority?: number): ResourceRefusal | undefined
}

/** Whatever memory can be reserved in */
export interface ResourceScope {
  readonly class: ScopeClass

  /** Such as `system`, `peer:12D3…`, `protocol:/x/1.peer:12D3…` (its share), `conn-7`, `stream-9.span-2`; built on each read */
  readonly name: string

  /** What it uses now; nothing once it is released */
  usage (): ScopeUsage

  /**
   * Takes memory here and in every scope above.
   *
   * @param size - in bytes
   * @param priority - 0 to 255; refused where more than `(1 + priority) / 256` of any limit would be used. By default 255
   * @throws {ScopeClosedError} after `release`
   * @throws {InvalidSizeError} when the size or the priority is none
   */
  reserveMemory (size: number, priority?: number): Reservation | ResourceRefusal

  /**
   * Begins a part of this scope whose memory is released together. A span may outlive its scope; it can then
   * reserve nothing more, and what it held is counted in itself alone. It keeps a peer, protocol or service in use.
   *
   * @throws {ScopeClosedError} after `release`
   */
  beginSpan (): Span
}

/** A part of a scope: holds memory, and nothing else */
export interface Span extends ResourceScope, Held {}

/**
 * A scope that exists apart from whoever asks for it: system, a peer, a protocol. It stays while this handle is held,
 * and as long as there are reservations and spans that were made through it: they do not end with the handle.
 */
export interface ScopeHandle extends ResourceScope, Held {}

export interface ConnectionScope extends ResourceScope, Held {
  readonly direction: Direction

  /** Whether it takes a file descriptor */
  readonly usesDescriptor: boolean

  /** Whether it was admitted by the allowlist, because the normal scopes were full */
  readonly allowlisted: boolean

  readonly peer?: string

  /**
   * Whether it takes one of the places of a prefix that has no room for another, see `PrefixConfig`: its end would make
   * room there.
   *
   * @param scope - of the refusal, such as `prefix:192.0.2.1/32`
   */
  isCountedIn (scope: string): boolean

  /**
   * Its peer is authenticated: moves it, with all it holds, from the transient scope to that of the peer. A refusal
   * changes nothing.
   *
   * @throws {ScopeAttachedError} when it has a peer already, even the same
   * @throws {ScopeClosedError} after `release`
   * @throws {InvalidNameError} when this cannot be the name of a peer
   */
  setPeer (peer: string): ResourceRefusal | undefined

  /**
   * As `release`, for when the step that opened it refuses it after all: what it took of the rates at which its
   * prefixes may connect is given back. Nothing is once its peer is known, or after `setLimits`. Without effect after
   * `release`.
   */
  cancel (): void
}

export interface StreamScope extends ResourceScope, Held {
  readonly direction: Direction
  readonly peer: string
  readonly protocol?: string
  readonly service?: string

  /** Whether it was admitted by the allowlist, because the normal scopes were full */
  readonly allowlisted: boolean

  /**
   * Its protocol is known: moves it, with all it holds, from the transient scope to that of the protocol. A refusal
   * changes nothing, and another protocol may be tried.
   *
   * @throws {ScopeAttachedError} when it has a protocol already
   * @throws {ScopeClosedError} after `release`
   * @throws {InvalidNameError} when this cannot be the name of a protocol
   */
  setProtocol (protocol: string): ResourceRefusal | undefined

  /**
   * Attaches it to a service as well. A refusal changes nothing.
   *
   * @throws {ScopeAttachedError} when it has a service already
   * @throws {ProtocolNotSetError} before `setProtocol`
   * @throws {ScopeClosedError} after `release`
   * @throws {InvalidNameError} when this cannot be the name of a service
   */
  setService (service: string): ResourceRefusal | undefined
}

export interface OpenConnectionOptions {
  /**
   * Whether it takes a file descriptor of the operating system. One that is relayed never does.
   *
   * @default false
   */
  readonly usesDescriptor?: boolean | undefined

  /** The remote address; without one prefixes do not apply, and the allowlist knows the peer alone */
  readonly address?: NormalisedAddress | undefined
}

export interface OpenStreamOptions {
  /** The connection that carries it; without one the allowlist knows the peer alone */
  readonly connection?: ConnectionScope | undefined
}
