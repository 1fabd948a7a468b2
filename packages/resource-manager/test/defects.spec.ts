import { normaliseAddress } from '@cordon/address'
import { describe, expect, it } from 'vitest'
import { createResourceManager, infiniteLimits } from '../src/index.ts'
import { admitted, managerWith, NOTHING, refused, use, usageOf } from './support.ts'

const RELAY = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'

/** Each of these go-libp2p v0.48.0 does otherwise; the numbers are those of the list in docs/resource-manager.md */
describe('defects of go-libp2p that are not here', () => {
  it('BUG-1: a negative amount cannot be given back, because only what was taken can be', () => {
    using system = managerWith({ system: { memory: 100 } }).scope('system')
    const reservation = admitted(system.reserveMemory(50))
    expect(() => reservation.resize(-50)).toThrow(expect.objectContaining({ name: 'InvalidSizeError' }))
    expect(system.usage().memory).toBe(50)
    expect(Object.keys(system)).not.toContain('releaseMemory')
  })

  it('BUG-2: refusals of rate and of prefixes are typed, and counted as any other', () => {
    const manager = createResourceManager({ limits: { ...infiniteLimits, prefixes: { ipv4: [{ length: 32, connections: 1, rate: 1, burst: 2 }], ipv6: [] } } })
    const from = { address: normaliseAddress('192.0.2.1') }
    const connection = admitted(manager.openConnection('inbound', from))
    expect(refused(manager.openConnection('inbound', from))).toMatchObject({ code: 'limit', scopeClass: 'prefix', module: 'resourceManager' })
    connection.release()
    admitted(manager.openConnection('inbound', from)).release()
    expect(refused(manager.openConnection('inbound', from))).toMatchObject({ code: 'rate', scopeClass: 'prefix', module: 'resourceManager' })
    expect(manager.snapshot().prefixes.refusals).toEqual({ connections: 1, rate: 1 })
  })

  it('BUG-3: giving back twice takes nothing from others', () => {
    const manager = managerWith({})
    const [mine, yours] = [admitted(manager.openStream('p', 'inbound')), admitted(manager.openStream('p', 'inbound'))]
    admitted(yours.reserveMemory(1000))
    const reservation = admitted(mine.reserveMemory(1000))
    for (let i = 0; i < 3; i++) reservation.release()
    mine.release()
    reservation.release()
    expect(usageOf(manager, 'peer', 'p')).toEqual(use({ streamsInbound: 1, memory: 1000 }))
    expect(usageOf(manager, 'system')).toEqual(use({ streamsInbound: 1, memory: 1000 }))
  })

  it.each(['peer', 'protocol', 'service'] as const)('BUG-4: memory alone keeps a %s, however many others come and go', kind => {
    const manager = managerWith({}, { maxIdleScopes: 2 })
    const handle = manager.scope(kind, 'kept')
    const reservation = admitted(handle.reserveMemory(100))
    handle.release()
    for (let i = 0; i < 100; i++) manager.scope(kind, `other-${i}`).release()
    expect(usageOf(manager, kind, 'kept').memory).toBe(100)
    reservation.release()
    expect(usageOf(manager, 'system').memory).toBe(0)
  })

  it('BUG-5: a refusal can be read by programs', () => {
    const refusal = refused(managerWith({ system: { connections: 0 } }).openConnection('outbound'))
    expect(refusal).toMatchObject({ scope: 'system', scopeClass: 'system', resource: 'connections', cause: 'connections', direction: 'outbound', current: 0, attempted: 1, limit: 0, configPath: 'resourceManager.limits.system.connections' })
  })

  it('BUG-7: what was released can move nowhere, and no peer, protocol or service remains', () => {
    const manager = managerWith({}, { maxIdleScopes: 0 })
    for (let i = 0; i < 50; i++) {
      const connection = admitted(manager.openConnection('inbound'))
      connection.release()
      expect(() => connection.setPeer(`late-${i}`)).toThrow(expect.objectContaining({ name: 'ScopeClosedError' }))
      const stream = admitted(manager.openStream(`p-${i}`, 'inbound'))
      stream.release()
      expect(() => stream.setProtocol('/late')).toThrow(expect.objectContaining({ name: 'ScopeClosedError' }))
      expect(() => stream.setService('late')).toThrow(expect.objectContaining({ name: 'ScopeClosedError' }))
    }
    const { classes, transient } = manager.snapshot()
    expect([classes.peer.count + classes.peer.idle, classes.protocol.count, classes.service.count]).toEqual([0, 0, 0])
    expect(transient.usage).toEqual(NOTHING)
  })

  it('BUG-8: a second attempt after a refused move finds everything as it was', () => {
    const manager = createResourceManager({
      limits: { ...infiniteLimits, system: { connections: 1 }, prefixes: { ipv4: [], ipv6: [] } }, allowlist: [`/ip4/192.0.2.1/p2p/${RELAY}`]
    })
    const other = admitted(manager.openConnection('inbound'))
    const connection = admitted(manager.openConnection('inbound', { address: normaliseAddress('192.0.2.1') }))
    expect(connection.allowlisted).toBe(true)
    refused(connection.setPeer('wrong'))
    other.release()
    expect(connection.setPeer('wrong')).toBeUndefined()
    expect(usageOf(manager, 'system')).toEqual(use({ connectionsInbound: 1 }))
    connection.release()
    for (const scope of ['system', 'transient', 'allowlistedSystem', 'allowlistedTransient'] as const) expect(usageOf(manager, scope)).toEqual(NOTHING)
  })

  it('BUG-9: a connection from an allowlisted range with the wrong peer still counts for its prefix', () => {
    const manager = createResourceManager({
      limits: { ...infiniteLimits, transient: { connections: 0 }, prefixes: { ipv4: [{ length: 32, connections: 1 }], ipv6: [] } }, allowlist: [`/ip4/192.0.2.1/p2p/${RELAY}`]
    })
    const from = { address: normaliseAddress('192.0.2.1') }
    expect(admitted(manager.openConnection('inbound', from)).setPeer('wrong')).toBeUndefined()
    expect(refused(manager.openConnection('inbound', from)).scopeClass).toBe('prefix')
  })

  it('BUG-11: what comes through a relay is charged to the relay and the source, and costs no descriptor', () => {
    const manager = createResourceManager({ machine: { memory: 2 ** 40, fileDescriptors: 0 } })
    const relayed = { address: normaliseAddress(`/ip4/192.0.2.1/tcp/1/p2p/${RELAY}/p2p-circuit`), usesDescriptor: true }
    for (let i = 0; i < 8; i++) admitted(manager.openConnection('inbound', relayed)).setPeer('source')
    expect(refused(manager.openConnection('inbound', relayed)).scope).toBe(`prefix:relay:${RELAY}`)
    expect(usageOf(manager, 'peer', 'source')).toEqual(use({ connectionsInbound: 8 }))
    for (let i = 0; i < 8; i++) admitted(manager.openConnection('inbound', { address: normaliseAddress('192.0.2.1') }))
  })

  it('BUG-12: those without an IP address do not share one bucket', () => {
    const manager = createResourceManager({ machine: { memory: 2 ** 40, fileDescriptors: 0 } })
    for (let i = 0; i < 200; i++) admitted(manager.openConnection('inbound', { address: normaliseAddress(`/memory/${i}`) })).release()
    for (let i = 0; i < 200; i++) admitted(manager.openConnection('inbound')).release()
  })

  it('BUG-15: the smallest of memory, control group and heap counts, and a machine can be given', () => {
    const manager = createResourceManager({ machine: { memory: 2 ** 30, fileDescriptors: 0 } })
    expect(manager.snapshot().system.limits.memory).toBe(128 * 2 ** 20)
  })

  it('BUG-17 and BUG-18: other entries keep the exemption of loopback, and a list that changes is heeded', () => {
    const manager = createResourceManager({ limits: { prefixes: { ipv4: [{ length: 8, connections: 0 }], entries: { '10.0.0.0/8': { connections: 1 } } } } })
    for (let i = 0; i < 20; i++) admitted(manager.openConnection('inbound', { address: normaliseAddress('127.0.0.1') }))
    refused(manager.openConnection('inbound', { address: normaliseAddress('192.0.2.1') }))
  })

  it('BUG-19: who is trusted gets streams and memory as well', () => {
    const manager = createResourceManager({
      limits: { ...infiniteLimits, system: { streams: 0, connections: 0, memory: 0 }, prefixes: { ipv4: [], ipv6: [] } }, allowlist: [`/p2p/${RELAY}`]
    })
    const connection = admitted(manager.openConnection('inbound', { address: normaliseAddress('192.0.2.1') }))
    connection.setPeer(RELAY)
    const stream = admitted(manager.openStream(RELAY, 'inbound', { connection }))
    admitted(stream.reserveMemory(1 << 20))
    expect(stream.setProtocol('/x')).toBeUndefined()
    // also where the connection is not told: the entry is a peer alone
    admitted(manager.openStream(RELAY, 'inbound'))
  })

  it('BUG-20: spans of system and transient are spans like any other', () => {
    const manager = managerWith({ system: { memory: 10 } })
    for (const kind of ['system', 'transient'] as const) {
      using scope = manager.scope(kind)
      using span = scope.beginSpan()
      expect(span.name).toMatch(new RegExp(`^${kind}\\.span-\\d+$`))
      expect(refused(span.reserveMemory(11)).cause).toBe('memory')
      admitted(span.reserveMemory(10))
    }
  })

  it('a limit that is below what is in use does not matter for what is not asked for', () => {
    const manager = managerWith({})
    const stream = admitted(manager.openStream('p', 'inbound'))
    const connection = admitted(manager.openConnection('inbound'))
    manager.setLimits({ ...infiniteLimits, peerDefault: { streams: 0 }, system: { streams: 0 } })
    expect(connection.setPeer('p')).toBeUndefined()
    expect(stream.setProtocol('/x')).toBeUndefined()
  })
})

describe('scopes that nobody uses', () => {
  it('go in the order in which they were left, and never more than a number of them stays', () => {
    const manager = managerWith({}, { maxIdleScopes: 10 })
    for (let i = 0; i < 1_000; i++) admitted(manager.openStream(`p-${i}`, 'inbound')).release()
    expect(manager.snapshot().classes.peer).toMatchObject({ count: 0, idle: 10 })
  })

  it('stay in the order in which they were left, round after round', () => {
    const manager = managerWith({}, { maxIdleScopes: 3 })
    const peers = Array.from({ length: 8 }, (_, i) => `p-${i}`)
    for (const peer of peers) {
      for (const stream of [0, 1].map(() => admitted(manager.openStream(peer, 'inbound')))) stream.release()
    }
    // who is known still has its peak
    for (const peer of peers) admitted(manager.openStream(peer, 'inbound'))
    const known = manager.snapshot().peers.filter(({ peak }) => peak.streams === 2)
    expect(known.map(({ name }) => name).sort()).toEqual(['peer:p-5', 'peer:p-6', 'peer:p-7'])
  })

  it('go where only a handle kept them', () => {
    const manager = managerWith({}, { maxIdleScopes: 3 })
    for (const kind of ['peer', 'protocol', 'service'] as const) {
      for (let i = 0; i < 20; i++) manager.scope(kind, `x-${i}`).release()
      expect(manager.snapshot().classes[kind]).toMatchObject({ count: 0, idle: 3 })
    }
  })

  it('leave their peaks and refusals to their class', () => {
    const manager = managerWith({ peerDefault: { streams: 3 } }, { maxIdleScopes: 0 })
    const held = [1, 2, 3].map(() => admitted(manager.openStream('p', 'inbound')))
    refused(manager.openStream('p', 'inbound'))
    for (const stream of held) {
      stream.setProtocol('/x')
      stream.release()
    }
    const { classes, peers } = manager.snapshot()
    expect(peers).toEqual([])
    expect(classes.peer).toMatchObject({ count: 0, idle: 0, peak: { streams: 3, streamsInbound: 3 }, refusals: { streams: 1 } })
    expect(classes['protocol-peer']).toMatchObject({ count: 0, peak: { streams: 1 } })
  })

  it('P11: who is refused leaves nothing behind, however many there are', () => {
    const manager = managerWith({ system: { streams: 0 }, protocolDefault: { streams: 0 } })
    for (let i = 0; i < 100_000; i++) refused(manager.openStream(`p-${i}`, 'inbound'))
    expect(manager.snapshot().classes.peer).toMatchObject({ count: 0, idle: 0 })
    const others = managerWith({ protocolDefault: { streams: 0 } })
    const stream = admitted(others.openStream('p', 'inbound'))
    for (let i = 0; i < 100_000; i++) refused(stream.setProtocol(`/x/${i}`))
    expect(others.snapshot().classes.protocol).toMatchObject({ count: 0, idle: 0 })
    expect(others.snapshot().classes['protocol-peer']).toMatchObject({ count: 0, idle: 0 })
  })

  it('P11: shares of a peer in protocols that it no longer uses are not kept', () => {
    const manager = managerWith({}, { maxIdleScopes: 5 })
    using peer = manager.scope('peer', 'p')
    for (let i = 0; i < 10_000; i++) {
      const stream = admitted(manager.openStream('p', 'inbound'))
      stream.setProtocol(`/x/${i}`)
      stream.setService(`s-${i}`)
      stream.release()
    }
    const { classes } = manager.snapshot()
    expect(peer.usage()).toEqual(NOTHING)
    expect([classes['protocol-peer'].idle, classes['service-peer'].idle]).toEqual([0, 0])
    expect([classes.protocol.idle, classes.service.idle]).toEqual([5, 5])
  })
})
