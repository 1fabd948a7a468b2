import { countingClock, eventually, handleCounts, handlesSince, portOf, stallingServer, stranger } from '@cordon/testing/node'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf, findError } from '../composition/support.ts'
import { deafServer } from './deaf-server.ts'
import { closedFor, expectNothingHeld, gated, gateRefusals, NOTHING, quiet } from './support.ts'
import type { GatedNode } from './support.ts'
import type { ConnectionGaterInit } from '@cordon/connection-gater'
import type { ConnectionRecord } from '@cordon/interface-connection-lifecycle'
import type { StrangerInit } from '@cordon/testing/node'
import type { Connection, PrivateKey } from '@libp2p/interface'

const stops: Array<() => Promise<void>> = []

afterEach(async () => {
  await Promise.all(stops.splice(0).map(async stop => stop()))
  await expectNothingHeld()
})

const PEER = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'

const FROM = '127.0.1.2'

/** The one record that a node has */
async function only ({ lifecycle }: GatedNode, what: (record: ConnectionRecord) => boolean): Promise<ConnectionRecord> {
  return eventually(() => {
    const [record, ...others] = lifecycle.records()
    if (record === undefined || others.length > 0 || !what(record)) throw new Error('not yet')
    return record
  })
}

/** How far an inbound upgrade gets before it stalls, and what a record looks like then */
const PHASES: ReadonlyArray<readonly [string, Pick<StrangerInit, 'messages' | 'earlyMuxer'>, (record: ConnectionRecord) => boolean]> = [
  ['raw, and has sent nothing', { messages: 0 }, ({ phase }) => phase === 'encrypt'],
  ['in the midst of the negotiation', { messages: 1.5 }, ({ phase }) => phase === 'encrypt'],
  ['encrypting', { messages: 3 }, ({ phase, remotePeer }) => phase === 'encrypt' && remotePeer === undefined],
  ['multiplexing', { earlyMuxer: false }, ({ phase, remotePeer }) => phase === 'multiplex' && remotePeer !== undefined]
]

describe.each(PHASES)('an inbound connection that is %s', (_, progress, reached) => {
  async function stalled (): Promise<{ host: GatedNode, visitor: Awaited<ReturnType<typeof stranger>>, record: ConnectionRecord, privateKey: PrivateKey, timers: () => number }> {
    const clock = countingClock()
    const host = await gated({ gater: { clock }, lifecycle: { clock } })
    const timers = clock.pending
    const privateKey = await generateKeyPair('Ed25519')
    const visitor = await stranger({ port: portOf(host.node, 'tcp'), localAddress: FROM, privateKey, ...progress })
    const record = await only(host, reached)
    return { host, visitor, record, privateKey, timers: () => clock.pending - timers }
  }

  it('is ended by a block of its address, and leaves nothing behind', async () => {
    const { host, visitor, record, timers } = await stalled()
    const handles = handleCounts()
    await host.gater.block(FROM)
    expect(record).toMatchObject({ state: 'closed', reason: { code: 'refused', by: 'local', refusal: { module: 'gater', cause: 'ip', direction: 'inbound' } } })
    await eventually(() => visitor.ended && host.lifecycle.size === 0)
    expect([closedFor(host).length, host.gater.status().refusals, host.lifecycle.stats().readied]).toEqual([1, { ip: 1 }, 0])
    expect(host.manager.snapshot().transient.usage).toEqual(NOTHING)
    // one until the rule's hit is written
    await eventually(() => timers() === 1)
    await eventually(() => Object.keys(handlesSince(handles)).length === 0)
  })

  it('goes on when somebody else is blocked', async () => {
    const { host, visitor, record, privateKey } = await stalled()
    await host.gater.block('127.0.1.3')
    await host.gater.block(peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toString())
    expect([record.state, visitor.ended]).toEqual(['handshaking', false])
    // nobody knows it yet, or it is ended at once
    await host.gater.block(peerIdFromPrivateKey(privateKey).toString())
    expect(record.state).toBe(record.remotePeer === undefined ? 'handshaking' : 'closed')
    visitor.proceed()
    await eventually(() => visitor.ended && host.lifecycle.size === 0)
    expect(gateRefusals(host)).toMatchObject([{ cause: 'peer' }])
    expect(host.gater.status().refusals).toEqual({ peer: 1 })
  })
})

describe('an outbound connection that is being upgraded', () => {
  it('is ended by a block of its address: the dial fails with the refusal, and it counts once', async () => {
    const server = await stallingServer()
    stops.push(async () => server.stop())
    const guest = await gated({ listen: false })
    const dial = failureOf(guest.node.dial(multiaddr(server.address)))
    const record = await only(guest, ({ phase }) => phase === 'encrypt')
    await guest.gater.block('127.0.0.1')
    expect(record).toMatchObject({ state: 'closed', reason: { code: 'refused', refusal: { cause: 'ip', direction: 'outbound' } } })
    expect(findError(await dial, 'ConnectionRefusedError')?.cause).toMatchObject({ module: 'gater', cause: 'ip' })
    await eventually(() => server.live === 0 && guest.lifecycle.size === 0)
    expect([guest.gater.status().refusals, [...guest.gater.rules()].map(({ hits }) => hits)]).toEqual([{ ip: 1 }, [1]])
  })
})

describe('a dial whose socket nobody answers', () => {
  /** A node that dials in vain, and how many dials it has under way */
  async function dialling (gater: ConnectionGaterInit = {}, begin: (guest: GatedNode, address: string) => Promise<unknown> = dialPeer): Promise<{ guest: GatedNode, dial: Promise<unknown>, underWay: () => number, timers: () => number }> {
    const server = await deafServer()
    stops.push(server.stop)
    const clock = countingClock()
    const guest = await gated({ listen: false, gater: { clock, ...gater }, lifecycle: { clock } })
    const timers = clock.pending
    const underWay = (): number => {
      let count = 0
      guest.registry.endDials(({ multiaddr: to }) => {
        if (to?.toString().startsWith(server.address) === true) count++
        return undefined
      })
      return count
    }
    const dial = begin(guest, server.address)
    await eventually(() => underWay() === 1)
    return { guest, dial, underWay, timers: () => clock.pending - timers }
  }

  async function dialPeer ({ node }: GatedNode, address: string): Promise<unknown> {
    return failureOf(node.dial(multiaddr(`${address}/p2p/${PEER}`)))
  }

  const BLOCKS = [['its address', 'ip', '127.0.0.1'], ['a range', 'cidr', '127.0.0.0/24'], ['its peer', 'peer', PEER], ['its transport', 'transport', '/tcp']] as const

  it.each(BLOCKS)('is ended by a block of %s, and leaves nothing behind', async (_, cause, subject) => {
    const handles = handleCounts()
    const { guest, dial, underWay, timers } = await dialling()
    await guest.gater.block(subject)
    expect(findError(await dial, 'ConnectionRefusedError')?.cause).toMatchObject({ code: 'blocked', module: 'gater', cause, direction: 'outbound', rule: { hits: 1 } })
    expect([underWay(), guest.lifecycle.size, guest.lifecycle.stats().opened, guest.gater.status().refusals]).toEqual([0, 0, 0, { [cause]: 1 }])
    expect(guest.manager.snapshot().system.usage).toEqual(NOTHING)
    expect(timers()).toBe(1)
    await Promise.all(stops.splice(0).map(async stop => stop()))
    await guest.node.stop()
    await eventually(() => Object.keys(handlesSince(handles)).length === 0)
  })

  it('goes on when somebody else is blocked, and when nobody may come in', async () => {
    const { guest, dial, underWay } = await dialling()
    await guest.gater.block('127.0.0.2')
    await guest.gater.block('127.0.0.0/8', { direction: 'inbound' })
    await guest.gater.block(PEER, { close: false })
    expect([underWay(), guest.gater.status().refusals]).toEqual([1, {}])
    await guest.node.stop()
    expect(await dial).toBeInstanceOf(Error)
  })

  it('is ended where nobody is dialled any more whom no rule allows', async () => {
    const { guest, dial } = await dialling({ default: 'block' }, async (node, address) => {
      await node.gater.allow('127.0.0.1')
      return dialPeer(node, address)
    })
    await guest.gater.disallow('127.0.0.1')
    expect(findError(await dial, 'ConnectionRefusedError')?.cause).toMatchObject({ cause: 'default', configPath: 'gater.default' })
    expect(guest.gater.status().refusals).toEqual({ default: 1 })
  })

  it('gives way to another address of its peer that nobody has blocked', async () => {
    const host = await gated({ options: all => ({ ...quiet(all), addresses: { listen: ['/ip4/0.0.0.0/tcp/0'] } }) })
    const elsewhere = `/ip4/127.0.0.7/tcp/${portOf(host.node, 'tcp')}`
    const { guest, dial } = await dialling({}, async ({ node }, address) => node.dial([`${address}/p2p/${host.id}`, `${elsewhere}/p2p/${host.id}`].map(text => multiaddr(text))))
    await guest.gater.block('127.0.0.1')
    expect(String((await dial as Connection).remoteAddr)).toContain(elsewhere)
  })
})
