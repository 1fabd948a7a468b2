import { describe, expect, it } from 'vitest'
import { admitted, ip4, refused, relayed, unlimitedBut, use, usageOf } from './harness.ts'
import type { Part } from './harness.ts'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { ResourceManager } from '@cordon/interface-resource-manager'

const HERE = ip4(192, 0, 2, 1)
const NEIGHBOUR = ip4(192, 0, 2, 2)
const ELSEWHERE = ip4(198, 51, 100, 1)

/** How many of them come in */
function count (manager: ResourceManager, address: NormalisedAddress, attempts: number, leave = false): number {
  let opened = 0
  for (let i = 0; i < attempts; i++) {
    const connection = manager.openConnection('inbound', { address })
    if ('code' in connection) continue
    opened++
    if (leave) connection.release()
  }
  return opened
}

export const prefixes: Part = ({ manager, pass }) => {
  describe('where connections come from', () => {
    it('80: counts one address, and not its neighbour; who goes makes room', async () => {
      const manage = await manager({ prefixes: { ipv4: [{ length: 32, connections: 1 }], ipv6: [] } })
      const connection = admitted(manage.openConnection('inbound', { address: HERE }))
      expect(refused(manage.openConnection('inbound', { address: HERE }))).toMatchObject({ code: 'limit', cause: 'connections', scope: 'prefix:192.0.2.1/32', scopeClass: 'prefix', current: 1, attempted: 1, limit: 1 })
      expect(count(manage, NEIGHBOUR, 1)).toBe(1)
      connection.release()
      connection.release()
      expect(count(manage, HERE, 2)).toBe(1)
      expect(usageOf(manage, 'system')).toEqual(use({ connectionsInbound: 2 }))
    })

    it('counts who is here by new limits as well, also where there were none before', async () => {
      const manage = await manager({ prefixes: { ipv4: [], ipv6: [] } })
      const connection = admitted(manage.openConnection('inbound', { address: HERE }))
      admitted(manage.openConnection('inbound', { address: HERE }))
      admitted(manage.openConnection('outbound', { address: HERE }))
      manage.setLimits(unlimitedBut({ prefixes: { ipv4: [{ length: 24, connections: 2 }], ipv6: [] } }))
      expect(refused(manage.openConnection('inbound', { address: NEIGHBOUR }))).toMatchObject({ scope: 'prefix:192.0.2.0/24', current: 2, limit: 2 })
      connection.release()
      expect(count(manage, NEIGHBOUR, 2)).toBe(1)
      manage.setLimits(unlimitedBut({ prefixes: { ipv4: [{ length: 32, connections: 2 }], ipv6: [] } }))
      expect([count(manage, HERE, 3), count(manage, NEIGHBOUR, 3)]).toEqual([1, 1])
    })

    it('whoever is counted there says so, and its end makes room', async () => {
      const manage = await manager({ prefixes: { ipv4: [{ length: 32, connections: 2 }, { length: 24, connections: 3 }], ipv6: [] } })
      const [here, neighbour] = [admitted(manage.openConnection('inbound', { address: HERE })), admitted(manage.openConnection('inbound', { address: NEIGHBOUR }))]
      const dialled = admitted(manage.openConnection('outbound', { address: HERE }))
      admitted(manage.openConnection('inbound', { address: HERE }))
      const [narrow, wide] = [refused(manage.openConnection('inbound', { address: HERE })).scope, refused(manage.openConnection('inbound', { address: ip4(192, 0, 2, 9) })).scope]
      expect([narrow, wide]).toEqual(['prefix:192.0.2.1/32', 'prefix:192.0.2.0/24'])
      const counted = (): boolean[][] => [here, neighbour, dialled].map(connection => [connection.isCountedIn(narrow), connection.isCountedIn(wide)])
      expect(counted()).toEqual([[true, true], [false, true], [false, false]])
      here.release()
      expect(counted()).toEqual([[false, false], [false, true], [false, false]])
      admitted(manage.openConnection('inbound', { address: HERE }))
    })

    it('83: each level has to have room', async () => {
      const manage = await manager({ prefixes: { ipv4: [{ length: 32, connections: 2 }, { length: 24, connections: 3 }], ipv6: [] } })
      expect([count(manage, HERE, 3), count(manage, NEIGHBOUR, 3), count(manage, ELSEWHERE, 3)]).toEqual([2, 1, 2])
    })

    it('86: an entry replaces the levels, and the most specific one counts', async () => {
      const manage = await manager({ prefixes: { ipv4: [{ length: 32, connections: 0 }], ipv6: [], entries: { '192.0.0.0/16': { connections: 1 }, '192.0.2.0/24': { connections: 3 } } } })
      expect([count(manage, HERE, 5), count(manage, NEIGHBOUR, 5), count(manage, ip4(192, 0, 3, 1), 5), count(manage, ELSEWHERE, 5)]).toEqual([3, 0, 1, 0])
    })

    it('84: loopback is an entry that stays where others are added, and goes where it is switched off', async () => {
      const [loopback, levels] = [ip4(127, 0, 0, 1), { ipv4: [{ length: 32, connections: 1 }], ipv6: [] }]
      expect(count(await manager({ prefixes: { ...levels, entries: { '10.0.0.0/8': {} } } }), loopback, 20)).toBe(20)
      expect(count(await manager({ prefixes: { ...levels, entries: { '127.0.0.0/8': false } } }), loopback, 20)).toBe(1)
    })

    it('90: every entry that matches has to grant', async () => {
      const manage = await manager({ prefixes: { ipv4: [], ipv6: [], entries: { '192.0.0.0/16': { rate: 0.001, burst: 4 }, '192.0.2.0/24': { rate: 0.001, burst: 3 } } } })
      expect([count(manage, HERE, 5, true), count(manage, ip4(192, 0, 3, 1), 5, true)]).toEqual([3, 1])
    })

    it('95: an empty bucket is full after burst / rate; a rate of 0 admits nobody', async () => {
      const manage = await manager({ prefixes: { ipv4: [{ length: 32, rate: 2, burst: 6 }], ipv6: [], entries: { '10.0.0.0/8': { rate: 0 } } } })
      expect(count(manage, HERE, 10, true)).toBe(6)
      pass(3_000)
      expect(count(manage, HERE, 10, true)).toBe(6)
      expect(refused(manage.openConnection('inbound', { address: ip4(10, 0, 0, 1) }))).toMatchObject({ code: 'rate', limit: 16 })
    })

    it('a token is spent only by who comes in, and comes back where the same step refuses', async () => {
      const manage = await manager({ system: { connections: 1 }, prefixes: { ipv4: [{ length: 32, rate: 0.001, burst: 2 }], ipv6: [] } })
      const other = admitted(manage.openConnection('outbound'))
      for (let i = 0; i < 5; i++) expect(refused(manage.openConnection('inbound', { address: HERE })).scope).toBe('system')
      other.release()
      for (let i = 0; i < 5; i++) {
        const connection = admitted(manage.openConnection('inbound', { address: HERE }))
        connection.cancel()
        connection.cancel()
      }
      expect(count(manage, HERE, 5, true)).toBe(2)
      expect(manage.snapshot().prefixes.refusals).toEqual({ rate: 3 })
    })

    it('a token does not come back once its peer is known', async () => {
      const manage = await manager({ prefixes: { ipv4: [{ length: 32, rate: 0.001, burst: 2 }], ipv6: [] } })
      const connection = admitted(manage.openConnection('inbound', { address: HERE }))
      connection.setPeer('peer-a')
      connection.cancel()
      expect(count(manage, HERE, 5, true)).toBe(1)
    })

    it('without effect where it was released before: a token is not made', async () => {
      const manage = await manager({ prefixes: { ipv4: [{ length: 32, rate: 0.001, burst: 2 }], ipv6: [] } })
      const connection = admitted(manage.openConnection('inbound', { address: HERE }))
      connection.release()
      connection.cancel()
      expect(count(manage, HERE, 5, true)).toBe(1)
    })

    it('are asked before all scopes, and their buckets before their counts', async () => {
      const manage = await manager({ transient: { connections: 0 }, prefixes: { ipv4: [{ length: 32, connections: 0 }, { length: 24, connections: 0, rate: 0 }], ipv6: [] } })
      expect(refused(manage.openConnection('inbound', { address: HERE }))).toMatchObject({ code: 'rate', scope: 'prefix:192.0.2.0/24' })
      expect(refused(manage.checkConnection('inbound', { address: HERE }))).toMatchObject({ code: 'rate', scope: 'prefix:192.0.2.0/24' })
      expect(manage.snapshot().prefixes.refusals).toEqual({ rate: 1 })
    })

    it('do not count our own dials', async () => {
      const manage = await manager({ prefixes: { ipv4: [{ length: 32, connections: 1, rate: 0.001, burst: 1 }], ipv6: [] } })
      for (let i = 0; i < 3; i++) admitted(manage.openConnection('outbound', { address: HERE })).cancel()
      expect(count(manage, HERE, 3)).toBe(1)
    })

    it('count what comes through a relay for the relay, without a descriptor', async () => {
      const manage = await manager({ prefixes: { ipv4: [], ipv6: [], relay: { connections: 2 } } })
      const options = { address: relayed('r'), usesDescriptor: true }
      for (let i = 0; i < 2; i++) admitted(manage.openConnection('inbound', options)).setPeer('p')
      expect(refused(manage.openConnection('inbound', options)).scope).toBe('prefix:relay:r')
      expect(count(manage, relayed('s'), 3)).toBe(2)
      expect(usageOf(manage, 'peer', 'p')).toEqual(use({ connectionsInbound: 2 }))
    })

    it('count what comes through all relays together: a quarter of what the node may have, where nothing is said', async () => {
      const relays = ['r', 's', 't', 'u'].map(relayed)
      const come = (manage: ResourceManager): number[] => relays.map(address => count(manage, address, 3))
      const manage = await manager({ system: { connections: 20, connectionsInbound: 20 }, prefixes: { ipv4: [], ipv6: [], relay: { connections: 2 } } })
      expect(come(manage)).toEqual([2, 2, 1, 0])
      expect(refused(manage.openConnection('inbound', { address: relayed('v') }))).toMatchObject({ scope: 'prefix:relayed', current: 5, limit: 5 })
      expect(count(manage, HERE, 3)).toBe(3)
      expect(come(await manager({ prefixes: { ipv4: [], ipv6: [], relay: {}, relayed: { connections: 4 } } }))).toEqual([3, 1, 0, 0])
    })
  })
}
