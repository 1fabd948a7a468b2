import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { cordon } from '@cordon/cordon'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { webSockets } from '@libp2p/websockets'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { expect, it } from 'vitest'
import { commands } from 'vitest/browser'
import type {} from './commands.ts'

it('a guarded node in a browser dials the example, pings it and closes', async () => {
  const target = multiaddr(await commands.startExample())
  const node = await createLibp2p(cordon({
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // the default of browsers refuses WebSockets that are not secure, and addresses that are not public
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify(), ping: ping() }
  }))
  try {
    const connection = await node.dial(target)
    expect(connection.remoteAddr.toString()).toBe(target.toString())
    expect(node.services.lifecycle.forConnection(connection)).toMatchObject({ state: 'ready', direction: 'outbound' })
    expect(await node.services.ping.ping(connection.remotePeer)).toBeGreaterThanOrEqual(0)

    await connection.close()
    const stats = node.services.lifecycle.stats()
    expect(stats).toMatchObject({ opened: 1, readied: 1, closed: { 'local-close': 1 } })
    expect(stats.faults).toEqual({})

    const { code, errors, total } = await commands.stopExample()
    expect(total).toMatchObject({ left: 1, refused: 0, dropped: 0 })
    expect(errors).toBe('')
    expect(code).toBe(0)
  } finally {
    await node.stop()
  }
  expect(node.services.lifecycle.size).toBe(0)
})
