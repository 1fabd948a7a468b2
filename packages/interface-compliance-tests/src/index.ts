/**
 * @packageDocumentation
 *
 * One suite for each Cordon interface. Whoever writes a lifecycle or a module of their own runs the suite against
 * it, as our own implementations do. The suites use `describe` and `it` of vitest, which is a peer dependency, and
 * are called from within a spec file.
 *
 * @example Check a participant of one's own
 *
 * ```ts
 * import { participantSuite } from '@cordon/interface-compliance-tests'
 * import { participantSymbol, type ParticipantModule } from '@cordon/interface-connection-lifecycle'
 *
 * const open = new Set<string>()
 * const module: ParticipantModule = {
 *   [participantSymbol]: {
 *     stage: 'observe',
 *     opened: ({ id }) => { open.add(id); return undefined },
 *     closed: ({ id }) => { open.delete(id) }
 *   }
 * }
 *
 * participantSuite({
 *   setup: async () => ({ module, held: () => open.size }),
 *   teardown: async () => { open.clear() }
 * })
 * ```
 */

export { lifecycleSuite } from './lifecycle-suite.ts'
export { participantSuite } from './participant-suite.ts'
export { resourceManagerSuite } from './resource-manager-suite.ts'
export { admitted, NOTHING, refused, usageOf, use } from './resource-manager/harness.ts'
export { connectionGaterSuite } from './connection-gater-suite.ts'
export type { ConnectionGaterArgs } from './connection-gater-suite.ts'
export type { LifecycleArgs, LifecycleSetup } from './lifecycle/args.ts'
export type { ParticipantSubject } from './participant-suite.ts'
export type { ResourceManagerArgs } from './resource-manager/harness.ts'
export type { TestSetup } from './test-setup.ts'
