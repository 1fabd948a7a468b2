/**
 * @packageDocumentation
 *
 * The contract of the spine. A module that wants a say in the life of connections implements `Participant` and
 * shows it under `participantSymbol`; another lifecycle implements `ConnectionLifecycle`. Applications rarely need
 * this package: they use `@cordon/cordon`.
 *
 * @example Refuse every connection that comes through a relay
 *
 * ```ts
 * import { participantSymbol, type ParticipantModule } from '@cordon/interface-connection-lifecycle'
 *
 * export const noRelays = () => (): ParticipantModule => ({
 *   [participantSymbol]: {
 *     stage: 'gate',
 *     opened: record => record.address.class === 'relayed'
 *       ? { code: 'blocked', module: 'no-relays', message: 'relayed connections are not welcome here' }
 *       : undefined
 *   }
 * })
 * ```
 */

export { isConnectionLifecycle } from './lifecycle.ts'
export { boundsConnectionsSymbol, isBoundsConnectionsModule, isParticipantModule, isReadinessModule, participantSymbol, readinessSymbol, STAGES } from './participant.ts'
export { isRefusal } from './refusal.ts'
export { lifecycleDriverSymbol } from './driver.ts'
export { AlreadyAttachedError, ConnectionRefusedError, HandshakeTimeoutError, InvalidTransitionError, StreamRefusedError, WrongPeerError } from './errors.ts'
export type { AddressClass, NormalisedAddress } from './address.ts'
export type { Clock, ScheduleOptions, Timer } from './clock.ts'
export type { LifecycleDriver, LifecycleHost, NamedParticipant, RawConnection } from './driver.ts'
export type { LifecycleEvent, LifecycleEvents, MonitorEvent } from './events.ts'
export type { ConnectionLifecycle, LifecycleStats, Maintained, MaintainOptions, MonitorOptions, ShedOptions } from './lifecycle.ts'
export type { BoundsConnectionsModule, DialTarget, Participant, ParticipantModule, ReadinessModule, Stage } from './participant.ts'
export type { CloseCode, CloseOptions, CloseReason, ConnectionRecord, ConnectionState, Direction, HandshakePhase, StreamRecord } from './record.ts'
export type { Refusal } from './refusal.ts'
