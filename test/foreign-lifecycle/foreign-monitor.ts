import { InvalidParametersError } from '@libp2p/interface'
import type { LifecycleEvent, MonitorEvent, MonitorOptions } from '@cordon/interface-connection-lifecycle'

/** One reader of all events: keeps the newest, and says how many it did not keep */
export class ForeignMonitor implements AsyncIterableIterator<MonitorEvent> {
  readonly #size: number
  readonly #onEnd: (monitor: ForeignMonitor) => void
  readonly #queue: LifecycleEvent[] = []
  #dropped = 0
  #ended = false
  #wake = Promise.withResolvers<undefined>()

  constructor ({ bufferSize = 1_024, signal }: MonitorOptions, onEnd: (monitor: ForeignMonitor) => void) {
    if (!Number.isInteger(bufferSize) || bufferSize < 1) throw new InvalidParametersError(`bufferSize must be a whole number from 1, got ${bufferSize}`)
    this.#size = bufferSize
    this.#onEnd = onEnd
    if (signal?.aborted === true) this.end()
    signal?.addEventListener('abort', () => { this.end() }, { once: true })
  }

  push (event: LifecycleEvent): void {
    this.#queue.push(event)
    if (this.#queue.length > this.#size) {
      this.#queue.shift()
      this.#dropped++
    }
    this.#wake.resolve(undefined)
  }

  end (): void {
    this.#ended = true
    this.#onEnd(this)
    this.#wake.resolve(undefined)
  }

  async next (): Promise<IteratorResult<MonitorEvent, undefined>> {
    for (;;) {
      if (this.#ended) return { done: true, value: undefined }
      if (this.#dropped > 0) {
        const count = this.#dropped
        this.#dropped = 0
        return { done: false, value: { type: 'monitor:dropped', count } }
      }
      const value = this.#queue.shift()
      if (value != null) return { done: false, value }
      this.#wake = Promise.withResolvers()
      await this.#wake.promise
    }
  }

  async return (): Promise<IteratorResult<MonitorEvent, undefined>> {
    this.end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator] (): this {
    return this
  }
}
