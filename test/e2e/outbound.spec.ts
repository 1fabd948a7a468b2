import { closedPort, eventually, STACKS, stallingServer } from '@cordon/testing/node'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { Scene } from './scene.ts'
import type { TransportStatus } from '@cordon/interface-component-registry'
import type { StallingServer } from '@cordon/testing/node'

const TIMES = 200

/** Addresses of which each is dialled by one lane after the other: libp2p joins dials of the same address */
const LANES = 50

const IMPATIENT = { deadlines: { encrypt: 1_000, multiplex: 1_000, handshake: 1_000, total: 1_500 } }

async function dialInVain (scene: Scene, addresses: string[], patience = 8_000): Promise<void> {
  await Promise.all(addresses.map(async address => {
    for (let n = 0; n < TIMES / LANES; n++) {
      await expect(scene.node.dial(multiaddr(address), { signal: AbortSignal.timeout(patience) })).rejects.toThrow()
    }
  }))
}

describe.each(STACKS)('dialling with noise and yamux of %s', stack => {
  const servers: StallingServer[] = []
  let scene: Scene | undefined

  afterEach(async () => {
    await scene?.stop()
    await Promise.all(servers.splice(0).map(async server => { await server.stop() }))
  })

  async function stalling (at: 'tcp' | 'ws' | 'http'): Promise<string[]> {
    servers.push(...await Promise.all(Array.from({ length: LANES }, async () => stallingServer({ at }))))
    return servers.map(({ address }) => address)
  }

  async function expectAccepted (): Promise<void> {
    await eventually(() => { expect(servers.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(TIMES) })
  }

  it('servers that accept over TCP and say nothing', async () => {
    const addresses = await stalling('tcp')
    scene = await Scene.start({ transport: 'tcp', stack, lifecycle: IMPATIENT })
    await dialInVain(scene, addresses)
    await expectAccepted()
    await scene.expectClean(TIMES)
    expect(scene.audit.reasons).toEqual({ deadline: TIMES })
    await eventually(() => servers.some(({ accepted }) => accepted > 0) && servers.every(({ live }) => live === 0))
    await scene.expectAccepts()
  })

  it('servers that accept a WebSocket and say nothing: the handle that cannot be returned is named and counted', async () => {
    const addresses = await stalling('ws')
    scene = await Scene.start({ transport: 'ws', stack, lifecycle: IMPATIENT })
    const { registry } = scene.node.services
    const transport = (): TransportStatus | undefined => registry.status().transports.find(({ transport }) => transport === '@libp2p/websockets')
    await dialInVain(scene, addresses)
    await expectAccepted()
    const { audit } = scene
    await eventually(() => audit.live === 0)
    expect(audit).toMatchObject({ opened: TIMES, closed: TIMES, doubles: 0 })
    expect(audit.reasons).toEqual({ deadline: TIMES })
    expect(transport()?.gaps.join()).toMatch(/handle|socket/)
    expect(transport()?.unreturned).toBe(servers.reduce((sum, { live }) => sum + live, 0))
    // gone when the remote closes it
    await Promise.all(servers.splice(0).map(async server => { await server.stop() }))
    await eventually(() => transport()?.unreturned === 0)
    await scene.expectClean(TIMES)
    await scene.expectAccepts()
  })

  it('servers that never answer the HTTP upgrade', async () => {
    const addresses = await stalling('http')
    scene = await Scene.start({ transport: 'ws', stack })
    await dialInVain(scene, addresses, 300)
    await eventually(() => servers.every(({ live }) => live === 0))
    await scene.expectClean(0)
    expect(scene.audit.opened).toBe(0)
    await Promise.all(servers.splice(0).map(async server => { await server.stop() }))
    await scene.expectAccepts()
  })

  it.each(['tcp', 'ws'] as const)('closed ports over %s', async transport => {
    const ports = await Promise.all(Array.from({ length: LANES }, closedPort))
    scene = await Scene.start({ transport, stack })
    await dialInVain(scene, ports.map(port => `/ip4/127.0.0.1/tcp/${port}${transport === 'ws' ? '/ws' : ''}`))
    await scene.expectClean(0)
    expect(scene.audit.opened).toBe(0)
    await scene.expectAccepts()
  })
})
