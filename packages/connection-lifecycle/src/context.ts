import type { Counters } from './counters.ts'
import type { Log } from './log.ts'
import type { Options } from './options.ts'
import type { Steps } from './participants.ts'
import type { LifecycleRecord } from './record.ts'
import type { RecordTable } from './table.ts'
import type { Clock, DialTarget, LifecycleEvent, Refusal } from '@cordon/interface-connection-lifecycle'

/** Where events go. `wants` comes first, so that without a listener not even the event is made. */
export interface Emitter {
  wants (type: LifecycleEvent['type']): boolean
  emit (event: LifecycleEvent): void
}

/** What happens to connections, as far as peers that are kept connected are concerned */
export interface PeerWatcher {
  /** The participants were asked about a dial */
  asked (target: DialTarget, refusal: Refusal | undefined): void

  /** A peer has connected, and the participants let it in once it was authenticated */
  connected (record: LifecycleRecord): void

  /** A record of an authenticated peer was closed; nothing is released yet */
  closing (record: LifecycleRecord): void

  /** Nothing is dialled any more */
  draining (): void

  /** Everything of that record is released, and told */
  gone (record: LifecycleRecord): void
}

/** Totals since the node was made */
export interface Totals {
  opened: number
  readied: number
  readonly closed: Counters
  readonly refused: Counters
  readonly faults: Counters
}

/** What the parts of one lifecycle share */
export interface Context {
  readonly options: Options
  readonly clock: Clock
  readonly log: Log
  readonly table: RecordTable
  readonly totals: Totals
  readonly events: Emitter
  readonly watcher: PeerWatcher

  /** What ids begin with, so that they are unique among the nodes of a process */
  readonly prefix: string

  /** Replaced once, when the lifecycle is attached */
  steps: Steps
}
