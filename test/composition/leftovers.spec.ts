import { dialler, eventually, handleCounts, handlesSince, portOf, STACKS, stopAll, within } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf, guarded, released } from './support.ts'
import type { GuardedInit, GuardedNode } from './support.ts'
import type { Dialler } from '@cordon/testing/node'
import type { Connection, ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

const DRAIN = '/cordon-test/drain/1.0.0'

afterEach(stopAll)

describe.each(['tcp', 'ws'] as const)('over %s, a connection with data that the other side does not read', transport => {
  /** More than the socket buffers of both sides take */
  const MUCH = new Uint8Array(8 * 1_024 * 1_024)

  async function stuck (): Promise<{ from: GuardedNode, to: GuardedNode, connection: Connection }> {
    const inbound: MultiaddrConnection[] = []
    const from = await guarded({ transport, lifecycle: { closeTimeout: 100 }, options: options => ({ ...options, connectionMonitor: { enabled: false } }) })
    const to = await guarded({ transport, participant: { raw: (_, raw) => { inbound.push(raw) } } })
    await to.node.handle(DRAIN, async () => new Promise(() => {}))
    const connection = await from.node.dial(to.node.getMultiaddrs())
    const stream = await connection.newStream(DRAIN)
    inbound.forEach(raw => { raw.pause() })
    stream.send(MUCH)

    return { from, to, connection }
  }

  it('is gone once closing it has timed out, and dialling again makes another one', async () => {
    const { from, to, connection } = await stuck()
    const error = await failureOf(connection.close({ signal: AbortSignal.timeout(100) }))

    expect(error).toBeInstanceOf(Error)
    expect(from.node.getConnections()).toEqual([])
    expect(from.reasons).toMatchObject([{ code: 'local-abort', by: 'local' }])
    const again = await from.node.dial(to.node.getMultiaddrs())
    expect(again).not.toBe(connection)
    expect(await from.node.services.ping.ping(to.node.peerId)).toBeGreaterThanOrEqual(0)
  })

  it('is gone at the deadline when its record is closed', async () => {
    const { from, to, connection } = await stuck()
    await from.lifecycle.forConnection(connection)?.close({ code: 'idle', by: 'local' })

    expect(from.lifecycle.size).toBe(0)
    expect(from.node.getConnections()).toEqual([])
    expect(from.reasons).toEqual([{ code: 'idle', by: 'local' }])
    expect(await from.node.dial(to.node.getMultiaddrs())).not.toBe(connection)
  })

  it('does not keep the node from stopping', async () => {
    const { from } = await stuck()
    await within(5_000, 'stopping', from.node.stop() as Promise<void>)
    expect(from.lifecycle.size).toBe(0)
  })
})

describe.each(STACKS)('200 connections that are reset while a gater thinks about them, with the yamux of %s,', stack => {
  it.each(['denyInboundEncryptedConnection', 'denyInboundUpgradedConnection'] as const)('leave nothing behind (%s)', async method => {
    const handles = handleCounts()
    const remotes = new Map<string, Dialler>()
    let late = 0
    const gater: ConnectionGater = {
      [method]: async (_: PeerId, raw: MultiaddrConnection) => {
        const closed = new Promise(resolve => { raw.addEventListener('close', resolve) })
        remotes.get(hostOf(raw.remoteAddr))?.cut('reset')
        await closed
        late++

        return false
      }
    }
    const own = await guarded({ transport: 'tcp', stack, init: { gaterTimeout: 10_000 }, options: options => ({ ...options, connectionGater: gater }) })
    const announced: Connection[] = []
    own.node.addEventListener('connection:open', ({ detail }) => { announced.push(detail) })
    const port = portOf(own.node, 'tcp')

    for (const localAddress of ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5']) {
      remotes.set(localAddress, await dialler({ port, stack, localAddress }))
    }

    await Promise.all([...remotes.values()].map(async remote => {
      for (let strike = 0; strike < 50; strike++) {
        // they are reset when the dialler is done, or just before
        await failureOf(remote.dial())
        await eventually(() => remote.live === 0 && remote.node.getConnections().length === 0)
      }
    }))
    await released(own)
    const { opened, closed } = own.lifecycle.stats()

    expect([late, opened, Object.values(closed).reduce((sum, count) => sum + count, 0)]).toEqual([200, 200, 200])
    expect(announced).toEqual([])
    expect(own.node.getConnections()).toEqual([])

    await Promise.all([...remotes.values()].map(async remote => { await remote.stop() }))
    await own.node.stop()
    // a keep-alive timer of yamux that nobody stops runs for ever
    await eventually(() => Object.keys(handlesSince(handles)).length === 0)
  })
})

function hostOf (address: Multiaddr): string {
  return address.getComponents()[0]?.value ?? ''
}

describe.each(['tcp', 'ws'] as const)('over %s, a node that fails once its listeners have begun to listen', transport => {
  const broken = (): object => ({ start: () => {}, stop: () => {}, afterStart: () => { throw new Error('boom') } })

  it.each([
    ['in a module', { modules: { broken } }],
    ['in a service of the user', { options: options => ({ ...options, services: { ...options.services, broken } }) }]
  ] as ReadonlyArray<[string, GuardedInit]>)('%s leaves no listener behind', async (_, init) => {
    const before = handleCounts()

    expect(await failureOf(guarded({ transport, ...init }))).toMatchObject({ message: expect.stringContaining('boom') as string })
    await eventually(() => Object.keys(handlesSince(before)).length === 0)
  })
})
