import { yamux as chainsafeYamux } from '@chainsafe/libp2p-yamux'
import { eventually, stopAll } from '@cordon/testing/node'
import { yamux } from '@libp2p/yamux'
import { afterEach, describe, expect, it } from 'vitest'
import { open, pair, quiet, withoutServices } from './streams-support.ts'
import { guarded } from './support.ts'
import type { GuardedInit } from './support.ts'
import type { Stream, StreamHandler, StreamMuxerFactory } from '@libp2p/interface'

const KIB = 1024
const MIB = 1024 * KIB
const CHUNK = new Uint8Array(64 * KIB)
const OPTION = 'yamux.streamOptions.maxStreamWindowSize'
const GAP = 'the stream windows of the muxer are not bounded by its read buffer'

afterEach(stopAll)

describe.each([['@libp2p/yamux', yamux], ['@chainsafe/libp2p-yamux', chainsafeYamux]] as const)('the stream windows of %s', (_name, muxer) => {
  type StreamOptions = NonNullable<Parameters<typeof muxer>[0]>['streamOptions']

  const withOptions = (streamOptions: StreamOptions): GuardedInit => withMuxer(muxer({ streamOptions }))

  it.each([
    ['are as large as the read buffer', {}, 4 * MIB, []],
    ['follow a read buffer that is smaller', { maxReadBufferLength: MIB }, MIB, []],
    ['follow a read buffer that is larger', { maxReadBufferLength: 8 * MIB }, 8 * MIB, []],
    ['stay at what yamux allows where the read buffer is larger still', { maxReadBufferLength: 64 * MIB }, 16 * MIB, []],
    ['are no smaller than those that yamux begins with', { maxReadBufferLength: 64 * KIB }, 256 * KIB, [GAP]],
    ['are no smaller than those that it was told to begin with', { initialStreamWindowSize: 8 * MIB }, 8 * MIB, [GAP]]
  ])('%s', async (_case, streamOptions, to, gaps) => {
    const { registry } = await guarded(withOptions(streamOptions))

    expect(registry.adjustments.filter(({ option }) => option === OPTION)).toEqual([{
      option: OPTION, from: String(16 * MIB), to: String(to), reason: expect.stringContaining('paused') as string
    }])
    expect(registry.status().transports[0]?.gaps).toEqual(gaps)
  })

  it.each([
    ['with room', { maxStreamWindowSize: MIB }, []],
    ['without', { maxStreamWindowSize: 16 * MIB }, [GAP]],
    ['with room that is made for it', { maxStreamWindowSize: 16 * MIB, maxReadBufferLength: 16 * MIB }, []],
    ['with room for the largest, not for those that yamux begins with', { maxStreamWindowSize: 64 * KIB, maxReadBufferLength: 64 * KIB }, [GAP]]
  ])('stay as the user set them, %s', async (_case, streamOptions, gaps) => {
    const { registry } = await guarded(withOptions(streamOptions))

    expect(registry.adjustments.map(({ option }) => option)).not.toContain(OPTION)
    expect(registry.status().transports[0]?.gaps).toEqual(gaps)
  })

  it('are those of one node where two are made of the same options', async () => {
    const init = { streamOptions: { initialStreamWindowSize: 512 * KIB } }
    const first = await guarded(withMuxer(muxer(init)))
    const second = await guarded(withMuxer(muxer(init)))

    expect(init).toEqual({ streamOptions: { initialStreamWindowSize: 512 * KIB } })

    for (const { registry } of [first, second]) {
      expect(registry.adjustments.find(({ option }) => option === OPTION)).toMatchObject({ from: String(16 * MIB), to: String(4 * MIB) })
    }
  })

  it('are those of composed nodes, where a muxer is shared with one that is not', async () => {
    const shared = muxer()()
    const before: unknown = structuredClone(Reflect.get(shared, '_init'))
    const nodes = [await guarded(withMuxer(() => shared)), await guarded(withMuxer(() => shared))]

    expect(nodes.map(({ registry }) => registry.adjustments.filter(({ option }) => option === OPTION).length)).toEqual([1, 1])
    expect(nodes.map(({ registry }) => registry.status().transports[0]?.gaps)).toEqual([[], []])
    expect(Reflect.get(shared, '_init')).toEqual(before)
  })

  it('are a gap where the muxer is another one of the same protocol', async () => {
    const real = muxer()()
    const { registry } = await guarded(withMuxer(() => ({ protocol: real.protocol, createStreamMuxer: secured => real.createStreamMuxer(secured) })))

    expect(registry.adjustments.map(({ option }) => option)).not.toContain(OPTION)
    expect(registry.status().transports[0]?.gaps).toEqual([GAP])
  })

  it.each([
    ['4 MiB', {}, 4 * MIB],
    ['what the user allows', { maxReadBufferLength: MIB }, MIB]
  ])('let a stream that is paused in full flow keep up to %s and lose nothing', async (_case, streamOptions, atMost) => {
    const paused = Promise.withResolvers<{ stream: Stream, room: number }>()
    let received = 0
    let pauses = 1
    const handler: StreamHandler = stream => {
      stream.addEventListener('message', ({ data }) => {
        received += data.byteLength

        // by then the window has grown as far as it may
        if (received >= 32 * MIB && pauses-- > 0) {
          stream.pause()
          // what was just read, the other side does not know of yet
          paused.resolve({ stream, room: atMost - data.byteLength })
        }
      })
    }
    const { connection } = await pair({ transport: 'tcp' }, { ...withOptions(streamOptions), transport: 'tcp' }, handler)
    const sent = send(await open(connection), 64 * MIB)
    const { stream, room } = await paused.promise
    let unread = 0
    await eventually(() => {
      const before = unread
      unread = stream.readBufferLength

      return before > 0 && before === unread
    }, { interval: 100 })

    expect(stream).toMatchObject({ status: 'open', readStatus: 'paused' })
    // the window that a stream begins with is far smaller
    expect(unread).toBeGreaterThan(512 * KIB)
    expect(unread).toBeLessThanOrEqual(room)

    stream.resume()
    await sent
    await eventually(() => stream.remoteWriteStatus === 'closed')

    expect(received).toBe(64 * MIB)
  })
})

function withMuxer (muxer: () => StreamMuxerFactory): GuardedInit {
  return { ...quiet, options: options => ({ ...withoutServices(options), streamMuxers: [muxer] }) }
}

/** As fast as the other side takes it */
async function send (stream: Stream, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes; sent += CHUNK.byteLength) {
    if (!stream.send(CHUNK)) await drained(stream)
  }

  await stream.close()
}

async function drained (stream: Stream): Promise<void> {
  const settled = new AbortController()
  const { signal } = settled

  try {
    await new Promise<void>((resolve, reject) => {
      stream.addEventListener('drain', () => { resolve() }, { signal })
      stream.addEventListener('close', () => { reject(new Error(`the stream is ${stream.status}`)) }, { signal })
    })
  } finally {
    settled.abort()
  }
}
