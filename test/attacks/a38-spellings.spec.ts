import { BlockList, connect } from 'node:net'
import { normaliseAddress } from '@cordon/address'
import { connectionGater, createConnectionGater } from '@cordon/connection-gater'
import { eventually, portOf, stopAll } from '@cordon/testing/node'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { TABLE } from '../../packages/address/test/table.ts'
import { failureOf, findError, guarded } from '../composition/support.ts'
import type { GuardedNode } from '../composition/support.ts'
import type { ConnectionGaterService } from '@cordon/connection-gater'
import type { Subject } from '@cordon/interface-connection-gater'
import type { Transport } from '@libp2p/interface'
import type { TCPOptions } from '@libp2p/tcp'
import type { ServerOpts } from 'node:net'

/** The spellings of each host, those of one host together */
const HOSTS = new Map<string, string[]>()
for (const [, { key }, spellings] of TABLE) HOSTS.set(key, [...HOSTS.get(key) ?? [], ...spellings.map(([text]) => text)])

/** What a rule can be about: IP addresses in every spelling, relays that say who they are, names; the rest has only a transport, and follows the default */
function rulesFor (key: string, spellings: readonly string[]): Subject[] {
  const { family, relay } = normaliseAddress(key)
  if (family !== 0) return spellings.map(ip => ({ ip }))
  if (relay !== undefined) return [{ relay }, `/p2p/${relay}/p2p-circuit`]
  const [, scheme = '', name = ''] = /^(dns|unix|memory|onion):\/?(.*)$/s.exec(key) ?? []
  if (scheme === 'dns') return ['dns', 'dns4', 'dns6', 'dnsaddr'].map(each => `/${each}/${name}`)
  return scheme === '' ? [] : [`/${scheme === 'onion' ? 'onion3' : scheme}/${name}`]
}

/** The spellings of 192.0.2.1 as those of an address of loopback, which a test can come from */
const FROM = '127.0.2.1'
const ELSEWHERE = '127.0.2.2'
const SPELLINGS = (HOSTS.get('192.0.2.1') ?? []).map(text => text
  .replace('192.0.2.1', FROM).replace(/c000:0?201/, '7f00:201').replace('0xc0.', '0x7f.').replace('3221225985', '2130706945').replace('0300.', '0177.').replace('3fff:fdfe', '80ff:fdfe'))

describe('A38: one address in every spelling', () => {
  it(`${[...HOSTS.values()].flat().length} spellings of ${HOSTS.size} hosts: a rule in any of them is the same rule, and hits all of them and no other host`, async () => {
    let hits = 0
    for (const [key, spellings] of HOSTS) {
      const gater = createConnectionGater()
      const rules = rulesFor(key, spellings)
      const subjects = new Set<string>()
      for (const rule of rules) subjects.add((await gater.block(rule)).subject)
      expect(subjects.size, key).toBe(rules.length === 0 ? 0 : 1)
      expect(gater.status().rules.manual).toBe(subjects.size)

      for (const [other, texts] of HOSTS) {
        for (const text of texts) {
          const refusal = gater.decide({ direction: 'inbound', address: normaliseAddress(text) })
          const isSame = other === key && rules.length > 0
          if (isSame) hits++
          // what came over a relay is unproven as soon as an address is blocked
          expect(refusal !== undefined && refusal.cause !== 'unproven', `${text}, where ${key} is blocked`).toBe(isSame)
        }
      }
      for (const rule of rules.slice(0, 1)) expect(await gater.unblock(rule)).toBe(1)
      expect(gater.status().rules.manual).toBe(0)
    }
    expect(hits).toBeGreaterThanOrEqual(60)
  })

  describe('on a real node', () => {
    interface Door {
      readonly what: 'mapped' | 'ws'
      readonly port: number
      readonly gater: ConnectionGaterService
    }

    let nodes: GuardedNode[]
    let doors: Door[]

    afterAll(stopAll)

    /** Listens with a socket of both families, which shows IPv4 addresses as `::ffff:7f00:201`, and below WebSocket, which shows them as they are */
    async function listener (listen: Pick<ServerOpts, 'blockList'>): Promise<{ node: GuardedNode, gater: ConnectionGaterService }> {
      let made: ConnectionGaterService | undefined
      // all of these go to `net.createServer` and `listen`, which know more of them than the type says
      const listenOpts: TCPOptions['listenOpts'] & { ipv6Only: boolean } = { ipv6Only: false, ...listen }
      const node = await guarded({
        transport: 'tcp',
        options: options => ({ ...options, services: undefined, addresses: { listen: ['/ip4/127.0.0.1/tcp/0/ws', '/ip6/::ffff:127.0.0.1/tcp/0'] }, transports: [tcp({ listenOpts }), webSockets()] }),
        modules: { gater: (components: Parameters<ReturnType<typeof connectionGater>>[0]) => (made = connectionGater()(components)) }
      })
      if (made === undefined) throw new Error('the node made no gater')
      return { node, gater: made }
    }

    beforeAll(async () => {
      const asked = await listener({})
      // where the user has a block list, ours is not asked before a socket exists
      const own = await listener({ blockList: new BlockList() })
      nodes = [asked.node, own.node]
      doors = [asked, own].flatMap(({ node: { node }, gater }) => [{ what: 'mapped', port: portOf(node, 'tcp'), gater }, { what: 'ws', port: portOf(node, 'ws'), gater }])
    })

    /** Whether somebody gets in there who says no more than it takes to be noticed */
    async function getsIn ({ what, port }: Door, localAddress: string): Promise<boolean> {
      const socket = connect({ host: '127.0.0.1', port, localAddress })
      socket.on('error', () => {})
      if (what === 'ws') socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
      socket.resume()
      const isIn = await eventually(() => held() > 0 ? 'in' : socket.closed && 'out')
      socket.destroy()
      await eventually(() => held() === 0)
      return isIn === 'in'
    }

    /** Whoever is refused is never held */
    function held (): number {
      return nodes.reduce((sum, { lifecycle }) => sum + lifecycle.size, 0)
    }

    it(`come from ${FROM}, blocked in each of ${SPELLINGS.length} spellings: refused at every door, and somebody else is not`, async () => {
      for (const spelling of SPELLINGS) {
        for (const door of doors) {
          const { what, gater } = door
          await gater.block({ ip: spelling })
          const before = gater.status().refusals.ip ?? 0
          expect(await getsIn(door, FROM), `${what} while ${spelling} is blocked`).toBe(false)
          expect(gater.status().refusals.ip, `${what}: how often ${spelling} was refused`).toBe(before + 1)
          expect(await gater.unblock({ ip: spelling })).toBe(1)
        }
      }
      for (const door of doors) {
        const { what, gater } = door
        await gater.block({ ip: FROM })
        expect(await getsIn(door, ELSEWHERE), what).toBe(true)
        await gater.unblock({ ip: FROM })
        expect(await getsIn(door, FROM), what).toBe(true)
      }
      const seen = nodes.flatMap(({ events }) => events.flatMap(event => event.type === 'connection:opened' ? [event.record.remoteAddr.toString().replace(/\/tcp.*/, '')] : []))
      expect([...new Set(seen)].sort()).toEqual(['/ip4/127.0.2.1', '/ip4/127.0.2.2', '/ip6/::ffff:7f00:201', '/ip6/::ffff:7f00:202'])
    })
  })

  describe('dialled', () => {
    afterEach(stopAll)

    it('is not, in any spelling that a transport would take', async () => {
      const dialled: string[] = []
      // nothing here leaves the process, whether or not the gater says no
      const spying = (transport: ReturnType<typeof tcp> | ReturnType<typeof webSockets>) => (components: never): Transport => Object.assign(transport(components), {
        dial: async (to: unknown) => { dialled.push(String(to)); throw new Error('it was dialled') }
      })
      const { node } = await guarded({ listen: false, transport: 'tcp', options: options => ({ ...options, transports: [spying(tcp()), spying(webSockets())] } as typeof options), modules: { gater: connectionGater() } })
      const { gater } = node.services as unknown as { gater: ConnectionGaterService }
      const texts = SPELLINGS.filter(text => text.startsWith('/') && ['tcp', 'ws'].includes(normaliseAddress(text).transport) && !text.includes('/ipcidr/'))
      let taken = 0
      for (const text of texts) {
        await gater.block({ ip: FROM })
        const denied = await failureOf(node.dial(multiaddr(text)))
        expect(dialled, text).toHaveLength(taken)
        await gater.unblock({ ip: FROM })
        const failed = await failureOf(node.dial(multiaddr(text)))
        if (dialled.length === taken) continue
        taken = dialled.length
        expect(findError(failed, 'DialDeniedError'), text).toBeUndefined()
        expect(findError(denied, 'DialDeniedError'), text).toBeDefined()
      }
      // the others are nothing that libp2p dials, such as a tail of TLS without a name
      expect(taken).toBeGreaterThan(12)
    })
  })
})
