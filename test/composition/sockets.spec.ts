import { readFile } from 'node:fs/promises'
import net from 'node:net'
import { cordon } from '@cordon/cordon'
import { buildNode, eventually, portOf, stopAll } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import type { RegistryInit } from '@cordon/component-registry'
import type { Registry } from '@cordon/interface-component-registry'
import type { ConnectionLifecycle } from '@cordon/interface-connection-lifecycle'
import type { Libp2p } from 'libp2p'

const sockets: net.Socket[] = []

async function guarded (init: RegistryInit): Promise<{ node: Libp2p, registry: Registry, port: number }> {
  const node = await buildNode({ transport: 'ws', compose: options => cordon(options, {}, init) })

  return { node, registry: node.services.registry, port: portOf(node, 'ws') }
}

/** A socket that says nothing, or what it is told to */
async function connect (port: number, localAddress = '127.0.0.1', bytes = ''): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress })
  sockets.push(socket)
  socket.on('error', () => { /* being cut is what these sockets are for */ })
  await new Promise(resolve => socket.once('connect', resolve))
  socket.write(bytes)

  return socket
}

async function ended (socket: net.Socket): Promise<void> {
  socket.resume()
  await eventually(() => socket.destroyed)
}

afterEach(async () => {
  sockets.splice(0).forEach(socket => socket.destroy())
  await stopAll()
})

const UPGRADE = [
  'GET / HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', ''
].join('\r\n')

/** What RFC 6455 forbids; the mask is of zeros */
const FORBIDDEN: ReadonlyArray<[string, number[]]> = [
  ['an unknown opcode', [0x83, 0x80, 0, 0, 0, 0]],
  ['a reserved bit', [0xc2, 0x80, 0, 0, 0, 0]],
  ['no mask', [0x82, 0x01, 0]],
  ['a ping in parts', [0x09, 0x80, 0, 0, 0, 0]],
  ['a ping that is too long', [0x89, 0xfe, 0, 126, 0, 0, 0, 0]],
  ['a part of nothing', [0x80, 0x80, 0, 0, 0, 0]],
  ['a close code that must not be sent', [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed]],
  ['a text that is none', [0x81, 0x81, 0, 0, 0, 0, 0xff]],
  ['a length beyond reason', [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]]
]

describe('WebSocket connections that send frames with', () => {
  it.each(FORBIDDEN)('%s end, and nothing else does', async (_, frame) => {
    const { node, port } = await guarded({})
    const { lifecycle } = node.services as unknown as { lifecycle: ConnectionLifecycle }

    // behind the request in one segment, and when the connection has long been upgraded
    const early = await connect(port)
    early.write(Buffer.concat([Buffer.from(UPGRADE), Buffer.from(frame)]))
    await ended(early)

    const late = await connect(port, '127.0.0.1', UPGRADE)
    await eventually(() => lifecycle.stats().records.handshaking === 1)
    late.write(Buffer.from(frame))
    await ended(late)

    await eventually(() => lifecycle.size === 0)
    const honest = await buildNode({ transport: 'ws', listen: false })
    expect((await honest.dial(node.getMultiaddrs())).status).toBe('open')
  })
})

describe('sockets below a WebSocket listener', () => {
  it.each([
    ['say nothing', ''],
    ['begin a request and stop', 'GET / HTTP/1.1\r\nHost: x\r\n'],
    ['ask for a page and stay', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['begin TLS where there is none', '\x16\x03\x01\x02\x00'],
    ['send garbage', '\x00\xff\x00\xff']
  ])('that %s are destroyed at the deadline', async (_, bytes) => {
    const { registry, port } = await guarded({ socketTimeout: 50 })
    const socket = await connect(port, '127.0.0.1', bytes)

    await ended(socket)
    await eventually(() => registry.status().sockets.pending === 0)
  })

  it('are bounded by group: the oldest of a full one is dropped', async () => {
    const { registry, port } = await guarded({ maxPendingSocketsPerGroup: 2 })
    const other = await connect(port, '127.0.0.2')
    const oldest = await connect(port, '127.0.0.3')
    await eventually(() => registry.status().sockets.pending === 2)
    await connect(port, '127.0.0.3')
    const newest = await connect(port, '127.0.0.3')

    await ended(oldest)
    await eventually(() => registry.status().sockets.dropped === 1)
    expect(registry.status().sockets).toMatchObject({ pending: 3, expired: 0 })
    expect([other.destroyed, newest.destroyed]).toEqual([false, false])
  })

  it('are bounded in total at ten times as many: the oldest of the largest group is dropped', async () => {
    const { registry, port } = await guarded({ maxPendingSockets: 5 })
    const alone = await connect(port, '127.0.0.2')
    await eventually(() => registry.status().sockets.pending === 1)

    for (let made = 0; made < 40; made++) {
      await connect(port, '127.0.0.3')
    }

    await eventually(() => registry.status().sockets.dropped === 36)
    expect(registry.status().sockets.pending).toBe(5)
    expect(alone.destroyed).toBe(false)
  })

  it('no longer count once they are raw connections, and end with them', async () => {
    const { node, registry, port } = await guarded({ maxPendingSockets: 1, socketTimeout: 200 })
    const clients = await Promise.all([1, 2, 3].map(async () => buildNode({ transport: 'ws', listen: false })))

    for (const client of clients) {
      await client.dial(node.getMultiaddrs())
    }

    await eventually(() => registry.status().sockets.pending === 0)
    expect(registry.status().sockets).toEqual({ pending: 0, expired: 0, dropped: 0 })
    await eventually(() => node.getConnections().length === 3)
    expect(await openSockets(port)).toBe(3)

    node.getConnections()[0]?.abort(new Error('enough'))
    await eventually(async () => await openSockets(port) === 2)
  })

  it('do not keep the node from stopping', async () => {
    const { node, registry, port } = await guarded({ socketTimeout: 60_000 })
    await Promise.all(Array.from({ length: 20 }, async () => connect(port)))
    await eventually(() => registry.status().sockets.pending === 20)
    await node.stop()

    expect(registry.status().sockets.pending).toBe(0)
  })
})

/** How many sockets of this process are connected to a port, as the system counts them */
async function openSockets (port: number): Promise<number> {
  const table = await readFile('/proc/net/tcp', 'utf8')
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`

  return table.split('\n').filter(line => line.trim().split(/\s+/)[1] === local && line.trim().split(/\s+/)[3] === '01').length
}
