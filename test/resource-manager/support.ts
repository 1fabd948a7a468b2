import { allowlistSourceSymbol } from '@cordon/interface-resource-manager'
import { resourceManager } from '@cordon/resource-manager'
import { eventually, stopAll } from '@cordon/testing/node'
import { expect } from 'vitest'
import { guarded } from '../composition/support.ts'
import type { GuardedInit, GuardedNode } from '../composition/support.ts'
import type { Modules } from '@cordon/component-registry'
import type { Refusal } from '@cordon/interface-connection-lifecycle'
import type { AllowlistModule, AllowlistSource, LimitConfig, OpenConnectionOptions, ScopeUsage } from '@cordon/interface-resource-manager'
import type { Machine, ResourceManagerServiceInit, ResourceManagerService } from '@cordon/resource-manager'
import type { Connection, Stream, StreamHandler, StreamMuxer } from '@libp2p/interface'

/** go-libp2p's base limits apply up to here */
const SMALLEST: Machine = { memory: 1, fileDescriptors: 0 }

/** All nodes here are on loopback, which is limited by prefix like any other address */
const NOT_EXEMPT = { '127.0.0.0/8': false, '::1/128': false } as const

export interface ManagedInit extends Omit<GuardedInit, 'modules'> {
  /** What differs from go-libp2p's base limits */
  limits?: LimitConfig

  /** More options of the resource manager */
  manager?: Omit<ResourceManagerServiceInit, 'limits' | 'machine'>

  /** What the node gets in place of the manager, or the manager itself after something was done to it */
  wrap?: (manager: ResourceManagerService) => object

  /** Modules beside the manager */
  siblings?: Modules
}

export interface ManagedNode extends GuardedNode {
  readonly manager: ResourceManagerService
}

/** Without identify and the connection monitor, whose streams nobody asked for */
export const quiet: NonNullable<GuardedInit['options']> = options => ({ ...options, services: undefined, connectionMonitor: { enabled: false } })

/** What is looked at once a test is over; bounded by what one test starts */
const managers: ManagedNode[] = []

/** These limits, with loopback limited as any other address */
export function onLoopback ({ prefixes, ...scopes }: LimitConfig = {}): LimitConfig {
  return { ...scopes, prefixes: { ...prefixes, entries: { ...NOT_EXEMPT, ...prefixes?.entries } } }
}

/** A started node with a resource manager, on TCP and without services by default */
export async function managed ({ limits, manager: init = {}, wrap = manager => manager, siblings = {}, ...rest }: ManagedInit = {}): Promise<ManagedNode> {
  let manager: ResourceManagerService | undefined
  const node = await guarded({
    transport: 'tcp',
    options: quiet,
    ...rest,
    modules: {
      ...siblings,
      resourceManager: (components: Parameters<ReturnType<typeof resourceManager>>[0]) => {
        manager = resourceManager({ machine: SMALLEST, ...init, limits: onLoopback(limits) })(components)
        return wrap(manager)
      }
    }
  })
  if (manager === undefined) throw new Error('the node made no resource manager')
  const result = { ...node, manager }
  managers.push(result)
  return result
}

/** Everything that a node holds in its manager and its lifecycle; faults are steps that threw */
function heldBy ({ manager, lifecycle }: ManagedNode): object {
  const { system, transient, allowlistedSystem, allowlistedTransient, prefixes: { largest } } = manager.snapshot()
  const { services, protocols, peers } = manager.stat()
  const { streams, faults } = lifecycle.stats()
  return {
    usage: [system, transient, allowlistedSystem, allowlistedTransient].map(({ usage }) => usage),
    named: [...services.keys(), ...protocols.keys(), ...peers.keys(), ...largest.map(({ name }) => name)],
    records: lifecycle.size,
    streams,
    faults
  }
}

export const NOTHING: ScopeUsage = { connectionsInbound: 0, connectionsOutbound: 0, streamsInbound: 0, streamsOutbound: 0, fileDescriptors: 0, memory: 0 }

/** Cuts every connection, sees that nothing is held of any, and stops the nodes; to be called after each test */
export async function expectNothingHeld (): Promise<void> {
  const nodes = managers.splice(0)
  try {
    for (const connection of nodes.flatMap(({ node }) => node.getConnections())) connection.abort(new Error('the test is over'))
    await eventually(() => {
      for (const node of nodes) {
        expect(heldBy(node)).toEqual({ usage: [NOTHING, NOTHING, NOTHING, NOTHING], named: [], records: 0, streams: 0, faults: {} })
      }
    })
  } finally {
    await stopAll()
  }
}

/** Resolves once a node has this many ready connections */
export async function ready ({ lifecycle }: GuardedNode, count: number): Promise<void> {
  await eventually(() => lifecycle.stats().records.ready === count)
}

/** Why connections were refused, in order */
export function refusals ({ events }: GuardedNode): Refusal[] {
  return events.flatMap(event => event.type === 'connection:refused' ? [event.refusal] : [])
}

export const PROTOCOL = '/cordon-test/1.0.0'

export const echo: StreamHandler = async stream => {
  for await (const bytes of stream) stream.send(bytes)
  await stream.close()
}

export async function open (connection: Connection, protocol = PROTOCOL): Promise<Stream> {
  return connection.newStream(protocol, { maxOutboundStreams: 10_000 })
}

/** A stream that never asks for a protocol */
export async function openMute (connection: Connection): Promise<Stream> {
  return (connection as unknown as { muxer: StreamMuxer }).muxer.createStream({})
}

/** Says something, and resolves with the length of the answer once the other side is done; rejects when the stream is reset */
export async function talk (stream: Stream): Promise<number> {
  let length = 0
  const read = (async () => {
    for await (const bytes of stream) length += bytes.byteLength
  })()
  stream.send(new Uint8Array(10))
  await stream.close()
  await read
  return length
}

/** A handler that works on each stream until it is told to stop */
export function hanging (): { handler: StreamHandler, entered: Stream[], release: () => void } {
  const entered: Stream[] = []
  const released = Promise.withResolvers<true>()
  return {
    handler: async stream => {
      entered.push(stream)
      await released.promise
    },
    entered,
    release: () => { released.resolve(true) }
  }
}

/** A module that knows whom the operator trusts */
export function trusting (source: AllowlistSource): () => AllowlistModule {
  return () => ({ [allowlistSourceSymbol]: source })
}

/** What a manager was asked about one connection or stream */
export interface Asked {
  readonly kind: 'connection' | 'stream'
  readonly direction: string
  readonly options: OpenConnectionOptions
  /** What was then asked of the scope, in order */
  readonly calls: string[]
}

type Method = (...args: unknown[]) => unknown

/** Writes down what a manager is asked from now on, and what it admitted */
export function witness (manager: ResourceManagerService): Asked[] {
  const asked: Asked[] = []
  const follow = (scope: object, calls: string[]): void => {
    for (const name of ['setPeer', 'setProtocol', 'setService', 'release', 'cancel']) {
      const original = (scope as Record<string, Method | undefined>)[name]
      if (original === undefined) continue
      Object.defineProperty(scope, name, {
        value: (...args: unknown[]) => {
          calls.push([name, ...args].join(' '))
          return original.apply(scope, args)
        }
      })
    }
  }
  const watch = (kind: Asked['kind'], name: 'openConnection' | 'openStream', read: (args: unknown[]) => Pick<Asked, 'direction' | 'options'>): void => {
    const original = manager[name].bind(manager) as Method
    Object.defineProperty(manager, name, {
      value: (...args: unknown[]) => {
        const result = original(...args) as object
        const calls: string[] = []
        asked.push({ kind, ...read(args), calls })
        follow(result, calls)
        return result
      }
    })
  }
  watch('connection', 'openConnection', ([direction, options]) => ({ direction: String(direction), options: options as OpenConnectionOptions }))
  watch('stream', 'openStream', ([, direction]) => ({ direction: String(direction), options: {} }))
  return asked
}
