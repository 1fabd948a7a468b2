import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { normaliseAddress } from '@cordon/address'
import { connectionGater, createConnectionGater } from '@cordon/connection-gater'
import { eventually, stopAll } from '@cordon/testing/node'
import { memory } from '@libp2p/memory'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { guarded } from '../composition/support.ts'
import type { GuardedNode } from '../composition/support.ts'
import type { ConnectionGaterInit, ConnectionGaterService } from '@cordon/connection-gater'
import type { GateTarget, Subject } from '@cordon/interface-connection-gater'
import type { Multiaddr } from '@multiformats/multiaddr'

const PEER = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'
const RELAY = 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'
const OTHER = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'

/** Where somebody is, by how they come */
const PLACES = {
  tcp: '/ip4/192.0.2.1/tcp/1',
  ws: '/ip6/2a00::1/tcp/1/ws',
  quic: '/ip4/192.0.2.1/udp/1/quic-v1',
  dns: '/dns4/node.example/tcp/443/wss',
  memory: '/memory/m',
  unix: '/unix/%2Ftmp%2Fs',
  relayed: `/ip4/192.0.2.1/tcp/1/p2p/${RELAY}/p2p-circuit`,
  unnamed: '/ip4/192.0.2.1/tcp/1/p2p-circuit',
  webrtc: '/webrtc',
  onion: '/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:1',
  nothing: '/'
} as const

type Place = keyof typeof PLACES

/** A rule of each kind, and whom it covers: nobody else, whatever they have instead of an address. What each covers was written down by hand. */
const RULES: ReadonlyArray<readonly [kind: string, subject: Subject, covers: readonly Place[]]> = [
  ['ip', '192.0.2.1', ['tcp', 'quic']],
  ['cidr, all of IPv4', '0.0.0.0/0', ['tcp', 'quic']],
  ['cidr, all of IPv6', '::/0', ['ws']],
  ['pattern, an address', '/ip4/192.0.2.1/tcp', ['tcp']],
  ['pattern, any name', '/dns/*', ['dns']],
  ['pattern, a name', { pattern: '/dns/*.example' }, ['dns']],
  ['pattern, in memory', '/memory/m', ['memory']],
  ['pattern, a path', '/unix/tmp/s', ['unix']],
  ['peer', { peer: PEER }, ['tcp', 'ws', 'quic', 'dns', 'memory', 'unix', 'relayed', 'unnamed', 'webrtc', 'onion', 'nothing']],
  ['another peer', { peer: OTHER }, []],
  ['relay', { relay: RELAY }, ['relayed']],
  ['another relay', { relay: OTHER }, []],
  ['transport tcp', '/tcp', ['tcp']],
  ['transport wss', '/wss', ['dns']],
  ['transport memory', '/memory', ['memory']],
  ['transport unix', '/unix', ['unix']],
  ['transport webrtc', '/webrtc', ['webrtc']],
  ['relayed', '/p2p-circuit', ['relayed', 'unnamed']],
  ['predicate', { name: 'ours', predicate: ({ address }) => address?.family === 0 }, ['dns', 'memory', 'unix', 'relayed', 'unnamed', 'webrtc', 'onion', 'nothing']]
]

function from (place: Place): GateTarget {
  return { direction: 'inbound', address: normaliseAddress(PLACES[place]), peer: PEER }
}

const places = Object.keys(PLACES) as Place[]

describe('A40: what has no IP address', () => {
  it.each(RULES)(`is covered by a rule of the kind %s only where that says so, and otherwise follows the default: ${places.length} places, both actions, both defaults`, async (_, subject, covers) => {
    for (const action of ['allow', 'block'] as const) {
      for (const byDefault of ['allow', 'block'] as const) {
        const gater = createConnectionGater({ default: byDefault, relayedUnknown: 'allow' })
        await gater[action](subject)
        for (const place of places) {
          const isCovered = covers.includes(place)
          const target = from(place)
          const where = `${place}, ${action} by ${JSON.stringify(subject)}, default ${byDefault}`
          expect(gater.verdict(target).decision, where).toBe(isCovered ? action : 'unknown')
          expect(gater.decide(target) === undefined, where).toBe((isCovered ? action : byDefault) === 'allow')
        }
      }
    }
  })

  it('is let in by no allowlist of addresses, however wide', async () => {
    const gater = createConnectionGater({ default: 'block' })
    for (const all of ['0.0.0.0/0', '::/0', '/ip4/*', '/ip6/*']) await gater.allow(all)
    expect(places.filter(place => gater.decide(from(place)) === undefined)).toEqual(['tcp', 'ws', 'quic'])
  })

  it('is not yet known to be anybody while its peer is unknown, and is waited for only where a rule could allow that', async () => {
    for (const allowed of [undefined, PEER]) {
      const gater = createConnectionGater({ default: 'block' })
      if (allowed !== undefined) await gater.allow({ peer: allowed })
      for (const place of places) {
        const { direction, address } = from(place)
        expect(gater.decide({ direction, ...(address !== undefined && { address }) }) === undefined, place).toBe(allowed !== undefined)
        expect(gater.decide({ ...from(place), peer: OTHER }), place).toBeDefined()
      }
    }
  })

  describe('on real nodes', () => {
    let folder: string
    let count = 0

    beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'cordon-')) })
    afterEach(stopAll)
    afterAll(async () => { await rm(folder, { recursive: true }) })

    type Door = 'tcp' | 'ws' | 'memory' | 'unix'

    /** Listens at every door that a process can have without a network */
    async function house (init: ConnectionGaterInit): Promise<{ node: GuardedNode, gater: ConnectionGaterService, doors: Record<Door, Multiaddr> }> {
      let gater: ConnectionGaterService | undefined
      const path = encodeURIComponent(join(folder, `${++count}`))
      const node = await guarded({
        options: options => ({ ...options, services: undefined, addresses: { listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws', `/memory/a40-${count}`, `/unix/${path}`] }, transports: [tcp(), webSockets(), memory()] }),
        modules: { gater: (components: Parameters<ReturnType<typeof connectionGater>>[0]) => (gater = connectionGater(init)(components)) }
      })
      if (gater === undefined) throw new Error('the node made no gater')
      const find = (transport: Door): Multiaddr => {
        const found = node.node.getMultiaddrs().find(address => normaliseAddress(address).transport === transport)
        if (found === undefined) throw new Error(`it does not listen over ${transport}`)
        return found
      }
      return { node, gater, doors: { tcp: find('tcp'), ws: find('ws'), memory: find('memory'), unix: find('unix') } }
    }

    /** At which doors somebody gets in */
    async function open ({ node, doors }: Awaited<ReturnType<typeof house>>): Promise<string[]> {
      const { node: guest } = await guarded({ listen: false, options: options => ({ ...options, services: undefined, transports: [tcp(), webSockets(), memory()] }), modules: { gater: false } })
      const taken: string[] = []
      for (const [door, address] of Object.entries(doors)) {
        const connection = await guest.dial(address, { force: true }).catch(() => undefined)
        if (connection === undefined) continue
        const isIn = await eventually(() => connection.status !== 'open' ? 'out' : node.lifecycle.stats().records.ready > 0 && 'in') === 'in'
        if (isIn) taken.push(door)
        await connection.close()
        await eventually(() => node.lifecycle.size === 0)
      }
      return taken
    }

    it('follows the default, where all addresses are blocked', async () => {
      const all = await house({})
      expect(await open(all)).toEqual(['tcp', 'ws', 'memory', 'unix'])
      await all.gater.block('0.0.0.0/0')
      await all.gater.block('::/0')
      expect(await open(all)).toEqual(['memory', 'unix'])
      expect(all.gater.status().refusals.cidr).toBe(2)
    })

    it('follows the default, where all addresses are allowed', async () => {
      const all = await house({ default: 'block' })
      await all.gater.allow('0.0.0.0/0')
      await all.gater.allow('::/0')
      expect(await open(all)).toEqual(['tcp', 'ws'])
      expect(all.gater.status().refusals).toEqual({ default: 2 })
    })

    it.each<[Subject, Door[]]>([['/tcp', ['ws', 'memory', 'unix']], ['/ws', ['tcp', 'memory', 'unix']], ['/memory', ['tcp', 'ws', 'unix']], ['/unix', ['tcp', 'ws', 'memory']], ['/ip4/*/ws', ['tcp', 'memory', 'unix']], [{ name: 'named', predicate: ({ address }) => address?.family === 0 }, ['tcp', 'ws']]])('is shut out by what is about it: %o', async (subject, left) => {
      const all = await house({})
      await all.gater.block(subject)
      expect(await open(all)).toEqual(left)
      // and the other way round, in a private network
      const few = await house({ default: 'block' })
      await few.gater.allow(subject)
      expect(await open(few)).toEqual(Object.keys(few.doors).filter(door => !left.includes(door as Door)))
    })
  })
})
