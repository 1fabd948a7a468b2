import { StreamRefusedError } from '@cordon/interface-connection-lifecycle'
import { dialler, eventually, portOf, STACKS, stopAll } from '@cordon/testing/node'
import { mockMuxer } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf, guarded, refusal, released } from './support.ts'
import type { GuardedInit, GuardedNode } from './support.ts'
import type { Participant, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { Connection, Stream, StreamHandler, StreamHandlerOptions, StreamMiddleware, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'

const PROTOCOL = '/cordon-test/1.0.0'

/** What happened to one stream, in order */
interface Life {
  readonly record: StreamRecord
  readonly steps: string[]
}

/** Writes down the life of every stream, and says no where it is told to */
class Witness {
  readonly lives: Life[] = []
  readonly #refuses: Partial<Participant>

  constructor (refuses: Partial<Participant> = {}) {
    this.#refuses = refuses
  }

  readonly participant: Partial<Participant> = {
    streamOpened: record => {
      this.lives.push({ record, steps: [`opened ${record.protocol ?? 'without protocol'}${record.stream == null ? ', without stream' : ''}`] })

      return this.#refuses.streamOpened?.(record)
    },
    streamNegotiated: record => {
      this.#of(record).steps.push(`negotiated ${record.protocol} for ${record.service}`)

      return this.#refuses.streamNegotiated?.(record)
    },
    streamClosed: record => { this.#of(record).steps.push('closed') }
  }

  get steps (): string[][] {
    return this.lives.map(({ steps }) => steps)
  }

  #of (record: StreamRecord): Life {
    const life = this.lives.find(({ record: other }) => other === record)
    if (life == null) throw new Error('a stream that was never opened')

    return life
  }
}

/** Without identify and the connection monitor, whose streams nobody asked for */
const withoutServices: NonNullable<GuardedInit['options']> = options => ({ ...options, services: undefined, connectionMonitor: { enabled: false } })
const quiet: GuardedInit = { transport: 'tcp', options: withoutServices }

interface Pair {
  readonly from: GuardedNode
  readonly to: GuardedNode
  readonly connection: Connection
}

async function pair (from: GuardedInit, to: GuardedInit = {}, handler: StreamHandler = echo, handling: StreamHandlerOptions & { service?: string } = {}): Promise<Pair> {
  const dialling = await guarded({ ...quiet, ...from })
  const listening = await guarded({ ...quiet, stack: from.stack ?? 'libp2p', ...to })
  await listening.node.handle(PROTOCOL, handler, { maxInboundStreams: 1_000, ...handling })
  const connection = await dialling.node.dial(listening.node.getMultiaddrs())
  await eventually(() => listening.lifecycle.stats().records.ready === 1)

  return { from: dialling, to: listening, connection }
}

const echo: StreamHandler = async stream => {
  for await (const bytes of stream) stream.send(bytes)
  await stream.close()
}

/** Is there for as long as it is told to */
function held (): { handler: StreamHandler, entered: Promise<Stream>, release: () => void } {
  const entered = Promise.withResolvers<Stream>()
  const released = Promise.withResolvers<true>()

  return {
    handler: async stream => {
      entered.resolve(stream)
      await released.promise
    },
    entered: entered.promise,
    release: () => { released.resolve(true) }
  }
}

/** What libp2p has left of streams, whoever still works on them */
const connectionStreams = ({ node }: GuardedNode): number => node.getConnections().reduce((sum, { streams }) => sum + streams.length, 0)

const streamsOf = ({ lifecycle }: GuardedNode): number => lifecycle.stats().streams

async function open (connection: Connection): Promise<Stream> {
  return connection.newStream(PROTOCOL, { maxOutboundStreams: 1_000 })
}

/** A stream that never asks for a protocol */
async function openMute (connection: Connection): Promise<Stream> {
  return (connection as unknown as { muxer: StreamMuxer }).muxer.createStream({})
}

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

const registrarOf = ({ node }: GuardedNode): Registrar => (node as unknown as { components: { registrar: Registrar } }).components.registrar

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

describe('the middleware of the user', () => {
  const pass: StreamMiddleware = (stream, connection, next) => { next(stream, connection) }

  // libp2p adds the handler to the list that it is given: without us a list of the user would grow with each stream
  it('runs once for each stream, after modules had their say, and before the handler', async () => {
    const steps: string[] = []
    let welcome = true
    const participant: Partial<Participant> = {
      streamNegotiated: () => {
        steps.push('module')

        return welcome ? undefined : refusal()
      }
    }
    const { from, to, connection } = await pair({}, { participant }, async stream => {
      steps.push('handler')
      await stream.close()
    })
    const middleware: StreamMiddleware[] = [(stream, connection, next) => {
      steps.push('middleware')
      next(stream, connection)
    }]
    registrarOf(to).use(PROTOCOL, middleware)

    for (let n = 1; n <= 3; n++) {
      await (await open(connection)).close()
      await eventually(() => streamsOf(from) + streamsOf(to) === 0)
      expect(steps.splice(0)).toEqual(['module', 'middleware', 'handler'])
    }

    welcome = false
    await open(connection).catch(() => {})
    await eventually(() => steps.length > 0 && streamsOf(from) + streamsOf(to) === 0)
    expect(steps).toEqual(['module'])
    expect(middleware).toHaveLength(1)
  })

  it('may be registered together with what was there before', async () => {
    const theirs = new Witness()
    const { from, to, connection } = await pair({}, { participant: theirs.participant })
    const registrar = registrarOf(to)
    registrar.use(PROTOCOL, [...registrar.getMiddleware(PROTOCOL), pass])
    registrar.use(PROTOCOL, [...registrar.getMiddleware(PROTOCOL), pass])

    expect(registrar.getMiddleware(PROTOCOL)).toHaveLength(4)
    await (await open(connection)).close()
    await eventually(() => streamsOf(from) + streamsOf(to) === 0)
    expect(theirs.steps).toEqual([['opened without protocol', `negotiated ${PROTOCOL} for undefined`, 'closed']])
  })

  it('may hand another stream to the handler, which holds the slot all the same', async () => {
    const { handler, entered, release } = held()
    const { from, to, connection } = await pair({}, {}, handler)
    const replace: StreamMiddleware = (stream, connection, next) => { next(Object.create(stream) as Stream, connection) }
    registrarOf(to).use(PROTOCOL, [replace])
    const stream = await open(connection)
    await entered
    stream.abort(new Error('enough'))
    await eventually(() => streamsOf(from) === 0)
    await eventually(() => connectionStreams(to) === 0)

    expect(streamsOf(to)).toBe(1)
    release()
    await eventually(() => streamsOf(to) === 0)
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

describe('streams of another muxer', () => {
  it('pass the same steps', async () => {
    const [ours, theirs] = [new Witness(), new Witness()]
    const options: GuardedInit['options'] = given => ({ ...withoutServices(given), streamMuxers: [() => mockMuxer()] })
    const { from, to, connection } = await pair({ options, participant: ours.participant }, { options, participant: theirs.participant })
    const stream = await open(connection)
    await stream.close()
    await eventually(() => streamsOf(from) + streamsOf(to) === 0)

    expect(ours.steps).toEqual([['opened without protocol, without stream', `negotiated ${PROTOCOL} for undefined`, 'closed']])
    expect(theirs.steps).toEqual([['opened without protocol', `negotiated ${PROTOCOL} for undefined`, 'closed']])
    expect(from.registry.status().transports[0]?.gaps).toEqual(['the stream windows of the muxer are not bounded by its read buffer'])
  })

  it('are not held if it cannot open them', async () => {
    const broken = (): StreamMuxerFactory => {
      const factory = yamux()()
      const create = factory.createStreamMuxer.bind(factory)
      factory.createStreamMuxer = secured => {
        const muxer = create(secured)
        muxer.createStream = async () => { throw new Error('no more') }

        return muxer
      }

      return factory
    }
    const ours = new Witness()
    const { from, connection } = await pair({ participant: ours.participant, options: given => ({ ...withoutServices(given), streamMuxers: [broken] }) })

    expect(await failureOf(open(connection))).toMatchObject({ message: 'no more' })
    expect(streamsOf(from)).toBe(0)
    expect(ours.steps).toEqual([['opened without protocol, without stream', 'closed']])
    expect(connection.status).toBe('open')
  })

  it('are not held if they closed before it handed them out', async () => {
    const handOut = Promise.withResolvers<true>()
    const slow = (): StreamMuxerFactory => {
      const factory = yamux()()
      const create = factory.createStreamMuxer.bind(factory)
      factory.createStreamMuxer = secured => {
        const muxer = create(secured)
        const createStream = muxer.createStream.bind(muxer)
        muxer.createStream = async options => {
          const stream = await createStream(options)
          await handOut.promise

          return stream
        }

        return muxer
      }

      return factory
    }
    const ours = new Witness()
    const { from, to, connection } = await pair({ participant: ours.participant, options: given => ({ ...withoutServices(given), streamMuxers: [slow] }) })
    const failure = failureOf(open(connection))
    await eventually(() => streamsOf(to) === 1)
    connection.abort(new Error('enough'))
    handOut.resolve(true)

    expect(await failure).toBeInstanceOf(Error)
    await released(from, to)
    expect(ours.steps).toEqual([['opened without protocol, without stream', 'closed']])
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
