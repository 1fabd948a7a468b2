/**
 * @packageDocumentation
 *
 * Makes a js-libp2p 3.x node safe to run among strangers: wrap the options of `createLibp2p` in `cordon()`. Every
 * connection gets an owner and deadlines, and what strangers may spend gets limits. A node that only ever talks to
 * itself in a test does not need it.
 *
 * @example A guarded node
 *
 * ```ts run
 * import { noise } from '@chainsafe/libp2p-noise'
 * import { yamux } from '@chainsafe/libp2p-yamux'
 * import { cordon } from '@cordon/cordon'
 * import { tcp } from '@libp2p/tcp'
 * import { createLibp2p } from 'libp2p'
 *
 * const node = await createLibp2p(cordon({
 *   addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
 *   transports: [tcp()],
 *   connectionEncrypters: [noise()],
 *   streamMuxers: [yamux()]
 * }))
 *
 * console.info(node.services.lifecycle.stats())
 * console.info(node.services.resourceManager.snapshot().system)
 * await node.stop()
 * ```
 *
 * @example Limits of your own
 *
 * ```ts
 * import { cordon } from '@cordon/cordon'
 * import { resourceManager } from '@cordon/resource-manager'
 *
 * export const options = cordon({}, {
 *   resourceManager: resourceManager({ limits: { system: { connectionsInbound: 500, connections: 600 } } })
 * })
 * ```
 */

import { compose } from '@cordon/component-registry'
import { withDefaults } from './defaults.ts'
import type { Defaults } from './defaults.ts'
import type { Composed, ModuleFactory, RegistryInit } from '@cordon/component-registry'
import type { ServiceMap } from '@libp2p/interface'
import type { Libp2pOptions } from 'libp2p'

/**
 * What may be given in place of the defaults: another implementation of the same interface, or `false` to leave a
 * module out (the lifecycle cannot be left out), and factories of modules of your own under names of their own.
 */
export type Overrides<M> = {
  [K in keyof M]: K extends keyof Defaults ? Defaults[K] | (K extends 'lifecycle' ? never : false) | undefined : ModuleFactory
}

/** The modules that a node gets: the defaults, less what was switched off, with what was put in their place */
export type Chosen<M> = {
  [K in keyof Defaults]: K extends keyof M ? (M[K] extends undefined ? Defaults[K] : M[K]) : Defaults[K]
} & Omit<M, keyof Defaults>

/**
 * Returns options for `createLibp2p` that make a guarded node. What was given is neither changed nor frozen; the
 * result belongs to one node. The modules are found in `node.services`, beside your own services.
 *
 * @param options - any options of `createLibp2p`
 * @param modules - what to use in place of the defaults, such as `{ lifecycle: connectionLifecycle({ maxHandshaking: 64 }) }`,
 *   or `false` to leave one out
 * @param init - how the registry itself behaves
 * @throws {ComposeError} when a name is taken or misspelt, or a value is not a module
 * @throws {InvalidParametersError} when a value in `init` is out of range
 */
export function cordon<T extends ServiceMap = Record<never, never>, const M extends Overrides<M> = Record<never, never>> (
  options: Libp2pOptions<T> = {}, modules?: M, init?: RegistryInit): Composed<T, Chosen<M>> {
  return compose(options, withDefaults(modules), init) as Composed<T, Chosen<M>>
}

export type { Defaults, GaterPart, ResourceManagerPart } from './defaults.ts'
