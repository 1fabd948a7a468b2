import { buildNode, eventually, STACKS, stopAll } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { IMPATIENT, Scene } from './scene.ts'
import type { BaseServices } from '@cordon/testing/node'
import type { Connection, OutboundConnectionUpgradeEvents, Transport, UpgraderOptions } from '@libp2p/interface'
import type { TransportManager, TransportManagerDialOptions } from '@libp2p/interface-internal'
import type { Libp2p, Libp2pOptions } from 'libp2p'

const TIMES = 10

type Options = Libp2pOptions<BaseServices>

/** Upgrades what it accepts as if it had dialled it, which is what both sides of a hole punch do */
function actsAsDialler (options: Options): Options {
  return {
    ...options,
    transports: options.transports?.map(factory => components => {
      const transport: Transport = factory(components)
      const createListener = transport.createListener.bind(transport)

      transport.createListener = init => createListener({
        ...init,
        upgrader: {
          ...init.upgrader,
          createInboundAbortSignal: signal => init.upgrader.createInboundAbortSignal(signal),
          upgradeInbound: async (raw, options) => { await init.upgrader.upgradeOutbound(raw, options as UpgraderOptions<OutboundConnectionUpgradeEvents>) }
        }
      })

      return transport
    }) ?? []
  }
}

/**
 * As DCUtR wants to dial: one of the two has to answer instead of asking. The dial queue of libp2p 3.3 forgets
 * `initiator`, so this asks the transports themselves.
 */
async function dialAsAnswerer ({ node }: Scene, target: Libp2p<BaseServices>): Promise<Connection> {
  const { transportManager } = (node as unknown as { components: { transportManager: TransportManager } }).components
  const [address] = target.getMultiaddrs()
  if (address == null) throw new Error('the other node does not listen')

  const options: TransportManagerDialOptions & { initiator: boolean } = { initiator: false, signal: AbortSignal.timeout(5_000) }

  return transportManager.dial(address, options)
}

describe.each(STACKS)('with noise and yamux of %s', stack => {
  let scene: Scene | undefined

  afterEach(async () => {
    await scene?.stop()
    scene = undefined
    await stopAll()
  })

  it('a dial on which we answer instead of asking, as in a hole punch, is an outbound connection like any other', async () => {
    const other = await buildNode({ transport: 'tcp', stack, compose: actsAsDialler })
    scene = await Scene.start({ transport: 'tcp', stack, lifecycle: IMPATIENT })
    const { lifecycle, ping } = scene.node.services

    for (let n = 0; n < TIMES; n++) {
      const connection = await dialAsAnswerer(scene, other)
      expect(lifecycle.forConnection(connection)).toMatchObject({ direction: 'outbound', state: 'ready', remotePeer: other.peerId })
      await ping.ping(other.peerId, { signal: AbortSignal.timeout(5_000) })
      await connection.close()
      await eventually(() => scene?.node.getConnections(other.peerId).length === 0)
    }

    await scene.expectClean(TIMES)
    await scene.expectAccepts()
  })
})
