import net from 'node:net'
import { portOf } from '@cordon/testing/node'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf } from '../composition/support.ts'
import { expectNothingHeld, gated, quiet } from './support.ts'
import type { GatedNode } from './support.ts'
import type { TCPSocketOptions } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'

afterEach(expectNothingHeld)

function byName ({ node, id }: GatedNode): Multiaddr {
  return multiaddr(`/dns4/localhost/tcp/${portOf(node, 'tcp')}/p2p/${id}`)
}

describe('a dial to a name', () => {
  it('is refused where the address that it leads to is blocked, before anything is sent', async () => {
    const [host, guest] = [await gated(), await gated({ listen: false })]
    await guest.gater.block('127.0.0.0/8', { direction: 'outbound' })

    expect(await failureOf(guest.node.dial(byName(host)))).toMatchObject({ code: 'ERR_IP_BLOCKED' })
    expect(guest.lifecycle.stats().opened + host.lifecycle.stats().opened).toBe(0)
    expect(guest.gater.status().refusals).toEqual({ cidr: 1 })
    expect([...guest.gater.rules()]).toMatchObject([{ hits: 1 }])

    await guest.gater.unblock('127.0.0.0/8')
    await guest.node.dial(byName(host))
    expect(guest.node.getConnections()).toHaveLength(1)
  })

  it('is not refused by a rule about who comes in', async () => {
    const [host, guest] = [await gated(), await gated({ listen: false })]
    await guest.gater.block('127.0.0.1', { direction: 'inbound' })
    await guest.node.dial(byName(host))
    expect(guest.node.getConnections()).toHaveLength(1)
  })

  it('is left to the block list that the user gave to the transport', async () => {
    const blockList = new net.BlockList()
    // passed on to `net.connect`, and missing in the type
    const dialOpts: TCPSocketOptions & { blockList: net.BlockList } = { blockList }
    const host = await gated()
    const guest = await gated({ listen: false, options: options => quiet({ ...options, transports: [tcp({ dialOpts })] }) })
    await guest.gater.block('127.0.0.1', { direction: 'outbound' })
    await guest.node.dial(byName(host))
    await guest.node.hangUp(host.node.peerId)

    blockList.addAddress('127.0.0.1')
    expect(await failureOf(guest.node.dial(byName(host)))).toMatchObject({ code: 'ERR_IP_BLOCKED' })
    expect(guest.gater.status().refusals).toEqual({})
  })
})
