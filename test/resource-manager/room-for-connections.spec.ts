import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually, hostilePeer, portOf, stallingServer } from '@cordon/testing/node'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf } from '../composition/support.ts'
import { expectNothingHeld, managed, NOTHING, ready, refusals } from './support.ts'
import type { ManagedNode } from './support.ts'
import type { ConnectionRecord, Participant } from '@cordon/interface-connection-lifecycle'
import type { HostilePeer, StallingServer } from '@cordon/testing/node'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { AddressInfo } from 'node:net'

const others: Array<Pick<HostilePeer, 'stop'>> = []

afterEach(async () => {
  await Promise.all(others.splice(0).map(async other => { await other.stop() }))
  await expectNothingHeld()
})

/** Opens sockets that say nothing, one after the other; `from` is the last byte of where they come from */
async function silence ({ node }: ManagedNode, from: number, count: number): Promise<HostilePeer> {
  const peer = hostilePeer({ kind: 'b', port: portOf(node, 'tcp'), localAddress: `127.0.0.${from}`, concurrency: 1 })
  others.push(peer)
  await peer.strike(count)
  return peer
}

/** What is sent to or from the port takes this long, in ms; all comes from 127.0.0.1 */
async function slowWay (port: number, latency: number): Promise<Multiaddr> {
  const server = net.createServer(near => {
    const far = net.connect({ port, host: '127.0.0.1', noDelay: true })
    for (const [from, to] of [[near, far], [far, near]] as const) {
      from.on('data', data => { setTimeout(() => { to.write(data) }, latency) })
      from.on('close', () => { setTimeout(() => { to.destroy() }, latency) })
      // a close follows
      from.on('error', () => {})
    }
  })
  // its sockets end with the nodes
  others.push({ stop: async () => { await Promise.resolve(server.close()) } })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const { port: own } = server.address() as AddressInfo
  return multiaddr(`/ip4/127.0.0.1/tcp/${own}`)
}

async function stall (): Promise<StallingServer> {
  const server = await stallingServer()
  others.push(server)
  return server
}

/** Notes what happens to connections, and what happens in one tick */
class Diary {
  readonly entries: string[] = []
  #tick = 0
  #ticking = false

  readonly participant: Partial<Participant> = {
    stage: 'observe',
    opened: record => {
      this.#write('opened', record)
      return undefined
    },
    closed: record => { this.#write('closed', record) }
  }

  #write (what: string, { address, direction }: ConnectionRecord): void {
    if (!this.#ticking) {
      this.#ticking = true
      this.#tick++
      queueMicrotask(() => { this.#ticking = false })
    }
    this.entries.push(`${this.#tick}: ${direction} ${address.key} ${what}`)
  }
}

describe('where no more connections may be nobody\'s yet', () => {
  it('the oldest of the group that has most makes room in the same tick, and whoever is new gets in', async () => {
    const diary = new Diary()
    const host = await managed({ limits: { transient: { connectionsInbound: 5 } }, participant: diary.participant })
    const lonely = await silence(host, 3, 1)
    const silent = await silence(host, 2, 4)
    await eventually(() => host.manager.snapshot().transient.usage.connectionsInbound === 5)
    const [, oldest] = host.lifecycle.records()
    diary.entries.length = 0

    const guest = await managed({ listen: false })
    await guest.node.dial(host.node.getMultiaddrs())
    await ready(host, 1)

    const [closed = '', opened = ''] = diary.entries
    expect([closed, opened]).toEqual([expect.stringContaining('inbound 127.0.0.2 closed'), expect.stringContaining('inbound 127.0.0.1 opened')])
    expect(closed.split(':')[0]).toBe(opened.split(':')[0])
    expect(oldest).toMatchObject({ state: 'closed', reason: { code: 'crowded', by: 'local', refusal: { module: 'lifecycle', direction: 'inbound' } } })
    await eventually(() => silent.live === 3)
    expect(lonely.live).toBe(1)
    expect(refusals(host)).toEqual([])
    expect(host.manager.snapshot().transient).toMatchObject({ usage: { ...NOTHING, connectionsInbound: 4, fileDescriptors: 4 }, peak: { connectionsInbound: 5 } })
  })

  it('honest peers get in while strangers come without end', async () => {
    const host = await managed({ limits: { transient: { connectionsInbound: 4 }, prefixes: { ipv4: [] } } })
    const guests = await Promise.all([1, 2, 3].map(async () => managed({ listen: false })))
    for (const { node } of guests) {
      const silent = await silence(host, 2, 20)
      expect(silent.counts).toMatchObject({ done: 20, failed: 0 })
      await node.dial(host.node.getMultiaddrs())
    }
    await ready(host, 3)
    expect(host.manager.snapshot().transient.peak.connectionsInbound).toBe(4)
  })

  it.each(['connections', 'fileDescriptors'] as const)('our own dials go out while strangers take up all %s', async resource => {
    const host = await managed()
    const besieged = await managed({ limits: { transient: { [resource]: 4 } } })
    const silent = await silence(besieged, 2, 4)
    await eventually(() => besieged.manager.snapshot().transient.usage[resource === 'connections' ? 'connectionsInbound' : resource] === 4)

    await besieged.node.dial(host.node.getMultiaddrs())
    await ready(host, 1)
    await eventually(() => silent.live === 3)
  })

  it('who is trusted does not make room for strangers: it would make none', async () => {
    const host = await managed({ limits: { transient: { connectionsInbound: 2 } }, manager: { allowlist: ['127.0.0.9'] } })
    const strangers = [await silence(host, 2, 1), await silence(host, 3, 1)]
    const trusted = await silence(host, 9, 5)
    await eventually(() => host.manager.snapshot().allowlistedTransient.usage.connectionsInbound === 5)

    const guest = await managed({ listen: false })
    await guest.node.dial(host.node.getMultiaddrs())
    await ready(host, 1)
    await eventually(() => strangers[0]?.live === 0)
    expect([strangers[1]?.live, trusted.live]).toEqual([1, 5])
  })

  it('a newcomer is refused where nobody can make room', async () => {
    const host = await managed({ limits: { transient: { connections: 1 } } })
    const server = await stall()
    const dial = failureOf(host.node.dial(multiaddr(server.address), { signal: AbortSignal.timeout(5_000) }))
    await eventually(() => host.manager.snapshot().transient.usage.connectionsOutbound === 1)

    const silent = await silence(host, 2, 1)
    await eventually(() => silent.live === 0)
    expect(refusals(host)).toMatchObject([{ module: 'resourceManager', scope: 'transient', cause: 'connections', direction: 'inbound', current: 1, limit: 1 }])
    expect(server.live).toBe(1)
    await server.stop()
    expect(await dial).toBeInstanceOf(Error)
  })

  it('nobody makes room for a dial where it is the dials that are too many', async () => {
    const host = await managed({ limits: { transient: { connectionsOutbound: 1 } } })
    const silent = await silence(host, 2, 2)
    const server = await stall()
    const dial = failureOf(host.node.dial(multiaddr(server.address), { signal: AbortSignal.timeout(5_000) }))
    await eventually(() => host.manager.snapshot().transient.usage.connectionsOutbound === 1)

    const another = await stall()
    expect(await failureOf(host.node.dial(multiaddr(another.address)))).toMatchObject({ name: 'DialDeniedError' })
    expect([another.accepted, silent.live]).toEqual([0, 2])
    await server.stop()
    expect(await dial).toBeInstanceOf(Error)
  })

  it('nobody makes room where there is none for anybody', async () => {
    const host = await managed({ limits: { transient: { connectionsOutbound: 0, connections: 2 } } })
    const silent = await silence(host, 2, 2)
    const server = await stall()

    expect(await failureOf(host.node.dial(multiaddr(server.address)))).toMatchObject({ name: 'DialDeniedError' })
    expect([server.accepted, silent.live]).toEqual([0, 2])
  })

  it('strangers make room where they take up what the ready have left, and nobody does where these have all', async () => {
    const host = await managed({ limits: { system: { connectionsInbound: 2 } } })
    const [first, second, third] = [await managed({ listen: false }), await managed({ listen: false }), await managed({ listen: false })]
    await first.node.dial(host.node.getMultiaddrs())
    const silent = await silence(host, 2, 1)
    await eventually(() => host.manager.snapshot().transient.usage.connectionsInbound === 1)

    // it may be in the midst of its handshake
    expect(await failureOf(second.node.dial(host.node.getMultiaddrs()))).toBeInstanceOf(Error)
    expect(silent.live).toBe(1)
    await eventually(async () => { await second.node.dial(host.node.getMultiaddrs()) })
    await ready(host, 2)
    await eventually(() => silent.live === 0)
    expect(await failureOf(third.node.dial(host.node.getMultiaddrs()))).toBeInstanceOf(Error)
    expect(host.node.getConnections().map(({ remotePeer }) => remotePeer.toString())).toEqual([first, second].map(({ node }) => node.peerId.toString()))
    expect(refusals(host).at(-1)).toMatchObject({ module: 'resourceManager', scope: 'system', cause: 'connectionsInbound' })
  })
  // a handshake takes longer here than the next newcomer; each would push out who was about to take the last place
  it('newcomers do not push one another out of the last place for ever', async () => {
    const host = await managed({ limits: { system: { connectionsInbound: 2 }, prefixes: { ipv4: [] } } })
    const first = await managed({ listen: false })
    await first.node.dial(host.node.getMultiaddrs())
    await ready(host, 1)
    const address = await slowWay(portOf(host.node, 'tcp'), 40)
    const guests = await Promise.all(Array.from({ length: 10 }, async () => managed({ listen: false })))
    const deadline = Date.now() + 5_000
    const gotIn: ManagedNode[] = []
    await Promise.all(guests.map(async (guest, index) => {
      for (let wait = 20 * index; gotIn.length === 0 && Date.now() < deadline; wait = 100) {
        await delay(wait)
        await guest.node.dial(address, { signal: AbortSignal.timeout(2_000) }).then(() => gotIn.push(guest), () => {})
      }
    }))

    expect(gotIn).toHaveLength(1)
    expect(host.node.getConnections().map(({ remotePeer }) => remotePeer.toString()).sort()).toEqual([first, ...gotIn].map(({ node }) => node.peerId.toString()).sort())
  })
})
