import { buildNode, eventually, hostilePeer, stopAll } from '@cordon/testing/node'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { generateKey, preSharedKey } from '@libp2p/pnet'
import { afterEach, describe, expect, it } from 'vitest'
import { ENCRYPTER_KINDS, hostileEncrypter } from './hostile-encrypter.ts'
import { IMPATIENT, Scene } from './scene.ts'
import type { SceneInit } from './scene.ts'
import type { BaseServices, TransportName } from '@cordon/testing/node'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Libp2p, Libp2pOptions } from 'libp2p'

const TIMES = 10

type Options = Libp2pOptions<BaseServices>

interface Place {
  readonly transport: TransportName
  /** Options of every node there, and where the guarded one listens */
  prepare (): Promise<Pick<SceneInit, 'options' | 'listen'>>
}

/** @param limited - whether what is relayed is limited to 2 minutes and 128 KiB, as libp2p's relays do by default */
async function overRelay (limited: boolean): Promise<Pick<SceneInit, 'options' | 'listen'>> {
  const relay = await buildNode({
    transport: 'tcp',
    compose: options => ({
      ...options,
      connectionManager: { inboundConnectionThreshold: 1_000 },
      services: { ...options.services, relay: circuitRelayServer({ reservations: { applyDefaultLimit: limited } }) } as Options['services']
    })
  })
  return {
    options: options => ({ ...options, transports: [...options.transports ?? [], circuitRelayTransport()] }),
    listen: relay.getMultiaddrs().map(address => `${address.toString()}/p2p-circuit`)
  }
}

async function inPrivate (): Promise<Pick<SceneInit, 'options'>> {
  const psk = new Uint8Array(95)
  generateKey(psk)
  return { options: options => ({ ...options, connectionProtector: preSharedKey({ psk }) }) }
}

const PLACES: Record<string, Place> = {
  'within one process': { transport: 'memory', prepare: async () => ({}) },
  'over a circuit relay': { transport: 'tcp', prepare: async () => overRelay(false) },
  'over a circuit relay with limits': { transport: 'tcp', prepare: async () => overRelay(true) },
  'in a private network': { transport: 'tcp', prepare: inPrivate }
}

/** How a connection ends that was upgraded; `victim` is the end at the guarded node */
const ENDS: ReadonlyArray<readonly [string, (dialled: Connection, victim: Connection) => unknown]> = [
  ['the dialler aborts', dialled => { dialled.abort(new Error('aborted by the test')) }],
  ['the dialler closes', async dialled => dialled.close()],
  ['the guarded node aborts', (_, victim) => { victim.abort(new Error('aborted by the test')) }],
  ['the guarded node closes', async (_, victim) => victim.close()]
]

describe.each(Object.entries(PLACES))('%s', (_name, { transport, prepare }) => {
  let scene: Scene | undefined

  afterEach(async () => {
    await scene?.stop()
    scene = undefined
    await stopAll()
  })

  /** A guarded node, and this many that are not, each of them new to it */
  async function meet (count: number, compose: (options: Options, victim: PeerId) => Options = options => options): Promise<{ visitors: Array<Libp2p<BaseServices>>, scene: Scene }> {
    const place = await prepare()
    scene = await Scene.start({ transport, stack: 'libp2p', lifecycle: IMPATIENT, ...place })
    const { peerId } = scene.node
    const build = async (): Promise<Libp2p<BaseServices>> => buildNode({
      transport, listen: false, compose: options => compose(place.options?.(options) ?? options, peerId)
    })
    return { visitors: await Promise.all(Array.from({ length: count }, build)), scene }
  }

  it.each(ENCRYPTER_KINDS)('peers whose encrypter %s', async kind => {
    const { visitors, scene } = await meet(TIMES, (options, victim) => ({ ...options, connectionEncrypters: [hostileEncrypter(kind, victim)] }))
    await Promise.all(visitors.map(async visitor => {
      await expect(visitor.dial(scene.node.getMultiaddrs(), { signal: AbortSignal.timeout(5_000) })).rejects.toThrow()
      await visitor.stop()
    }))
    await scene.expectClean(TIMES)
    await scene.expectAccepts()
  })

  it.each(ENDS)('a connection that %s', async (_how, end) => {
    const { visitors: [visitor], scene } = await meet(1)
    if (visitor == null) throw new Error('nobody came')
    for (let n = 0; n < TIMES; n++) {
      const dialled = await visitor.dial(scene.node.getMultiaddrs(), { signal: AbortSignal.timeout(5_000) })
      await visitor.services.ping.ping(scene.node.peerId, { signal: AbortSignal.timeout(5_000) })
      const [victim] = scene.node.getConnections(visitor.peerId)
      if (victim == null) throw new Error('not connected')
      await end(dialled, victim)
      await eventually(() => dialled.status !== 'open')
      await eventually(() => visitor.getConnections(scene.node.peerId).length === 0)
    }
    await visitor.stop()
    await scene.expectClean(TIMES)
    await scene.expectAccepts()
  })
})

describe('in a private network', () => {
  afterEach(stopAll)

  it.each(['a1', 'a3', 'b', 'c1', 'c2'] as const)('%s by a stranger without the key', async kind => {
    const scene = await Scene.start({ transport: 'tcp', stack: 'libp2p', lifecycle: IMPATIENT, ...await inPrivate() })
    const peer = hostilePeer({ kind, port: scene.port, deadline: 4_000 })
    await peer.strike(TIMES)
    await eventually(() => peer.live === 0)
    await peer.stop()
    await scene.expectClean(TIMES)
    await scene.expectAccepts()
    await scene.stop()
  })
})
