import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnectionGater } from '@cordon/connection-gater'
import { buildNode, countingClock, eventually, handleCounts, handlesSince, hostilePeer, portOf, stopAll } from '@cordon/testing/node'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { LevelDatastore } from 'datastore-level'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { failureOf } from '../composition/support.ts'
import type { Attached, ConnectionGaterInit, StandaloneConnectionGater } from '@cordon/connection-gater'
import type { TCPSocketOptions } from '@libp2p/tcp'
import type { Libp2p, Libp2pOptions } from 'libp2p'

/** Nothing here is composed: these are nodes of libp2p, with a gater that libp2p asks */
interface Alone {
  readonly gater: StandaloneConnectionGater
  readonly node: Libp2p
  readonly attached: Attached
}

const alone: Alone[] = []

async function make (init: ConnectionGaterInit = {}): Promise<Alone> {
  const gater = createConnectionGater(init)
  await gater.start()
  const node = await buildNode({ transport: 'tcp', compose: options => ({ ...options, connectionGater: gater, connectionMonitor: { enabled: false }, connectionManager: { inboundConnectionThreshold: 1_000 } }) })
  const result = { gater, node, attached: gater.attach(node) }
  alone.push(result)
  return result
}

/** A guest that dials from somewhere */
async function guestFrom (localAddress: string, more: Libp2pOptions = {}): Promise<Libp2p> {
  const dialOpts: TCPSocketOptions & { localAddress: string } = { localAddress }
  return buildNode({ transport: 'tcp', listen: false, compose: options => ({ ...options, ...more, transports: [tcp({ dialOpts })], connectionMonitor: { enabled: false } } as typeof options) })
}

/** Says which muxer it wants only after the handshake, and not before it is told to */
function lateMuxer (told: Promise<unknown>): NonNullable<Libp2pOptions['connectionEncrypters']>[number] {
  return components => {
    const encrypter = noise()(components)
    const secureOutbound = encrypter.secureOutbound.bind(encrypter)
    encrypter.secureOutbound = async (raw, options) => {
      const secured = await secureOutbound(raw, { ...options, skipStreamMuxerNegotiation: true })
      await told
      return secured
    }
    return encrypter
  }
}

function addressOf (node: Libp2p): string {
  return `/ip4/127.0.0.1/tcp/${portOf(node, 'tcp')}`
}

/** Whether a guest gets in and stays so long that it is answered */
async function visits ({ node }: Alone, guest: Libp2p): Promise<boolean> {
  const connection = await guest.dial(multiaddr(addressOf(node)), { force: true }).catch(() => undefined)
  if (connection === undefined) return false
  return eventually(() => connection.status !== 'open' ? 'no' : node.getConnections(guest.peerId).length > 0 && 'yes').then(answer => answer === 'yes')
}

afterEach(async () => {
  for (const { gater, attached } of alone.splice(0)) {
    attached.detach()
    await gater.stop()
  }
  await stopAll()
})

const FROM = '127.0.1.2'

describe('without Cordon', () => {
  it('whoever is blocked is not let in, by address or by peer, and is again afterwards', async () => {
    const host = await make()
    const guest = await guestFrom(FROM)
    for (const subject of [FROM, '127.0.1.0/24', guest.peerId.toString(), '/tcp']) {
      await host.gater.block(subject)
      expect(await visits(host, guest)).toBe(false)
      await host.gater.unblock(subject)
      expect(await visits(host, guest)).toBe(true)
      for (const connection of host.node.getConnections()) connection.abort(new Error('next'))
    }
    expect(host.gater.status().refusals).toEqual({ ip: 1, cidr: 1, peer: 1, transport: 1 })
  })

  it('whoever is blocked is not dialled, and not kept once it turns out who is there', async () => {
    const host = await buildNode({ transport: 'tcp' })
    const guest = await make()
    await guest.gater.block('127.0.0.1')
    expect(await failureOf(guest.node.dial(multiaddr(addressOf(host))))).toMatchObject({ name: 'DialDeniedError' })
    await guest.gater.unblock('127.0.0.1')
    await guest.gater.block(host.peerId.toString())
    expect(await failureOf(guest.node.dial(host.peerId))).toMatchObject({ name: 'DialDeniedError' })
    expect(guest.gater.status().refusals).toEqual({ ip: 1, peer: 1 })
    // nobody says whom this is to
    expect(await failureOf(guest.node.dial(multiaddr(addressOf(host))))).toMatchObject({ name: 'ConnectionInterceptedError' })
    expect([guest.gater.status().refusals, guest.node.getConnections()]).toEqual([{ ip: 1, peer: 2 }, []])
  })

  it('a rule closes what is open to its subject, unless it is told not to, and nothing else', async () => {
    const host = await make()
    const guests = [await guestFrom(FROM), await guestFrom('127.0.2.2')] as const
    for (const guest of guests) expect(await visits(host, guest)).toBe(true)
    await host.gater.block('127.0.2.2', { close: false })
    await host.gater.block('127.0.1.0/24')
    await eventually(() => guests[0].getConnections().length === 0)
    expect(host.node.getConnections().map(({ remotePeer }) => remotePeer.toString())).toEqual([guests[1].peerId.toString()])
    await host.gater.loadList('feed', { content: '127.0.2.0/24' })
    await eventually(() => guests[1].getConnections().length === 0)
    expect(host.gater.status().refusals).toEqual({ cidr: 1, ip: 1 })
  })

  it('a rule that came while the muxer was agreed on ends that', async () => {
    const host = await make()
    const secured = new Set<string | undefined>()
    await host.gater.block({ name: 'watch', predicate: ({ peer }) => !secured.add(peer).has(peer) })
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const guest = await guestFrom(FROM, { connectionEncrypters: [lateMuxer(promise)] })
    const dial = failureOf(guest.dial(multiaddr(addressOf(host.node))))
    await eventually(() => secured.has(guest.peerId.toString()))
    await host.gater.block(guest.peerId.toString())
    expect(host.gater.status().refusals).toEqual({})
    resolve(undefined)
    await dial
    await eventually(() => guest.getConnections().length === 0)
    expect([host.gater.status().refusals, host.node.getConnections()]).toEqual([{ peer: 1 }, []])
  })

  it('a dial that is under way is refused once it has connected', async () => {
    const host = await buildNode({ transport: 'tcp' })
    const guest = await make()
    const { denyOutboundConnection } = guest.gater
    let connected = 0
    Object.assign(guest.gater, {
      denyOutboundConnection: (...args: Parameters<NonNullable<typeof denyOutboundConnection>>) => {
        connected++
        void guest.gater.block('127.0.0.0/8')
        return denyOutboundConnection?.(...args)
      }
    })
    expect(await failureOf(guest.node.dial(multiaddr(`${addressOf(host)}/p2p/${String(host.peerId)}`)))).toMatchObject({ name: 'ConnectionInterceptedError' })
    expect([connected, guest.gater.status().refusals, guest.node.getConnections()]).toEqual([1, { cidr: 1 }, []])
  })
})

describe('the datastore of a gater without Cordon', () => {
  let path: string

  beforeEach(() => { path = mkdtempSync(join(tmpdir(), 'cordon-gater-')) })
  afterEach(() => { rmSync(path, { recursive: true, force: true }) })

  it('has its rules for the next one', async () => {
    const store = new LevelDatastore(path)
    await store.open()
    const guest = await guestFrom(FROM)
    const first = await make({ datastore: store })
    expect(first.gater.status()).toMatchObject({ store: 'ready', missing: [] })
    await first.gater.block(FROM, { reason: 'spam' })
    await first.gater.stop()
    await store.close()

    await store.open()
    const second = await make({ datastore: store })
    expect(await visits(second, guest)).toBe(false)
    expect([...second.gater.rules()]).toMatchObject([{ subject: `${FROM}/32`, reason: 'spam' }])
    await second.gater.stop()
    await store.close()
  })
})

describe('a gater without Cordon that has stopped', () => {
  it('has left nothing behind', async () => {
    const handles = handleCounts()
    const clock = countingClock()
    const { gater, node, attached } = await make({ clock, refusalLog: () => {} })
    await gater.block('127.0.1.0/24', { duration: 60_000 })
    await gater.block('127.0.0.0/8', { direction: 'outbound' })
    const peer = hostilePeer({ kind: 'b', port: portOf(node, 'tcp'), localAddress: FROM })
    await peer.strike(10)
    await eventually(() => peer.live === 0)
    expect(gater.status().refusals).toEqual({ cidr: 10 })
    await peer.stop()
    attached.detach()
    await node.stop()
    await gater.stop()
    expect(clock.pending).toBe(0)
    await eventually(() => Object.keys(handlesSince(handles)).length === 0)
  })
})
