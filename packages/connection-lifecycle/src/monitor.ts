import { parseMonitor } from './options.ts'
import type { Emitter } from './context.ts'
import type { LifecycleEvent, LifecycleEvents, MonitorEvent } from '@cordon/interface-connection-lifecycle'
import type { TypedEventTarget } from '@libp2p/interface'

/** One reader of events, with a bounded buffer; the oldest events make room for new ones, and are counted */
class Reader implements AsyncIterableIterator<MonitorEvent> {
  readonly #bufferSize: number
  readonly #onEnd: (reader: Reader) => void
  readonly #signal: AbortSignal | undefined
  /** At most `bufferSize`; a ring from `#from` on */
  readonly #buffer: Array<LifecycleEvent | undefined> = []
  /** Whoever called `next` before there was something; in order. Bounded by the reader itself. */
  readonly #waiting: Array<(result: IteratorResult<MonitorEvent>) => void> = []
  #from = 0
  #held = 0
  #dropped = 0
  #ended = false

  constructor (bufferSize: number, signal: AbortSignal | undefined, onEnd: (reader: Reader) => void) {
    this.#bufferSize = bufferSize
    this.#onEnd = onEnd
    this.#signal = signal
    signal?.addEventListener('abort', this.#onAbort)
  }

  [Symbol.asyncIterator] (): this {
    return this
  }

  push (event: LifecycleEvent): void {
    const waiting = this.#waiting.shift()
    if (waiting != null) {
      waiting({ done: false, value: event })
      return
    }

    if (this.#held === this.#bufferSize) {
      this.#buffer[this.#from] = event
      this.#from = (this.#from + 1) % this.#bufferSize
      this.#dropped++
    } else {
      this.#buffer[(this.#from + this.#held) % this.#bufferSize] = event
      this.#held++
    }
  }

  async next (): Promise<IteratorResult<MonitorEvent>> {
    if (this.#dropped > 0) {
      const count = this.#dropped
      this.#dropped = 0
      return { done: false, value: { type: 'monitor:dropped', count } }
    }

    if (this.#held > 0) {
      const value = this.#buffer[this.#from] as LifecycleEvent
      this.#buffer[this.#from] = undefined
      this.#from = (this.#from + 1) % this.#bufferSize
      this.#held--
      return { done: false, value }
    }

    if (this.#ended) return { done: true, value: undefined }
    const { promise, resolve } = Promise.withResolvers<IteratorResult<MonitorEvent>>()
    this.#waiting.push(resolve)
    return promise
  }

  /** The reader has seen enough: what is left is thrown away */
  return (): Promise<IteratorResult<MonitorEvent>> {
    this.#held = this.#dropped = 0
    this.#buffer.length = 0
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  /** There will be no more events; those that are held can still be read */
  end (): void {
    if (this.#ended) return
    this.#ended = true
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#onEnd(this)
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined })
  }

  readonly #onAbort = (): void => { this.end() }
}

/** Sends events to listeners and readers. While there is neither, `wants` says so and no event is made. */
export class Monitor implements Emitter {
  readonly #target: TypedEventTarget<LifecycleEvents>
  /** As many as the application asked for */
  readonly #readers = new Set<Reader>()
  /** What is being told, and what happened meanwhile: a few events for each record that a listener ends */
  readonly #queue: LifecycleEvent[] = []

  readonly #onError: (err: unknown) => void

  constructor (target: TypedEventTarget<LifecycleEvents>, onError: (err: unknown) => void) {
    this.#target = target
    this.#onError = onError
  }

  wants (type: LifecycleEvent['type']): boolean {
    return this.#readers.size > 0 || this.#target.listenerCount(type) > 0
  }

  /**
   * A listener may end a connection, which makes more events. Those wait until this one has reached everybody, or
   * a second listener would hear of the end before the beginning.
   */
  emit (event: LifecycleEvent): void {
    this.#queue.push(event)
    if (this.#queue.length > 1) return

    for (let next = this.#queue[0]; next != null; next = this.#queue[0]) {
      try {
        for (const reader of this.#readers) reader.push(next)
        if (this.#target.listenerCount(next.type) > 0) this.#target.safeDispatchEvent(next.type, { detail: next })
      } catch (err) {
        // an event target keeps what its listeners throw to itself; one that does not holds up neither events nor releases
        this.#onError(err)
      }
      this.#queue.shift()
    }
  }

  read (options: unknown): AsyncIterableIterator<MonitorEvent> {
    const { bufferSize, signal } = parseMonitor(options)
    const reader = new Reader(bufferSize, signal, ended => { this.#readers.delete(ended) })
    if (signal?.aborted === true) reader.end()
    else this.#readers.add(reader)
    return reader
  }

  /** Ends every reader */
  end (): void {
    for (const reader of this.#readers) reader.end()
  }
}
