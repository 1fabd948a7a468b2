import { eventually, hostilePeer } from '@cordon/testing/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { IMPATIENT, Scene } from '../e2e/scene.ts'
import { foreignLifecycle } from './foreign-lifecycle.ts'
import type { HostileKind } from '@cordon/testing/node'

const KINDS: readonly HostileKind[] = ['a1', 'b', 'c1', 'c2', 'c3', 'd1', 'd3', 'd4', 'd5']

describe.each(['tcp', 'ws'] as const)('a node over %s with a foreign lifecycle', transport => {
  let scene: Scene

  beforeAll(async () => {
    scene = await Scene.start({ transport, stack: 'libp2p', lifecycle: IMPATIENT, foreign: init => foreignLifecycle(init) })
  })

  afterAll(async () => { await scene.stop() })

  it('is the one that was put in', () => {
    expect(scene.node.services.lifecycle).toMatchObject({ [Symbol.toStringTag]: '@cordon/foreign-lifecycle' })
  })

  it.each(KINDS)('endures %s', async kind => {
    scene.mark()
    const peer = hostilePeer({ kind, transport, port: scene.port, victim: scene.node })
    await peer.strike(10)
    expect(peer.lastError).toBeUndefined()
    await eventually(() => peer.live === 0)
    await peer.stop()
    await scene.expectClean(10)
    await scene.expectAccepts()
  })
})
