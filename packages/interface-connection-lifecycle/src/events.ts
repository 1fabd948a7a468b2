import type { CloseReason, ConnectionRecord } from './record.ts'
import type { Refusal } from './refusal.ts'
import type { PeerId } from '@libp2p/interface'

/**
 * What happened to a connection, told after it is complete. A connection refused at `opened` has only
 * `connection:refused`; one that is refused later has `connection:refused`, then `connection:closed`.
 * Every `connection:opened` has exactly one `connection:closed`.
 */
export type LifecycleEvent =
  { readonly type: 'connection:opened', readonly record: ConnectionRecord } |
  { readonly type: 'connection:identified', readonly record: ConnectionRecord } |
  { readonly type: 'connection:ready', readonly record: ConnectionRecord } |
  { readonly type: 'connection:refused', readonly record: ConnectionRecord, readonly refusal: Refusal } |
  { readonly type: 'handshake:failed', readonly record: ConnectionRecord, readonly error: Error } |
  { readonly type: 'connection:closed', readonly record: ConnectionRecord, readonly reason: CloseReason } |
  { readonly type: 'reconnect:scheduled', readonly peer?: PeerId, readonly attempt: number, /** in ms */ readonly delay: number } |
  { readonly type: 'reconnect:failed', readonly peer?: PeerId, readonly attempts: number, readonly error: Error }

/** The same, as events whose `detail` is the member of the union */
export type LifecycleEvents = {
  [E in LifecycleEvent as E['type']]: CustomEvent<E>
}

/** What the async iterator yields: every event, and how many were dropped because the reader was too slow */
export type MonitorEvent = LifecycleEvent | { readonly type: 'monitor:dropped', readonly count: number }
