import net from 'node:net'
import { connect } from 'node:tls'
import { WrongPeerError } from '@cordon/interface-connection-lifecycle'
import { eventually, portOf, STACKS, stopAll } from '@cordon/testing/node'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tls } from '@libp2p/tls'
import { afterEach, describe, expect, it } from 'vitest'
import { addressOf, failureOf, findError, guarded, released } from './support.ts'
import type { GuardedInit, GuardedNode } from './support.ts'
import type { TLSSocket } from 'node:tls'

/** How often each is tried, at once */
const TIMES = 20

/** What is said on both sides before TLS begins, each line after its length */
const AGREED = ['/multistream/1.0.0\n', '/tls/1.0.0\n'].map(line => `${String.fromCharCode(line.length)}${line}`).join('')

/** Those of strangers; bounded by what one test opens */
const sockets: net.Socket[] = []

const overTls: Pick<GuardedInit, 'options' | 'transport'> = { transport: 'tcp', options: options => ({ ...options, connectionEncrypters: [tls()] }) }

/** Says what is to be said before TLS, and hands over the socket where TLS is to begin */
function agree (then: (socket: net.Socket) => unknown): (socket: net.Socket) => void {
  return socket => {
    let answer = ''
    const listen = (data: Buffer): void => {
      answer += data.toString('latin1')
      if (answer.length < AGREED.length) return
      socket.off('data', listen)
      expect(answer).toBe(AGREED)
      then(socket)
    }
    socket.on('data', listen)
    socket.write(AGREED)
  }
}

/** TLS as the platform speaks it, without a certificate that proves who it is */
function shake (socket: net.Socket, ALPNProtocols = ['libp2p']): TLSSocket {
  return connect({ socket, rejectUnauthorized: false, ALPNProtocols }).on('error', () => {})
}

/** Who does no more than that, and why their connections end: which of two is seen first is up to the machine */
const STRANGERS: ReadonlyArray<readonly [string, (socket: net.Socket) => unknown, string[]]> = [
  ['agree to it and say no more', agree(() => {}), ['deadline']],
  ['send garbage in its place', agree(socket => socket.write('garbage'.repeat(100))), ['upgrade-failed']],
  ['cut the socket where it begins', agree(socket => socket.resetAndDestroy()), ['remote-reset']],
  ['cut the socket in the middle of it', agree(socket => {
    shake(socket)
    setImmediate(() => socket.resetAndDestroy())
  }), ['remote-reset', 'upgrade-failed']],
  ['close the socket in the middle of it', agree(socket => {
    shake(socket)
    setImmediate(() => socket.end())
  }), ['remote-close', 'upgrade-failed']],
  ['have no certificate', agree(socket => shake(socket)), ['upgrade-failed']],
  ['want a muxer that there is not', agree(socket => shake(socket, ['/none/1.0.0'])), ['upgrade-failed']],
  ['cut the socket once they are through', agree(socket => shake(socket).once('secureConnect', () => socket.resetAndDestroy())), ['remote-reset', 'upgrade-failed']]
]

async function strike (victim: GuardedNode, act: (socket: net.Socket) => unknown): Promise<void> {
  for (let time = 0; time < TIMES; time++) {
    const socket = net.connect({ port: portOf(victim.node, 'tcp'), host: '127.0.0.1' })
    socket.on('error', () => {}).on('connect', () => { act(socket) })
    sockets.push(socket)
  }
  await eventually(() => victim.events.filter(({ type }) => type === 'connection:opened').length === TIMES)
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await stopAll()
})

describe.each(STACKS)('nodes that encrypt with TLS, and the muxer of %s,', stack => {
  it('connect, agree on the muxer within the handshake, ping and part', async () => {
    const [from, to] = [await guarded({ ...overTls, stack }), await guarded({ ...overTls, stack })]
    const connection = await from.node.dial(to.node.getMultiaddrs())
    await from.node.services.ping.ping(to.node.peerId)
    await eventually(() => to.lifecycle.stats().readied === 1)

    expect(connection).toMatchObject({ encryption: '/tls/1.0.0', multiplexer: '/yamux/1.0.0' })
    expect(from.registry.status().transports[0]).toMatchObject({ enforced: ['records', 'deadlines', 'streams', 'arrivals', 'windows', 'addresses'], gaps: [] })
    await connection.close()
    await released(from, to)
    expect([from, to].map(({ reasons }) => reasons.map(({ code }) => code))).toEqual([['local-close'], ['remote-close']])
  })

  it('find out that it is another peer than the one that was dialled, and do not dial it again', async () => {
    const [from, to] = [await guarded({ ...overTls, stack }), await guarded({ ...overTls, stack })]
    const expected = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    const address = addressOf(to).encapsulate(`/p2p/${expected.toString()}`)
    const error = findError(await failureOf(from.node.dial(address)), WrongPeerError.name)
    await released(from, to)

    expect(error).toMatchObject({ expected: expected.toString() })
    expect(from.reasons).toMatchObject([{ code: 'upgrade-failed', by: 'local' }])
    from.lifecycle.maintain(address)
    await eventually(() => from.events.some(event => event.type === 'reconnect:failed' && event.error instanceof WrongPeerError))
    expect(from.events.filter(({ type }) => type === 'reconnect:scheduled')).toEqual([])
  })
})

describe('a node that encrypts with TLS', () => {
  it('does not dial those again that do not', async () => {
    const [from, to] = [await guarded(overTls), await guarded({ transport: 'tcp' })]
    from.lifecycle.maintain(to.node.getMultiaddrs())
    await eventually(() => from.events.some(({ type }) => type === 'reconnect:failed'))
    await released(from, to)

    expect(from.events.filter(({ type }) => type === 'reconnect:scheduled')).toEqual([])
    expect(from.reasons).toMatchObject([{ code: 'upgrade-failed' }])
  })

  it.each(STRANGERS)('keeps nothing of strangers that %s', async (_, act, codes) => {
    const victim = await guarded({ ...overTls, lifecycle: { deadlines: { encrypt: 500 } } })
    await strike(victim, act)
    await released(victim)

    expect(victim.lifecycle.stats()).toMatchObject({ opened: TIMES, readied: 0 })
    expect(victim.reasons).toHaveLength(TIMES)
    expect(codes).toEqual(expect.arrayContaining(victim.reasons.map(({ code }) => code)))
    await eventually(() => sockets.every(socket => socket.destroyed || !socket.readable || !socket.writable))
    const guest = await guarded(overTls)
    await guest.node.dial(victim.node.getMultiaddrs())
    await guest.node.services.ping.ping(victim.node.peerId)
  })
})
