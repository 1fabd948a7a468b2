import { within } from '../eventually.ts'
import { dialler } from './dialler.node.ts'
import { act } from './phases.node.ts'
import { connectSocket, Sockets } from './sockets.node.ts'
import { connectAndEnd } from './upgraded.node.ts'
import { upgradeSocket } from './websocket.node.ts'
import type { Dialler, DiallerInit } from './dialler.node.ts'
import type { RawPhase } from './phases.node.ts'
import type { UpgradedPhase } from './upgraded.node.ts'
import type { Libp2p } from 'libp2p'

/** What the peer does wrong, and when */
export type HostileKind = RawPhase | UpgradedPhase

export const RAW_PHASES: readonly RawPhase[] = ['a1', 'a2', 'a3', 'b', 'c1', 'c2', 'c3']
export const UPGRADED_PHASES: readonly UpgradedPhase[] = ['d1', 'd2', 'd3', 'd4', 'd5']

export interface HostilePeerInit extends Omit<DiallerInit, 'localAddress'> {
  kind: HostileKind

  /** The address on loopback from which it comes, or one for each strike by its number */
  localAddress?: string | ((strike: number) => string)

  /** Over WebSocket, whether a raw phase begins only after the HTTP upgrade. @default true */
  httpUpgrade?: boolean

  /** The node that is attacked; `d4` and `d5` need it, because there it is that node that ends the connection */
  victim?: Libp2p

  /** How many strikes run at once. @default 8 */
  concurrency?: number
}

export interface HostileCounts {
  readonly attempted: number
  /** Has done what its kind says */
  readonly done: number
  /** Was refused or cut off before it could */
  readonly failed: number
}

/** Misbehaves towards one listener, as often as it is told to */
export interface HostilePeer {
  readonly counts: HostileCounts

  /** Sockets that are open now */
  readonly live: number

  /** Why the last strike failed, if one did */
  readonly lastError?: Error

  /** Does it this many times; resolves when each time is done or has failed, and never rejects for that */
  strike (times?: number): Promise<void>

  /** Closes whatever it still holds */
  stop (): Promise<void>
}

/** One strike, by its number, with what is kept between strikes that do not overlap */
interface Weapon {
  readonly live: number
  strike (number: number, lane: number): Promise<void>
  stop (): Promise<void>
}

function rawWeapon (phase: RawPhase, init: HostilePeerInit, deadline: number): Weapon {
  const { host = '127.0.0.1', port, localAddress } = init
  const framed = init.transport === 'ws' && init.httpUpgrade !== false
  const sockets = new Sockets()
  return {
    get live () { return sockets.live },
    strike: async number => {
      const target = { host, port, localAddress: typeof localAddress === 'function' ? localAddress(number) : localAddress }
      const socket = await (framed ? upgradeSocket : connectSocket)(sockets, target, deadline)
      await within(deadline, phase, act(phase, socket, framed))
    },
    stop: async () => { await sockets.stop(deadline) }
  }
}

function upgradedWeapon (phase: UpgradedPhase, init: HostilePeerInit, deadline: number): Weapon {
  const { localAddress } = init
  const lanes = new Map<number, Dialler>()
  return {
    get live () { return [...lanes.values()].reduce((sum, { live }) => sum + live, 0) },
    strike: async (_number, lane) => {
      const from = typeof localAddress === 'function' ? localAddress(lane) : localAddress
      const peer = lanes.get(lane) ?? await dialler({ ...init, localAddress: from, deadline })
      lanes.set(lane, peer)
      await connectAndEnd(phase, peer, init.victim, deadline)
    },
    stop: async () => { await Promise.all([...lanes.values()].map(async peer => { await peer.stop() })) }
  }
}

function isRaw (kind: HostileKind): kind is RawPhase {
  return (RAW_PHASES as readonly string[]).includes(kind)
}

/** A peer that misbehaves in one way; nothing happens before `strike` */
export function hostilePeer (init: HostilePeerInit): HostilePeer {
  const { kind, concurrency = 8, deadline = 5_000 } = init
  const weapon = isRaw(kind) ? rawWeapon(kind, init, deadline) : upgradedWeapon(kind, init, deadline)
  const counts = { attempted: 0, done: 0, failed: 0 }
  let lastError: Error | undefined
  const once = async (lane: number): Promise<void> => {
    try {
      await weapon.strike(counts.attempted++, lane)
      counts.done++
    } catch (err) {
      counts.failed++
      lastError = err instanceof Error ? err : new Error(String(err))
    }
  }
  return {
    get counts () { return { ...counts } },
    get live () { return weapon.live },
    get lastError () { return lastError },
    strike: async (times = 1) => {
      let left = times
      const lanes = Array.from({ length: Math.min(concurrency, times) }, async (_, lane) => {
        while (left-- > 0) await once(lane)
      })
      await Promise.all(lanes)
    },
    stop: async () => { await weapon.stop() }
  }
}
