import { ForeignStream } from './foreign-record.ts'
import { count } from './foreign-steps.ts'
import type { ForeignRecord } from './foreign-record.ts'
import type { ForeignSteps } from './foreign-steps.ts'
import type { Direction, Refusal, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { Stream } from '@libp2p/interface'

/** The streams of all connections */
export class ForeignStreams {
  readonly #live = new Set<ForeignStream>()
  readonly #steps: ForeignSteps
  readonly #now: () => number
  readonly #refused: Record<string, number>

  constructor (steps: ForeignSteps, now: () => number, refused: Record<string, number>) {
    this.#steps = steps
    this.#now = now
    this.#refused = refused
  }

  get size (): number {
    return this.#live.size
  }

  opened (connection: ForeignRecord, direction: Direction, made?: Stream): StreamRecord | Refusal {
    if (connection.isClosed()) return connection.answer()
    const stream = new ForeignStream(connection, direction, this.#now(), made)
    const refusal = this.#steps.ask('streamOpened', [stream], { passed: stream.passed })
    if (refusal == null) {
      this.#live.add(stream)
      return stream
    }
    count(this.#refused, refusal.module)
    this.#steps.letGo(stream.passed, 'streamClosed', stream)
    return refusal
  }

  negotiated (stream: ForeignStream, protocol: string, service?: string): Refusal | undefined {
    stream.protocol = protocol
    if (service != null) stream.service = service
    const refusal = this.#steps.ask('streamNegotiated', [stream])
    if (refusal != null) count(this.#refused, refusal.module)
    return refusal
  }

  closed (stream: ForeignStream): void {
    if (this.#live.delete(stream)) this.#steps.letGo(stream.passed, 'streamClosed', stream)
  }
}
