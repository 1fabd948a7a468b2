import { InvalidSizeError, ScopeClosedError } from '@cordon/interface-resource-manager'
import { show } from '@cordon/options'
import { MEMORY } from '../graph/causes.ts'
import { NO_USE } from '../graph/usage.ts'
import { threshold } from '../limits/limits.ts'
import { GoneRefusal, LimitRefusal } from '../reports/refusals.ts'
import type { Graph } from '../graph/graph.ts'
import type { Limits } from '../limits/limits.ts'
import type { Held, Reservation, ResourceRefusal, ResourceScope, ScopeClass, ScopeUsage, Span } from '@cordon/interface-resource-manager'

// Constants to V8, because this module alone reads them: what a module exports is loaded and checked at each use, which
// is a tenth of what a reservation costs
const CHARGE: unique symbol = Symbol('charge')
const CREDIT: unique symbol = Symbol('credit')
const HOLD: unique symbol = Symbol('hold')
const DROP: unique symbol = Symbol('drop')

/** Takes memory from a holder */
export const charge: typeof CHARGE = CHARGE
/** Gives memory back to a holder */
export const credit: typeof CREDIT = CREDIT
/** Something of a holder's lives on: a span, a reservation */
export const hold: typeof HOLD = HOLD
/** It lives no longer */
export const drop: typeof DROP = DROP
/** The limits that a span has to keep */
export const bound = Symbol('bound')
/** Whether it was released */
export const ended = Symbol('ended')
/** Where it belongs */
export const home = Symbol('home')

/** What was released has this size */
const RELEASED = -1

/**
 * What memory can be taken from, as reservations and spans see it. What they use has symbols that nobody else has: who
 * gives back more than was taken would take it from others. In one file with them, because V8 loads and checks anew
 * what comes from another module, at every use.
 */
export abstract class Holder implements ResourceScope, Held {
  abstract readonly class: ScopeClass
  abstract readonly name: string
  abstract readonly [bound]: Limits
  abstract readonly [ended]: boolean
  abstract readonly [home]: Graph

  abstract usage (): ScopeUsage
  abstract release (): void

  /** All or nothing. Where the holder has ended with all that was in it, a refusal with the code `gone`. */
  abstract [CHARGE] (size: number, priority: number): ResourceRefusal | undefined

  /** Without effect where the holder has ended: it gave everything back itself */
  abstract [CREDIT] (size: number): void

  /** What is in it ends with it, unless it says otherwise */
  [HOLD] (): void {}
  [DROP] (): void {}

  reserveMemory (size: number, priority = 255): Reservation | ResourceRefusal {
    check(size, priority)
    const refusal = this[CHARGE](size, priority)
    if (refusal === undefined) return new Token(this, size, priority)
    if (this[ended]) throw new ScopeClosedError(this.name)
    return refusal
  }

  beginSpan (): Span {
    if (this[ended]) throw new ScopeClosedError(this.name)
    return new SpanHandle(this)
  }

  [Symbol.dispose] (): void {
    this.release()
  }
}

/** Memory that was granted; what it gives back is what it took, so nobody can give back more */
class Token implements Reservation {
  readonly #holder: Holder
  readonly #priority: number
  #size: number

  /** For memory that was charged already */
  constructor (holder: Holder, size: number, priority: number) {
    this.#holder = holder
    this.#size = size
    this.#priority = priority
    holder[HOLD]()
  }

  get size (): number {
    return this.#size === RELEASED ? 0 : this.#size
  }

  resize (size: number, priority: number = this.#priority): ResourceRefusal | undefined {
    check(size, priority)
    if (this.#size === RELEASED) throw new ScopeClosedError(`a reservation in ${this.#holder.name}`)
    const more = size - this.#size
    if (more > 0) {
      const refusal = this.#holder[CHARGE](more, priority)
      if (refusal !== undefined) return refusal
    } else {
      this.#holder[CREDIT](-more)
    }
    this.#size = size
    return undefined
  }

  release (): void {
    const size = this.#size
    if (size === RELEASED) return
    this.#size = RELEASED
    this.#holder[CREDIT](size)
    this.#holder[DROP]()
  }

  [Symbol.dispose] (): void {
    this.release()
  }
}

/** A part of a scope, or of another span. Its own memory is compared with the limit of the scope before anybody above is asked. */
class SpanHandle extends Holder implements Span {
  readonly #owner: Holder
  readonly #graph: Graph
  readonly #id: number
  /** It is in no other span, which would count the same memory */
  readonly #outermost: boolean
  #memory = 0
  #closed = false

  constructor (owner: Holder) {
    super()
    this.#owner = owner
    this.#outermost = owner.class !== 'span'
    this.#graph = owner[home]
    this.#id = this.#graph.nextId()
    this.#graph.spans++
    owner[HOLD]()
  }

  get class (): 'span' {
    return 'span'
  }

  get name (): string {
    return `${this.#owner.name}.span-${this.#id}`
  }

  get [bound] (): Limits {
    return this.#owner[bound]
  }

  get [ended] (): boolean {
    return this.#closed
  }

  get [home] (): Graph {
    return this.#graph
  }

  usage (): ScopeUsage {
    return { ...NO_USE, memory: this.#memory }
  }

  release (): void {
    if (this.#closed) return
    this.#closed = true
    this.#graph.spans--
    if (this.#outermost) this.#graph.memoryOfSpans -= this.#memory
    this.#owner[CREDIT](this.#memory)
    this.#memory = 0
    this.#owner[DROP]()
  }

  [CHARGE] (size: number, priority: number): ResourceRefusal | undefined {
    if (this.#closed) return new GoneRefusal('span', this)
    const refusal = refuseLeaf(this, this.#memory, size, priority) ?? this.#owner[CHARGE](size, priority)
    if (refusal !== undefined) return refusal
    this.#memory += size
    if (this.#outermost) this.#graph.memoryOfSpans += size
    return undefined
  }

  [CREDIT] (size: number): void {
    if (this.#closed) return
    this.#memory -= size
    if (this.#outermost) this.#graph.memoryOfSpans -= size
    this.#owner[CREDIT](size)
  }
}

/** @throws {InvalidSizeError} when it is no amount of memory, or no priority */
function check (size: number, priority: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw invalid('an amount of memory must be a whole number of bytes', Number.MAX_SAFE_INTEGER, size)
  if (!Number.isInteger(priority) || priority < 0 || priority > 255) throw invalid('a priority must be a whole number', 255, priority)
}

function invalid (what: string, max: number, got: unknown): InvalidSizeError {
  return new InvalidSizeError(`${what} from 0 to ${max}, got ${show(got)}`)
}

/** What a connection, a stream or a span itself says to more memory: a refusal where that is more than its own limit */
export function refuseLeaf (leaf: Holder & { readonly class: 'connection' | 'stream' | 'span' }, memory: number, size: number, priority: number): LimitRefusal | undefined {
  const limits = leaf[bound]
  if (size === 0 || memory + size <= threshold(limits.memory, priority)) return undefined
  leaf[home].countLeaf(leaf.class, MEMORY)
  return new LimitRefusal(leaf.class, leaf, '', limits, MEMORY, memory, size, undefined, priority)
}
