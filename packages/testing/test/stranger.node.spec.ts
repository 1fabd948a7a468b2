import { once } from 'node:events'
import net from 'node:net'
import { buildNode, eventually, handleCounts, handlesSince, portOf, stallingServer, stopAll, stranger } from '@cordon/testing/node'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HandleCounts, Stranger, StrangerInit } from '@cordon/testing/node'

/** Counts what it receives, and answers nothing */
async function listening (): Promise<{ readonly port: number, received: () => number, stop: () => Promise<void> }> {
  let received = 0
  const server = net.createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', data => { received += data.length })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as net.AddressInfo).port,
    received: () => received,
    stop: async () => { await once(server.close(), 'close') }
  }
}

describe('a stranger', () => {
  let before: HandleCounts
  const strangers: Stranger[] = []

  beforeEach(() => { before = handleCounts() })

  afterEach(async () => {
    strangers.splice(0).forEach(one => { one.end('reset') })
    await stopAll()
    await eventually(() => { expect(handlesSince(before)).toEqual({}) })
  })

  async function come (init: StrangerInit): Promise<Stranger> {
    const one = await stranger(init)
    strangers.push(one)
    return one
  }

  it('is a peer that a stock node accepts, and its streams are streams', async () => {
    const node = await buildNode({ transport: 'tcp' })
    const privateKey = await generateKeyPair('Ed25519')
    const one = await come({ port: portOf(node, 'tcp'), privateKey })
    await eventually(() => node.getConnections().length === 1)
    const [connection] = node.getConnections()

    expect(connection?.remotePeer.equals(peerIdFromPrivateKey(privateKey))).toBe(true)
    one.openStreams(3)
    await eventually(() => connection?.streams.filter(({ direction }) => direction === 'inbound').length === 3)
  })

  it.each([0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5])('stops after %s of its messages, and goes on when told to', async messages => {
    const node = await buildNode({ transport: 'tcp' })
    const one = await come({ port: portOf(node, 'tcp'), privateKey: await generateKeyPair('Ed25519'), messages })
    const { sent } = one

    expect(one.ended).toBe(false)
    expect(node.getConnections()).toEqual([])
    one.proceed()
    await eventually(() => node.getConnections().length === 1)
    expect(one.sent).toBeGreaterThan(sent)
  })

  it('sends half of a message, and the other half later', async () => {
    const { port, received, stop } = await listening()
    const one = await come({ port, privateKey: await generateKeyPair('Ed25519'), messages: 0.5 })

    await eventually(() => received() === one.sent)
    expect(one.sent).toBe(10) // of the 20 bytes with which multistream-select names itself
    one.proceed()
    await eventually(() => received() === one.sent && one.sent > 20)
    one.end('reset')
    await stop()
  })

  it('leaves the choice of a muxer for later where it does not name one', async () => {
    const node = await buildNode({ transport: 'tcp' })
    const one = await come({ port: portOf(node, 'tcp'), privateKey: await generateKeyPair('Ed25519'), earlyMuxer: false })

    // it has said all that it had to say, and the node waits for more
    expect(one.sent).toBeGreaterThan(100)
    expect(node.getConnections()).toEqual([])
  })

  it('knows when its connection ends, whoever ends it', async () => {
    const node = await buildNode({ transport: 'tcp' })
    const init = { port: portOf(node, 'tcp'), privateKey: await generateKeyPair('Ed25519') }
    const ends = await Promise.all((['reset', 'close'] as const).map(async how => {
      const one = await come(init)
      const ended = new Promise<void>(resolve => { one.onEnd(resolve) })
      one.end(how)
      await ended
      return one.ended
    }))
    expect(ends).toEqual([true, true])

    const other = await come(init)
    await eventually(() => node.getConnections().length === 1)
    node.getConnections()[0]?.abort(new Error('enough'))
    await eventually(() => other.ended)
  })

  it('gives up at its deadline', async () => {
    const server = await stallingServer()
    await expect(come({ port: server.port, privateKey: await generateKeyPair('Ed25519'), deadline: 50 })).rejects.toThrow('not within 50 ms')
    await server.stop()
  })
})
