import { normaliseAddress } from '@cordon/address'
import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { multiaddr } from '@multiformats/multiaddr'
import { ResourceParticipant } from '../src/node/participant.ts'
import { managerWith } from './support.ts'
import type { ConnectionRecord, Direction, Refusal, ShedOptions, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { LimitConfig, ResourceManager } from '@cordon/interface-resource-manager'
import type { CoreResourceManager, ResourceManagerInit } from '@cordon/resource-manager'
import type { Logger, PeerId, Stream } from '@libp2p/interface'

/** Everything that is in use, as one number */
export function held (manager: ResourceManager): number {
  const { system, allowlistedSystem, prefixes } = manager.snapshot()
  const { services, protocols, peers } = manager.stat()
  const uses = [system, allowlistedSystem].flatMap(({ usage }) => Object.values<number>({ ...usage }))
  return [...uses, services.size, protocols.size, peers.size, prefixes.largest.length].reduce((sum, count) => sum + count, 0)
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export type TestRecord = Mutable<ConnectionRecord>
export type TestStream = Mutable<StreamRecord>

let ids = 0

/** As much of a record as this participant looks at */
export function recordAt (address: string, direction: Direction = 'inbound'): TestRecord {
  const record: Partial<TestRecord> = { id: `record-${++ids}`, direction, remoteAddr: multiaddr(address), address: normaliseAddress(multiaddr(address)) }
  return record as TestRecord
}

export function streamOf (connection: ConnectionRecord, direction: Direction, resets: StreamRecord[] = []): TestStream {
  const record: TestStream = { id: `stream-${++ids}`, connection, direction, openedAt: 0 }
  record.stream = { abort: () => { resets.push(record) } } as unknown as Stream
  return record
}

export const peerId = (name: string): PeerId => ({ toString: () => name }) as PeerId

/** The participant of a core, with a lifecycle that drops whom it is told to drop */
export class Bench {
  readonly manager: CoreResourceManager
  readonly participant: ResourceParticipant
  readonly log: string[] = []
  /** What the participant asked to be dropped */
  readonly sheds: Array<[Direction, ShedOptions]> = []
  readonly resets: StreamRecord[] = []
  /** How many streams were refused because their connections have too many without a protocol */
  unnegotiated = 0
  /** Drops somebody, as the lifecycle would */
  shed: (options: ShedOptions) => ConnectionRecord | undefined = () => undefined

  constructor (limits: LimitConfig = {}, maxUnnegotiated = 32, init: ResourceManagerInit = {}) {
    this.manager = managerWith(limits, init)
    const write = (format: string, ...args: unknown[]): void => { this.log.push([format, ...args].join(' ')) }
    const log = Object.assign(write.bind(undefined), { enabled: true, error: write }) as unknown as Logger
    this.participant = new ResourceParticipant({
      manager: this.manager,
      shed: (direction, options = {}) => {
        this.sheds.push([direction, options])
        return this.shed(options)
      },
      maxUnnegotiated,
      countUnnegotiated: () => { this.unnegotiated++ },
      log
    })
  }

  open (direction: Direction = 'inbound', address = '/ip4/192.0.2.1/tcp/1'): TestRecord | Refusal {
    const record = recordAt(address, direction)
    return this.participant.opened(record) ?? record
  }

  /** An identified connection */
  connect (peer: string, direction: Direction = 'inbound'): TestRecord {
    const record = this.open(direction)
    if (isRefusal(record)) throw new Error(record.message)
    this.participant.raw(record)
    record.remotePeer = peerId(peer)
    const refusal = this.participant.identified(record)
    if (refusal !== undefined) throw new Error(refusal.message)
    return record
  }

  close (record: ConnectionRecord): void {
    this.participant.closed(record)
  }

  stream (connection: ConnectionRecord, direction: Direction = 'inbound'): TestStream | Refusal {
    const stream = streamOf(connection, direction, this.resets)
    return this.participant.streamOpened(stream) ?? stream
  }

  admitted (connection: ConnectionRecord, direction: Direction = 'inbound'): TestStream {
    const stream = this.stream(connection, direction)
    if (isRefusal(stream)) throw new Error(stream.message)
    return stream
  }

  negotiate (stream: TestStream, protocol: string, service?: string): Refusal | undefined {
    stream.protocol = protocol
    if (service !== undefined) stream.service = service
    return this.participant.streamNegotiated(stream)
  }
}
