import { noise as chainsafeNoise } from '@chainsafe/libp2p-noise'
import { yamux as chainsafeYamux } from '@chainsafe/libp2p-yamux'
import { compose } from '@cordon/component-registry'
import { connectionLifecycle } from '@cordon/connection-lifecycle'
import { cordon } from '@cordon/cordon'
import { eventually, STACKS, stopAll } from '@cordon/testing/node'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { KEEP_ALIVE } from '@libp2p/interface'
import { memory } from '@libp2p/memory'
import { noise } from '@libp2p/noise'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { MemoryDatastore } from 'datastore-core'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, it } from 'vitest'
import { guarded, released } from './support.ts'
import type { GuardedInit } from './support.ts'
import type { Libp2p, Libp2pOptions } from 'libp2p'

const nodes: Libp2p[] = []

/** Options of this file are shared between nodes, so the nodes are made here */
async function create <T extends Libp2p> (make: Promise<T>): Promise<T> {
  const node = await make
  nodes.push(node)

  return node
}

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(async node => { await node.stop() }))
  await stopAll()
})

describe('two composed nodes in one process', () => {
  it('share nothing, even if they were composed of the same options and modules', async () => {
    const options: Libp2pOptions = { addresses: { listen: [] }, transports: [tcp(), memory()], connectionEncrypters: [noise()], streamMuxers: [yamux()] }
    const modules = { lifecycle: connectionLifecycle() }
    const [one, two] = [await create(createLibp2p(compose(options, modules))), await create(createLibp2p(compose(options, modules)))]
    const other = await guarded({ transport: 'tcp' })
    const connection = await one.dial(other.node.getMultiaddrs())

    expect(one.services.lifecycle).not.toBe(two.services.lifecycle)
    expect(one.services.registry).not.toBe(two.services.registry)
    expect([one.services.lifecycle.size, two.services.lifecycle.size]).toEqual([1, 0])
    expect([one, two].map(({ services }) => services.lifecycle.stats().opened)).toEqual([1, 0])
    expect(one.services.lifecycle.forConnection(connection)).toBeDefined()
    expect(two.services.lifecycle.forConnection(connection)).toBe(undefined)
    expect(two.services.lifecycle.get([...one.services.lifecycle.records()][0]?.id ?? '')).toBe(undefined)

    await two.stop()
    expect(connection.status).toBe('open')
    await one.services.lifecycle.forConnection(connection)?.close({ code: 'idle', by: 'local' })
    await released(other)
  })

  it.each(STACKS)('may be given one muxer, and what is frozen; it stays as it is (%s)', async stack => {
    const muxer = Object.freeze(stack === 'libp2p' ? yamux()() : chainsafeYamux()())
    const { createStreamMuxer } = muxer
    const encrypters: Array<ReturnType<ReturnType<typeof noise>>> = []
    const encrypter: ReturnType<typeof noise> = components => {
      const made = Object.freeze((stack === 'libp2p' ? noise : chainsafeNoise)()(components))
      encrypters.push(made)

      return made
    }
    const shared: GuardedInit = { transport: 'tcp', options: options => ({ ...options, connectionEncrypters: [encrypter], streamMuxers: [() => muxer] }) }
    const [one, two] = [await guarded(shared), await guarded(shared)]
    await one.node.dial(two.node.getMultiaddrs())
    await eventually(() => [one, two].every(({ lifecycle }) => lifecycle.stats().readied === 1))

    expect(muxer.createStreamMuxer).toBe(createStreamMuxer)
    expect(encrypters.map(made => Object.keys(made).includes('secureOutbound'))).toEqual([false, false])
    expect([one, two].map(({ lifecycle }) => [lifecycle.size, lifecycle.stats().opened])).toEqual([[1, 1], [1, 1]])
    expect([one, two].map(({ registry }) => registry.status().transports[0]?.gaps)).toEqual([[], []])
    await one.node.stop()
    await released(two)
  })

  it.each(STACKS)('tell their own ends of one connection apart (%s)', async stack => {
    const one = await guarded({ transport: 'tcp', stack })
    const two = await guarded({ transport: 'tcp', stack })
    await one.node.dial(two.node.getMultiaddrs())
    await eventually(() => two.lifecycle.stats().readied === 1)
    const [[ours], [theirs]] = [[...one.lifecycle.records()], [...two.lifecycle.records()]]

    expect([ours?.direction, theirs?.direction]).toEqual(['outbound', 'inbound'])
    expect(ours?.id).not.toBe(theirs?.id)
    expect(() => { if (theirs != null) one.lifecycle.lost(theirs, {}) }).toThrow('no connection record of this lifecycle')
    expect(theirs?.state).toBe('ready')
  })
})

describe('options', () => {
  it('are neither changed nor frozen by composing them, nor by the node', async () => {
    const options = Object.freeze({
      addresses: Object.freeze({ listen: ['/memory/cordon-isolation'] }),
      transports: Object.freeze([memory()]) as Array<ReturnType<typeof memory>>,
      connectionEncrypters: Object.freeze([noise()]) as Array<ReturnType<typeof noise>>,
      streamMuxers: Object.freeze([yamux()]) as Array<ReturnType<typeof yamux>>,
      connectionManager: Object.freeze({ maxConnections: 7 }),
      services: Object.freeze({})
    })
    const composed = cordon(options)
    expect(Object.isFrozen(composed)).toBe(false)
    expect(Object.isFrozen(composed.services)).toBe(false)
    await create(createLibp2p(composed))

    expect(options.connectionManager).toEqual({ maxConnections: 7 })
    expect(options.services).toEqual({})
  })

  it('that others set after composing count', async () => {
    const composed = cordon({ transports: [memory()], connectionEncrypters: [noise()], streamMuxers: [yamux()] })
    const datastore = new MemoryDatastore()
    composed.privateKey = await generateKeyPair('Ed25519')
    composed.datastore = datastore
    composed.nodeInfo = { name: 'late', version: '1.2.3' }
    composed.addresses = { listen: ['/memory/cordon-late'] }
    const node = await create(createLibp2p(composed))
    const other = await guarded()
    await node.peerStore.merge(other.node.peerId, { multiaddrs: other.node.getMultiaddrs() })
    const keys: string[] = []
    for await (const { key } of datastore.query({})) keys.push(key.toString())

    expect(node.peerId.equals(peerIdFromPrivateKey(composed.privateKey))).toBe(true)
    expect(keys.some(key => key.startsWith('/peers/'))).toBe(true)
    await other.node.dial(node.getMultiaddrs())
    await eventually(() => node.services.lifecycle.stats().readied === 1)
  })

  it('a transport that was added after composing is named, and what came over the others is still recorded', async () => {
    const composed = cordon({ addresses: { listen: ['/ip4/127.0.0.1/tcp/0', '/memory/cordon-stranger'] }, transports: [memory()], connectionEncrypters: [noise()], streamMuxers: [yamux()] })
    composed.transports?.push(tcp())
    const node = await create(createLibp2p(composed))

    expect(node.services.registry.status().transports).toMatchObject([
      { transport: '@libp2p/memory', enforced: ['records', 'deadlines', 'streams', 'windows'], gaps: [] },
      { transport: '@libp2p/tcp', enforced: [], gaps: ['it was added to the options after they were composed, so its connections have no records'] }
    ])

    const overTcp = await guarded({ transport: 'tcp' })
    await overTcp.node.dial(node.getMultiaddrs().filter(address => address.toString().includes('/tcp/')))
    const overMemory = await guarded()
    await overMemory.node.dial(node.getMultiaddrs().filter(address => address.toString().includes('/memory/')))
    await eventually(() => node.getConnections().length === 2 && node.services.lifecycle.stats().readied === 1)
    expect(node.services.lifecycle.size).toBe(1)
    // it works all the same, it is only not guarded
    let served = 0
    await node.handle('/cordon-test/1.0.0', () => { served++ })
    await overTcp.node.dialProtocol(node.peerId, '/cordon-test/1.0.0')
    await eventually(() => served === 1)
  })
})

describe('a maintained peer', () => {
  it('that libp2p keeps alive as well is reported as a conflict', async () => {
    const from = await guarded({ transport: 'tcp' })
    const [tagged, plain] = [await guarded({ transport: 'tcp' }), await guarded({ transport: 'tcp' })]
    await from.node.peerStore.merge(tagged.node.peerId, { tags: { [`${KEEP_ALIVE}-test`]: { value: 1 } } })
    from.lifecycle.maintain(tagged.node.getMultiaddrs())
    from.lifecycle.maintain(plain.node.getMultiaddrs())
    await eventually(() => from.lifecycle.stats().records.ready === 2 && from.lifecycle.stats().conflicts > 0)

    expect(from.lifecycle.stats()).toMatchObject({ maintained: 2, conflicts: 1 })
  })

  it('is dialled again after its connection was cut, and left alone once nobody wants it', async () => {
    const from = await guarded({ transport: 'tcp', lifecycle: { random: () => 0 } })
    const to = await guarded({ transport: 'tcp' })
    const maintained = from.lifecycle.maintain(to.node.getMultiaddrs())
    await eventually(() => to.lifecycle.stats().readied === 1 && from.lifecycle.stats().readied === 1)
    to.node.getConnections()[0]?.abort(new Error('enough'))
    await eventually(() => to.lifecycle.stats().readied === 2 && from.lifecycle.stats().readied === 2)

    expect(from.events.filter(({ type }) => type === 'reconnect:scheduled')).toHaveLength(1)
    maintained.stop()
    to.node.getConnections()[0]?.abort(new Error('enough'))
    await released(from, to)
    expect(from.lifecycle.stats()).toMatchObject({ opened: 2, maintained: 0 })
    expect(from.events.filter(({ type }) => type === 'reconnect:scheduled')).toHaveLength(1)
  })
})
