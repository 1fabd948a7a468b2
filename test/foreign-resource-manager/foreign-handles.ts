import { InvalidNameError, InvalidSizeError, ProtocolNotSetError, ScopeAttachedError, ScopeClosedError } from '@cordon/interface-resource-manager'
import { InvalidParametersError } from '@libp2p/interface'
import { refusal } from './foreign-refusal.ts'
import { NOTHING } from './foreign-usage.ts'
import type { Origin } from './foreign-prefixes.ts'
import type { Scope } from './foreign-scope.ts'
import type { World } from './foreign-world.ts'
import type { Direction } from '@cordon/interface-connection-lifecycle'
import type { ConnectionScope, Reservation, ResourceRefusal, ResourceScope, ScopeClass, ScopeHandle, ScopeUsage, Span, StreamScope } from '@cordon/interface-resource-manager'

const MAX_NAME = 512

export function checkName (kind: string, name: unknown): asserts name is string {
  if (typeof name !== 'string') throw new InvalidNameError(kind, -1, MAX_NAME)
  if (name === '' || name.length > MAX_NAME) throw new InvalidNameError(kind, name.length, MAX_NAME)
}

function checkSize (size: unknown, priority: unknown): void {
  if (!Number.isSafeInteger(size) || Number(size) < 0) throw new InvalidSizeError(`an amount of memory must be a whole number of bytes from 0, got ${String(size)}`)
  if (!Number.isInteger(priority) || Number(priority) < 0 || Number(priority) > 255) throw new InvalidSizeError(`a priority must be a whole number from 0 to 255, got ${String(priority)}`)
}

/** Takes memory, if there is room in the whole line, and if the line is whole */
function grant (world: World, scope: Scope, memory: number, priority: number): ResourceRefusal | undefined {
  const line = scope.line()
  const refused = scope.ended ? undefined : world.check(line, { ...NOTHING, memory }, priority)
  if (refused != null) return world.count(refused, line)
  const gone = scope.gone()
  return gone == null ? undefined : refusal({ code: 'gone', scope: gone.name, scopeClass: gone.class })
}

class ForeignReservation implements Reservation {
  readonly #world: World
  readonly #scope: Scope
  readonly #priority: number
  readonly #amount: { size: number }
  #released = false

  constructor (world: World, scope: Scope, size: number, priority: number) {
    this.#world = world
    this.#scope = scope
    this.#priority = priority
    this.#amount = { size }
    scope.reservations.add(this.#amount)
    world.settle(scope)
  }

  get size (): number {
    return this.#released ? 0 : this.#amount.size
  }

  resize (size: number, priority = this.#priority): ResourceRefusal | undefined {
    checkSize(size, priority)
    if (this.#released) throw new ScopeClosedError(this.#scope.name)
    const more = size - this.#amount.size
    const refused = more > 0 ? grant(this.#world, this.#scope, more, priority) : undefined
    if (refused != null) return refused
    this.#amount.size = size
    if (!this.#scope.ended) this.#world.settle(this.#scope)
    return undefined
  }

  release (): void {
    this.#released = true
    this.#scope.reservations.delete(this.#amount)
    this.#world.sweep()
  }

  [Symbol.dispose] (): void {
    this.release()
  }
}

/** What everybody who holds a scope can do with it */
abstract class Handle implements ResourceScope {
  readonly world: World
  readonly held: Scope
  #released = false

  constructor (world: World, held: Scope) {
    this.world = world
    this.held = held
  }

  get class (): ScopeClass {
    return this.held.class
  }

  get name (): string {
    return this.held.name
  }

  usage (): ScopeUsage {
    return this.#released ? NOTHING : this.world.usage(this.held)
  }

  reserveMemory (size: number, priority = 255): Reservation | ResourceRefusal {
    this.assertHeld()
    checkSize(size, priority)
    return grant(this.world, this.held, size, priority) ?? new ForeignReservation(this.world, this.held, size, priority)
  }

  beginSpan (): Span {
    this.assertHeld()
    return new ForeignSpan(this.world, this.held.beginSpan())
  }

  release (): void {
    if (this.#released) return
    this.#released = true
    this.letGo()
  }

  [Symbol.dispose] (): void {
    this.release()
  }

  assertHeld (): void {
    if (this.#released) throw new ScopeClosedError(this.name)
  }

  get isReleased (): boolean {
    return this.#released
  }

  letGo (): void {
    this.world.end(this.held)
  }
}

class ForeignSpan extends Handle implements Span {}

/** One of perhaps many handles of a scope that exists apart from them */
export class ForeignScopeHandle extends Handle implements ScopeHandle {
  constructor (world: World, held: Scope) {
    super(world, held)
    held.handles.add(this)
    world.settle(held)
  }

  override letGo (): void {
    this.held.handles.delete(this)
    this.world.sweep()
  }
}

/** What connections and streams ask their manager for */
export interface Places {
  peer (peer: string): Scope
  share (of: 'protocol' | 'service', name: string, peer: string): readonly [Scope, Scope]
  settlePeer (connection: ForeignConnection, peer: string): ResourceRefusal | undefined
  refund (origin: Origin): void
  isCountedIn (origin: Origin, scope: string): boolean
  ended (connection: ForeignConnection): void
  isAllowlisted (scope: Scope): boolean
}

export class ForeignConnection extends Handle implements ConnectionScope {
  readonly direction: Direction
  readonly usesDescriptor: boolean
  readonly #places: Places
  origin: Origin
  peer?: string

  constructor (world: World, held: Scope, places: Places, of: { readonly direction: Direction, readonly usesDescriptor: boolean, readonly origin: Origin }) {
    super(world, held)
    this.#places = places
    this.direction = of.direction
    this.usesDescriptor = of.usesDescriptor
    this.origin = of.origin
    world.settle(held)
  }

  get allowlisted (): boolean {
    return this.#places.isAllowlisted(this.held)
  }

  isCountedIn (scope: string): boolean {
    return !this.isReleased && this.direction === 'inbound' && this.#places.isCountedIn(this.origin, scope)
  }

  setPeer (peer: string): ResourceRefusal | undefined {
    checkName('peer', peer)
    this.assertHeld()
    if (this.peer != null) throw new ScopeAttachedError(this.name, this.peer)
    return this.#places.settlePeer(this, peer)
  }

  cancel (): void {
    if (!this.isReleased && this.direction === 'inbound' && this.peer === undefined) this.#places.refund(this.origin)
    this.release()
  }

  override letGo (): void {
    super.letGo()
    this.#places.ended(this)
  }
}

export class ForeignStream extends Handle implements StreamScope {
  readonly direction: Direction
  readonly peer: string
  readonly #places: Places
  protocol?: string
  service?: string

  constructor (world: World, held: Scope, places: Places, direction: Direction, peer: string) {
    super(world, held)
    this.#places = places
    this.direction = direction
    this.peer = peer
    world.settle(held)
  }

  get allowlisted (): boolean {
    return this.#places.isAllowlisted(this.held)
  }

  setProtocol (protocol: string): ResourceRefusal | undefined {
    checkName('protocol', protocol)
    this.assertHeld()
    if (this.protocol != null) throw new ScopeAttachedError(this.name, this.protocol)
    const [shared, share] = this.#places.share('protocol', protocol, this.peer)
    const refused = this.world.move(this.held, [this.#places.peer(this.peer), share, shared])
    if (refused == null) this.protocol = protocol
    return refused
  }

  setService (service: string): ResourceRefusal | undefined {
    checkName('service', service)
    this.assertHeld()
    if (this.service != null) throw new ScopeAttachedError(this.name, this.service)
    const [peer, protocolShare, protocol] = this.held.parents
    if (this.protocol == null || peer == null || protocolShare == null || protocol == null) throw new ProtocolNotSetError(this.name)
    const [shared, share] = this.#places.share('service', service, this.peer)
    const refused = this.world.move(this.held, [peer, protocolShare, share, protocol, shared])
    if (refused == null) this.service = service
    return refused
  }
}

/**
 * The connection behind a scope that was handed out here.
 *
 * @throws {InvalidParametersError} when it was not
 */
export function ownConnection (scope: ConnectionScope): ForeignConnection {
  if (scope instanceof ForeignConnection) return scope
  throw new InvalidParametersError('the connection of a stream is one that openConnection returned')
}
