import type { Peer, Work } from './peer.ts'
import type { Remote } from '@cordon/bench-harness'

/** A process and the addresses of its nodes */
export interface Side {
  readonly remote: Remote<Peer>
  readonly addrs: readonly string[]
}

/** What one side does to the other for so many seconds */
export type Drive = (from: Side, to: Side, seconds: number) => Promise<Work>

export interface Overhead {
  readonly row: 'connections' | 'streams' | 'bulk'
  /** The least that a composed node reaches of a bare one */
  readonly target: number
  /** How many of what was counted make the number in the row: bulk counts bytes and shows MB */
  readonly unit: number
  /** Compare with a bare node that has the windows of a composed one as well */
  readonly windows?: boolean
  readonly drive: Drive
}

/** Streams at a time: what a busy node has, and enough that neither side waits for the other */
const STREAMS = 16

export const OVERHEADS: readonly Overhead[] = [
  {
    row: 'connections',
    target: 0.97,
    unit: 1,
    drive: async (from, to, seconds) => from.remote.call('connections', [...to.addrs], seconds)
  },
  {
    row: 'streams',
    target: 0.95,
    unit: 1,
    drive: overConnection(async (from, seconds) => from.remote.call('streams', STREAMS, seconds))
  },
  {
    row: 'bulk',
    target: 0.98,
    unit: 1e6,
    windows: true,
    drive: overConnection(async (from, seconds) => from.remote.call('bulk', seconds))
  }
]

function overConnection (work: (from: Side, seconds: number) => Promise<Work>): Drive {
  return async (from, to, seconds) => {
    await from.remote.call('connect', to.addrs[0] ?? '')

    try {
      return await work(from, seconds)
    } finally {
      await from.remote.call('disconnect')
    }
  }
}
