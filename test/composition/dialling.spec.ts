import { ConnectionRefusedError, HandshakeTimeoutError, readinessSymbol } from '@cordon/interface-connection-lifecycle'
import { eventually, stopAll } from '@cordon/testing'
import { stallingServer } from '@cordon/testing/node'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { addressOf, failureOf, findError, guarded, refusal, released } from './support.ts'
import type { GuardedInit, GuardedNode } from './support.ts'
import type { ConnectionRecord, Participant } from '@cordon/interface-connection-lifecycle'
import type { Libp2pOptions } from 'libp2p'

/** The record of the node's one connection, once it waits for its handshake module */
async function waiting ({ lifecycle }: GuardedNode): Promise<ConnectionRecord> {
  return eventually(() => {
    const record = [...lifecycle.records()].find(({ phase }) => phase === 'handshake')
    if (record == null) throw new Error('no record waits')

    return record
  })
}

/** Tells whether a promise has settled, after everything that was due has run */
async function isPending (promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending')

  return await Promise.race([promise.catch(() => {}), new Promise(resolve => { setTimeout(resolve, 0, pending) })]) === pending
}

afterEach(stopAll)

describe('a dial that is under way', () => {
  it('names the address where it takes too long over WebSocket, as libp2p does', async () => {
    const server = await stallingServer({ at: 'http' })
    const from = await guarded({ transport: 'ws', options: options => ({ ...options, connectionManager: { addressDialTimeout: 100 } }) })

    expect(findError(await failureOf(from.node.dial(multiaddr(server.address))), 'ConnectionFailedError')?.message).toContain(server.address)
    await eventually(() => server.live === 0)
    await server.stop()
  })

  it('is ended by a module that has come to forbid it, and tells why', async () => {
    const server = await stallingServer({ at: 'tcp' })
    const from = await guarded({ transport: 'tcp' })
    const dialling = failureOf(from.node.dial(multiaddr(server.address)))
    await eventually(() => server.accepted === 1)

    expect(from.registry.endDials(() => undefined)).toBe(0)
    expect(from.registry.endDials(({ address }) => address?.key === '127.0.0.2' ? refusal() : undefined)).toBe(0)
    expect(from.registry.endDials(({ address }) => address?.key === '127.0.0.1' ? refusal() : undefined)).toBe(1)
    expect(from.registry.endDials(() => refusal())).toBe(0)
    expect(findError(await dialling, 'ConnectionRefusedError')).toMatchObject({ cause: refusal() })
    await eventually(() => server.live === 0)
    await released(from)
    await server.stop()
  })

  it('is ended in the same tick, and not when it would have ended by itself', async () => {
    const server = await stallingServer({ at: 'tcp' })
    const signals: AbortSignal[] = []
    const watched: Libp2pOptions['transports'] = [components => {
      const transport = tcp()(components)
      const dial = transport.dial.bind(transport)
      transport.dial = async (address, options) => {
        signals.push(options.signal)
        return dial(address, options)
      }
      return transport
    }]
    const from = await guarded({ transport: 'tcp', options: options => ({ ...options, transports: watched }) })
    const dialling = failureOf(from.node.dial(multiaddr(server.address)))
    await eventually(() => server.accepted === 1)

    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    from.registry.endDials(() => refusal())
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(findError(await dialling, 'ConnectionRefusedError')).toMatchObject({ cause: refusal() })
    await released(from)
    await server.stop()
  })

  it.each([
    ['tcp', 'tcp'], ['ws', 'http']
  ] as const)('over %s ends with the signal of whoever asked for it, and leaves no socket behind', async (transport, at) => {
    const server = await stallingServer({ at })
    const from = await guarded({ transport })
    const controller = new AbortController()
    const dialling = failureOf(from.node.dial(multiaddr(server.address), { signal: controller.signal }))
    await eventually(() => server.accepted === 1)
    controller.abort(new Error('enough'))

    await dialling
    expect(from.registry.endDials(() => refusal())).toBe(0)
    await eventually(() => server.live === 0)
    await released(from)
    await server.stop()
  })

  it('may be one of which no record exists yet', async () => {
    const server = await stallingServer({ at: 'http' })
    const from = await guarded({ transport: 'ws' })
    const dialling = failureOf(from.node.dial(multiaddr(server.address)))
    await eventually(() => server.accepted === 1)

    expect(from.lifecycle.stats().opened).toBe(0)
    expect(from.registry.endDials(() => refusal())).toBe(1)
    expect(findError(await dialling, 'ConnectionRefusedError')).toMatchObject({ cause: refusal() })
    expect(from.lifecycle.stats().opened).toBe(0)
    await eventually(() => server.live === 0)
    await server.stop()
  })
})

describe('a dial that a module refuses', () => {
  it.each([['peer', (to: GuardedNode) => to.node.peerId], ['address', addressOf]] as const)('by its %s is one that libp2p denies, without a record', async (what, target) => {
    const from = await guarded({
      transport: 'tcp',
      participant: { dial: ({ peer, multiaddr }) => (what === 'peer' ? peer : multiaddr) == null ? undefined : refusal() }
    })
    const to = await guarded({ transport: 'tcp' })
    await from.node.peerStore.merge(to.node.peerId, { multiaddrs: [addressOf(to)] })

    expect(findError(await failureOf(from.node.dial(target(to))), 'DialDeniedError')).toBeDefined()
    expect(from.lifecycle.stats()).toMatchObject({ opened: 0, refused: { mine: 1 } })
    expect(to.lifecycle.stats().opened).toBe(0)
  })

  const STEPS: ReadonlyArray<['opened' | 'identified' | 'ready', string[]]> = [
    ['opened', ['connection:refused']],
    ['identified', ['connection:opened', 'connection:refused', 'connection:closed']],
    ['ready', ['connection:opened', 'connection:identified', 'connection:refused', 'connection:closed']]
  ]

  describe.each(['tcp', 'ws', 'memory'] as const)('over %s', transport => {
    it.each(STEPS)('at `%s` carries the refusal', async (step, told) => {
      const no = refusal({ code: 'limit', resource: 'connections' })
      const participant: Partial<Participant> = { [step]: (record: ConnectionRecord) => record.direction === 'outbound' ? no : undefined }
      const from = await guarded({ transport, participant })
      const to = await guarded({ transport })
      const error = findError(await failureOf(from.node.dial(to.node.getMultiaddrs())), ConnectionRefusedError.name)

      expect(error).toMatchObject({ message: 'not today', cause: no })
      expect(error?.cause).toBe(no)
      expect(from.events.map(({ type }) => type)).toEqual(told)
      expect(from.node.getConnections()).toEqual([])
      await released(from, to)
    })
  })

  it('at each of several addresses carries all the refusals', async () => {
    const from = await guarded({ transport: ['tcp', 'ws'], participant: { opened: ({ direction }) => direction === 'outbound' ? refusal() : undefined } })
    const to = await guarded({ transport: ['tcp', 'ws'] })
    const error = await failureOf(from.node.dial(to.node.getMultiaddrs()))

    expect(error).toBeInstanceOf(AggregateError)
    expect((error as AggregateError).errors.map(({ name }: Error) => name)).toEqual([ConnectionRefusedError.name, ConnectionRefusedError.name])
    await released(from, to)
  })

  it('at one address goes on with the next', async () => {
    const from = await guarded({ transport: ['tcp', 'ws'], participant: { opened: ({ address }) => address.transport === 'tcp' ? refusal() : undefined } })
    const to = await guarded({ transport: ['tcp', 'ws'] })
    const connection = await from.node.dial(to.node.getMultiaddrs())

    expect(connection.remoteAddr.toString()).toContain('/ws')
    expect(from.lifecycle.stats().records.ready).toBe(1)
  })
})

describe('a module that says when connections are ready', () => {
  const handshake = (holdDial: boolean, more: Partial<GuardedInit> = {}): GuardedInit => ({ transport: 'tcp', module: { [readinessSymbol]: { holdDial } }, ...more })

  it('holds a dial that asks for it, and neither identify nor ping', async () => {
    const from = await guarded(handshake(true))
    const to = await guarded({ transport: 'tcp' })
    const identified = new Promise(resolve => { from.node.addEventListener('peer:identify', resolve, { once: true }) })
    const dial = from.node.dial(to.node.getMultiaddrs())
    const record = await waiting(from)
    await identified
    expect(await from.node.services.ping.ping(to.node.peerId)).toBeGreaterThanOrEqual(0)

    expect(await isPending(dial)).toBe(true)
    expect(from.events.map(({ type }) => type)).toEqual(['connection:opened', 'connection:identified'])
    expect(from.lifecycle.handshakeSucceeded(record)).toBe(undefined)
    expect((await dial).status).toBe('open')
    expect(record.state).toBe('ready')
    expect(from.events.at(-1)?.type).toBe('connection:ready')
  })

  it('does not hold other dials', async () => {
    const from = await guarded(handshake(false))
    const to = await guarded({ transport: 'tcp' })
    const connection = await from.node.dial(to.node.getMultiaddrs())
    const record = from.lifecycle.forConnection(connection)

    expect(record).toMatchObject({ state: 'handshaking', phase: 'handshake' })
    if (record != null) from.lifecycle.handshakeSucceeded(record)
    expect(record?.state).toBe('ready')
  })

  it('rejects a held dial when the handshake fails', async () => {
    const from = await guarded(handshake(true))
    const to = await guarded({ transport: 'tcp' })
    const dial = failureOf(from.node.dial(to.node.getMultiaddrs()))
    const error = new Error('no common version')
    error.name = 'NoCommonVersionError'
    from.lifecycle.handshakeFailed(await waiting(from), error)

    expect(findError(await dial, error.name)).toBe(error)
    await released(from, to)
    expect(from.events.map(({ type }) => type)).toEqual(['connection:opened', 'connection:identified', 'handshake:failed', 'connection:closed'])
    expect(from.reasons).toEqual([{ code: 'handshake-failed', by: 'local', error }])
  })

  it('rejects a held dial when a participant refuses what the handshake made ready', async () => {
    const from = await guarded(handshake(true, { participant: { ready: () => refusal() } }))
    const to = await guarded({ transport: 'tcp' })
    const dial = failureOf(from.node.dial(to.node.getMultiaddrs()))

    expect(from.lifecycle.handshakeSucceeded(await waiting(from))).toEqual(refusal())
    expect(findError(await dial, ConnectionRefusedError.name)?.cause).toEqual(refusal())
    await released(from, to)
  })

  it('rejects a held dial at the deadline', async () => {
    const from = await guarded(handshake(true, { lifecycle: { deadlines: { handshake: 50 } } }))
    const to = await guarded({ transport: 'tcp' })

    expect(findError(await failureOf(from.node.dial(to.node.getMultiaddrs())), HandshakeTimeoutError.name)).toMatchObject({ phase: 'handshake', deadline: 50 })
    await released(from, to)
    expect(from.reasons).toMatchObject([{ code: 'deadline', by: 'local' }])
  })

  it('rejects a held dial when the other side goes away', async () => {
    const from = await guarded(handshake(true))
    const to = await guarded({ transport: 'tcp' })
    const dial = failureOf(from.node.dial(to.node.getMultiaddrs()))
    await waiting(from)
    await eventually(() => to.node.getConnections().length === 1)
    to.node.getConnections()[0]?.abort(new Error('enough'))

    expect(await dial).toBeInstanceOf(Error)
    await released(from, to)
    expect(from.reasons).toMatchObject([{ by: 'remote' }])
  })

  it('lets inbound connections wait as well', async () => {
    const from = await guarded({ transport: 'tcp' })
    const to = await guarded(handshake(true))
    await from.node.dial(to.node.getMultiaddrs())
    const record = await waiting(to)

    expect(record.direction).toBe('inbound')
    to.lifecycle.handshakeSucceeded(record)
    expect(to.lifecycle.stats().records).toMatchObject({ handshaking: 0, ready: 1 })
  })
})
