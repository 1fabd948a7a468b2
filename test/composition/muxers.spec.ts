import { eventually, stopAll } from '@cordon/testing/node'
import { tcp } from '@libp2p/tcp'
import { mockMuxer } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { afterEach, describe, expect, it } from 'vitest'
import { open, pair, PROTOCOL, quiet, streamsOf, withoutServices, Witness } from './streams-support.ts'
import { failureOf, guarded, released } from './support.ts'
import type { GuardedInit } from './support.ts'
import type { StreamMuxerFactory, Transport, Upgrader } from '@libp2p/interface'

afterEach(stopAll)

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

describe('streams of the muxer that a transport brings along', () => {
  /** As WebRTC does, but with one for all its connections */
  function bringing (components: Parameters<ReturnType<typeof tcp>>[0]): Transport {
    const muxerFactory = yamux()()
    const transport: Transport = tcp()(components)
    const dial = transport.dial.bind(transport)
    const createListener = transport.createListener.bind(transport)
    const withMuxer = (upgrader: Upgrader): Upgrader => Object.assign(Object.create(upgrader) as Upgrader, {
      upgradeInbound: async (raw, options) => upgrader.upgradeInbound(raw, { ...options, muxerFactory }),
      upgradeOutbound: async (raw, options) => upgrader.upgradeOutbound(raw, { ...options, muxerFactory })
    } satisfies Pick<Upgrader, 'upgradeInbound' | 'upgradeOutbound'>)

    return Object.assign(transport, {
      dial: async (address, options) => dial(address, { ...options, upgrader: withMuxer(options.upgrader) }),
      createListener: options => createListener({ ...options, upgrader: withMuxer(options.upgrader) })
    } satisfies Pick<Transport, 'dial' | 'createListener'>)
  }

  it('pass each step once, in whichever of its connections', async () => {
    const [ours, theirs] = [new Witness(), new Witness()]
    const options: GuardedInit['options'] = given => ({ ...withoutServices(given), transports: [bringing], streamMuxers: [] })
    const { from, to, connection } = await pair({ options, participant: ours.participant }, { options, participant: theirs.participant })
    const other = await guarded({ ...quiet, options })
    const others = await other.node.dial(to.node.getMultiaddrs())

    for (const one of [connection, others, connection]) await (await open(one)).close()
    await eventually(() => streamsOf(from) + streamsOf(to) + streamsOf(other) === 0)
    const steps = [`negotiated ${PROTOCOL} for undefined`, 'closed']
    expect(ours.steps).toEqual([1, 2].map(() => ['opened without protocol, without stream', ...steps]))
    expect(theirs.steps).toEqual([1, 2, 3].map(() => ['opened without protocol', ...steps]))
    expect(to.registry.status().transports[0]?.gaps).toContain('it brings a muxer of its own, whose stream windows are not bounded')
  })
})
