import type { Registry } from '@cordon/interface-component-registry'
import type { ServiceMap } from '@libp2p/interface'
import type { Libp2pOptions } from 'libp2p'

/** Makes a module from the components of a node, as any libp2p service is made */
export type ModuleFactory = (components: never) => unknown

/** Modules by the name under which they are found in `node.services`; `false` leaves one out */
export type Modules = Record<string, ModuleFactory | false | undefined>

/** What the factories make, by name */
export type ServiceOf<M> = {
  [K in keyof M as M[K] extends (components: never) => unknown ? K : never]: M[K] extends (components: never) => infer R ? R : never
}

/** Options that make a node with these modules */
export type Composed<T extends ServiceMap, M> = Libp2pOptions<T & ServiceOf<M> & { registry: Registry }>

/** How the registry itself behaves; all durations in ms */
export interface RegistryInit {
  /**
   * How long a method of the user's own gater may take; then the answer is no.
   *
   * @default 250
   */
  gaterTimeout?: number

  /**
   * How long one module may take to start, and as long again for each hook around it.
   *
   * @default 10_000
   */
  startTimeout?: number

  /**
   * How long one module may take to stop, and as long again for each hook around it.
   *
   * @default 5_000
   */
  stopTimeout?: number

  /**
   * How many messages we send to an inbound connection before it is multiplexed. An honest peer needs fewer than ten.
   *
   * @default 32
   */
  maxAnswers?: number

  /**
   * How many sockets below each WebSocket listener may exist that are not yet a raw connection.
   *
   * @default 256
   */
  maxPendingSockets?: number

  /**
   * How many of these may come from one group of addresses: an IPv4 address, an IPv6 /64.
   *
   * @default 32
   */
  maxPendingSocketsPerGroup?: number

  /**
   * How long a socket below a WebSocket listener may exist before it is a raw connection.
   *
   * @default 3_000
   */
  socketTimeout?: number
}
