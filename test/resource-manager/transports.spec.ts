import { boundsConnectionsSymbol, isRefusal, participantSymbol } from '@cordon/interface-connection-lifecycle'
import { resourceManagerSymbol } from '@cordon/interface-resource-manager'
import { eventually } from '@cordon/testing/node'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf, released } from '../composition/support.ts'
import { echo, expectNothingHeld, managed, NOTHING, open, PROTOCOL, ready, talk, witness } from './support.ts'
import type { GuardedInit } from '../composition/support.ts'
import type { Asked, ManagedInit, ManagedNode } from './support.ts'
import type { ResourceManagerPart } from '@cordon/cordon'
import type { Participant } from '@cordon/interface-connection-lifecycle'
import type { ResourceManager } from '@cordon/interface-resource-manager'
import type { ResourceManagerService } from '@cordon/resource-manager'
import type { Startable, Stream } from '@libp2p/interface'

afterEach(expectNothingHeld)

async function witnessed (init: ManagedInit): Promise<{ managed: ManagedNode, asked: Asked[] }> {
  let asked: Asked[] = []
  const node = await managed({
    ...init,
    wrap: manager => {
      asked = witness(manager)
      return manager
    }
  })
  return { managed: node, asked }
}

const calledOnce = (calls: string[], name: string): string[] => calls.filter(call => call === name || call.startsWith(`${name} `))

/** With identify and ping, and nothing that comes and goes by itself */
const served: NonNullable<GuardedInit['options']> = options => ({ ...options, connectionMonitor: { enabled: false } })

// decided: TCP and WebSocket, the transports that js-libp2p has in Node.js and go-libp2p's table names; QUIC,
// WebTransport and WebRTC bring their own sockets and are judged by their address (`openConnection` of the core)
describe.each(['tcp', 'ws'] as const)('120: what the manager is asked over %s', transport => {
  it('is the same at both ends: the connection once, its peer once, each stream once, and everything is given back', async () => {
    const host = await witnessed({ transport, options: served })
    const guest = await witnessed({ transport, options: served, listen: false })
    const id = { host: host.managed.node.peerId.toString(), guest: guest.managed.node.peerId.toString() }
    const { manager } = host.managed
    await host.managed.node.handle(PROTOCOL, async (stream: Stream, { remotePeer }) => {
      using peer = manager.scope('peer', remotePeer.toString())
      const memory = peer.reserveMemory(64 * 1024)
      await echo(stream, undefined as never)
      if (!isRefusal(memory)) memory.release()
    }, { service: 'echo' })

    const connection = await guest.managed.node.dial(host.managed.node.getMultiaddrs())
    await ready(host.managed, 1)
    expect(await talk(await open(connection))).toBe(10)
    await guest.managed.node.services.ping.ping(host.managed.node.peerId)
    await connection.close()
    await released(host.managed, guest.managed)

    for (const { of, peer, direction } of [{ of: host, peer: id.guest, direction: 'inbound' }, { of: guest, peer: id.host, direction: 'outbound' }]) {
      const connections = of.asked.filter(({ kind }) => kind === 'connection')
      expect(connections).toMatchObject([{ direction, options: { usesDescriptor: true, address: { key: '127.0.0.1', class: 'loopback' } } }])
      expect(connections[0]?.calls).toEqual([`setPeer ${peer}`, 'release'])

      const streams = of.asked.filter(({ kind }) => kind === 'stream')
      // ours, ping, and identify in one direction at least
      expect(streams.length).toBeGreaterThanOrEqual(3)
      for (const { calls } of streams) {
        expect(calledOnce(calls, 'setProtocol'), calls.join()).toHaveLength(1)
        expect(calledOnce(calls, 'setService').length, calls.join()).toBeLessThanOrEqual(1)
        expect(calledOnce(calls, 'release'), calls.join()).toHaveLength(1)
      }
      expect(of.managed.manager.snapshot().system.usage).toEqual(NOTHING)
    }
    expect(host.asked.map(({ calls }) => calls).filter(calls => calls.includes(`setProtocol ${PROTOCOL}`))).toEqual([[`setProtocol ${PROTOCOL}`, 'setService echo', 'release']])
    expect(host.asked.map(({ calls }) => calls).filter(calls => calls.includes('setProtocol /ipfs/ping/1.0.0'))).toEqual([['setProtocol /ipfs/ping/1.0.0', 'setService libp2p.ping', 'release']])
    // what is reserved is what is given back
    expect(host.managed.manager.snapshot().system.peak.memory).toBe(64 * 1024)
  })

  // decided: go-libp2p's upgrader asks for the peer's scope before and after; ours cannot be asked that, because a
  // participant knows whether its connection has a peer. What is of use of the assertion: each is asked once, in this order
  it('128: is to open a connection and then to set its peer, once each, also where that is refused', async () => {
    const host = await witnessed({ transport, limits: { peerDefault: { connectionsInbound: 0 } } })
    const guest = await witnessed({ transport, listen: false })
    await failureOf(guest.managed.node.dial(host.managed.node.getMultiaddrs()))
    await eventually(() => host.managed.reasons.length === 1)

    expect(host.asked).toMatchObject([{ kind: 'connection', direction: 'inbound' }])
    expect(host.asked[0]?.calls).toEqual([`setPeer ${guest.managed.node.peerId.toString()}`, 'release'])
    expect(host.managed.lifecycle.stats().refused).toEqual({ resourceManager: 1 })
  })
})

/** A manager that wraps ours, written from the interface: asks it everything, and counts */
class Wrapper implements ResourceManagerPart {
  readonly [resourceManagerSymbol]: ResourceManager = this
  readonly [boundsConnectionsSymbol] = true
  readonly [participantSymbol]: Participant
  readonly counts: Record<string, number> = {}
  readonly inner: ResourceManagerService & Partial<Startable>

  constructor (inner: ResourceManagerService) {
    this.inner = inner
    const { stage } = inner[participantSymbol]
    this[participantSymbol] = {
      stage,
      dial: target => this.#count('dial', inner[participantSymbol].dial?.(target)),
      opened: record => this.#count(`opened ${record.direction}${record.address.relay === undefined ? '' : ' over the relay'}`, inner[participantSymbol].opened?.(record)),
      raw: (record, raw) => { inner[participantSymbol].raw?.(record, raw) },
      identified: record => this.#count('identified', inner[participantSymbol].identified?.(record)),
      closed: (record, reason) => { inner[participantSymbol].closed?.(record, reason) },
      streamOpened: stream => this.#count('streamOpened', inner[participantSymbol].streamOpened?.(stream)),
      streamNegotiated: stream => this.#count('streamNegotiated', inner[participantSymbol].streamNegotiated?.(stream)),
      streamClosed: stream => { inner[participantSymbol].streamClosed?.(stream) }
    }
  }

  async start (): Promise<void> {
    await this.inner.start?.()
  }

  async stop (): Promise<void> {
    await this.inner.stop?.()
  }

  get allowlist (): ResourceManagerPart['allowlist'] { return this.inner.allowlist }
  readonly openConnection: ResourceManagerPart['openConnection'] = (...args) => this.inner.openConnection(...args)
  readonly checkConnection: ResourceManagerPart['checkConnection'] = (...args) => this.inner.checkConnection(...args)
  readonly openStream: ResourceManagerPart['openStream'] = (...args) => this.inner.openStream(...args)
  readonly snapshot: ResourceManagerPart['snapshot'] = (...args) => this.inner.snapshot(...args)
  readonly stat: ResourceManagerPart['stat'] = () => this.inner.stat()
  readonly setLimits: ResourceManagerPart['setLimits'] = limits => { this.inner.setLimits(limits) }
  readonly scope: ResourceManagerPart['scope'] = (...args: readonly unknown[]) => this.inner.scope(...args as [never, never])

  #count<T> (what: string, answer: T): T {
    this.counts[what] = (this.counts[what] ?? 0) + 1
    return answer
  }
}

describe('129: a manager that wraps another one', () => {
  async function wrapped (options: GuardedInit['options'], listen: boolean): Promise<{ managed: ManagedNode, wrapper: Wrapper }> {
    let wrapper: Wrapper | undefined
    const node = await managed({
      listen,
      options: given => options?.(served(given)) ?? given,
      wrap: manager => {
        wrapper = new Wrapper(manager)
        return wrapper
      }
    })
    if (wrapper === undefined) throw new Error('there is no wrapper')
    return { managed: node, wrapper }
  }

  it('takes part in a dial over a relay, which is charged to the relay and to the peer and takes no descriptor', async () => {
    const relay = await wrapped(options => ({
      ...options,
      services: { ...options.services, relay: circuitRelayServer({ reservations: { applyDefaultLimit: false } }) } as typeof options.services
    }), true)
    const overRelay = (listen: string[]): GuardedInit['options'] => options => ({ ...options, addresses: { listen }, transports: [...options.transports ?? [], circuitRelayTransport()] })
    const host = await wrapped(overRelay(relay.managed.node.getMultiaddrs().map(address => `${address.toString()}/p2p-circuit`)), true)
    await eventually(() => host.managed.node.getMultiaddrs().length > 0)
    const guest = await wrapped(overRelay([]), false)
    await host.managed.node.handle(PROTOCOL, echo)

    const connection = await guest.managed.node.dial(host.managed.node.getMultiaddrs())
    expect(connection.remoteAddr.toString()).toContain('/p2p-circuit')
    expect(await talk(await open(connection))).toBe(10)

    const relayId = relay.managed.node.peerId.toString()
    const { prefixes, system, peers } = host.managed.manager.snapshot()
    expect(prefixes.largest).toEqual([{ name: `relay:${relayId}`, connections: 1, limit: 8 }, { name: 'relayed', connections: 1, limit: 16 }])
    // the descriptor is that of its own connection to the relay
    expect(system.usage).toMatchObject({ connectionsInbound: 1, connectionsOutbound: 1, fileDescriptors: 1 })
    expect(peers.find(({ name }) => name === `peer:${guest.managed.node.peerId.toString()}`)?.usage).toMatchObject({ connectionsInbound: 1, fileDescriptors: 0 })
    expect(host.wrapper.counts).toMatchObject({ 'opened inbound over the relay': 1, 'opened outbound': 1 })
    expect(guest.wrapper.counts).toMatchObject({ 'opened outbound over the relay': 1, 'opened outbound': 1 })
    expect(relay.wrapper.counts).toMatchObject({ 'opened inbound': 2, identified: 2 })
    expect(host.managed.registry.adjustments.map(({ option }) => option)).toContain('connectionManager.maxConnections')
  })
})
