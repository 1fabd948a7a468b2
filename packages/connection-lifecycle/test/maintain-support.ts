import { bench, PEERS, settle } from './support.ts'
import type { Bench, BenchInit } from './support.ts'
import type { CloseReason, ConnectionRecord, Refusal } from '@cordon/interface-connection-lifecycle'
import type { AbortOptions } from '@libp2p/interface'

export const [PEER, OTHER] = PEERS
export const BUSY = new Error('ECONNREFUSED')
export const EVICTED: CloseReason = { code: 'evicted', by: 'local' }

export function barred (permanent: boolean): Refusal {
  return { code: 'blocked', module: 'rules', message: 'no', permanent }
}

interface Dial {
  readonly target: unknown
  readonly signal: AbortSignal
  resolve (): void
  reject (error: unknown): void
}

export interface Net extends Bench {
  readonly dials: Dial[]
  /** The dial in flight fails */
  fail (error?: unknown): Promise<void>
  /** The dial in flight succeeds: there is a ready outbound connection */
  succeed (): Promise<ConnectionRecord>
  /** Its peer is maintained, and the connection that led to was closed by us */
  closed (reason: CloseReason): Promise<void>
  /** Only the events of reconnecting */
  told (): Array<Record<string, unknown>>
}

export function net (init: BenchInit = {}): Net {
  const dials: Dial[] = []
  const made = bench({
    ...init,
    host: {
      dial: (target: unknown, options: AbortOptions) => new Promise<void>((resolve, reject) => {
        dials.push({ target, signal: options.signal as AbortSignal, resolve, reject })
      }),
      ...init.host
    }
  })
  const last = (): Dial => dials.at(-1) as Dial
  const succeed = async (): Promise<ConnectionRecord> => {
    const { record } = made.ready(PEER, 'outbound')
    last().resolve()
    await settle()
    return record
  }
  return Object.assign(made, {
    dials,
    fail: async (error: unknown = BUSY) => {
      last().reject(error)
      await settle()
    },
    succeed,
    closed: async (reason: CloseReason) => {
      made.lifecycle.maintain(PEER)
      const record = await succeed()
      void record.close(reason)
      made.lifecycle.lost(record, {})
    },
    told: () => made.events.filter(event => event.type.startsWith('reconnect')).map(event => Object.fromEntries(Object.entries(event).filter(([key]) => key !== 'peer')))
  })
}

/** A node that has started */
export function started (init?: BenchInit): Net {
  const made = net(init)
  made.lifecycle.afterStart()
  return made
}
