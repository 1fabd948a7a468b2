import { cordon } from '@cordon/cordon'
import { participantSymbol } from '@cordon/interface-connection-lifecycle'
import { buildMemoryNode, eventually, stopAll } from '@cordon/testing'
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { webRTC } from '@libp2p/webrtc'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Registry } from '@cordon/interface-component-registry'
import type { ConnectionLifecycle, ConnectionRecord, Participant, Refusal } from '@cordon/interface-connection-lifecycle'
import type { ResourceManager } from '@cordon/interface-resource-manager'
import type { BaseServices } from '@cordon/testing'
import type { Connection } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'

type Guarded = BaseServices & { lifecycle: ConnectionLifecycle, registry: Registry, resourceManager: ResourceManager }
type Node = Libp2p<Guarded>

const PROTOCOL = '/cordon/test/1.0.0'
const REFUSAL: Refusal = { code: 'blocked', module: 'mine', message: 'not today' }

/** Peers that agree on WebRTC over memory, and have nothing but loopback to meet on */
async function guarded (participant: Partial<Participant> = {}): Promise<Node> {
  return buildMemoryNode({
    compose: options => cordon({
      ...options,
      addresses: { listen: [...options.addresses?.listen ?? [], '/webrtc'] },
      transports: [...options.transports ?? [], circuitRelayTransport(), webRTC({ rtcConfiguration: { iceServers: [] } })]
    }, { mine: () => ({ [participantSymbol]: { stage: 'account', ...participant } }) })
  })
}

/** The connection over WebRTC between these two, the only one there is when this returns */
async function connect (from: Node, to: Node, deadline = 5_000): Promise<Connection> {
  const first = await from.dial(to.getMultiaddrs().filter(address => address.getComponents()[0]?.name === 'memory'))
  const connection = await from.dial(multiaddr(`/webrtc/p2p/${to.peerId.toString()}`), { force: true, signal: AbortSignal.timeout(deadline) })
  await first.close()
  await eventually(() => [from, to].every(node => node.getConnections().length === 1))

  return connection
}

function recordsOf (node: Node): ConnectionRecord[] {
  return [...node.services.lifecycle.records()]
}

function isOverWebRtc (record: ConnectionRecord): boolean {
  return record.address.transport === 'webrtc'
}

const { addIceCandidate } = RTCPeerConnection.prototype as unknown as { readonly addIceCandidate: (candidate: RTCIceCandidate) => Promise<void> }

// nothing is sent but to loopback
beforeAll(() => {
  vi.spyOn(RTCPeerConnection.prototype, 'addIceCandidate').mockImplementation(async function (this: RTCPeerConnection, candidate: RTCIceCandidate) {
    if (candidate.address === '127.0.0.1') await addIceCandidate.call(this, candidate)
  } as () => Promise<void>)
})
afterAll(() => { vi.restoreAllMocks() })
afterEach(stopAll)

describe('two guarded nodes in browsers, over WebRTC,', () => {
  it('connect, ping and close, and every connection and stream is known', async () => {
    const [from, to] = [await guarded(), await guarded()]
    const connection = await connect(from, to)
    expect(await from.services.ping.ping(to.peerId)).toBeGreaterThanOrEqual(0)

    expect(connection.multiplexer).toBe('/webrtc')
    const records = [from, to].flatMap(recordsOf)
    expect(records.map(({ direction, state, remotePeer, address }) => ({ direction, state, peer: remotePeer?.toString(), address: address.key, class: address.class }))).toEqual([
      { direction: 'outbound', state: 'ready', peer: to.peerId.toString(), address: `p2p:${to.peerId.toString()}`, class: 'none' },
      { direction: 'inbound', state: 'ready', peer: from.peerId.toString(), address: `p2p:${from.peerId.toString()}`, class: 'none' }
    ])
    expect(to.services.resourceManager.snapshot().system.usage).toMatchObject({ connectionsInbound: 1, connectionsOutbound: 0 })
    expect(to.services.registry.status().transports.find(({ transport }) => transport === '@libp2p/webrtc')).toMatchObject({
      enforced: ['records', 'deadlines', 'streams'], gaps: ['it brings a muxer of its own, whose stream windows are not bounded']
    })

    // a browser notices after 15 s only that the other side has closed
    await Promise.all([from, to].flatMap(node => node.getConnections().map(async each => each.close())))
    await eventually(() => [from, to].every(node => recordsOf(node).length === 0 && node.services.lifecycle.stats().streams === 0))
    for (const node of [from, to]) {
      expect(node.services.resourceManager.snapshot().system.usage).toMatchObject({ connectionsInbound: 0, connectionsOutbound: 0, streamsInbound: 0, streamsOutbound: 0 })
      expect(node.services.lifecycle.stats().faults).toEqual({})
    }
  })

  it('refuse a dial whose peer is not wanted', async () => {
    const [from, to] = [await guarded({ identified: record => isOverWebRtc(record) ? REFUSAL : undefined }), await guarded()]
    await expect(connect(from, to)).rejects.toThrow('not today')
    await eventually(() => recordsOf(from).filter(isOverWebRtc).length === 0)

    expect(from.getConnections()).toHaveLength(1)
    expect(from.services.lifecycle.stats().refused).toEqual({ mine: 1 })
  })

  it('refuse who comes in before anything is spent', async () => {
    const [from, to] = [await guarded(), await guarded({ opened: record => isOverWebRtc(record) ? REFUSAL : undefined })]
    // whoever dials is not told why
    await expect(connect(from, to, 1_000)).rejects.toThrow()

    expect(recordsOf(to).filter(isOverWebRtc)).toEqual([])
    expect(to.services.lifecycle.stats().refused).toEqual({ mine: 1 })
    expect(to.getConnections()).toHaveLength(1)
  })

  it('refuse one stream and keep the connection', async () => {
    const [from, to] = [await guarded(), await guarded({ streamNegotiated: ({ protocol }) => protocol === PROTOCOL ? REFUSAL : undefined })]
    let handled = 0
    await to.handle(PROTOCOL, () => { handled++ })
    const connection = await connect(from, to)
    const stream = await connection.newStream(PROTOCOL)
    await eventually(() => stream.status !== 'open')

    expect(handled).toBe(0)
    expect(await from.services.ping.ping(to.peerId)).toBeGreaterThanOrEqual(0)
  })

  it('leave nothing behind when they stop', async () => {
    const [from, to] = [await guarded(), await guarded()]
    await connect(from, to)
    await Promise.all([from.stop(), to.stop()])

    expect([from, to].map(node => node.services.lifecycle.size)).toEqual([0, 0])
  })
})
