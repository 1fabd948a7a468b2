import type { Clock } from '@cordon/interface-connection-lifecycle'

export interface ForeignInit {
  readonly clock?: Clock
  readonly random?: () => number
  readonly maxHandshaking?: number
  readonly maxHandshakingPerGroup?: number
  readonly maxHandshakingOutbound?: number
  readonly deadlines?: Partial<typeof DEADLINES>
  readonly closeTimeout?: number
}

const realClock: Clock = {
  now: () => performance.now(),
  schedule: (delay, task) => {
    const timer = setTimeout(task, delay)
    return { cancel: () => { clearTimeout(timer) } }
  }
}

export const DEADLINES = { encrypt: 3_000, multiplex: 2_000, handshake: 4_000, total: 10_000 }

export const DEFAULTS = {
  clock: realClock,
  random: Math.random,
  maxHandshaking: 256,
  maxHandshakingPerGroup: 32,
  maxHandshakingOutbound: 128,
  closeTimeout: 1_000
}

export type ForeignFullInit = typeof DEFAULTS & { readonly deadlines: typeof DEADLINES }
