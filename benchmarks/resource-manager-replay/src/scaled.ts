import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { directionOf, LOOPBACK, pick, PRIORITIES, PROTOCOLS, SERVICES, take } from './common.ts'
import { Xorshift } from './random.ts'
import type { ConnectionScope, ResourceManager, ScopeHandle, StreamScope } from '@cordon/interface-resource-manager'

/** What the Go program prints, in its order */
export interface ScaledPrint {
  ConnOK: number
  ConnBlocked: number
  PeerBlocked: number
  StreamOK: number
  StreamBlocked: number
  ProtoOK: number
  ProtoBlocked: number
  SvcOK: number
  SvcBlocked: number
  MemOK: number
  MemBlocked: number
  MemBytesOK: number
  ClosedStreams: number
  ClosedConns: number
  PeakMemory: number
  PeakConnsIn: number
  PeakConnsOut: number
  PeakStreamsIn: number
  PeakStreamsOut: number
  PeakFD: number
  Live: number
}

function emptyPrint (): ScaledPrint {
  return {
    ConnOK: 0, ConnBlocked: 0, PeerBlocked: 0, StreamOK: 0, StreamBlocked: 0, ProtoOK: 0, ProtoBlocked: 0, SvcOK: 0, SvcBlocked: 0,
    MemOK: 0, MemBlocked: 0, MemBytesOK: 0, ClosedStreams: 0, ClosedConns: 0,
    PeakMemory: 0, PeakConnsIn: 0, PeakConnsOut: 0, PeakStreamsIn: 0, PeakStreamsOut: 0, PeakFD: 0, Live: 0
  }
}

/** 100 shares of what the next operation is */
class Scaled {
  readonly #manager: ResourceManager
  readonly #peers: readonly string[]
  readonly #connections: ConnectionScope[] = []
  readonly #streams: StreamScope[] = []
  readonly print: ScaledPrint = emptyPrint()

  constructor (manager: ResourceManager, peers: readonly string[]) {
    this.#manager = manager
    this.#peers = peers
  }

  step (operation: number, a: number, c: number): void {
    if (operation < 20) this.#connect(a, c)
    else if (operation < 60) this.#open(a, c)
    else if (operation < 80) this.#reserve(a, c)
    else if (operation < 95) this.#closeStream(a)
    else this.#closeConnection(a)
  }

  observe (system: ScopeHandle): void {
    const usage = system.usage()
    const { print } = this
    print.PeakMemory = Math.max(print.PeakMemory, usage.memory)
    print.PeakConnsIn = Math.max(print.PeakConnsIn, usage.connectionsInbound)
    print.PeakConnsOut = Math.max(print.PeakConnsOut, usage.connectionsOutbound)
    print.PeakStreamsIn = Math.max(print.PeakStreamsIn, usage.streamsInbound)
    print.PeakStreamsOut = Math.max(print.PeakStreamsOut, usage.streamsOutbound)
    print.PeakFD = Math.max(print.PeakFD, usage.fileDescriptors)
  }

  end (): void {
    this.print.Live = this.#connections.length + this.#streams.length
    for (const held of [...this.#streams, ...this.#connections]) held.release()
  }

  #connect (a: number, c: number): void {
    const connection = this.#manager.openConnection(directionOf(a), { usesDescriptor: (a & 2) !== 0, address: LOOPBACK })
    if (isRefusal(connection)) {
      this.print.ConnBlocked++
      return
    }
    if (connection.setPeer(pick(this.#peers, c)) != null) {
      this.print.PeerBlocked++
      connection.release()
      return
    }
    this.print.ConnOK++
    this.#connections.push(connection)
  }

  #open (a: number, c: number): void {
    if (this.#connections.length === 0) return
    const stream = this.#manager.openStream(pick(this.#connections, a).peer ?? '', directionOf(c))
    if (isRefusal(stream)) {
      this.print.StreamBlocked++
      return
    }
    this.print.StreamOK++
    if ((c & 2) !== 0 && !this.#negotiate(stream, c)) stream.release()
    else this.#streams.push(stream)
  }

  #negotiate (stream: StreamScope, c: number): boolean {
    if (stream.setProtocol(PROTOCOLS[(c >>> 2) & 3] ?? '') != null) {
      this.print.ProtoBlocked++
      return false
    }
    this.print.ProtoOK++
    if ((c & 16) === 0) return true
    if (stream.setService(SERVICES[(c >>> 5) & 1] ?? '') != null) {
      this.print.SvcBlocked++
      return false
    }
    this.print.SvcOK++
    return true
  }

  #reserve (a: number, c: number): void {
    if (this.#streams.length === 0) return
    const size = 1024 * 2 ** (c & 15)
    if (isRefusal(pick(this.#streams, a).reserveMemory(size, PRIORITIES[(c >>> 4) & 3]))) {
      this.print.MemBlocked++
    } else {
      this.print.MemOK++
      this.print.MemBytesOK += size
    }
  }

  #closeStream (a: number): void {
    if (this.#streams.length === 0) return
    take(this.#streams, a % this.#streams.length).release()
    this.print.ClosedStreams++
  }

  #closeConnection (a: number): void {
    if (this.#connections.length === 0) return
    take(this.#connections, a % this.#connections.length).release()
    this.print.ClosedConns++
  }
}

/** The mixed workload under the limits of a machine of 256 MiB (`replay` of the Go program) */
export function replayScaled (manager: ResourceManager, seed: number, operations: number, peers: readonly string[], observe = true): ScaledPrint {
  const random = new Xorshift(seed)
  const run = new Scaled(manager, peers)
  using system = manager.scope('system')
  for (let i = 0; i < operations; i++) {
    // always three numbers, whatever the operation is
    run.step(random.next() % 100, random.next(), random.next())
    if (observe) run.observe(system)
  }
  run.end()
  return run.print
}
