import { dialler, eventually, hostilePeer, RAW_PHASES, UPGRADED_PHASES } from '@cordon/testing/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { IMPATIENT, Scene } from './scene.ts'
import type { CloseReason } from '@cordon/interface-connection-lifecycle'
import type { Dialler, HostileKind, HostilePeerInit, RawPhase, Stack } from '@cordon/testing/node'
import type { ConnectionGater } from '@libp2p/interface'

/** Connections in each phase */
const TIMES = 200

/** So many addresses that no group of 32 places is full when all of them stall */
const FROM = (strike: number): string => `127.0.1.${1 + strike % 20}`

/** How the records of a phase end */
const REASONS: Partial<Record<HostileKind, CloseReason['code']>> = {
  b: 'deadline', c1: 'upgrade-failed', c2: 'deadline', c3: 'upgrade-failed', d4: 'local-abort', d5: 'local-close'
}

/**
 * How many records there must have been. A socket that is reset may be gone before it is accepted, and before its
 * HTTP upgrade a WebSocket is none that libp2p knows.
 */
function minimum (kind: HostileKind, httpUpgrade: boolean): number {
  if (!httpUpgrade) return 0
  return kind === 'a2' ? 1 : TIMES
}

/** Dials this many times in all with these nodes, each of them one connection after the other */
async function dialAll (diallers: readonly Dialler[], times: number, dial: (peer: Dialler) => Promise<void>): Promise<void> {
  let left = times
  await Promise.all(diallers.map(async peer => {
    while (left-- > 0) await dial(peer)
  }))
}

/** Dials a node that says no; sooner or later the dialler knows */
async function dialInVain (peer: Dialler): Promise<void> {
  try {
    const connection = await peer.dial()
    await eventually(() => connection.status !== 'open')
  } catch {
    // refused before the dial was through
  }
  await eventually(() => peer.live === 0)
}

const DENIALS = ['denyInboundConnection', 'denyInboundEncryptedConnection', 'denyInboundUpgradedConnection'] as const

/** Every phase of an upgrade in which a peer can go wrong, 200 times each, over one transport with one stack */
export function phases (transport: 'tcp' | 'ws', stack: Stack): void {
  describe(`over ${transport} with noise and yamux of ${stack}`, () => {
    async function endure (scene: Scene, init: Omit<HostilePeerInit, 'port'>): Promise<void> {
      scene.mark()
      const peer = hostilePeer({ transport, stack, port: scene.port, localAddress: FROM, ...init })
      try {
        await peer.strike(TIMES)
        expect(peer.lastError).toBeUndefined()
        expect(peer.counts.done).toBe(TIMES)
        // the node ends by itself what the peer does not
        await eventually(() => peer.live === 0, { deadline: 8_000 })
      } finally {
        await peer.stop()
      }
      await scene.expectClean(minimum(init.kind, init.httpUpgrade !== false))
      const reason = REASONS[init.kind]
      if (reason != null && scene.audit.opened > 0) expect(scene.audit.reasons).toEqual({ [reason]: TIMES })
      await scene.expectAccepts()
    }

    describe('peers that never finish the upgrade', () => {
      let scene: Scene

      beforeAll(async () => { scene = await Scene.start({ transport, stack, lifecycle: IMPATIENT, registry: { socketTimeout: 1_000 } }) })
      afterAll(async () => { await scene.stop() })

      it.each(RAW_PHASES)('%s', async kind => { await endure(scene, { kind, concurrency: 40 }) })

      // over TCP there is no such time
      const early: RawPhase[] = transport === 'ws' ? ['a1', 'a2', 'a3', 'b'] : []

      it.each(early)('%s before the HTTP upgrade', async kind => {
        await endure(scene, { kind, concurrency: 40, httpUpgrade: false })
        expect(scene.node.services.registry.status().sockets.pending).toBe(0)
      })
    })

    describe('peers whose upgraded connection ends', () => {
      let scene: Scene

      beforeAll(async () => { scene = await Scene.start({ transport, stack }) })
      afterAll(async () => { await scene.stop() })

      // each of them is a whole node, so fewer at once
      it.each(UPGRADED_PHASES)('%s', async kind => { await endure(scene, { kind, victim: scene.node, concurrency: 8 }) })
    })

    describe('a gater of the user', () => {
      async function withDiallers (scene: Scene, use: (diallers: Dialler[]) => Promise<void>): Promise<void> {
        const diallers = await Promise.all(Array.from({ length: 8 }, async (_, lane) => dialler({ transport, stack, port: scene.port, localAddress: FROM(lane) })))
        try {
          await use(diallers)
        } finally {
          await Promise.all(diallers.map(async peer => { await peer.stop() }))
        }
      }

      it.each(DENIALS)('that says no at %s', async method => {
        let deny = true
        let asked = 0
        const gater: ConnectionGater = { [method]: () => { asked++; return deny } }
        const scene = await Scene.start({ transport, stack, gater })
        await withDiallers(scene, async diallers => { await dialAll(diallers, TIMES, dialInVain) })
        expect(asked).toBe(TIMES)
        await scene.expectClean(TIMES)
        expect(scene.audit.reasons).toEqual({ refused: TIMES })
        deny = false
        await scene.expectAccepts()
        await scene.stop()
      })

      it('that takes 150 ms, while the remote resets', async () => {
        const asked = new Map<string, () => void>()
        let slow = true
        const gater: ConnectionGater = {
          denyInboundEncryptedConnection: async peer => {
            asked.get(peer.toString())?.()
            if (slow) await new Promise(resolve => { setTimeout(resolve, 150) })
            return false
          }
        }
        /** Dials, and is gone while the gater thinks */
        async function dialAndReset (peer: Dialler): Promise<void> {
          const { promise, resolve } = Promise.withResolvers<undefined>()
          asked.set(peer.node.peerId.toString(), () => {
            peer.cut('reset')
            resolve(undefined)
          })
          await Promise.all([promise, dialInVain(peer)])
        }
        const scene = await Scene.start({ transport, stack, gater })
        await withDiallers(scene, async diallers => { await dialAll(diallers, TIMES, dialAndReset) })
        await scene.expectClean(TIMES)
        slow = false
        await scene.expectAccepts()
        await scene.stop()
      })
    })
  })
}
