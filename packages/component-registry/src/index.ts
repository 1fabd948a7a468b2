/**
 * @packageDocumentation
 *
 * Puts Cordon's modules, or yours, into an unmodified libp2p 3.x node. Use `@cordon/cordon` for the usual set;
 * use this package to choose every module yourself.
 *
 * @example A node with a lifecycle and nothing else
 *
 * ```ts
 * import { noise } from '@chainsafe/libp2p-noise'
 * import { yamux } from '@chainsafe/libp2p-yamux'
 * import { compose } from '@cordon/component-registry'
 * import { connectionLifecycle } from '@cordon/connection-lifecycle'
 * import { tcp } from '@libp2p/tcp'
 * import { createLibp2p } from 'libp2p'
 *
 * const node = await createLibp2p(compose({
 *   transports: [tcp()],
 *   connectionEncrypters: [noise()],
 *   streamMuxers: [yamux()]
 * }, {
 *   lifecycle: connectionLifecycle({ maxHandshaking: 64 })
 * }))
 *
 * console.info(node.services.lifecycle.stats(), node.services.registry.status())
 * await node.stop()
 * ```
 */

import { composeOptions } from './compose.ts'
import type { Composed, Modules, RegistryInit } from './types.ts'
import type { ServiceMap } from '@libp2p/interface'
import type { Libp2pOptions } from 'libp2p'

/**
 * Returns options for `createLibp2p` that make a node with these modules. What was given is neither changed nor
 * frozen; the result belongs to one node.
 *
 * @param options - any options of `createLibp2p`
 * @param modules - factories by the name under which the modules will be found in `node.services`; one of them makes a connection lifecycle
 * @param init - how the registry itself behaves
 * @throws {ComposeError} when a name is taken or a value is not a module; what shows only once modules exist (a missing or circular dependency, a factory that makes nothing) rejects `createLibp2p` before anything starts
 * @throws {InvalidParametersError} when a value in `init` is out of range
 */
export function compose<T extends ServiceMap = Record<never, never>, const M extends Modules = Record<never, never>> (
  options: Libp2pOptions<T>, modules: M, init?: RegistryInit): Composed<T, M> {
  return composeOptions(options as Libp2pOptions, modules, init) as Composed<T, M>
}

export type { Composed, ModuleFactory, Modules, RegistryInit, ServiceOf } from './types.ts'
