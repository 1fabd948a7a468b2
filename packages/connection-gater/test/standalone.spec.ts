import { createConnectionGater } from '@cordon/connection-gater'
import { buildMemoryNode, eventually, stopAll } from '@cordon/testing'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { afterEach, describe, expect, it } from 'vitest'
import { OTHER, PEER, RELAY } from './support.ts'
import type { ConnectionGaterInit, StandaloneConnectionGater } from '@cordon/connection-gater'
import type { RuleAction, RuleOptions, Subject } from '@cordon/interface-connection-gater'
import type { Connection, ConnectionGater as LibP2PGater, MultiaddrConnection } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'

afterEach(stopAll)

const peer = peerIdFromString(PEER)
const other = peerIdFromString(OTHER)
const relay = peerIdFromString(RELAY)

const from = (text: string): MultiaddrConnection => ({ remoteAddr: multiaddr(text) }) as MultiaddrConnection

const HERE = from('/ip4/1.2.3.4/tcp/1')
const THERE = from('/ip4/5.6.7.8/tcp/1')
const OVER = from(`/ip4/5.6.7.8/tcp/1/p2p/${RELAY}/p2p-circuit`)

type Asks = Record<string, (gater: Required<LibP2PGater>) => unknown>

/** Everything that libp2p asks, about those who are meant by rules below */
const ASKS = {
  'dial the peer': gater => gater.denyDialPeer(peer),
  'dial the other peer': gater => gater.denyDialPeer(other),
  'dial the address': gater => gater.denyDialMultiaddr(multiaddr('/ip4/1.2.3.4/tcp/1')),
  'dial another address': gater => gater.denyDialMultiaddr(multiaddr('/ip4/5.6.7.8/tcp/1')),
  'dial the peer at another address': gater => gater.denyDialMultiaddr(multiaddr(`/ip4/5.6.7.8/tcp/1/p2p/${PEER}`)),
  'dial the peer over the relay': gater => gater.denyDialMultiaddr(multiaddr(`/ip4/5.6.7.8/tcp/1/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`)),
  'dial somebody over it': gater => gater.denyDialMultiaddr(multiaddr(`/ip4/5.6.7.8/tcp/1/p2p/${PEER}/p2p-circuit`)),
  'inbound from the address': gater => gater.denyInboundConnection(HERE),
  'inbound from another address': gater => gater.denyInboundConnection(THERE),
  'inbound over the relay': gater => gater.denyInboundConnection(OVER),
  'outbound to the peer': gater => gater.denyOutboundConnection(peer, THERE),
  'outbound to the address': gater => gater.denyOutboundConnection(other, HERE),
  'inbound secured peer': gater => gater.denyInboundEncryptedConnection(peer, THERE),
  'inbound secured address': gater => gater.denyInboundEncryptedConnection(other, HERE),
  'outbound secured peer': gater => gater.denyOutboundEncryptedConnection(peer, THERE),
  'outbound secured address': gater => gater.denyOutboundEncryptedConnection(other, HERE),
  'inbound upgraded peer': gater => gater.denyInboundUpgradedConnection(peer, THERE),
  'outbound upgraded peer': gater => gater.denyOutboundUpgradedConnection(peer, THERE),
  'reservation of the peer': gater => gater.denyInboundRelayReservation(peer),
  'relaying from the peer': gater => gater.denyOutboundRelayedConnection(peer, other),
  'relaying to the peer': gater => gater.denyOutboundRelayedConnection(other, peer),
  'relayed to us from the peer': gater => gater.denyInboundRelayedConnection(relay, peer),
  'relayed to us from the other peer': gater => gater.denyInboundRelayedConnection(relay, other),
  'do not keep the address': async gater => !await gater.filterMultiaddrForPeer(other, multiaddr('/ip4/1.2.3.4/tcp/1')),
  'do not keep an address of the peer': async gater => !await gater.filterMultiaddrForPeer(peer, multiaddr('/ip4/5.6.7.8/tcp/1'))
} satisfies Asks

type Ask = keyof typeof ASKS

const ALL = Object.keys(ASKS) as Ask[]

const OF_PEER: readonly Ask[] = ALL.filter(ask => ask.includes('the peer') || ask.endsWith('d peer'))
const OF_ADDRESS: readonly Ask[] = ['dial the address', 'inbound from the address', 'outbound to the address', 'inbound secured address', 'outbound secured address', 'do not keep the address']

/** What is denied; each method is taken off the gater, as libp2p does with some of them */
async function denied (gater: StandaloneConnectionGater): Promise<Ask[]> {
  const methods = Object.fromEntries(Object.entries(gater)) as unknown as Required<LibP2PGater>
  const asked: Ask[] = []
  for (const ask of ALL) {
    const answer: unknown = await ASKS[ask](methods)
    expect(answer).toBeTypeOf('boolean')
    if (answer === true) asked.push(ask)
  }
  return asked
}

const outbound = (asks: readonly Ask[]): Ask[] => asks.filter(ask => ask.startsWith('dial') || ask.startsWith('outbound') || ask.startsWith('do not keep') || ask === 'relaying to the peer')

const CASES: ReadonlyArray<readonly [string, ConnectionGaterInit, ReadonlyArray<readonly [RuleAction, Subject, RuleOptions?]>, readonly Ask[]]> = [
  ['nothing without rules', {}, [], []],
  ['a blocked peer, wherever it is', {}, [['block', { peer: PEER }]], OF_PEER],
  ['a peer that may not be dialled', {}, [['block', { peer: PEER }, { direction: 'outbound' }]], outbound(OF_PEER)],
  ['a peer that may not come in', {}, [['block', { peer: PEER }, { direction: 'inbound' }]], OF_PEER.filter(ask => !outbound(OF_PEER).includes(ask))],
  // an address that nobody knows is behind a relay, too
  ['a blocked address, and what hides its own', {}, [['block', '1.2.3.4']], [...OF_ADDRESS, 'inbound over the relay']],
  ['a blocked address', { relayedUnknown: 'allow' }, [['block', '1.2.3.0/24']], OF_ADDRESS],
  ['a blocked relay', {}, [['block', { relay: RELAY }]], ['dial the peer over the relay', 'inbound over the relay']],
  ['everybody, where nobody is allowed', { default: 'block' }, [], ALL.filter(ask => !ask.startsWith('do not keep'))],
  ['everybody but who is allowed, as soon as that is known', { default: 'block' }, [['allow', { peer: PEER }]], [
    'dial the other peer', 'outbound to the address', 'inbound secured address', 'outbound secured address', 'relaying from the peer', 'relaying to the peer', 'relayed to us from the other peer'
  ]]
]

describe('what libp2p asks', () => {
  it.each(CASES)('is denied to %s', async (_, init, rules, expected) => {
    const gater = createConnectionGater(init)
    for (const [action, subject, options] of rules) await gater[action](subject, options)
    expect((await denied(gater)).sort()).toEqual([...expected].sort())
  })

  it('counts, except for what it only keeps in mind', async () => {
    const gater = createConnectionGater()
    await gater.block('1.2.3.4')
    const { filterMultiaddrForPeer, denyInboundConnection } = gater
    expect(filterMultiaddrForPeer?.(other, multiaddr('/ip4/1.2.3.4/tcp/1'))).toBe(false)
    expect(gater.status().refusals).toEqual({})
    expect(denyInboundConnection?.(HERE)).toBe(true)
    expect(gater.status().refusals).toEqual({ ip: 1 })
  })

  it('is denied where a function throws', async () => {
    const gater = createConnectionGater()
    await gater.block({ name: 'broken', predicate: () => { throw new Error('no') } })
    expect(await denied(gater)).toHaveLength(ALL.length)
  })
})

/** A node on the memory transport that is not composed */
async function nodeWith (gater: StandaloneConnectionGater): Promise<Libp2p> {
  return buildMemoryNode({ compose: options => ({ ...options, connectionGater: gater }) })
}

async function connected (init: ConnectionGaterInit = {}): Promise<{ gater: StandaloneConnectionGater, host: Libp2p, guests: [Libp2p, Libp2p] }> {
  const gater = createConnectionGater(init)
  await gater.start()
  const host = await nodeWith(gater)
  const guests: [Libp2p, Libp2p] = [await buildMemoryNode(), await buildMemoryNode()]
  for (const guest of guests) await guest.dial(host.getMultiaddrs())
  await eventually(() => host.getConnections().length === 2)
  return { gater, host, guests }
}

describe('a gater on a node of libp2p', () => {
  it('closes what a rule comes to forbid once it is attached, and nothing else', async () => {
    const { gater, host, guests: [guest, kept] } = await connected()
    const attached = gater.attach(host)
    await gater.block({ peer: guest.peerId.toString() })
    await eventually(() => guest.getConnections().length === 0)
    expect(host.getConnections().map(({ remotePeer }) => remotePeer.toString())).toEqual([kept.peerId.toString()])
    await expect(host.dial(guest.peerId)).rejects.toMatchObject({ name: 'DialDeniedError' })
    await guest.dial(host.getMultiaddrs()).catch(() => {})
    await eventually(() => host.getConnections(guest.peerId).length === 0)
    await gater.unblock({ peer: guest.peerId.toString() })
    await guest.dial(host.getMultiaddrs(), { force: true })
    attached.detach()
    await gater.stop()
  })

  it('closes nothing while it is attached to none', async () => {
    const { gater, host, guests: [guest, other] } = await connected()
    const attached = gater.attach(host)
    attached.detach()
    attached.detach()
    await gater.block({ peer: guest.peerId.toString() })
    expect(host.getConnections(guest.peerId)).toHaveLength(1)
    const again = gater.attach(host)
    // detaching once more what was replaced leaves the other attached
    attached.detach()
    expect(() => gater.attach(host)).toThrow('attached to a node already')
    await gater.block({ peer: other.peerId.toString() })
    expect([host.getConnections(guest.peerId).length, host.getConnections(other.peerId).length]).toEqual([1, 0])
    again[Symbol.dispose]()
    await gater.stop()
  })

  it('can be attached to one node at a time', async () => {
    const { gater, host, guests: [guest] } = await connected()
    const attached = gater.attach(host)
    expect(() => gater.attach(guest)).toThrow('the gater is attached to a node already')
    attached.detach()
    gater.attach(guest).detach()
    await gater.stop()
  })

  it('says what is missing', async () => {
    const none = { datastore: 'there is no datastore: rules are gone when the process ends', started: 'the gater is not started: rules are neither read nor kept', attached: 'it is attached to no node: connections that are open stay open when a rule forbids them; call attach(node)' }
    const bare = createConnectionGater()
    expect(bare.status()).toMatchObject({ store: 'none', missing: [none.datastore, none.attached] })
    const gater = createConnectionGater({ datastore: new MemoryDatastore() })
    expect(gater.status()).toMatchObject({ store: 'stopped', missing: [none.started, none.attached] })
    await gater.start()
    expect(gater.status()).toMatchObject({ store: 'ready', missing: [none.attached] })
    const attached = gater.attach(await nodeWith(gater))
    expect(gater.status().missing).toEqual([])
    attached.detach()
    await gater.stop()
    expect(gater.status().missing).toEqual([none.started, none.attached])
  })

  it('says that rules are missing for as long as the datastore has not given them', async () => {
    const datastore = new MemoryDatastore()
    let answer = (): void => {}
    const asked = new Promise<void>(resolve => { answer = resolve })
    const query = datastore.query.bind(datastore)
    datastore.query = async function * (...args) {
      await asked
      yield * query(...args)
    }
    const gater = createConnectionGater({ datastore })
    const started = gater.start()
    expect(gater.status()).toMatchObject({ store: 'loading', missing: ['the rules are still being read from the datastore: those that are missing are not in force', expect.stringContaining('attached to no node')] })
    answer()
    await started
    expect(gater.status()).toMatchObject({ store: 'ready', missing: [expect.stringContaining('attached to no node')] })
    await gater.stop()
  })

  it('says that nothing is kept while the datastore fails, and what is missing where it could not be read', async () => {
    const datastore = new MemoryDatastore()
    const gater = createConnectionGater({ datastore })
    await gater.start()
    const { batch } = datastore
    datastore.batch = () => { throw new Error('disk full') }
    await expect(gater.block('192.0.2.1')).rejects.toThrow('disk full')
    expect(gater.status()).toMatchObject({ store: 'failing', missing: ['the datastore fails, which is tried again: what has changed since is gone when the process ends', expect.any(String)] })
    datastore.batch = batch
    await gater.stop()

    const unread = createConnectionGater({ datastore, storeTimeout: 20 })
    datastore.query = () => { throw new Error('no disk') }
    await unread.start()
    expect(unread.status()).toMatchObject({ store: 'failing', missing: ['the rules could not be read from the datastore, which is tried again: those that are missing are not in force', expect.any(String)] })
    await unread.stop()
  })

  it('closes the others where one of them throws because it cannot say goodbye', async () => {
    const gater = createConnectionGater()
    const aborted: unknown[] = []
    const connection = (abort: (error: Error) => void): Connection => ({ direction: 'inbound', remoteAddr: HERE.remoteAddr, remotePeer: peer, abort }) as Connection
    const node = { getConnections: () => [connection(() => { throw new Error('not writable') }), connection(error => { aborted.push(error) })] }
    const attached = gater.attach(node)
    await gater.block('1.2.3.4')
    expect(aborted).toMatchObject([{ name: 'ConnectionRefusedError', cause: { code: 'blocked', cause: 'ip', direction: 'inbound' } }])
    expect(gater.status().refusals).toEqual({ ip: 2 })
    attached.detach()
  })

  it('closes what is being closed by somebody else without making a noise', async () => {
    const { gater, host, guests: [guest, other] } = await connected()
    const attached = gater.attach(host)
    const closing = host.getConnections(guest.peerId).map(async connection => connection.close())
    const hangingUp = host.hangUp(other.peerId)
    await gater.block('/memory')
    // what is cut cannot say goodbye
    await Promise.allSettled([...closing, hangingUp])
    await eventually(() => host.getConnections().length === 0)
    attached.detach()
    await gater.stop()
  })
})
