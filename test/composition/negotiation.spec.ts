import net from 'node:net'
import { cordon } from '@cordon/cordon'
import { buildNode, eventually, portOf, STACKS, stopAll } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import type { LifecycleEvent } from '@cordon/interface-connection-lifecycle'

/** A line of multistream-select: its length, and the line */
const line = (text: string): Buffer => Buffer.from(`${String.fromCharCode(text.length + 1)}${text}\n`)

const sockets: net.Socket[] = []

afterEach(async () => {
  sockets.splice(0).forEach(socket => socket.destroy())
  await stopAll()
})

describe('a peer that only negotiates', () => {
  it.each([['asks for protocols that we do not have', '/x'], ['asks what we have', 'ls']])('and %s is cut long before its deadline', async (_, question) => {
    const node = await buildNode({ transport: 'tcp', compose: options => cordon(options, {}, { maxAnswers: 8 }) })
    const { lifecycle } = node.services
    const refused: LifecycleEvent[] = []
    lifecycle.addEventListener('connection:refused', event => { refused.push(event.detail) })
    const socket = net.connect(portOf(node, 'tcp'), '127.0.0.1')
    sockets.push(socket)
    socket.on('error', () => { /* it is to be cut */ })
    socket.write(Buffer.concat([line('/multistream/1.0.0'), ...Array.from({ length: 100 }, () => line(question))]))
    let answers = 0
    socket.on('data', bytes => { answers += bytes.filter(byte => byte === 0x0a).length })

    await eventually(() => socket.destroyed)
    await eventually(() => lifecycle.size === 0)
    expect(refused).toMatchObject([{ refusal: { code: 'limit', module: 'registry', configPath: 'registry.maxAnswers' } }])
    expect(answers).toBeLessThan(40)
  })

  it.each(STACKS)('and then goes on as it should has no need of more than 8 answers (%s)', async stack => {
    const node = await buildNode({ transport: ['tcp', 'ws'], stack, compose: options => cordon(options, {}, { maxAnswers: 8 }) })
    const peer = await buildNode({ transport: ['tcp', 'ws'], stack, listen: false })

    for (const address of node.getMultiaddrs()) {
      const connection = await peer.dial(address)
      await peer.services.ping.ping(node.peerId)
      await connection.close()
    }
  })
})
