// A guarded node in a process of its own: everything that `cordon()` gives by default, with go-libp2p's limits for a
// small machine, and without the exemption of loopback.

import { readdirSync, readlinkSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Meter, serve } from '@cordon/bench-harness'
import { connectionGater } from '@cordon/connection-gater'
import { cordon } from '@cordon/cordon'
import { infiniteLimits, resourceManager, thisMachine } from '@cordon/resource-manager'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { Judge } from './judge.ts'
import { ECHO_PROTOCOL } from './protocol.ts'
import { contradictions, Recount } from './recount.ts'
import type { Most } from './recount.ts'
import type { MeterReading } from '@cordon/bench-harness'
import type { RegistryInit } from '@cordon/component-registry'
import type { StrikesInit } from '@cordon/connection-gater'
import type { Registry } from '@cordon/interface-component-registry'
import type { GaterStatus, Rule } from '@cordon/interface-connection-gater'
import type { CloseCode } from '@cordon/interface-connection-lifecycle'
import type { LimitConfig, RefusalCause, ScopeUsage } from '@cordon/interface-resource-manager'
import type { ConnectionGater, Listener, MultiaddrConnection, Stream, Transport } from '@libp2p/interface'
import type { FileHandle } from 'node:fs/promises'
import type { Server, Socket } from 'node:net'

export interface VictimInit {
  /** @default '/ip4/127.0.0.1/tcp/0' */
  listen?: string

  /** Whether descriptors count as this process has them; go-libp2p's smallest machine otherwise */
  descriptors?: boolean

  /** Only descriptors are limited, so that it is they that run out */
  descriptorsOnly?: boolean

  /** How long the gater of this node may hold a connection back, in ms */
  gaterTimeout?: number

  /** How many connections one IPv4 address may have, and how many of them at once; go-libp2p's 8 and 16 otherwise */
  perAddress?: number

  /** Whoever misbehaves is struck, see `Judge`, and this is what comes of it */
  strikes?: StrikesInit
}

/** The moments at which the user's gater can be made to think for as long as a connection lives */
export type Moment = 'denyInboundConnection' | 'denyInboundEncryptedConnection' | 'denyInboundUpgradedConnection'

/** What has been seen since the node was started */
export interface Seen {
  readonly most: Most
  /** The highest values that there ever were, as the manager noted them */
  readonly peaks: Readonly<Record<'system' | 'transient', Readonly<Record<'inbound' | 'streamsInbound' | 'descriptors', readonly [peak: number, limit: number]>>>>
  /** By what was full, in scopes of each kind */
  readonly refusals: Readonly<Record<'prefix' | 'peer' | 'transient' | 'system', Partial<Record<RefusalCause, number>>>>
  /** How connections ended */
  readonly closed: Partial<Record<CloseCode, number>>
  /** The scopes that refused connections which had been opened, in what their `closed` event says */
  readonly causes: Record<string, number>
  readonly opened: number
  readonly readied: number
  /** Connections and streams */
  readonly refusedByManager: number
  readonly streamsAdmitted: number
  readonly idlePeers: number
  readonly prefixes: number
  /** What must never be: scopes above a limit or not the sum of their parts, modules that threw */
  readonly wrong: string[]
}

/** Loopback is not exempt here. Both names, because both are exempt by default. */
const NOT_EXEMPT = { '127.0.0.0/8': false, '::1/128': false } as const

/** How often the invariants are looked at, in ms */
const SAMPLE_INTERVAL = 100

/** As many as the node can have, so that the sums of a snapshot are complete */
const EVERYBODY = 100_000

/** What names of peers are made of */
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const listeners: Listener[] = []
const thinking = new Set<MultiaddrConnection>()
const wrong = new Set<string>()
const causes: Record<string, number> = {}
const meter = new Meter()
let moment: Moment | undefined
let hoard: FileHandle[] = []
let socketsBefore = 0

/** Remembers its listeners, which libp2p does not show */
function watched (components: Parameters<ReturnType<typeof tcp>>[0]): Transport {
  const transport = tcp()(components)
  const createListener = transport.createListener.bind(transport)
  transport.createListener = options => {
    const listener = createListener(options)
    listeners.push(listener)
    return listener
  }
  return transport
}

/** Says yes, but at the chosen moment only when the connection has ended */
async function think (raw: MultiaddrConnection): Promise<boolean> {
  thinking.add(raw)
  if (raw.status === 'open') await new Promise<void>(resolve => { raw.addEventListener('close', () => { resolve() }, { once: true }) })
  thinking.delete(raw)
  return false
}

function gater (): ConnectionGater {
  const at = (now: Moment, raw: MultiaddrConnection): boolean | Promise<boolean> => moment === now ? think(raw) : false
  return {
    denyInboundConnection: raw => at('denyInboundConnection', raw),
    denyInboundEncryptedConnection: (_, raw) => at('denyInboundEncryptedConnection', raw),
    denyInboundUpgradedConnection: (_, raw) => at('denyInboundUpgradedConnection', raw)
  }
}

function limits ({ descriptorsOnly = false, perAddress }: VictimInit): LimitConfig {
  const ipv4 = perAddress == null ? {} : { ipv4: [{ length: 32, connections: perAddress, burst: perAddress, rate: 0.2 }] }
  if (!descriptorsOnly) return { prefixes: { ...ipv4, entries: NOT_EXEMPT } }
  const { connections, connectionsInbound, connectionsOutbound } = infiniteLimits.system ?? {}
  const unlimited = { connections, connectionsInbound, connectionsOutbound }
  return { system: unlimited, transient: unlimited, prefixes: infiniteLimits.prefixes }
}

/** A protocol of the application, with the limits of any; those of ping are much lower */
function echo (stream: Stream): void {
  stream.addEventListener('message', ({ data }) => { stream.send(data) })
  stream.addEventListener('remoteCloseWrite', () => { stream.close().catch((err: unknown) => { stream.abort(err as Error) }) })
}

async function create (init: VictimInit) { // eslint-disable-line @typescript-eslint/explicit-function-return-type -- inferred from the modules
  const { listen = '/ip4/127.0.0.1/tcp/0', descriptors = false, gaterTimeout } = init
  const registry: RegistryInit = gaterTimeout == null ? {} : { gaterTimeout }
  const machine = { memory: 1, fileDescriptors: descriptors ? thisMachine().fileDescriptors : 0 }
  return createLibp2p(cordon({
    addresses: { listen: [listen] },
    transports: [watched],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
    ...(gaterTimeout == null ? {} : { connectionGater: gater() })
  }, {
    resourceManager: resourceManager({ machine, limits: limits(init) }),
    gater: connectionGater({ strikes: init.strikes }),
    recount: () => new Recount(),
    // the gater goes by what others tell it
    ...(init.strikes != null && { judge: (components: { readonly registry?: Registry }) => (judge = new Judge(components.registry)) })
  }, registry))
}

let judge: Judge | undefined
let node: Awaited<ReturnType<typeof create>> | undefined

function theNode (): NonNullable<typeof node> {
  if (node == null) throw new Error('the node was not started')
  return node
}

function sample (): void {
  const { resourceManager, lifecycle, registry } = theNode().services
  contradictions(resourceManager.snapshot({ peers: EVERYBODY })).forEach(text => wrong.add(text))
  for (const [module, count] of Object.entries(lifecycle.stats().faults)) wrong.add(`${module} failed ${count} times`)
  if (registry.status().gaterFaults > 0) wrong.add('the gater failed')
}

/** The sockets of the listeners as the transport tracks them, by the shape of @libp2p/tcp 11.0.28 */
function tracked (): Set<Socket> {
  return new Set(listeners.flatMap(listener => [...(listener as Listener & { readonly sockets: Set<Socket> }).sockets]))
}

async function accepted (): Promise<number> {
  const counts = await Promise.all(listeners.map(async listener => {
    const { server } = listener as Listener & { readonly server: Server }
    return promisify(server.getConnections.bind(server))()
  }))
  return counts.reduce((total, count) => total + count, 0)
}

/** How many sockets this process has open, as the operating system counts them */
function openSockets (): number {
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
    } catch {
      // closed meanwhile: the one with which the directory was read
      return false
    }
  }).length
}

const sum = (values: Readonly<Record<string, number>> | ScopeUsage): number => Object.values(values as Record<string, number>).reduce((total, value) => total + value, 0)

const procedures = {
  async start (init: VictimInit): Promise<{ port: number, peer: string }> {
    node = await create(init)
    node.services.lifecycle.addEventListener('connection:closed', ({ detail: { reason: { refusal } } }) => {
      if (refusal != null) causes[refusal.scope ?? refusal.module] = (causes[refusal.scope ?? refusal.module] ?? 0) + 1
    })
    await node.handle(ECHO_PROTOCOL, echo)
    setInterval(sample, SAMPLE_INTERVAL)
    socketsBefore = openSockets()
    const port = node.getMultiaddrs()[0]?.getComponents().find(({ name }) => name === 'tcp')?.value
    return { port: Number(port), peer: node.peerId.toString() }
  },

  begin (): void { meter.start() },

  end (): MeterReading { return meter.stop() },

  /** Everything that is counted anywhere; all 0 where nobody is connected */
  async held (): Promise<Record<string, number>> {
    const { resourceManager, lifecycle } = theNode().services
    const { system, transient, allowlistedSystem, allowlistedTransient, classes, prefixes, ...named } = resourceManager.snapshot({ peers: EVERYBODY })
    const { records, handshaking, streams } = lifecycle.stats()
    return {
      system: sum(system.usage),
      transient: sum(transient.usage),
      allowlisted: sum(allowlistedSystem.usage) + sum(allowlistedTransient.usage),
      named: [...named.peers, ...named.protocols, ...named.services].reduce((total, { usage }) => total + sum(usage), 0),
      inUse: classes.peer.count + classes.protocol.count + classes.service.count + classes['protocol-peer'].count + classes['service-peer'].count,
      prefixes: prefixes.largest.reduce((total, { connections }) => total + connections, 0),
      records: sum(records) + lifecycle.size,
      handshaking: sum(handshaking),
      streams,
      connections: theNode().getConnections().length,
      tracked: tracked().size,
      accepted: await accepted(),
      sockets: Math.max(0, openSockets() - socketsBefore),
      thinking: thinking.size
    }
  },

  seen (): Seen {
    sample()
    const { resourceManager, lifecycle, recount } = theNode().services
    const { system, transient, classes, prefixes } = resourceManager.snapshot({ peers: EVERYBODY })
    const { closed, opened, readied, refused } = lifecycle.stats()
    const peak = ({ peak, limits }: typeof system): Seen['peaks']['system'] => ({
      inbound: [peak.connectionsInbound, limits.connectionsInbound],
      streamsInbound: [peak.streamsInbound, limits.streamsInbound],
      descriptors: [peak.fileDescriptors, limits.fileDescriptors]
    })
    return {
      most: recount.most,
      peaks: { system: peak(system), transient: peak(transient) },
      refusals: { prefix: prefixes.refusals, peer: classes.peer.refusals, transient: classes.transient.refusals, system: classes.system.refusals },
      closed,
      causes,
      opened,
      readied,
      refusedByManager: refused['resourceManager'] ?? 0,
      streamsAdmitted: recount.streams,
      idlePeers: classes.peer.idle,
      prefixes: prefixes.tracked,
      wrong: [...wrong]
    }
  },

  /** How it stands with the gater, and what it says of a peer or an address */
  gate (subject?: string): { status: GaterStatus, strikes: Judge['strikes'] | undefined, rule: Rule | undefined } {
    const { gater } = theNode().services
    return { status: gater.status(), strikes: judge?.strikes, rule: [...gater.rules()].find(rule => rule.subject === subject) }
  },

  /** Strikes so many that nobody has ever seen, each once */
  strikeFresh (count: number, weight: number): void {
    const { gater } = theNode().services
    for (let i = 0; i < count; i++) gater.strike({ peer: `QmX${Array.from(crypto.getRandomValues(new Uint8Array(43)), byte => BASE58.charAt(byte % BASE58.length)).join('')}` }, weight, 'noise')
  },

  /** In bytes, after a garbage collection */
  heap (): number {
    collectGarbage()
    return process.memoryUsage().heapUsed
  },

  /** From now on the gater thinks at this moment, and at no other */
  thinkAt (now: Moment | undefined): void { moment = now },

  /** How many connections it thinks about, and the fewest bytes that one of the tracked sockets has received */
  waiting (): { thinking: number, tracked: number, received: number } {
    const sockets = [...tracked()]
    return { thinking: thinking.size, tracked: sockets.length, received: Math.min(...sockets.map(({ bytesRead }) => bytesRead)) }
  },

  /** Opens files until there is no descriptor left, as the rest of an application may; tells how many */
  async exhaust (): Promise<number> {
    try {
      for (;;) hoard.push(await open('/dev/null'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error
    }
    return hoard.length
  },

  async relax (): Promise<void> {
    await Promise.all(hoard.map(async file => { await file.close() }))
    hoard = []
  },

  /** How many files can be opened now, up to a few */
  async spare (): Promise<number> {
    const files = await Promise.allSettled(Array.from({ length: 8 }, async () => open('/dev/null')))
    const opened = files.flatMap(result => result.status === 'fulfilled' ? [result.value] : [])
    await Promise.all(opened.map(async file => { await file.close() }))
    return opened.length
  }
}

export type Victim = typeof procedures

serve(procedures)
