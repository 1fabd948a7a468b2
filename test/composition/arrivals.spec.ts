import { rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { normaliseAddress } from '@cordon/address'
import { participantSymbol } from '@cordon/interface-connection-lifecycle'
import { eventually, stopAll } from '@cordon/testing'
import { portOf } from '@cordon/testing/node'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { guarded, refusal, released } from './support.ts'
import type { GuardedNode } from './support.ts'
import type { ConnectionRecord, Participant } from '@cordon/interface-connection-lifecycle'
import type { Listener } from '@libp2p/interface'

const sockets: net.Socket[] = []

afterEach(async () => {
  sockets.splice(0).forEach(socket => socket.destroy())
  await stopAll()
})

/** A socket of our own to a node */
async function connect (port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1' })
  sockets.push(socket)
  socket.on('error', () => { /* a reset is what is waited for */ }).resume()
  await new Promise<void>(resolve => { socket.once('connect', resolve).once('close', () => { resolve() }) })

  return socket
}

/** What becomes of a socket that a listener of @libp2p/tcp is handed; `handle` is what it does by itself */
type Handling = (socket: net.Socket, handle: () => void) => void

/** A node whose TCP transport handles sockets in another way */
async function handling (through: Handling, participant: Partial<Participant>): Promise<GuardedNode> {
  return guarded({
    transport: 'tcp',
    participant,
    options: options => ({
      ...options,
      transports: [components => {
        const transport = tcp()(components)
        const createListener = transport.createListener.bind(transport)

        return Object.assign(transport, {
          createListener: (init: never): Listener => {
            const listener = createListener(init)
            const { server } = listener as unknown as { server: net.Server }
            const handlers = server.listeners('connection')
            server.removeAllListeners('connection')
            server.on('connection', socket => {
              through(socket, () => { handlers.forEach(handler => { handler.call(server, socket) }) })
            })

            return listener
          }
        })
      }]
    })
  })
}

/** How many sockets a transport was handed */
interface Handed {
  sockets: number
}

/** A node whose TCP transport counts them */
async function watched (participant: Partial<Participant>, handed: Handed): Promise<GuardedNode> {
  return handling((_, handle) => {
    handed.sockets++
    handle()
  }, participant)
}

describe('a TCP socket', () => {
  it.each(['gate', 'account', 'observe'] as const)('that %s refuses is reset before the transport makes anything of it', async stage => {
    const handed: Handed = { sockets: 0 }
    const host = await watched({ stage, opened: () => refusal() }, handed)
    const errors: unknown[] = []
    const socket = net.connect({ port: portOf(host.node, 'tcp'), host: '127.0.0.1' })
    sockets.push(socket)
    socket.on('error', error => { errors.push(error) }).resume()
    await eventually(() => socket.destroyed)
    await released(host)

    expect(errors).toMatchObject([{ code: 'ECONNRESET' }])
    expect(handed).toEqual({ sockets: 0 })
    expect(host.events).toMatchObject([{ type: 'connection:refused', refusal: refusal() }])
    const [event] = host.events
    expect(event?.type === 'connection:refused' ? event.record.remoteAddr.toString() : event).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+$/)
    expect(host.lifecycle.stats()).toMatchObject({ opened: 1, refused: { mine: 1 } })
    expect(host.registry.status().transports).toMatchObject([{ enforced: expect.arrayContaining(['arrivals']) as unknown }])
  })

  it('is the transport\'s where nobody refuses, and has the same address', async () => {
    const seen: string[] = []
    const records: ConnectionRecord[] = []
    const handed: Handed = { sockets: 0 }
    const host = await watched({
      stage: 'gate',
      opened: record => {
        records.push(record)
        seen.push(`opened ${handed.sockets}`)

        return undefined
      },
      raw: (record, raw) => { seen.push(`raw ${handed.sockets} ${raw.remoteAddr.equals(record.remoteAddr)}`) },
      closed: () => { seen.push('closed') }
    }, handed)
    const guest = await guarded({ transport: 'tcp', listen: false })
    await guest.node.dial(host.node.getMultiaddrs())
    const [connection] = await eventually(() => {
      const open = host.node.getConnections()
      expect(open).toHaveLength(1)

      return open
    })

    const [record] = records
    expect(seen).toEqual(['opened 0', 'raw 1 true'])
    expect(record?.remoteAddr.toString()).toBe(connection?.remoteAddr.toString().replace(/\/p2p\/.*$/, ''))
    expect(record?.address).toEqual(normaliseAddress(multiaddr(record?.remoteAddr.toString())))
    await guest.node.stop()
    await released(host)
    expect(seen.at(-1)).toBe('closed')
  })

  it('goes the same way as where the user has a gater that agrees, in steps and events, but for who is asked before libp2p', async () => {
    const ways: string[][] = []

    for (const gater of [undefined, { denyInboundConnection: () => false }]) {
      const seen: string[] = []
      const host = await guarded({
        transport: 'tcp',
        participant: {
          opened: () => void seen.push('opened'),
          raw: () => { seen.push('raw') },
          identified: () => void seen.push('identified'),
          ready: () => void seen.push('ready'),
          closed: () => { seen.push('closed') }
        },
        options: options => ({ ...options, ...(gater != null && { connectionGater: gater }) })
      })
      for (const type of ['connection:opened', 'connection:identified', 'connection:ready', 'connection:closed'] as const) {
        host.lifecycle.addEventListener(type, () => { seen.push(type) })
      }
      const guest = await guarded({ transport: 'tcp', listen: false })
      await guest.node.dial(host.node.getMultiaddrs())
      await eventually(() => host.lifecycle.stats().readied === 1)
      await guest.node.stop()
      await released(host)
      ways.push(seen)
    }

    expect(ways[0]).toEqual([
      'opened', 'raw', 'connection:opened', 'identified', 'connection:identified', 'ready', 'connection:ready', 'closed', 'connection:closed'
    ])
    expect(ways[1]).toEqual(ways[0])
  })

  it('of which the transport makes nothing is told to nobody, and it was us', async () => {
    const records: ConnectionRecord[] = []
    const host = await handling(socket => { socket.destroy() }, { opened: record => void records.push(record) })
    const socket = await connect(portOf(host.node, 'tcp'))
    await eventually(() => socket.destroyed)
    await released(host)
    expect([records.map(({ reason }) => reason), host.events]).toMatchObject([[{ code: 'upgrade-failed', by: 'local' }], []])
    expect(host.lifecycle.stats().closed).toEqual({ 'upgrade-failed': 1 })
  })

  it('of a transport that takes its time is asked about later, from the first one on, and works', async () => {
    const opened: string[] = []
    const host = await handling((_, handle) => { setImmediate(handle) }, { opened: ({ direction }) => void opened.push(direction) })

    for (let visits = 1; visits <= 2; visits++) {
      const guest = await guarded({ transport: 'tcp', listen: false })
      await guest.node.dial(host.node.getMultiaddrs())
      await eventually(() => host.lifecycle.stats().readied === visits)
    }

    // the first one was asked about as a socket, too
    expect([opened.length, host.lifecycle.stats().closed]).toEqual([3, { 'upgrade-failed': 1 }])
    const [status] = host.registry.status().transports
    expect(status?.enforced).not.toContain('arrivals')
    expect(status?.gaps).toContainEqual(expect.stringContaining('no connection of a socket at once'))
  })

  it('waits for the gater of the user between the gates and the others', async () => {
    const seen: string[] = []
    const host = await guarded({
      transport: 'tcp',
      participant: { stage: 'gate', opened: () => void seen.push('gate'), raw: () => { seen.push('raw') } },
      modules: { later: () => ({ [participantSymbol]: { stage: 'account', opened: () => void seen.push('account') } }) },
      options: options => ({ ...options, connectionGater: { denyInboundConnection: async () => { seen.push('gater'); return Promise.resolve(true) } } })
    })
    const socket = await connect(portOf(host.node, 'tcp'))
    await eventually(() => socket.destroyed)
    await released(host)
    expect(seen).toEqual(['gate', 'raw', 'gater'])
    expect(host.events).toMatchObject([{ type: 'connection:refused', refusal: { module: 'connectionGater' } }])
  })

  it('of a path is asked about once the transport has made a connection of it', async () => {
    const path = join(tmpdir(), `cordon-arrivals-${process.pid}.sock`)
    const address = multiaddr(`/unix/${encodeURIComponent(path)}`)
    const kinds: string[] = []

    try {
      const host = await guarded({
        transport: 'tcp',
        participant: { opened: ({ address }) => void kinds.push(address.class) },
        options: options => ({ ...options, addresses: { listen: [address.toString()] } })
      })
      const guest = await guarded({ transport: 'tcp', listen: false })
      await guest.node.dial(address)
      await eventually(() => host.node.getConnections().length === 1)
      expect(kinds).toEqual(['unix'])
    } finally {
      rmSync(path, { force: true })
    }
  })

  it('is asked about again when the node has stopped and started anew', async () => {
    const handed: Handed = { sockets: 0 }
    let refuses = true
    const host = await watched({ opened: () => refuses ? refusal() : undefined }, handed)
    await host.node.stop()
    await host.node.start()
    const first = await connect(portOf(host.node, 'tcp'))
    await eventually(() => first.destroyed)
    expect(handed).toEqual({ sockets: 0 })
    refuses = false
    await connect(portOf(host.node, 'tcp'))
    await eventually(() => handed.sockets === 1)
    await eventually(() => host.lifecycle.stats().records.handshaking === 1)
    await host.node.stop()
    await released(host)
  })

  it('that a step closes is the transport\'s no more', async () => {
    const handed: Handed = { sockets: 0 }
    const host = await watched({ opened: record => void record.close({ code: 'misbehaved', by: 'local' }) }, handed)
    const socket = await connect(portOf(host.node, 'tcp'))
    await eventually(() => socket.destroyed)
    await released(host)
    expect(handed).toEqual({ sockets: 0 })
    expect(host.lifecycle.stats().closed).toEqual({ misbehaved: 1 })
  })

  it('that was refused leaves nothing that keeps a server from closing, however many there were', async () => {
    const host = await guarded({ transport: 'tcp', participant: { opened: () => refusal() } })
    const port = portOf(host.node, 'tcp')
    await Promise.all(Array.from({ length: 200 }, async () => connect(port)))
    await eventually(() => host.lifecycle.stats().opened === 200)
    await host.node.stop()
    expect(host.lifecycle.size).toBe(0)
  })
})
