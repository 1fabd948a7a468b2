import { describe, expect, it } from 'vitest'
import { autoscale } from '../src/limits/machine.ts'
import { forNodes } from '../src/node/defaults.ts'

const MACHINES = [[0, 0], [2 ** 30, 1_024], [2 ** 35, 65_536]] as const

describe.each(MACHINES)('the limits of a node with %d bytes and %d descriptors', (memory, fileDescriptors) => {
  const core = autoscale({ memory, fileDescriptors })
  const node = forNodes(core)

  it('have room for the pings of every connection of a peer, in both directions, whatever others do', () => {
    for (const share of [node.servicePeer['libp2p.ping'], node.protocolPeer['/ipfs/ping/1.0.0']]) {
      expect(share?.streamsInbound).toBeGreaterThanOrEqual(core.peerDefault.connections)
      expect(share?.streamsOutbound).toBeGreaterThanOrEqual(core.peerDefault.connections)
      expect(share?.streams).toBe((share?.streamsInbound ?? 0) + (share?.streamsOutbound ?? 0))
    }
    for (const all of [node.service['libp2p.ping'], node.protocol['/ipfs/ping/1.0.0']]) {
      expect(all).toMatchObject({ streams: Infinity, streamsInbound: Infinity, streamsOutbound: Infinity })
    }
  })

  it('are go-libp2p\'s in everything else', () => {
    const without = (limits: typeof core): unknown => JSON.parse(JSON.stringify(limits, (key, value: unknown) => key === 'libp2p.ping' || key === '/ipfs/ping/1.0.0' ? undefined : value))
    expect(without(node)).toEqual(without(core))
  })
})
