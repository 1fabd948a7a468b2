import { eventually, stopAll } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { connectionStreams, held, open, pair, PROTOCOL, streamsOf, Witness } from './streams-support.ts'
import { refusal } from './support.ts'
import type { GuardedNode } from './support.ts'
import type { Participant } from '@cordon/interface-connection-lifecycle'
import type { Stream, StreamMiddleware } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'

const registrarOf = ({ node }: GuardedNode): Registrar => (node as unknown as { components: { registrar: Registrar } }).components.registrar

afterEach(stopAll)

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

  it.each<[string, (stream: Stream) => Stream]>([
    ['one that inherits from it', stream => Object.create(stream) as Stream],
    ['one that has nothing of it', stream => ({ id: stream.id, log: stream.log }) as Stream]
  ])('may hand another stream to the handler, which holds the slot all the same: %s', async (_, other) => {
    const { handler, entered, release } = held()
    const { from, to, connection } = await pair({}, {}, handler)
    const replace: StreamMiddleware = (stream, connection, next) => { next(other(stream), connection) }
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

  it('may take longer than the stream lasts, whose handler then does not run', async () => {
    const arrived = Promise.withResolvers<true>()
    const goOn = Promise.withResolvers<true>()
    let handled = false
    const { from, to, connection } = await pair({}, {}, () => { handled = true })
    const done = Promise.withResolvers<true>()
    registrarOf(to).use(PROTOCOL, [async (stream, connection, next) => {
      arrived.resolve(true)
      await goOn.promise
      next(stream, connection)
      done.resolve(true)
    }])
    const stream = await open(connection)
    await arrived.promise
    stream.abort(new Error('enough'))
    await eventually(() => streamsOf(from) + streamsOf(to) === 0)
    goOn.resolve(true)
    await done.promise

    expect(handled).toBe(false)
    expect(streamsOf(to)).toBe(0)
  })
})
