import { StreamRefusedError } from '@cordon/interface-connection-lifecycle'
import { dialler, eventually, portOf, STACKS, stopAll } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { echo, held, open, openMute, pair, PROTOCOL, quiet, streamsOf, withoutServices, Witness } from './streams-support.ts'
import { failureOf, guarded, refusal, released } from './support.ts'
import type { GuardedInit, GuardedNode } from './support.ts'
import type { Participant } from '@cordon/interface-connection-lifecycle'
import type { Connection, Stream, StreamHandler } from '@libp2p/interface'

afterEach(stopAll)

describe.each(STACKS)('streams over the yamux of %s', stack => {
  it('pass every step, in order and once, with the service of their handler', async () => {
    const [ours, theirs] = [new Witness(), new Witness()]
    const { from, to, connection } = await pair({ stack, participant: ours.participant }, { participant: theirs.participant }, echo, { service: 'echo' })
    const stream = await open(connection)
    stream.send(new Uint8Array(10))
    await stream.close()
    await eventually(() => streamsOf(from) + streamsOf(to) === 0)

    expect(ours.steps).toEqual([['opened without protocol, without stream', `negotiated ${PROTOCOL} for undefined`, 'closed']])
    expect(theirs.steps).toEqual([['opened without protocol', `negotiated ${PROTOCOL} for echo`, 'closed']])
    expect([ours, theirs].map(({ lives }) => lives[0]?.record.direction)).toEqual(['outbound', 'inbound'])
    expect(ours.lives[0]?.record.stream).toBe(stream)
    expect(ours.lives[0]?.record.connection).toBe([...from.lifecycle.records()][0])
  })

  it('belong to another service, or none, once another handler has come', async () => {
    const theirs = new Witness()
    const { from, to, connection } = await pair({ stack }, { participant: theirs.participant }, echo, { service: 'echo' })

    for (const service of ['other', undefined]) {
      await to.node.unhandle(PROTOCOL)
      await to.node.handle(PROTOCOL, echo, service === undefined ? {} : { service })
      await (await open(connection)).close()
      await eventually(() => streamsOf(from) + streamsOf(to) === 0)

      expect(theirs.steps.at(-1)?.[1]).toBe(`negotiated ${PROTOCOL} for ${service}`)
    }
  })

  it.each([5, '', 'x'.repeat(513), {}])('have no service of the name %j', async service => {
    const { node } = await guarded(quiet)

    expect(await failureOf(node.handle(PROTOCOL, echo, { service: service as string }))).toMatchObject({
      name: 'InvalidParametersError', message: expect.stringContaining('the service of a handler must be a name of 1 to 512 characters') as string
    })
    expect(node.getProtocols()).not.toContain(PROTOCOL)
  })

  it('are held until their handler has settled, however early they were reset', async () => {
    const { handler, entered, release } = held()
    const theirs = new Witness()
    const { from, to, connection } = await pair({ stack }, { participant: theirs.participant }, handler)
    const stream = await open(connection)
    const remote = await entered
    stream.abort(new Error('enough'))
    await eventually(() => remote.status !== 'open' && streamsOf(from) === 0)

    expect(streamsOf(to)).toBe(1)
    expect(theirs.steps[0]).not.toContain('closed')
    release()
    await eventually(() => streamsOf(to) === 0)
    expect(theirs.steps[0]?.filter(step => step === 'closed')).toHaveLength(1)
  })

  it('are held until they have closed, however early their handler settled', async () => {
    const { from, to, connection } = await pair({ stack }, {}, () => {})
    const stream = await open(connection)
    await stream.close()
    await eventually(() => to.lifecycle.stats().streams === 1 && stream.writeStatus === 'closed')

    // their side of it is still open
    expect([streamsOf(from), streamsOf(to)]).toEqual([1, 1])
    await connection.close()
    await released(from, to)
  })

  it('outlive their connection while a handler works on them', async () => {
    const { handler, entered, release } = held()
    const { to, connection } = await pair({ stack }, {}, handler)
    await open(connection)
    await entered
    connection.abort(new Error('enough'))
    await eventually(() => to.lifecycle.size === 0)

    expect(streamsOf(to)).toBe(1)
    release()
    await released(to)
  })
})

describe.each(STACKS)('streams that a module refuses, over the yamux of %s', stack => {
  it('before negotiation: those beyond a cap are reset, and the connection stays of use', async () => {
    let inUse = 0
    const cap: Partial<Participant> = {
      streamOpened: () => {
        if (inUse >= 20) return refusal({ code: 'limit' })
        inUse++

        return undefined
      },
      streamClosed: () => { inUse-- }
    }
    const { from, to, connection } = await pair({ stack }, { participant: cap })
    const results = await Promise.allSettled(Array.from({ length: 100 }, async () => open(connection)))
    const streams = results.flatMap(result => result.status === 'fulfilled' ? [result.value] : [])

    expect(streams).toHaveLength(20)
    expect(new Set(results.flatMap(result => result.status === 'rejected' ? [(result.reason as Error).name] : []))).toEqual(new Set(['StreamResetError']))
    expect([streamsOf(from), streamsOf(to), inUse]).toEqual([20, 20, 20])
    expect(to.lifecycle.stats().refused).toEqual({ mine: 80 })

    await Promise.all(streams.map(async stream => { await stream.close() }))
    await eventually(() => streamsOf(from) + streamsOf(to) === 0)
    expect(inUse).toBe(0)
    const again = await open(connection)
    expect(again.protocol).toBe(PROTOCOL)
    await again.close()
    await eventually(() => streamsOf(from) + streamsOf(to) === 0)
    expect(connection.status).toBe('open')
  })

  it('before the first frame: nothing of them reaches the other side', async () => {
    const theirs = new Witness()
    const { from, to, connection } = await pair({ stack, participant: { streamOpened: () => refusal() } }, { participant: theirs.participant })

    await expect(open(connection)).rejects.toMatchObject({ name: StreamRefusedError.name, message: 'not today', cause: refusal() })
    // what reaches the other side later would have reached it after that
    expect(from.lifecycle.stats()).toMatchObject({ streams: 0, refused: { mine: 1 } })
    await connection.close()
    await released(from, to)
    expect(theirs.lives).toEqual([])
  })

  it('once an inbound protocol is known: the handler never runs', async () => {
    let handled = 0
    const theirs = new Witness({ streamNegotiated: () => refusal() })
    const { from, to, connection } = await pair({ stack }, { participant: theirs.participant }, () => { handled++ })
    const stream = await open(connection).catch(() => undefined)
    await eventually(() => streamsOf(from) + streamsOf(to) === 0)

    expect(stream?.status ?? 'reset').toBe('reset')
    expect(handled).toBe(0)
    expect(theirs.steps).toEqual([['opened without protocol', `negotiated ${PROTOCOL} for undefined`, 'closed']])
    expect(connection.status).toBe('open')
  })

  it('once an outbound protocol is known: whoever opened it is told why', async () => {
    const ours = new Witness({ streamNegotiated: () => refusal({ code: 'rate' }) })
    const { from, to, connection } = await pair({ stack, participant: ours.participant })

    await expect(open(connection)).rejects.toMatchObject({ name: StreamRefusedError.name, cause: refusal({ code: 'rate' }) })
    await eventually(() => streamsOf(from) + streamsOf(to) === 0)
    expect(ours.steps).toEqual([['opened without protocol, without stream', `negotiated ${PROTOCOL} for undefined`, 'closed']])
    expect(connection.status).toBe('open')
  })
})

describe('the protocol of a stream', () => {
  it('is known as soon as it is negotiated, however long the peer store takes to write it down', async () => {
    const theirs = new Witness()
    const { to, connection } = await pair({}, { participant: theirs.participant })
    const written = Promise.withResolvers<true>()
    const { peerStore } = to.node
    const merge = peerStore.merge.bind(peerStore)
    peerStore.merge = async (...args) => {
      await written.promise

      return merge(...args)
    }
    const streams = await Promise.all([open(connection), open(connection)])
    await eventually(() => theirs.steps.filter(steps => steps.length === 2).length === 2)

    expect(theirs.steps).toEqual(new Array(2).fill(['opened without protocol', `negotiated ${PROTOCOL} for undefined`]))
    written.resolve(true)
    await Promise.all(streams.map(async stream => { await stream.close() }))
    await eventually(() => streamsOf(to) === 0)
    expect(theirs.steps).toEqual(new Array(2).fill(['opened without protocol', `negotiated ${PROTOCOL} for undefined`, 'closed']))
  })
})

describe.each(STACKS)('nothing is left of streams over the yamux of %s that', stack => {
  const ENDS: ReadonlyArray<[string, StreamHandler, (stream: Stream, connection: Connection) => unknown]> = [
    ['both sides close', echo, async stream => stream.close()],
    ['the dialler aborts', echo, stream => { stream.abort(new Error('enough')) }],
    ['the listener aborts', stream => { stream.abort(new Error('enough')) }, () => {}],
    ['have a handler that throws', () => { throw new Error('broken') }, () => {}],
    ['have a handler that rejects', async () => Promise.reject(new Error('broken')), () => {}],
    ['end with their connection', echo, async (_, connection) => connection.close().catch(() => {})],
    ['end with their connection being cut', echo, (_, connection) => { connection.abort(new Error('enough')) }]
  ]

  it.each(ENDS)('%s', async (_, handler, end) => {
    const [ours, theirs] = [new Witness(), new Witness()]
    const { from, to, connection } = await pair({ stack, participant: ours.participant }, { participant: theirs.participant }, handler)
    const streams = await Promise.allSettled(Array.from({ length: 10 }, async () => open(connection)))
    await Promise.all(streams.map(async result => result.status === 'fulfilled' ? end(result.value, connection) : undefined))
    await eventually(() => streamsOf(from) + streamsOf(to) === 0)

    for (const { lives } of [ours, theirs]) {
      expect(lives).toHaveLength(10)
      expect(lives.map(({ steps }) => steps.filter(step => step === 'closed').length)).toEqual(new Array(10).fill(1))
    }
  })

  it('speak a protocol that the other side does not know', async () => {
    const { from, to, connection } = await pair({ stack })

    expect(await failureOf(connection.newStream('/nobody/knows'))).toMatchObject({ name: 'UnsupportedProtocolError' })
    await eventually(() => streamsOf(from) + streamsOf(to) === 0)
    expect(connection.status).toBe('open')
  })

  it('never ask for a protocol', async () => {
    const options: GuardedInit['options'] = given => ({ ...withoutServices(given), connectionManager: { inboundStreamProtocolNegotiationTimeout: 50 } })
    const { from, to, connection } = await pair({ stack }, { options })
    await openMute(connection)
    await eventually(() => streamsOf(to) === 1)
    await eventually(() => streamsOf(from) + streamsOf(to) === 0)
    expect(connection.status).toBe('open')
  })

  it('lose their socket', async () => {
    const own = await guarded({ ...quiet, stack })
    await own.node.handle(PROTOCOL, echo)
    const remote = await dialler({ port: portOf(own.node, 'tcp'), stack })

    try {
      await remote.node.handle(PROTOCOL, echo)
      const connection = await remote.dial()
      await eventually(() => own.node.getConnections().length === 1)
      await Promise.all(Array.from({ length: 5 }, async () => open(connection)))
      await Promise.all(Array.from({ length: 5 }, async () => open(own.node.getConnections()[0] ?? connection)))
      await eventually(() => streamsOf(own) >= 10)
      remote.cut('reset')
      await released(own)
    } finally {
      await remote.stop()
    }
  })
})

describe.each(STACKS)('streams over the yamux of %s that come before their connection is announced', stack => {
  const early = async (count: number, then: (stream: Stream) => void): Promise<{ to: GuardedNode, theirs: Witness, connection: Connection }> => {
    const theirs = new Witness()
    const asked = Promise.withResolvers<true>()
    const answer = Promise.withResolvers<boolean>()
    const denyInboundUpgradedConnection = async (): Promise<boolean> => {
      asked.resolve(true)

      return answer.promise
    }
    const from = await guarded({ ...quiet, stack })
    const to = await guarded({
      ...quiet,
      stack,
      participant: theirs.participant,
      init: { gaterTimeout: 5_000 },
      options: given => ({ ...withoutServices(given), connectionGater: { denyInboundUpgradedConnection } })
    })
    await to.node.handle(PROTOCOL, echo)
    const connection = await from.node.dial(to.node.getMultiaddrs())
    await asked.promise
    const streams = await Promise.all(Array.from({ length: count }, async () => openMute(connection)))
    streams.forEach(then)
    // a stream of theirs would be answered now, were the connection announced
    expect(await failureOf(connection.newStream(PROTOCOL, { signal: AbortSignal.timeout(100) }))).toBeInstanceOf(Error)
    expect(theirs.lives).toEqual([])
    answer.resolve(false)
    await eventually(() => to.lifecycle.stats().records.ready === 1)

    return { to, theirs, connection }
  }

  it('pass the same steps', async () => {
    const { to, theirs, connection } = await early(5, () => {})
    await eventually(() => theirs.lives.length >= 5)
    expect(streamsOf(to)).toBeGreaterThanOrEqual(5)
    await connection.close().catch(() => {})
    await released(to)
    expect(theirs.steps.every(steps => steps.at(-1) === 'closed')).toBe(true)
  })

  it('are not held if they have gone by then', async () => {
    const { to, theirs } = await early(5, stream => { stream.abort(new Error('enough')) })
    await eventually(() => streamsOf(to) === 0)
    expect(theirs.steps.every(steps => steps.at(-1) === 'closed')).toBe(true)
  })
})
