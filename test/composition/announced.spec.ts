import { buildNode, eventually, stopAll } from '@cordon/testing/node'
import { yamux } from '@libp2p/yamux'
import { afterEach, describe, expect, it } from 'vitest'
import { guarded, refusal } from './support.ts'
import type { StreamMuxerFactory } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'

const EVENTS = ['connection:open', 'connection:close', 'peer:connect', 'peer:disconnect'] as const

/** What libp2p tells of connections and peers, in order */
function told (node: Libp2p): string[] {
  const log: string[] = []

  for (const event of EVENTS) {
    node.addEventListener(event, () => { log.push(event) })
  }

  return log
}

afterEach(stopAll)

describe('what libp2p tells', () => {
  it('of a connection that comes and goes is in order', async () => {
    const { node } = await guarded({ transport: 'tcp' })
    const log = told(node)
    const other = await buildNode({ transport: 'tcp' })
    await (await other.dial(node.getMultiaddrs())).close()

    await eventually(() => log.length === 4)
    expect(log.indexOf('connection:open')).toBeLessThan(log.indexOf('connection:close'))
    expect(log.indexOf('peer:connect')).toBeLessThan(log.indexOf('peer:disconnect'))
  })

  it.each(['inbound', 'outbound'] as const)('of an %s connection that is refused when it is ready is nothing', async direction => {
    const { node, lifecycle } = await guarded({ transport: 'tcp', participant: { ready: () => refusal() } })
    const log = told(node)
    const other = await buildNode({ transport: 'tcp' })
    const [from, to] = direction === 'inbound' ? [other, node] : [node, other]
    await from.dial(to.getMultiaddrs()).catch(() => { /* the other side may believe that it is connected */ })

    await eventually(() => lifecycle.stats().closed.refused === 1 && lifecycle.size === 0)
    expect(log).toEqual([])
    expect(node.getConnections()).toEqual([])
    expect(node.getPeers()).toEqual([])
  })
})

describe('an inbound stream whose protocol is known beforehand', () => {
  /** As data channels of WebRTC may do it */
  function early (protocol: string): () => StreamMuxerFactory {
    return () => {
      const factory = yamux()()
      const create = factory.createStreamMuxer.bind(factory)
      factory.createStreamMuxer = secured => {
        const muxer = create(secured)
        const onRemoteStream = muxer.onRemoteStream.bind(muxer)
        muxer.onRemoteStream = stream => {
          stream.protocol = protocol
          onRemoteStream(stream)
        }

        return muxer
      }

      return factory
    }
  }

  it('is reset when it is refused, and the connection goes on', async () => {
    const { node, lifecycle } = await guarded({
      transport: 'tcp',
      participant: { streamNegotiated: ({ direction }) => direction === 'inbound' ? refusal() : undefined },
      options: options => ({ ...options, streamMuxers: [early('/early/1')] })
    })
    const other = await buildNode({ transport: 'tcp' })
    const connection = await other.dial(node.getMultiaddrs())

    await expect(connection.newStream('/early/1', { signal: AbortSignal.timeout(5_000) })).rejects.toThrow()
    expect(connection.status).toBe('open')
    await eventually(() => lifecycle.stats().streams === 0)
  })
})
