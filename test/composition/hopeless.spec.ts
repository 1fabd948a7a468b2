import net from 'node:net'
import { WrongPeerError } from '@cordon/interface-connection-lifecycle'
import { eventually, fakeClock, STACKS, stopAll } from '@cordon/testing'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { noise } from '@libp2p/noise'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { addressOf, failureOf, findError, guarded, released } from './support.ts'
import type { GuardedInit, GuardedNode } from './support.ts'
import type { LifecycleEvent } from '@cordon/interface-connection-lifecycle'
import type { ConnectionEncrypter, PeerId } from '@libp2p/interface'
import type { Libp2pOptions } from 'libp2p'

type Options = NonNullable<GuardedInit['options']>

async function stranger (): Promise<PeerId> {
  return peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
}

/** A node whose clock stands still, so that nothing is dialled twice unless a test lets it */
async function still (init: GuardedInit = {}): Promise<GuardedNode & { readonly clock: ReturnType<typeof fakeClock> }> {
  const clock = fakeClock()

  return { ...await guarded({ transport: 'tcp', ...init, lifecycle: { clock, random: () => 0 } }), clock }
}

async function firstReconnect ({ events }: GuardedNode): Promise<Extract<LifecycleEvent, { type: 'reconnect:scheduled' | 'reconnect:failed' }>> {
  return eventually(() => {
    const event = events.find(({ type }) => type.startsWith('reconnect:'))
    if (event?.type !== 'reconnect:failed' && event?.type !== 'reconnect:scheduled') throw new Error('nothing was decided yet')

    return event
  })
}

/** The same under another name, so that nobody who has it by its own name can agree to it */
const renamed = {
  encryption: (options: Libp2pOptions) => ({ ...options, connectionEncrypters: [(components: never) => Object.assign(noise()(components), { protocol: '/other' })] }),
  muxer: (options: Libp2pOptions) => ({ ...options, streamMuxers: [() => Object.assign(yamux()(), { protocol: '/other' })] })
} as unknown as Readonly<Record<'encryption' | 'muxer', Options>>

/** Noise that leaves it to libp2p to agree upon a muxer */
function late (components: never): ConnectionEncrypter {
  const encrypter = noise()(components)
  const secureOutbound = encrypter.secureOutbound.bind(encrypter)

  return Object.assign(encrypter, { secureOutbound: (async (stream, options) => secureOutbound(stream, { ...options, skipStreamMuxerNegotiation: true })) satisfies ConnectionEncrypter['secureOutbound'] })
}

afterEach(stopAll)

describe.each(STACKS)('another peer than the one that was dialled, found by the noise of %s,', stack => {
  it('is known as such', async () => {
    const from = await guarded({ transport: 'tcp', stack })
    const to = await guarded({ transport: 'tcp', stack })
    const expected = await stranger()
    const error = findError(await failureOf(from.node.dial(addressOf(to).encapsulate(`/p2p/${expected.toString()}`))), WrongPeerError.name)

    expect(error).toMatchObject({ expected: expected.toString() })
    await released(from, to)
    expect(from.reasons).toMatchObject([{ code: 'upgrade-failed' }])
  })

  it('is not dialled again by `maintain`', async () => {
    const from = await still({ stack })
    const to = await guarded({ transport: 'tcp', stack })
    const expected = await stranger()
    from.lifecycle.maintain(addressOf(to).encapsulate(`/p2p/${expected.toString()}`))
    const last = await firstReconnect(from)
    if (last.type !== 'reconnect:failed') throw new Error('it is dialled again')

    expect(findError(last.error, WrongPeerError.name)).toBeDefined()
    expect(last.peer?.equals(expected)).toBe(true)
    await released(from, to)
    // a day later
    from.clock.tick(86_400_000)
    await eventually(() => to.lifecycle.size === 0)
    expect(from.events.filter(({ type }) => type.startsWith('reconnect:'))).toEqual([last])
    expect([from.lifecycle.stats().opened, to.lifecycle.stats().opened]).toEqual([1, 1])
  })
})

it('a node that is told to maintain itself gives that up at once', async () => {
  const node = await still()
  node.lifecycle.maintain([addressOf(node).encapsulate(`/p2p/${node.node.peerId.toString()}`)])
  await eventually(() => node.events.length > 0)

  expect(node.events).toMatchObject([{ type: 'reconnect:failed', error: { name: 'InvalidPeerIdError' } }])
  expect(node.lifecycle.stats().opened).toBe(0)
})

it('another peer at a memory address, which libp2p does not notice, is not dialled again either', async () => {
  const from = await still({ transport: 'memory' })
  const to = await guarded({ transport: 'memory' })
  const expected = await stranger()
  from.lifecycle.maintain(addressOf(to).encapsulate(`/p2p/${expected.toString()}`))

  expect(await firstReconnect(from)).toMatchObject({ type: 'reconnect:failed', error: { name: WrongPeerError.name, expected: expected.toString(), actual: to.node.peerId.toString() } })
  await released(from, to)
})

describe.each([
  ['encryption', 'encryption', 'EncryptionFailedError'],
  ['muxer', 'muxer', 'MuxerUnavailableError'],
  ['muxer, which noise finds out', 'muxer', 'EncryptionFailedError']
] as const)('a peer that shares no %s', (how, what, name) => {
  it('is given up at once, and the error of the dial says why', async () => {
    const from = await still({ options: options => how === 'muxer' ? { ...options, connectionEncrypters: [late as never] } : options })
    const to = await guarded({ transport: 'tcp', options: renamed[how === 'encryption' ? 'encryption' : 'muxer'] })
    const target = addressOf(to).encapsulate(`/p2p/${to.node.peerId.toString()}`)
    const error = await failureOf(from.node.dial(target))

    expect(error).toMatchObject({ name, cause: { name: 'UnsupportedProtocolError', message: `the peer shares no ${what} with this node` } })
    from.lifecycle.maintain(target)
    expect(await firstReconnect(from)).toMatchObject({ type: 'reconnect:failed', attempts: 1 })
    await released(from, to)
  })
})

describe('a peer that agrees to nothing', () => {
  const HEADER = Uint8Array.from([19, ...new TextEncoder().encode('/multistream/1.0.0\n')])
  const NOT_AVAILABLE = Uint8Array.from([3, ...new TextEncoder().encode('na\n')])

  /** Where whoever connects is answered like this */
  async function answering (answer: (socket: net.Socket) => void): Promise<{ address: string, stop: () => void }> {
    const sockets = new Set<net.Socket>()
    const server = net.createServer(socket => {
      sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)))
      answer(socket)
    })
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
    const { port } = server.address() as net.AddressInfo

    return {
      address: `/ip4/127.0.0.1/tcp/${port}`,
      stop: () => {
        sockets.forEach(socket => socket.destroy())
        server.close()
      }
    }
  }

  it.each<[string, (socket: net.Socket) => void, 'reconnect:failed' | 'reconnect:scheduled']>([
    ['it says no', socket => socket.write(HEADER) && socket.write(NOT_AVAILABLE), 'reconnect:failed'],
    ['it says no a byte at a time', socket => {
      let sent = 0
      socket.setNoDelay()
      const timer = setInterval(() => {
        socket.write(Uint8Array.from([...HEADER, ...NOT_AVAILABLE].slice(sent, ++sent)))
        if (sent === HEADER.length + NOT_AVAILABLE.length) clearInterval(timer)
      }, 2)
    }, 'reconnect:failed'],
    // nobody has proven who it is: somebody else may be there for a while
    ['it speaks something else', socket => socket.write(Uint8Array.from([5, 1, 2, 3, 4, 5])), 'reconnect:scheduled'],
    ['it is something else', socket => socket.write('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'.padEnd(200, ' ')), 'reconnect:scheduled'],
    ['it ends the connection', socket => socket.end(HEADER), 'reconnect:scheduled'],
    ['it resets the connection', socket => socket.write(HEADER, () => socket.resetAndDestroy()), 'reconnect:scheduled'],
    ['it ends the connection once it has heard us', socket => socket.once('data', () => socket.end()), 'reconnect:scheduled']
  ])('because %s', async (_why, answer, outcome) => {
    const server = await answering(answer)
    const from = await still()
    from.lifecycle.maintain(multiaddr(server.address).encapsulate(`/p2p/${(await stranger()).toString()}`))

    expect((await firstReconnect(from)).type).toBe(outcome)
    server.stop()
    await released(from)
  })

  it('because it says nothing, is dialled again: neither the deadline nor whoever gives the dial up knows why', async () => {
    const server = await answering(() => {})
    const target = multiaddr(server.address).encapsulate(`/p2p/${(await stranger()).toString()}`)
    const from = await guarded({ transport: 'tcp', lifecycle: { deadlines: { encrypt: 200 } } })
    const given = await failureOf(from.node.dial(target, { signal: AbortSignal.timeout(50) }))
    from.lifecycle.maintain(target, { minDelay: 60_000 })

    expect((await firstReconnect(from)).type).toBe('reconnect:scheduled')
    expect(findError(given, 'UnsupportedProtocolError')).toBeUndefined()
    server.stop()
    await released(from)
  })
})
