import { connectionLifecycle } from '@cordon/connection-lifecycle'
import { cordon } from '@cordon/cordon'
import { participantSymbol } from '@cordon/interface-connection-lifecycle'
import { buildNode, eventually } from '@cordon/testing/node'
import { multiaddr } from '@multiformats/multiaddr'
import type { Modules, RegistryInit } from '@cordon/component-registry'
import type { ConnectionLifecycleInit } from '@cordon/connection-lifecycle'
import type { Registry } from '@cordon/interface-component-registry'
import type { CloseReason, ConnectionLifecycle, LifecycleEvent, Participant, Refusal } from '@cordon/interface-connection-lifecycle'
import type { BaseServices, Stack, TransportName } from '@cordon/testing/node'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Libp2p, Libp2pOptions } from 'libp2p'

/** The services of the nodes that are built here */
export type Guarded = BaseServices & { lifecycle: ConnectionLifecycle, registry: Registry }

export interface GuardedInit {
  /** @default 'memory' */
  transport?: TransportName | readonly TransportName[]
  stack?: Stack
  listen?: boolean

  /** Takes part in everything, as the only module besides the lifecycle */
  participant?: Partial<Participant>

  /** More of that module, such as that it decides about readiness */
  module?: object

  lifecycle?: ConnectionLifecycleInit

  /** Further modules by name, or others in the place of the defaults */
  modules?: Modules
  init?: RegistryInit

  /** The last word on the options before they are composed */
  options?: (options: Libp2pOptions<BaseServices>) => Libp2pOptions<BaseServices>
}

export interface GuardedNode {
  readonly node: Libp2p<Guarded>
  readonly lifecycle: ConnectionLifecycle
  readonly registry: Registry

  /** All that was told so far */
  readonly events: LifecycleEvent[]

  /** Why connections ended so far */
  readonly reasons: CloseReason[]
}

const EVENTS = [
  'connection:opened', 'connection:identified', 'connection:ready', 'connection:refused', 'handshake:failed', 'connection:closed',
  'reconnect:scheduled', 'reconnect:failed'
] as const

/** A started node with the lifecycle and one more module */
export async function guarded ({ transport = 'memory', stack = 'libp2p', listen = true, participant = {}, module = {}, lifecycle: of = {}, modules = {}, init = {}, options: last = options => options }: GuardedInit = {}): Promise<GuardedNode> {
  const node = await buildNode({
    transport,
    stack,
    listen,
    compose: options => cordon(last(options), {
      lifecycle: connectionLifecycle(of),
      mine: () => ({ ...module, [participantSymbol]: { stage: 'account', ...participant } }),
      ...modules
    }, init)
  })
  const { lifecycle, registry } = node.services
  const events: LifecycleEvent[] = []
  const reasons: CloseReason[] = []

  for (const type of EVENTS) {
    lifecycle.addEventListener(type, event => {
      events.push(event.detail)
      if (event.detail.type === 'connection:closed') reasons.push(event.detail.reason)
    })
  }

  return { node, lifecycle, registry, events, reasons }
}

/** Where a node listens, without who it is */
export function addressOf ({ node }: GuardedNode): Multiaddr {
  const address = node.getMultiaddrs().find(ma => ma.getComponents().every(({ name }) => name !== 'p2p-circuit'))
  if (address == null) throw new Error('it does not listen')

  return multiaddr(address.toString().replace(/\/p2p\/[^/]+$/, ''))
}

/** A refusal, as a module would make it */
export function refusal (more: Partial<Refusal> = {}): Refusal {
  return { code: 'blocked', module: 'mine', message: 'not today', ...more }
}

/** What a promise rejects with, and nothing if it does not */
export async function failureOf (promise: Promise<unknown>): Promise<unknown> {
  return promise.then(() => undefined, (error: unknown) => error)
}

/** The error of this name in an error, its causes and its members */
export function findError (error: unknown, name: string): Error | undefined {
  if (!(error instanceof Error)) return undefined
  if (error.name === name) return error
  const members = error instanceof AggregateError ? error.errors as unknown[] : []

  return [...members, error.cause].map(inner => findError(inner, name)).find(found => found != null)
}

/** Resolves once nothing is left of any connection or stream */
export async function released (...nodes: GuardedNode[]): Promise<void> {
  await eventually(() => nodes.every(({ lifecycle }) => lifecycle.size === 0 && lifecycle.stats().streams === 0))
}
