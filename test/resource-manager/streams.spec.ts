import { isResourceRefusal } from '@cordon/interface-resource-manager'
import { eventually } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf } from '../composition/support.ts'
import { echo, expectNothingHeld, hanging, managed, NOTHING, open, PROTOCOL, ready, talk } from './support.ts'
import type { ManagedInit, ManagedNode } from './support.ts'
import type { Connection, StreamHandler, StreamHandlerOptions } from '@libp2p/interface'

let release: () => void = () => {}

afterEach(async () => {
  release()
  await expectNothingHeld()
})

/** A handler that hangs until the test is over, at the latest */
function hang (): ReturnType<typeof hanging> {
  const hanging_ = hanging()
  release = hanging_.release
  return hanging_
}

/** Nothing but the manager bounds the streams of this node */
async function host (handler: StreamHandler, init: ManagedInit = {}, options: StreamHandlerOptions = {}): Promise<ManagedNode> {
  const host = await managed(init)
  await host.node.handle(PROTOCOL, handler, { maxInboundStreams: 10_000, ...options })
  return host
}

async function connect (to: ManagedNode, init: ManagedInit = {}): Promise<{ guest: ManagedNode, connection: Connection }> {
  const before = to.lifecycle.stats().records.ready
  const guest = await managed({ listen: false, ...init })
  const connection = await guest.node.dial(to.node.getMultiaddrs())
  await ready(to, before + 1)
  return { guest, connection }
}

/** Resolves once the other side has reset a stream of ours, which may be before or after we know that it has a protocol */
async function expectReset (connection: Connection): Promise<void> {
  const stream = await open(connection).catch((error: unknown) => error)
  if (stream instanceof Error) expect(stream).toMatchObject({ name: 'StreamResetError' })
  else await eventually(() => { expect(stream).toMatchObject({ status: 'reset' }) })
}

describe('streams of a node with go-libp2p\'s base limits', () => {
  it('118: three inbound streams of a service allowed: of four, three are served', async () => {
    const { handler, entered } = hang()
    const to = await host(handler, { limits: { service: { echo: { streamsInbound: 3 } } } }, { service: 'echo' })
    const { connection } = await connect(to)
    for (let n = 1; n <= 3; n++) await open(connection)
    await eventually(() => entered.length === 3)

    await expectReset(connection)
    expect(entered).toHaveLength(3)
    expect(to.manager.snapshot().services).toMatchObject([{ name: 'service:echo', usage: { streamsInbound: 3 }, refusals: { streamsInbound: 1 } }])
    expect(to.lifecycle.stats().refused).toEqual({ resourceManager: 1 })
    expect(connection.status).toBe('open')
  })

  it('119: two inbound streams of a service allowed to each peer: four peers get one each, and of three from one peer two are served', async () => {
    const { handler, entered } = hang()
    const to = await host(handler, { limits: { servicePeer: { echo: { streamsInbound: 2 } } } }, { service: 'echo' })
    const connections: Connection[] = []
    for (let n = 1; n <= 4; n++) connections.push((await connect(to)).connection)
    await Promise.all(connections.map(async connection => open(connection)))
    await eventually(() => entered.length === 4)

    const { guest, connection } = await connect(to)
    await open(connection)
    await open(connection)
    await eventually(() => entered.length === 6)
    await expectReset(connection)
    expect(entered).toHaveLength(6)
    const peer = to.manager.snapshot().peers.find(({ name }) => name === `peer:${guest.node.peerId.toString()}`)
    expect(peer?.services).toMatchObject([{ name: `service:echo.peer:${guest.node.peerId.toString()}`, usage: { streamsInbound: 2 }, refusals: { streamsInbound: 1 } }])
    expect(to.manager.snapshot().classes['service-peer'].refusals).toEqual({ streamsInbound: 1 })
  })

  it('122: of 1,024 streams against a limit of 16 for a peer all succeed in the end, and some were refused on the way', async () => {
    const to = await host(echo, { limits: { peerDefault: { streamsInbound: 16 } } })
    const { connection } = await connect(to)
    let left = 1_024
    let answered = 0
    const work = async (): Promise<void> => {
      while (left-- > 0) {
        // ends with the test where it never succeeds
        while (await open(connection).then(talk).catch(() => 0) !== 10);
        answered++
      }
    }
    await Promise.all(Array.from({ length: 32 }, work))

    expect(answered).toBe(1_024)
    const { refusals, peak } = to.manager.snapshot().classes.peer
    expect(refusals.streamsInbound).toBeGreaterThan(0)
    expect(peak.streamsInbound).toBe(16)
    expect(connection.status).toBe('open')
  })

  it('123: a handler that hangs keeps its slot, even if its stream was reset, and the slot is of use once it returns', async () => {
    const { handler, entered, release } = hang()
    const to = await host(handler, { limits: { peerDefault: { streamsInbound: 2 } } })
    const { connection } = await connect(to)
    for (const stream of [await open(connection), await open(connection)]) {
      await eventually(() => entered.length > 0)
      stream.abort(new Error('enough'))
    }
    await eventually(() => entered.length === 2 && entered.every(({ status }) => status === 'reset'))

    await expectReset(connection)
    expect(to.manager.snapshot().system.usage).toMatchObject({ streamsInbound: 2 })
    release()
    await eventually(() => to.manager.snapshot().system.usage.streamsInbound === 0)
    await open(connection)
    await eventually(() => entered.length === 3)
  })

  it('keep their slot until they have closed, however early their handler returns', async () => {
    const to = await host(() => {}, { limits: { peerDefault: { streamsInbound: 1 } } })
    const { connection } = await connect(to)
    const stream = await open(connection)
    await eventually(() => to.manager.stat().protocols.get(PROTOCOL)?.streamsInbound === 1)

    await expectReset(connection)
    stream.abort(new Error('enough'))
    await eventually(() => to.manager.snapshot().system.usage.streamsInbound === 0)
  })

  it('124: whoever opens a stream gets the refusal unchanged', async () => {
    const to = await host(echo)
    const { guest, connection } = await connect(to, { limits: { peerDefault: { streamsOutbound: 1 } } })
    const first = await open(connection)
    const failure = await failureOf(open(connection))

    expect(failure).toMatchObject({ name: 'StreamRefusedError' })
    const { cause } = failure as Error
    expect(isResourceRefusal(cause)).toBe(true)
    expect(cause).toMatchObject({ scope: `peer:${to.node.peerId.toString()}`, scopeClass: 'peer', resource: 'streams', cause: 'streamsOutbound', current: 1, attempted: 1, limit: 1 })
    expect((failure as Error).message).toBe((cause as { message: string }).message)
    expect(await talk(first)).toBe(10)
    expect(guest.manager.snapshot().system.peak.streamsOutbound).toBe(1)
  })

  it('124: so does whoever opens one whose protocol is refused', async () => {
    const to = await host(echo)
    const { connection } = await connect(to, { limits: { protocol: { [PROTOCOL]: { streams: 0 } } } })
    const failure = await failureOf(open(connection))

    expect(failure).toMatchObject({ name: 'StreamRefusedError', cause: { scope: `protocol:${PROTOCOL}`, cause: 'streams', limit: 0 } })
    expect(connection.status).toBe('open')
  })

  it('125: an inbound stream that is refused is reset, and its connection goes on', async () => {
    const to = await host(echo, { limits: { peerDefault: { streamsInbound: 1 } } })
    const { connection } = await connect(to)
    const first = await open(connection)
    await eventually(() => to.manager.stat().protocols.get(PROTOCOL)?.streamsInbound === 1)

    expect(await failureOf(open(connection))).toMatchObject({ name: 'StreamResetError' })
    expect(to.manager.snapshot().peers[0]).toMatchObject({ usage: { ...NOTHING, connectionsInbound: 1, fileDescriptors: 1, streamsInbound: 1 }, refusals: { streamsInbound: 1 } })
    expect(await talk(first)).toBe(10)
    await eventually(() => to.manager.snapshot().system.usage.streamsInbound === 0)
    expect(await talk(await open(connection))).toBe(10)
  })
})

describe('a stream that the other side refuses once it knows the protocol', () => {
  it('is one that was reset, and none that we refused, however long we take to note the protocol', async () => {
    const to = await host(echo, { limits: { protocol: { [PROTOCOL]: { streams: 0 } } } })
    const { guest, connection } = await connect(to)
    const { peerStore } = guest.node
    const merge = peerStore.merge.bind(peerStore)
    peerStore.merge = async (...args) => {
      const peer = await merge(...args)
      // as a slow datastore would
      await eventually(() => guest.lifecycle.stats().streams === 0)
      return peer
    }

    expect(await open(connection)).toMatchObject({ status: 'reset', protocol: PROTOCOL })
    expect(guest.lifecycle.stats().refused).toEqual({})
    expect(to.lifecycle.stats().refused).toEqual({ resourceManager: 1 })
  })
})

/** The registry takes no longer ones, and the manager has to take all that the registry does */
const LONGEST = 'x'.repeat(512)

describe('the service of a stream', () => {
  /** What services there are while one stream of this protocol is open */
  async function servicesWith (protocol: string, options: StreamHandlerOptions): Promise<Array<[string, number]>> {
    const { handler, entered } = hang()
    const to = await managed()
    await to.node.handle(protocol, handler, options)
    const { connection } = await connect(to)
    await open(connection, protocol)
    await eventually(() => entered.length === 1)
    return [...to.manager.stat().services].map(([name, { streamsInbound }]) => [name, streamsInbound])
  }

  it.each([
    ['is what its handler says', '/mine/1', { service: 'mine' }, 'mine'],
    ['is what its handler says, also where go-libp2p knows the protocol', '/ipfs/ping/1.0.0', { service: 'mine' }, 'mine'],
    ['is what its handler says, also where that is the longest name it may say', '/mine/1', { service: LONGEST }, LONGEST],
    ['is otherwise what go-libp2p attaches the protocol to', '/ipfs/ping/1.0.0', {}, 'libp2p.ping']
  ])('%s', async (_, protocol, options, service) => {
    expect(await servicesWith(protocol, options)).toEqual([[service, 1]])
  })

  it.each([['/mine/1', []], ['/ipfs/ping/1.0.0', ['libp2p.ping']]])('of %s goes with the handler that named it, also for our own streams', async (protocol, left) => {
    const { handler, entered } = hang()
    const to = await managed()
    await to.node.handle(protocol, handler)
    const { guest, connection } = await connect(to)
    const services = async (): Promise<string[]> => {
      const stream = await open(connection, protocol)
      const { services } = guest.manager.stat()
      stream.abort(new Error('seen enough'))
      await eventually(() => guest.manager.stat().services.size === 0)
      return [...services.keys()]
    }

    await guest.node.handle(protocol, handler, { service: 'mine' })
    expect(await services()).toEqual(['mine'])
    await guest.node.unhandle(protocol)
    expect(await services()).toEqual(left)
    await eventually(() => entered.length === 2)
  })

  it('is none where nobody knows one', async () => {
    expect(await servicesWith('/mine/1', {})).toEqual([])
  })
})
