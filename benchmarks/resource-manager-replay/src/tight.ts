import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { isResourceRefusal } from '@cordon/interface-resource-manager'
import { directionOf, LOOPBACK, pick, PRIORITIES, PROTOCOLS, SERVICES, take } from './common.ts'
import { Hash } from './hash.ts'
import { Xorshift } from './random.ts'
import type { ConnectionScope, Reservation, ResourceManager, ResourceRefusal, Span, StreamScope } from '@cordon/interface-resource-manager'

/** What the Go program prints, in its order */
export interface TightPrint {
  ConnOK: number
  ConnBlocked: number
  PeerOK: number
  PeerBlocked: number
  StreamOK: number
  StreamBlocked: number
  ProtoOK: number
  ProtoBlocked: number
  SvcOK: number
  SvcBlocked: number
  MemOK: number
  MemBlocked: number
  Released: number
  SpanOK: number
  SpanMemOK: number
  SpanMemBlocked: number
  SpanClosed: number
  ClosedStreams: number
  ClosedConns: number
  ClosedSpans: number
  Live: number
  Hash: number
  Blame: Record<string, number>
}

type Outcome = 'Conn' | 'Peer' | 'Stream' | 'Proto' | 'Svc' | 'Mem' | 'SpanMem'

interface Waiting {
  readonly scope: ConnectionScope
  readonly peer: string
}

interface Open {
  readonly scope: StreamScope
  /** Not yet released, oldest first */
  readonly held: Reservation[]
}

const WHAT: Readonly<Record<string, string>> = {
  connectionsInbound: 'inbound connection',
  connectionsOutbound: 'outbound connection',
  connections: 'connection',
  fileDescriptors: 'file descriptor',
  streamsInbound: 'inbound stream',
  streamsOutbound: 'outbound stream',
  streams: 'stream',
  memory: 'memory'
}

/** Which scope refused what, in the words of the Go program */
function blameOf ({ scopeClass, cause }: ResourceRefusal): string {
  return `${scopeClass === 'connection' ? 'conn' : scopeClass} ${WHAT[cause ?? ''] ?? cause}`
}

class Tight {
  readonly #manager: ResourceManager
  readonly #peers: readonly string[]
  readonly #hash = new Hash()
  /** Before and after `setPeer` */
  readonly #pending: Waiting[] = []
  readonly #connections: Waiting[] = []
  /** Before `setProtocol`, after it, and after `setService` */
  readonly #fresh: Open[] = []
  readonly #negotiated: Open[] = []
  readonly #served: Open[] = []
  readonly #spans: Span[] = []
  readonly print: TightPrint = {
    ConnOK: 0, ConnBlocked: 0, PeerOK: 0, PeerBlocked: 0, StreamOK: 0, StreamBlocked: 0, ProtoOK: 0, ProtoBlocked: 0, SvcOK: 0, SvcBlocked: 0,
    MemOK: 0, MemBlocked: 0, Released: 0, SpanOK: 0, SpanMemOK: 0, SpanMemBlocked: 0, SpanClosed: 0,
    ClosedStreams: 0, ClosedConns: 0, ClosedSpans: 0, Live: 0, Hash: 0, Blame: {}
  }

  constructor (manager: ResourceManager, peers: readonly string[]) {
    this.#manager = manager
    this.#peers = peers
  }

  step (operation: number, a: number, c: number): void {
    if (operation < 14) this.#connect(a, c)
    else if (operation < 27) this.#identify(a)
    else if (operation < 50) this.#open(a, c)
    else if (operation < 65) this.#negotiate(a, c)
    else if (operation < 72) this.#serve(a, c)
    else if (operation < 80) this.#reserve(a, c)
    else if (operation < 83) this.#giveBack(a)
    else if (operation < 85) this.#span(a)
    else if (operation < 88) this.#reserveInSpan(a, c)
    else if (operation < 91) this.#endSpan(a)
    else if (operation < 97) this.#closeStream(a)
    else this.#closeConnection(a)
  }

  /** Adds the use of system, transient, the protocols, the services and one peer */
  look (c: number): void {
    for (const handle of [
      this.#manager.scope('system'),
      this.#manager.scope('transient'),
      ...PROTOCOLS.map(name => this.#manager.scope('protocol', name)),
      ...SERVICES.map(name => this.#manager.scope('service', name)),
      this.#manager.scope('peer', pick(this.#peers, c))
    ]) {
      this.#hash.addUsage(handle.usage())
      handle.release()
    }
  }

  end (): void {
    const lists = [this.#pending, this.#connections, this.#fresh, this.#negotiated, this.#served]
    this.print.Live = lists.reduce((sum, { length }) => sum + length, this.#spans.length)
    this.print.Hash = this.#hash.value
    for (const span of this.#spans) span.release()
    for (const { scope } of lists.flat()) scope.release()
    this.print.Blame = Object.fromEntries(Object.entries(this.print.Blame).sort(([a], [b]) => a < b ? -1 : 1))
  }

  #count (outcome: Outcome, result: unknown): boolean {
    if (isResourceRefusal(result)) {
      this.print[`${outcome}Blocked`]++
      this.#hash.add(0)
      const blame = blameOf(result)
      this.print.Blame[blame] = (this.print.Blame[blame] ?? 0) + 1
      return false
    }
    this.print[`${outcome}OK`]++
    this.#hash.add(1)
    return true
  }

  /** One of all streams, as if the three lists were one */
  #pick (drawn: number): readonly [Open[], number] | undefined {
    const lists = [this.#fresh, this.#negotiated, this.#served]
    const count = lists.reduce((sum, { length }) => sum + length, 0)
    if (count === 0) return undefined
    let index = drawn % count
    for (const list of lists) {
      if (index < list.length) return [list, index]
      index -= list.length
    }
    return undefined
  }

  #connect (a: number, c: number): void {
    const scope = this.#manager.openConnection(directionOf(a), { usesDescriptor: (a & 2) !== 0, address: LOOPBACK })
    if (this.#count('Conn', scope) && !isRefusal(scope)) this.#pending.push({ scope, peer: pick(this.#peers, c) })
  }

  #identify (a: number): void {
    if (this.#pending.length === 0) return
    const waiting = take(this.#pending, a % this.#pending.length)
    if (this.#count('Peer', waiting.scope.setPeer(waiting.peer))) this.#connections.push(waiting)
    else waiting.scope.release()
  }

  #open (a: number, c: number): void {
    if (this.#connections.length === 0) return
    const scope = this.#manager.openStream(pick(this.#connections, a).peer, directionOf(c))
    if (this.#count('Stream', scope) && !isRefusal(scope)) this.#fresh.push({ scope, held: [] })
  }

  #negotiate (a: number, c: number): void {
    if (this.#fresh.length === 0) return
    const index = a % this.#fresh.length
    if (this.#count('Proto', this.#fresh[index]?.scope.setProtocol(PROTOCOLS[c & 3] ?? ''))) this.#negotiated.push(take(this.#fresh, index))
  }

  #serve (a: number, c: number): void {
    if (this.#negotiated.length === 0) return
    const index = a % this.#negotiated.length
    if (this.#count('Svc', this.#negotiated[index]?.scope.setService(SERVICES[c & 1] ?? ''))) this.#served.push(take(this.#negotiated, index))
  }

  #reserve (a: number, c: number): void {
    const [list, index] = this.#pick(a) ?? []
    const open = list?.[index ?? 0]
    if (open == null) return
    const reservation = open.scope.reserveMemory(256 * 2 ** (c & 15), PRIORITIES[(c >>> 4) & 3])
    if (this.#count('Mem', reservation) && !isRefusal(reservation)) open.held.push(reservation)
  }

  #giveBack (a: number): void {
    const [list, index] = this.#pick(a) ?? []
    const oldest = list?.[index ?? 0]?.held.shift()
    if (oldest == null) return
    oldest.release()
    this.print.Released++
  }

  #span (a: number): void {
    const [list, index] = this.#pick(a) ?? []
    const open = list?.[index ?? 0]
    if (open == null) return
    this.#spans.push(open.scope.beginSpan())
    this.print.SpanOK++
  }

  #reserveInSpan (a: number, c: number): void {
    if (this.#spans.length === 0) return
    const result = pick(this.#spans, a).reserveMemory(256 * 2 ** (c & 15), PRIORITIES[(c >>> 4) & 3])
    if (isRefusal(result) && result.code === 'gone') {
      this.print.SpanClosed++
      this.#hash.add(2)
    } else {
      this.#count('SpanMem', result)
    }
  }

  #endSpan (a: number): void {
    if (this.#spans.length === 0) return
    take(this.#spans, a % this.#spans.length).release()
    this.print.ClosedSpans++
  }

  #closeStream (a: number): void {
    const [list, index] = this.#pick(a) ?? []
    if (list == null || index == null) return
    take(list, index).scope.release()
    this.print.ClosedStreams++
  }

  #closeConnection (a: number): void {
    const count = this.#pending.length + this.#connections.length
    if (count === 0) return
    const index = a % count
    const waiting = index < this.#pending.length ? take(this.#pending, index) : take(this.#connections, index - this.#pending.length)
    waiting.scope.release()
    this.print.ClosedConns++
  }
}

/** Limits so small that every layer refuses; connections wait in transient, streams are negotiated late, spans come and go (`replayTight` of the Go program) */
export function replayTight (manager: ResourceManager, seed: number, operations: number, peers: readonly string[]): TightPrint {
  const random = new Xorshift(seed)
  const run = new Tight(manager, peers)
  for (let i = 0; i < operations; i++) {
    const operation = random.next() % 100
    const a = random.next()
    const c = random.next()
    run.step(operation, a, c)
    if (i % 64 === 63) run.look(c)
  }
  run.end()
  return run.print
}
