/**
 * @packageDocumentation
 *
 * The contract of the component registry: what a composed node says about how it was wired, at
 * `node.services.registry`. Applications read it; they get the implementation from `@cordon/cordon`.
 *
 * @example Say what was changed and what is not enforced
 *
 * ```ts
 * import type { Registry } from '@cordon/interface-component-registry'
 *
 * export function report (registry: Registry): string[] {
 *   return [
 *     ...registry.adjustments.map(({ option, to, reason }) => `${option} is now ${to}: ${reason}`),
 *     ...registry.status().transports.flatMap(({ transport, gaps }) => gaps.map(gap => `${transport}: ${gap}`))
 *   ]
 * }
 * ```
 */

export { blockListSymbol, isBlockListModule } from './block-list.ts'
export { isRegistry, registrySymbol } from './registry.ts'
export { ComposeError, ComposedOptionsReusedError, ModuleStartError } from './errors.ts'
export type { BlockList, BlockListModule, BlockLists } from './block-list.ts'
export type { Adjustment, ModuleStatus, Registry, RegistryStatus, SocketStatus, TransportStatus } from './registry.ts'
