import { InvalidSizeError, ScopeClosedError } from '@cordon/interface-resource-manager'
import { show } from '@cordon/options'
import { charge, credit, drop, hold } from './holder.ts'
import type { Holder } from './holder.ts'
import type { Reservation, ResourceRefusal } from '@cordon/interface-resource-manager'

/** What was released has this size */
const RELEASED = -1

/** Memory that was granted; what it gives back is what it took, so nobody can give back more */
export class Token implements Reservation {
  readonly #holder: Holder
  readonly #priority: number
  #size: number

  /** For memory that was charged already */
  constructor (holder: Holder, size: number, priority: number) {
    this.#holder = holder
    this.#size = size
    this.#priority = priority
    holder[hold]()
  }

  get size (): number {
    return this.#size === RELEASED ? 0 : this.#size
  }

  resize (size: number, priority: number = this.#priority): ResourceRefusal | undefined {
    checkSize(size)
    checkPriority(priority)
    if (this.#size === RELEASED) throw new ScopeClosedError(`a reservation in ${this.#holder.name}`)
    const more = size - this.#size
    if (more > 0) {
      const refusal = this.#holder[charge](more, priority)
      if (refusal !== undefined) return refusal
    } else {
      this.#holder[credit](-more)
    }
    this.#size = size
    return undefined
  }

  release (): void {
    const size = this.#size
    if (size === RELEASED) return
    this.#size = RELEASED
    this.#holder[credit](size)
    this.#holder[drop]()
  }

  [Symbol.dispose] (): void {
    this.release()
  }
}

/** @throws {InvalidSizeError} when it is no amount of memory */
export function checkSize (size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new InvalidSizeError(`an amount of memory must be a whole number of bytes from 0 to ${Number.MAX_SAFE_INTEGER}, got ${show(size)}`)
}

/** @throws {InvalidSizeError} when it is no priority */
export function checkPriority (priority: number): void {
  if (!Number.isInteger(priority) || priority < 0 || priority > 255) throw new InvalidSizeError(`a priority must be a whole number from 0 to 255, got ${show(priority)}`)
}
