/**
 * @packageDocumentation
 *
 * The part of the test tools that needs Node: real nodes on loopback, peers that misbehave at each step of an
 * upgrade, and a count of the handles that a test left behind.
 *
 * @example See a stock node hold a silent socket
 *
 * ```ts
 * import { buildNode, eventually, hostilePeer, portOf, stopAll } from '@cordon/testing/node'
 *
 * const node = await buildNode({ transport: 'tcp' })
 * const silent = hostilePeer({ kind: 'b', port: portOf(node, 'tcp') })
 * await silent.strike()
 * await eventually(() => silent.live === 1)
 * await silent.stop()
 * await stopAll()
 * ```
 */

export { buildNode, portOf } from './build-node.node.ts'
export { countingClock } from './counting-clock.ts'
export { eventually, within } from './eventually.ts'
export { handleCounts, handlesSince } from './handle-counts.node.ts'
export { dialler } from './hostile/dialler.node.ts'
export { hostilePeer, RAW_PHASES, UPGRADED_PHASES } from './hostile/hostile-peer.node.ts'
export { closedPort } from './hostile/sockets.node.ts'
export { stallingServer } from './hostile/stalling-server.node.ts'
export { stranger } from './hostile/stranger.node.ts'
export { buildMemoryNode, STACKS, stopAll } from './node-options.ts'
export type { BuildNodeInit, TransportName } from './build-node.node.ts'
export type { CountingClock } from './counting-clock.ts'
export type { EventuallyOptions } from './eventually.ts'
export type { HandleCounts } from './handle-counts.node.ts'
export type { Dialler, DiallerInit } from './hostile/dialler.node.ts'
export type { HostileCounts, HostileKind, HostilePeer, HostilePeerInit } from './hostile/hostile-peer.node.ts'
export type { RawPhase } from './hostile/phases.node.ts'
export type { StallingServer, StallingServerInit } from './hostile/stalling-server.node.ts'
export type { Stranger, StrangerInit } from './hostile/stranger.node.ts'
export type { UpgradedPhase } from './hostile/upgraded.node.ts'
export type { BaseServices, CommonInit, Stack } from './node-options.ts'
