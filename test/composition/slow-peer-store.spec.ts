import { eventually, stopAll } from '@cordon/testing/node'
import { ping } from '@libp2p/ping'
import { byteStream } from '@libp2p/utils'
import { MemoryDatastore } from 'datastore-core'
import { afterEach, describe, expect, it } from 'vitest'
import { connectionStreams, echo, open, pair, PROTOCOL, streamsOf, withoutServices } from './streams-support.ts'
import type { GuardedInit, GuardedNode } from './support.ts'
import type { Stream, StreamHandler, StreamMiddleware } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import type { Ping } from '@libp2p/ping'
import type { Key } from 'interface-datastore'

/** Reads take until they are let go, as they do on a disk that is busy */
class SlowDatastore extends MemoryDatastore {
  #gate = Promise.withResolvers<undefined>()

  constructor () {
    super()
    this.letGo()
  }

  hold (): void {
    this.#gate = Promise.withResolvers()
  }

  letGo (): void {
    this.#gate.resolve(undefined)
  }

  override async get (key: Key): Promise<Uint8Array> {
    await this.#gate.promise

    return super.get(key)
  }
}

const textOf = (chunks: Array<{ subarray: () => Uint8Array }>): string => chunks.map(chunk => new TextDecoder().decode(chunk.subarray())).join('')
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const slow = (datastore: SlowDatastore, services: Record<string, unknown> = {}): GuardedInit => ({
  options: options => ({ ...withoutServices(options), datastore, services: services as never })
})
const inbound = ({ node }: GuardedNode): Stream | undefined => node.getConnections()[0]?.streams[0]
const closedByPeer = (stream: Stream | undefined): boolean => stream?.remoteWriteStatus === 'closed'

afterEach(stopAll)

/** The text that a handler reads which gets its stream after the peer has sent `sent` and closed its side */
async function readLate (sent: string, read: (stream: Stream) => Promise<string>, middleware?: StreamMiddleware): Promise<string> {
  const datastore = new SlowDatastore()
  const heard = Promise.withResolvers<string>()
  const handler: StreamHandler = async stream => {
    heard.resolve(await read(stream))
    await stream.close()
  }
  const { from, to, connection } = await pair({}, slow(datastore), handler)

  if (middleware != null) {
    (to.node as unknown as { components: { registrar: Registrar } }).components.registrar.use(PROTOCOL, [middleware])
  }

  datastore.hold()
  const stream = await open(connection)
  if (sent !== '') stream.send(bytesOf(sent))
  await stream.close()
  await eventually(() => closedByPeer(inbound(to)))
  datastore.letGo()
  const text = await heard.promise
  await eventually(() => streamsOf(from) + streamsOf(to) + connectionStreams(to) === 0)

  return text
}

async function iterate (stream: Stream): Promise<string> {
  const chunks: Array<{ subarray: () => Uint8Array }> = []
  for await (const chunk of stream) chunks.push(chunk)

  return textOf(chunks)
}

// @libp2p/utils 7.4.1: without us each of these waits until the stream is cut
describe('a stream that libp2p hands on when the peer has closed its side already', () => {
  it.each(['', 'all there is'])('ends for a handler that iterates over it: %j', async text => {
    expect(await readLate(text, iterate)).toBe(text)
  })

  it.each(['', 'all there is'])('ends for one that takes its time first: %j', async text => {
    expect(await readLate(text, async stream => {
      await new Promise(resolve => setTimeout(resolve, 10))

      return iterate(stream)
    })).toBe(text)
  })

  it.each(['', 'all there is'])('ends for one that pauses it first: %j', async text => {
    expect(await readLate(text, async stream => {
      stream.pause()
      setTimeout(() => { stream.resume() }, 10)

      return iterate(stream)
    })).toBe(text)
  })

  it('ends for one that reads it in parts', async () => {
    expect(await readLate('in parts', async stream => {
      const bytes = byteStream(stream)
      const first = await bytes.read({ bytes: 3 })
      const rest = await bytes.read()

      return textOf([first, rest ?? new Uint8Array(), await bytes.read() ?? bytesOf('.')])
    })).toBe('in parts.')
  })

  it('ends where middleware has taken its time as well', async () => {
    expect(await readLate('late', iterate, (stream, connection, next) => {
      setTimeout(() => { next(stream, connection) }, 10)
    })).toBe('late')
  })

  it('ends for whoever has opened it, and is told once, after what was sent', async () => {
    const datastore = new SlowDatastore()
    const { to, connection } = await pair(slow(datastore), {}, async stream => {
      stream.send(bytesOf('hello'))
      await stream.close()
    })
    datastore.hold()
    const opening = open(connection)
    await eventually(() => closedByPeer(connection.streams[0]))
    datastore.letGo()
    const stream = await opening
    let told = 0
    stream.addEventListener('remoteCloseWrite', () => { told++ })

    expect(await iterate(stream)).toBe('hello')
    expect(told).toBe(1)
    await stream.close()
    await eventually(() => streamsOf(to) === 0)
  })
})

it('a node whose peer store is slow answers every ping', async () => {
  const datastore = new SlowDatastore()
  const services = (): Record<string, unknown> => ({ ping: ping() })
  const { from, to } = await pair(slow(new SlowDatastore(), services()), slow(datastore, services()), echo)
  const { ping: service } = from.node.services as unknown as { ping: Ping }

  for (let round = 0; round < 5; round++) {
    datastore.hold()
    const answer = service.ping(to.node.peerId)
    await eventually(() => closedByPeer(inbound(to)))
    datastore.letGo()
    expect(await answer).toBeGreaterThanOrEqual(0)
    await eventually(() => streamsOf(from) + streamsOf(to) === 0)
  }
})
