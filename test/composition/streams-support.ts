import { eventually } from '@cordon/testing/node'
import { guarded } from './support.ts'
import type { GuardedInit, GuardedNode } from './support.ts'
import type { Participant, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { Connection, Stream, StreamHandler, StreamHandlerOptions, StreamMuxer } from '@libp2p/interface'

export const PROTOCOL = '/cordon-test/1.0.0'

/** What happened to one stream, in order */
export interface Life {
  readonly record: StreamRecord
  readonly steps: string[]
}

/** Writes down the life of every stream, and says no where it is told to */
export class Witness {
  readonly lives: Life[] = []
  readonly #refuses: Partial<Participant>

  constructor (refuses: Partial<Participant> = {}) {
    this.#refuses = refuses
  }

  readonly participant: Partial<Participant> = {
    streamOpened: record => {
      this.lives.push({ record, steps: [`opened ${record.protocol ?? 'without protocol'}${record.stream == null ? ', without stream' : ''}`] })

      return this.#refuses.streamOpened?.(record)
    },
    streamNegotiated: record => {
      this.#of(record).steps.push(`negotiated ${record.protocol} for ${record.service}`)

      return this.#refuses.streamNegotiated?.(record)
    },
    streamClosed: record => { this.#of(record).steps.push('closed') }
  }

  get steps (): string[][] {
    return this.lives.map(({ steps }) => steps)
  }

  #of (record: StreamRecord): Life {
    const life = this.lives.find(({ record: other }) => other === record)
    if (life == null) throw new Error('a stream that was never opened')

    return life
  }
}

/** Without identify and the connection monitor, whose streams nobody asked for */
export const withoutServices: NonNullable<GuardedInit['options']> = options => ({ ...options, services: undefined, connectionMonitor: { enabled: false } })
export const quiet: GuardedInit = { transport: 'tcp', options: withoutServices }

export interface Pair {
  readonly from: GuardedNode
  readonly to: GuardedNode
  readonly connection: Connection
}

export async function pair (from: GuardedInit, to: GuardedInit = {}, handler: StreamHandler = echo, handling: StreamHandlerOptions & { service?: string } = {}): Promise<Pair> {
  const dialling = await guarded({ ...quiet, ...from })
  const listening = await guarded({ ...quiet, stack: from.stack ?? 'libp2p', ...to })
  await listening.node.handle(PROTOCOL, handler, { maxInboundStreams: 1_000, ...handling })
  const connection = await dialling.node.dial(listening.node.getMultiaddrs())
  await eventually(() => listening.lifecycle.stats().records.ready === 1)

  return { from: dialling, to: listening, connection }
}

export const echo: StreamHandler = async stream => {
  for await (const bytes of stream) stream.send(bytes)
  await stream.close()
}

/** Is there for as long as it is told to */
export function held (): { handler: StreamHandler, entered: Promise<Stream>, release: () => void } {
  const entered = Promise.withResolvers<Stream>()
  const released = Promise.withResolvers<true>()

  return {
    handler: async stream => {
      entered.resolve(stream)
      await released.promise
    },
    entered: entered.promise,
    release: () => { released.resolve(true) }
  }
}

/** What libp2p has left of streams, whoever still works on them */
export const connectionStreams = ({ node }: GuardedNode): number => node.getConnections().reduce((sum, { streams }) => sum + streams.length, 0)

export const streamsOf = ({ lifecycle }: GuardedNode): number => lifecycle.stats().streams

export async function open (connection: Connection): Promise<Stream> {
  return connection.newStream(PROTOCOL, { maxOutboundStreams: 1_000 })
}

/** A stream that never asks for a protocol */
export async function openMute (connection: Connection): Promise<Stream> {
  return (connection as unknown as { muxer: StreamMuxer }).muxer.createStream({})
}
