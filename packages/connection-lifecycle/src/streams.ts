import { refusalOf } from './refusals.ts'
import type { Context } from './context.ts'
import type { LifecycleRecord } from './record.ts'
import type { Direction, Refusal, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { Stream } from '@libp2p/interface'

/** One stream's record, and what the lifecycle has to remember with it */
export class LifecycleStream implements StreamRecord {
  readonly id: string
  readonly connection: LifecycleRecord
  readonly direction: Direction
  readonly openedAt: number
  stream: Stream | undefined
  protocol: string | undefined = undefined
  service: string | undefined = undefined

  /** How many participants, from the first one on, have passed `streamOpened` and are told of `streamClosed` */
  passed = 0

  /** How many steps of this stream are on the stack */
  running = 0
  closed = false

  /** Released as soon as no step of it is on the stack */
  releaseDue = false

  constructor (id: string, connection: LifecycleRecord, direction: Direction, stream: Stream | undefined, openedAt: number) {
    this.id = id
    this.connection = connection
    this.direction = direction
    this.stream = stream
    this.openedAt = openedAt
  }

  /** Asked anew after each callback */
  hasEnded (): boolean {
    return this.closed || this.connection.isClosed()
  }
}

/**
 * The streams of all connections. None of them is held here: a stream lives in what the registry holds, and ends
 * when the registry says so, which may be after its connection.
 */
export class Streams {
  readonly #context: Context
  #count = 0
  #live = 0

  constructor (context: Context) {
    this.#context = context
  }

  /** Live streams */
  get size (): number {
    return this.#live
  }

  opened (record: LifecycleRecord, direction: Direction, muxed?: Stream): LifecycleStream | Refusal {
    if (record.isClosed()) return refusalOf(record.reason)

    const { clock, prefix } = this.#context
    const stream = new LifecycleStream(`${prefix}s${++this.#count}`, record, direction, muxed, clock.now())
    this.#live++
    const refusal = this.#context.steps.decideStream('streamOpened', stream)

    // closed by a participant while others were asked
    if (stream.hasEnded() || refusal != null) {
      stream.closed = true
      this.#release(stream)
      return refusal ?? refusalOf(record.reason)
    }

    return stream
  }

  created (stream: LifecycleStream, muxed: Stream): void {
    stream.stream = muxed
  }

  negotiated (stream: LifecycleStream, protocol: string, service?: string): Refusal | undefined {
    if (stream.hasEnded()) return refusalOf(stream.connection.reason)
    stream.protocol = protocol
    stream.service = service
    const refusal = this.#context.steps.decideStream('streamNegotiated', stream, stream.passed)
    // closed by a participant while others were asked
    if (stream.releaseDue && stream.running === 0) this.#release(stream)
    if (refusal != null) return refusal
    return stream.hasEnded() ? refusalOf(stream.connection.reason) : undefined
  }

  closed (stream: LifecycleStream): void {
    if (stream.closed) return
    stream.closed = true
    stream.releaseDue = stream.running > 0
    if (!stream.releaseDue) this.#release(stream)
  }

  #release (stream: LifecycleStream): void {
    this.#live--
    this.#context.steps.streamClosed(stream)
  }
}
