import { once } from 'node:events'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createBlockList } from '../src/node/block-list.ts'
import type { AddressInfo, ServerOpts } from 'node:net'

/*
 * What Cordon expects of Node, whose documentation does not say it: that `net.Server` asks `check` of whatever carries
 * the handle of a `net.BlockList`, each time anew, and before there is a socket. If this fails with another Node, its
 * servers must no longer be said to ask.
 */

const servers: net.Server[] = []

afterEach(async () => {
  await Promise.all(servers.splice(0).map(async server => {
    const closed = once(server, 'close')
    server.close()
    await closed
  }))
})

interface Listening {
  readonly port: number
  readonly asked: string[]
  /** From where sockets came that were made */
  readonly made: Array<string | undefined>
}

async function listening (host: string, isBlocked: (address: string) => boolean): Promise<Listening> {
  const asked: string[] = []
  const made: Array<string | undefined> = []
  const blockList = createBlockList(address => {
    asked.push(address)
    return isBlocked(address)
  })
  const server = net.createServer({ blockList } as ServerOpts, socket => {
    made.push(socket.remoteAddress)
    socket.end('hello')
  })
  servers.push(server)
  server.listen(0, host)
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, asked, made }
}

/** What somebody is told who connects and waits for the end */
async function visit (port: number, host: string, localAddress?: string): Promise<string> {
  const socket = net.connect({ port, host, ...(localAddress !== undefined && { localAddress }) })
  let said = ''
  socket.on('data', data => { said += data.toString() })
  // a connection that is cut before it was accepted may show as a reset
  socket.on('error', () => {})
  await once(socket, 'close').catch(() => {})
  return said
}

describe('a server of Node', () => {
  it('asks each time whether an address is blocked, and makes no socket where it is', async () => {
    const blocked = new Set(['127.0.0.2'])
    const { port, asked, made } = await listening('127.0.0.1', address => blocked.has(address))
    expect(await visit(port, '127.0.0.1', '127.0.0.2')).toBe('')
    expect(await visit(port, '127.0.0.1', '127.0.0.3')).toBe('hello')
    blocked.add('127.0.0.3')
    expect(await visit(port, '127.0.0.1', '127.0.0.3')).toBe('')
    blocked.clear()
    expect(await visit(port, '127.0.0.1', '127.0.0.2')).toBe('hello')
    expect(asked).toEqual(['127.0.0.2', '127.0.0.3', '127.0.0.3', '127.0.0.2'])
    expect(made).toEqual(['127.0.0.3', '127.0.0.2'])
  })

  it('names IPv4 visitors of an IPv6 listener as IPv6 has them', async () => {
    const { port, asked, made } = await listening('::', address => address.endsWith('127.0.0.2'))
    expect(await visit(port, '127.0.0.1', '127.0.0.2')).toBe('')
    expect(await visit(port, '127.0.0.1', '127.0.0.3')).toBe('hello')
    expect(await visit(port, '::1')).toBe('hello')
    expect([asked, made]).toEqual([['::ffff:127.0.0.2', '::ffff:127.0.0.3', '::1'], ['::ffff:127.0.0.3', '::1']])
  })

  it('accepts where the answer throws, instead of ending the process: somebody is asked once more', async () => {
    const { port, asked } = await listening('127.0.0.1', () => { throw new Error('a bug') })
    expect(await visit(port, '127.0.0.1')).toBe('hello')
    expect(asked).toEqual(['127.0.0.1'])
  })

  it('takes it for a list of its own', () => {
    const blockList = createBlockList(() => true)
    expect(blockList).toBeInstanceOf(net.BlockList)
    expect(net.BlockList.isBlockList(blockList)).toBe(true)
  })
})
