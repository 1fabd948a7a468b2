import { count, duration, func, lazy, methods, object, optional, parseOptions, section, show, where } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'
import { CLOSE_TIMEOUT, DEADLINES, MAINTAIN, MAX_HANDSHAKING, MAX_HANDSHAKING_OUTBOUND, MAX_HANDSHAKING_PER_GROUP, MAX_MAINTAINED, MONITOR_BUFFER, NAME } from './constants.ts'
import type { Random } from './backoff.ts'
import type { Clock } from '@cordon/interface-connection-lifecycle'
import type { Schema } from '@cordon/options'

/** The options with every default filled in */
export interface Options {
  readonly maxHandshaking: number
  readonly maxHandshakingPerGroup: number
  readonly maxHandshakingOutbound: number
  readonly deadlines: Readonly<Record<'encrypt' | 'multiplex' | 'handshake' | 'total', number>>
  readonly closeTimeout: number
  readonly maxMaintained: number
  readonly clock?: Clock
  readonly random?: Random
}

/** How one peer is kept connected */
export interface RetryOptions {
  readonly minDelay: number
  readonly maxDelay: number
  readonly stableAfter: number
  readonly maxAttempts: number
  readonly signal?: AbortSignal
}

/** How one reader reads events */
export interface ReaderOptions {
  readonly bufferSize: number
  readonly signal?: AbortSignal
}

const lifecycleSchema: Schema<Options> = lazy(() => where(object({
  maxHandshaking: optional(count(), MAX_HANDSHAKING),
  maxHandshakingPerGroup: optional(count(), MAX_HANDSHAKING_PER_GROUP),
  maxHandshakingOutbound: optional(count(), MAX_HANDSHAKING_OUTBOUND),
  deadlines: section({
    encrypt: optional(duration(), DEADLINES.encrypt),
    multiplex: optional(duration(), DEADLINES.multiplex),
    handshake: optional(duration(), DEADLINES.handshake),
    total: optional(duration(), DEADLINES.total)
  }),
  closeTimeout: optional(duration(), CLOSE_TIMEOUT),
  maxMaintained: optional(count(), MAX_MAINTAINED),
  clock: optional(methods<Clock>('now', 'schedule')),
  random: optional(func<() => number>())
}), ({ deadlines }) => {
  const late = (['encrypt', 'multiplex', 'handshake'] as const).find(phase => deadlines[phase] > deadlines.total)
  return late == null ? undefined : `deadlines.${late} must be at most deadlines.total, got ${deadlines[late]} and ${deadlines.total}; they are ${DEADLINES[late]} and ${DEADLINES.total} where nothing is said`
}))

const signal = (): Schema<AbortSignal> => methods('throwIfAborted', 'addEventListener', 'removeEventListener')

const retrySchema: Schema<RetryOptions> = lazy(() => where(object({
  signal: optional(signal()),
  minDelay: optional(duration(), MAINTAIN.minDelay),
  maxDelay: optional(duration(), MAINTAIN.maxDelay),
  stableAfter: optional(duration(), MAINTAIN.stableAfter),
  maxAttempts: optional(count({ unbounded: true }), MAINTAIN.maxAttempts)
}), ({ minDelay, maxDelay }) => minDelay > maxDelay ? `minDelay must be at most maxDelay, got ${minDelay} and ${maxDelay}; they are ${MAINTAIN.minDelay} and ${MAINTAIN.maxDelay} where nothing is said` : undefined))

const monitorSchema: Schema<ReaderOptions> = lazy(() => object({
  signal: optional(signal()),
  bufferSize: optional(count(), MONITOR_BUFFER)
}))

/**
 * Validates the options of a lifecycle.
 *
 * @throws {InvalidParametersError} with the path and the value of the first option that is wrong
 */
export function parseInit (init: unknown): Options {
  return parseOptions(lifecycleSchema, NAME, init)
}

/**
 * Validates the options of `maintain`.
 *
 * @throws {InvalidParametersError} with the path and the value of the first option that is wrong
 */
export function parseRetry (options: unknown): RetryOptions {
  return parseOptions(retrySchema, `${NAME}.maintain`, options)
}

/**
 * Validates the options of `monitor`.
 *
 * @throws {InvalidParametersError} with the path and the value of the first option that is wrong
 */
export function parseMonitor (options: unknown): ReaderOptions {
  return parseOptions(monitorSchema, `${NAME}.monitor`, options)
}

/** @throws {InvalidParametersError} when it is none */
export function checkDirection (value: unknown): void {
  if (value !== 'inbound' && value !== 'outbound') {
    throw new InvalidParametersError(`a direction must be "inbound" or "outbound", got ${show(value)}`)
  }
}
