import { connectionLifecycle } from '@cordon/connection-lifecycle'
import { cordon } from '@cordon/cordon'
import { infiniteLimits, resourceManager } from '@cordon/resource-manager'
import { buildNode, countingClock, eventually, handleCounts, handlesSince, portOf, within } from '@cordon/testing/node'
import { expect } from 'vitest'
import { Audit } from './audit.ts'
import type { RegistryInit } from '@cordon/component-registry'
import type { ConnectionLifecycleInit } from '@cordon/connection-lifecycle'
import type { GaterPart } from '@cordon/cordon'
import type { Registry } from '@cordon/interface-component-registry'
import type { ConnectionLifecycle } from '@cordon/interface-connection-lifecycle'
import type { ResourceManagerService } from '@cordon/resource-manager'
import type { BaseServices, CountingClock, HandleCounts, Stack, TransportName } from '@cordon/testing/node'
import type { ConnectionGater, Libp2pEvents } from '@libp2p/interface'
import type { Libp2p, Libp2pOptions } from 'libp2p'

/** For scenes in which connections stall until they are cut, in ms; long enough that an honest one gets through on a busy machine */
export const IMPATIENT: ConnectionLifecycleInit = { deadlines: { encrypt: 1_500, multiplex: 1_500, handshake: 1_500, total: 3_000 } }

export interface SceneInit {
  readonly transport: TransportName
  readonly stack: Stack
  readonly gater?: ConnectionGater
  readonly lifecycle?: ConnectionLifecycleInit
  /** Another lifecycle than ours */
  readonly foreign?: (init: ConnectionLifecycleInit) => () => ConnectionLifecycle
  readonly registry?: RegistryInit
  /** Where the guarded node listens, if not where its transport does by default */
  readonly listen?: string[]
  /** The last word on the options of both nodes, before the guarded one is composed */
  readonly options?: (options: Libp2pOptions<BaseServices>) => Libp2pOptions<BaseServices>
}

export type GuardedServices = BaseServices & { lifecycle: ConnectionLifecycle, gater: GaterPart, resourceManager: ResourceManagerService, registry: Registry, audit: Audit }

/** Makes a node with a lifecycle, and with an audit of everything that passes it */
export function guard (init: Omit<SceneInit, 'transport' | 'stack'>, clock: CountingClock, audit: Audit) {
  return (options: Libp2pOptions<BaseServices>): Libp2pOptions<GuardedServices> => cordon(
    {
      ...init.options?.(options) ?? options,
      ...(init.gater == null ? {} : { connectionGater: init.gater }),
      ...(init.listen == null ? {} : { addresses: { listen: init.listen } })
    },
    {
      lifecycle: (init.foreign ?? connectionLifecycle)({ clock, ...init.lifecycle }),
      // what ends a connection here is the lifecycle: on a small machine there would be no room for 200 that stall
      resourceManager: resourceManager({ limits: infiniteLimits }),
      audit: () => audit
    },
    init.registry
  )
}

/** What a guarded node holds at one moment */
interface Held {
  readonly live: number
  readonly streams: number
  readonly size: number
  readonly connections: number
  readonly timers: number
  readonly handles: HandleCounts
}

/** A guarded node, an honest peer of it, and what both held before the others came */
export class Scene {
  readonly node: Libp2p<GuardedServices>
  readonly audit: Audit
  readonly #honest: Libp2p<BaseServices>
  readonly #transport: TransportName
  readonly #clock: CountingClock
  readonly #events = { open: 0, close: 0 }
  #before: Held

  private constructor (node: Libp2p<GuardedServices>, honest: Libp2p<BaseServices>, transport: TransportName, clock: CountingClock) {
    this.node = node
    this.audit = node.services.audit
    this.#honest = honest
    this.#transport = transport
    this.#clock = clock
    this.#before = this.#held()
    const count = (type: 'connection:open' | 'connection:close', key: 'open' | 'close'): void => {
      node.addEventListener(type satisfies keyof Libp2pEvents, () => { this.#events[key]++ })
    }
    count('connection:open', 'open')
    count('connection:close', 'close')
  }

  static async start (init: SceneInit): Promise<Scene> {
    const { transport, stack } = init
    const clock = countingClock()
    const node = await buildNode<GuardedServices>({ transport, stack, compose: guard(init, clock, new Audit()) })
    if (init.listen != null) await eventually(() => node.getMultiaddrs().length > 0)
    const honest = await buildNode({ transport, stack, listen: false, ...(init.options == null ? {} : { compose: init.options }) })
    const scene = new Scene(node, honest, transport, clock)
    // what is loaded and opened once is not to be taken for a leak
    if (init.gater == null) await scene.#comeAndGo()
    scene.mark()
    return scene
  }

  get port (): number {
    return portOf(this.node, this.#transport === 'ws' ? 'ws' : 'tcp')
  }

  /** From here on counts what is held */
  mark (): void {
    this.audit.reset()
    this.#events.open = this.#events.close = 0
    this.#before = this.#held()
  }

  #held (): Held {
    const { audit: { live, streams }, node } = this
    const { size } = node.services.lifecycle
    return { live, streams, size, connections: node.getConnections().length, timers: this.#clock.pending, handles: handleCounts() }
  }

  /** All that came is gone, and nothing is left of it */
  async expectClean (minimum: number): Promise<void> {
    const { audit, node } = this
    const { handles, ...before } = this.#before
    await eventually(() => {
      expect(this.#held()).toMatchObject(before)
    }, { deadline: 8_000 })
    expect(audit.opened).toBeGreaterThanOrEqual(minimum)
    expect(audit.closed).toBe(audit.opened)
    expect(audit.doubles).toBe(0)
    expect([...node.services.lifecycle.records()]).toHaveLength(before.live)
    const { streams, records, faults } = node.services.lifecycle.stats()
    expect([streams, records, faults]).toEqual([before.streams, { new: 0, handshaking: 0, ready: before.live, closed: 0 }, {}])
    expect(this.#events.close).toBe(this.#events.open)
    await eventually(() => { expect(handlesSince(handles)).toEqual({}) }, { deadline: 8_000 })
  }

  /** An honest peer connects, is answered and leaves */
  async expectAccepts (): Promise<void> {
    await this.#comeAndGo()
  }

  async #comeAndGo (): Promise<void> {
    const { node } = this
    expect(await this.#honest.services.ping.ping(node.getMultiaddrs(), { signal: AbortSignal.timeout(3_000) })).toBeGreaterThanOrEqual(0)
    await this.#honest.hangUp(node.peerId)
    await eventually(() => node.services.lifecycle.forPeer(this.#honest.peerId).length === 0)
  }

  async stop (): Promise<void> {
    await within(5_000, 'stopping the node', Promise.resolve(this.node.stop()))
    await within(5_000, 'stopping the honest peer', Promise.resolve(this.#honest.stop()))
    expect(this.#clock.pending).toBe(0)
  }
}
