import type { SubjectKind } from './subject.ts'
import type { Direction } from '@cordon/interface-connection-lifecycle'

export type RuleAction = 'allow' | 'block'

/** Which connections a rule covers: those that come in, those that we open, or both */
export type RuleDirection = Direction | 'any'

/** Who made a rule: the operator, strikes, or a list from outside */
export type RuleOrigin = 'manual' | 'automatic' | 'list'

/** What an allow rule lifts in the resource manager; see `Lifted` there */
export type LiftedLimit = 'lane' | 'counts' | 'buckets'

/** What goes with a rule */
export interface RuleOptions {
  /**
   * Which connections it covers.
   *
   * @default 'any'
   */
  readonly direction?: RuleDirection | undefined

  /** When it ends, in ms from now; never by default */
  readonly duration?: number | undefined

  /** Why; at most 256 characters. Part of refusals, so a peer may see it in logs of its own */
  readonly reason?: string | undefined

  /** Whatever the operator wants to remember; at most 1,024 characters */
  readonly note?: string | undefined

  /** Which limits of the resource manager it lifts; only for allow rules */
  readonly lifts?: readonly LiftedLimit[] | undefined

  /**
   * Close connections that are open and that a block rule covers.
   *
   * @default true
   */
  readonly close?: boolean | undefined
}

/** A rule as it stood when it was asked for */
export interface Rule {
  /** One for each action, direction and subject: `block any 192.0.2.0/24` */
  readonly id: string
  readonly action: RuleAction
  readonly direction: RuleDirection
  readonly kind: SubjectKind

  /** In its canonical text */
  readonly subject: string
  readonly origin: RuleOrigin

  /** The name of the list, where `origin` is `list` */
  readonly list?: string

  /** In ms since the epoch */
  readonly expires?: number
  readonly reason?: string
  readonly note?: string
  readonly lifts?: readonly LiftedLimit[]

  /** How often it decided */
  readonly hits: number

  /** When it last did, in ms since the epoch, to the second */
  readonly lastHit?: number
}
