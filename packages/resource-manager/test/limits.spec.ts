import { normaliseAddress } from '@cordon/address'
import { InvalidNameError, ScopeAttachedError } from '@cordon/interface-resource-manager'
import { describe, expect, it } from 'vitest'
import { autoscale, createAllowlist, createResourceManager, goLimitsSchema, infiniteLimits, readLimits, thisMachine, writeLimits } from '../src/index.ts'
import { scaleScope } from '../src/limits/defaults.ts'
import { completeLimits } from '../src/limits/table.ts'
import { InvalidNameRefusal, UnnegotiatedRefusal } from '../src/reports/refusals.ts'
import { GO_CONFIG, GO_DEFAULTS } from './fixtures/go-files.ts'
import { admitted, managerWith, refused } from './support.ts'
import type { ScalingLimits } from '../src/limits/defaults.ts'
import type { LimitConfig } from '@cordon/interface-resource-manager'

const MiB = 2 ** 20
const GiB = 2 ** 30

const SCALING: ScalingLimits = {
  base: { streamsInbound: 1, streamsOutbound: 2, streams: 3, connectionsInbound: 4, connectionsOutbound: 5, connections: 6, fileDescriptors: 7, memory: 8 * MiB },
  perGiB: { streamsInbound: 10, streamsOutbound: 20, streams: 30, connectionsInbound: 40, connectionsOutbound: 50, connections: 60, memory: 8 * MiB },
  descriptorShare: 0.5
}

describe('limits that follow the machine', () => {
  it('96: the machine is asked, and answers something plausible', () => {
    const { memory, fileDescriptors } = thisMachine()
    expect(memory).toBeGreaterThan(16 * MiB)
    expect(memory).toBeLessThan(2 ** 50)
    expect(fileDescriptors).toBeGreaterThanOrEqual(0)
  })

  it('97: nothing to add gives the base', () => {
    expect(scaleScope({ base: SCALING.base }, 64 * GiB, 1000)).toEqual(scaleScope({ base: SCALING.base }, 0, 0))
  })

  it('98: 4 GiB add four times what one adds, and a share of the descriptors', () => {
    expect(scaleScope(SCALING, 4 * GiB, 1000)).toEqual({
      streamsInbound: 41, streamsOutbound: 82, streams: 123, connectionsInbound: 164, connectionsOutbound: 205, connections: 246, fileDescriptors: 500, memory: 40 * MiB
    })
  })

  // decided differently: the formula is go-libp2p's, but where the base is more than the process may open it would never
  // refuse in time, so a fifth of the descriptors is left to files and databases
  it('99: a small machine has the base, and descriptors are below it only where it is more than 80 % of all', () => {
    expect(scaleScope(SCALING, 1, 1)).toEqual({
      streamsInbound: 1, streamsOutbound: 2, streams: 3, connectionsInbound: 4, connectionsOutbound: 5, connections: 6, fileDescriptors: 7, memory: 8 * MiB
    })
    expect(scaleScope(SCALING, 128 * MiB, 1)).toEqual(scaleScope(SCALING, 1, 1))
    expect(scaleScope(SCALING, 129 * MiB, 1).streams).toBe(3 + Math.floor(30 * 129 / 1024))
    const descriptors = (all: number): number[] => [autoscale({ memory: 1, fileDescriptors: all })].flatMap(({ system, transient, peerDefault }) => [system, transient, peerDefault].map(({ fileDescriptors }) => fileDescriptors))
    expect([0, 320, 319, 79, 4].map(descriptors)).toEqual([[256, 64, 4], [256, 64, 4], [255, 64, 4], [63, 63, 4], [3, 3, 3]])
  })

  it('100: named services grow too', () => {
    expect(autoscale({ memory: 8 * 4 * GiB, fileDescriptors: 0 }).service['libp2p.identify']).toMatchObject({ streams: 128 * 5, memory: 20 * MiB })
  })

  it('101: the example of go-libp2p: 4 GiB and 1000 descriptors', () => {
    const limits = scaleScope({ base: { connections: 128, fileDescriptors: 256 }, perGiB: { connections: 64 }, descriptorShare: 1 }, 4 * GiB, 1000)
    expect(limits).toMatchObject({ connections: 384, fileDescriptors: 1000 })
  })

  // decided differently: the three entries that are mistakes in go-libp2p are corrected
  it('109: 8 GiB and 16,384 descriptors give what go-libp2p stored, but for the corrections', () => {
    const { limits } = readLimits(GO_DEFAULTS)
    const ours = autoscale({ memory: 64 * GiB, fileDescriptors: 32_768 })
    const theirs = completeLimits(limits, ours)
    expect(limits.protocolPeerDefault?.memory).toBe(16 * MiB + 32)
    expect(ours).toEqual({ ...theirs, protocolPeerDefault: { ...theirs.protocolPeerDefault, memory: 16 * MiB + 32 * MiB } })
    expect(ours.protocolPeer['/ipfs/id/1.0.0']?.memory).toBe(8_912_896)
    expect(ours.servicePeer['libp2p.ping']?.memory).toBe(8_912_896)
  })

  it('never gives more than 80 % of the descriptors, and an eighth of the memory', () => {
    const limits = autoscale({ memory: 16 * GiB, fileDescriptors: 100 })
    expect(limits.system.fileDescriptors).toBe(80)
    expect(limits.system.memory).toBe((128 + 2048) * MiB)
    expect(limits.system.connectionsInbound).toBe(192)
    expect(autoscale({ memory: 16 * GiB, fileDescriptors: Infinity }).system.fileDescriptors).toBe(256)
  })

  it('are infinite everywhere where that is asked for', () => {
    const manager = createResourceManager({ limits: infiniteLimits })
    const { system, classes } = manager.snapshot()
    expect(Object.values(system.limits).every(limit => limit === Infinity)).toBe(true)
    for (let i = 0; i < 1_000; i++) {
      const stream = admitted(manager.openStream('p', 'inbound'))
      expect(stream.setProtocol('/ipfs/id/1.0.0')).toBeUndefined()
      expect(stream.setService('libp2p.identify')).toBeUndefined()
    }
    expect(classes.peer.count).toBe(0)
  })
})

describe('the file of go-libp2p', () => {
  it('102: leaves out what is default, and reads back what it wrote', () => {
    const limits: LimitConfig = { system: { streamsInbound: 10, streamsOutbound: 0, connections: 10, connectionsOutbound: Infinity, memory: Infinity } }
    const { text, warnings } = writeLimits(limits)
    expect(warnings).toEqual([])
    expect(writeLimits({ ...limits, transient: {}, peerDefault: { streams: undefined }, protocol: {} }).text).toBe(text)
    expect(text).toBe('{"System":{"StreamsInbound":10,"StreamsOutbound":"blockAll","Conns":10,"ConnsOutbound":"unlimited","Memory":"unlimited"}}')
    expect(readLimits(text)).toEqual({ limits, warnings: [] })
    expect(readLimits(`\ufeff${text}`)).toEqual({ limits, warnings: [] })
  })

  // decided differently: what a number cannot hold exactly is unlimited, with a warning
  it('103: memory from 2^53 up is unlimited, with a warning', () => {
    expect(readLimits('{"System":{"Memory":"9223372036854775807"}}')).toEqual({
      limits: { system: { memory: Infinity } },
      warnings: [{ path: 'System.Memory', message: 'System.Memory is 2 ** 53 or more, which no number holds exactly: it is read as unlimited' }]
    })
    expect(readLimits('{"System":{"Memory":"9007199254740991"}}').limits).toEqual({ system: { memory: 2 ** 53 - 1 } })
    expect(writeLimits({ system: { memory: 2 ** 53 - 1 } }).text).toBe('{"System":{"Memory":"9007199254740991"}}')
  })

  it('104: completing what was completed changes nothing', () => {
    const limits: LimitConfig = { system: { connections: 1234, memory: 54321 }, serviceDefault: { connections: 2 }, service: { foo: { connections: 3 } } }
    const infinite = completeLimits(infiniteLimits, autoscale({ memory: GiB, fileDescriptors: 0 }))
    const once = completeLimits(limits, infinite)
    expect(completeLimits(readLimits(writeLimits(once).text).limits, infinite)).toEqual(once)
  })

  it.each(['0', '"0"', '-2', '"blockAll"'])('105: %s blocks all', value => {
    expect(readLimits(`{"System":{"Memory":${value}}}`).limits).toEqual({ system: { memory: 0 } })
    expect(writeLimits({ system: { memory: 0, streams: 0 } }).text).toBe('{"System":{"Streams":"blockAll","Memory":"blockAll"}}')
  })

  it('106: what is given overrides, what is missing comes from the defaults', () => {
    const defaults = autoscale({ memory: 16 * GiB, fileDescriptors: 1000 })
    const limits = completeLimits(readLimits(GO_CONFIG).limits, defaults)
    expect(limits.system).toEqual({ ...defaults.system, memory: 65536, connections: 16, connectionsInbound: 8, connectionsOutbound: 16, fileDescriptors: 16 })
    expect(limits.transient).toEqual(defaults.transient)
    expect(limits.serviceDefault).toEqual({ ...defaults.serviceDefault, memory: 8765 })
    expect(limits.service['A']).toEqual({ ...limits.serviceDefault, memory: 8192 })
    expect(limits.service['B']).toEqual(limits.serviceDefault)
    expect(limits.service['libp2p.ping']).toEqual(defaults.service['libp2p.ping'])
    expect(limits.peer['12D3KooWPFH2Bx2tPfw6RLxN8k2wh47GRXgkt9yrAHU37zFwHWzS']?.memory).toBe(4097)
  })

  it('106: a name that is in the defaults starts from there, any other from what applies to all of its kind', () => {
    const defaults = autoscale({ memory: 16 * GiB, fileDescriptors: 1000 })
    const { protocol, peer } = completeLimits({ protocol: { '/ipfs/ping/1.0.0': { memory: 1 }, '/x': { memory: 1 } }, peerDefault: { streams: 7 }, peer: { p: { memory: 1 } } }, defaults)
    expect(protocol['/ipfs/ping/1.0.0']).toEqual({ ...defaults.protocol['/ipfs/ping/1.0.0'], memory: 1 })
    expect(defaults.protocol['/ipfs/ping/1.0.0']?.streams).not.toBe(defaults.protocolDefault.streams)
    expect(protocol['/x']).toEqual({ ...defaults.protocolDefault, memory: 1 })
    expect(peer['p']).toEqual({ ...defaults.peerDefault, streams: 7, memory: 1 })
  })

  it('107: numbers of the old format', () => {
    expect(readLimits('{"System":{"Memory":65536,"Conns":-1,"Streams":-2,"FD":"default"}}').limits).toEqual({ system: { memory: 65536, connections: Infinity, streams: 0 } })
  })

  it('108: a complete file is the same on other defaults', () => {
    const complete = completeLimits(readLimits(GO_CONFIG).limits, autoscale({ memory: 16 * GiB, fileDescriptors: 1000 }))
    const other = completeLimits(infiniteLimits, autoscale({ memory: GiB, fileDescriptors: 0 }))
    expect(completeLimits(readLimits(writeLimits(complete).text).limits, other)).toEqual(complete)
  })

  it('110: the example of go-libp2p, byte for byte', () => {
    expect(writeLimits({
      system: { streamsOutbound: Infinity },
      peer: { QmVvtzcZgCkMnSFf2dnrBPXrWuNFWNM9J3MpZQCvWPuVZf: { connectionsInbound: 0, streamsInbound: 0, streamsOutbound: Infinity } }
    }).text).toBe('{"Peer":{"QmVvtzcZgCkMnSFf2dnrBPXrWuNFWNM9J3MpZQCvWPuVZf":{"StreamsInbound":"blockAll","StreamsOutbound":"unlimited","ConnsInbound":"blockAll"}},"System":{"StreamsOutbound":"unlimited"}}')
  })

  it('reads a key that differs in case only, with a warning', () => {
    expect(readLimits('{"system":{"conns":1}}')).toEqual({
      limits: { system: { connections: 1 } },
      warnings: [{ path: 'system', message: 'system is read as System' }, { path: 'system.conns', message: 'system.conns is read as Conns' }]
    })
  })

  it.each([
    ['{"System":{"ConnInbound":1}}', /^System has no key "ConnInbound"/],
    ['{"Sistem":{}}', /^the limits have no key "Sistem", only Service, /],
    ['{"System":{"Conns":1.5}}', /^System\.Conns must be a whole number/],
    ['{"System":{"Conns":-3}}', /^System\.Conns must be/],
    ['{"System":{"Conns":"7"}}', /^System\.Conns must be/],
    ['{"System":{"Memory":"7.5"}}', /^System\.Memory must be/],
    ['{"System":{"Conns":"Unlimited"}}', /^System\.Conns must be/],
    ['{"Peer":{"":{}}}', /^Peer\[""\] is no name/],
    // as go-libp2p does, which keeps them by their id
    ['{"Peer":{"Conns":{}}}', /^Peer\["Conns"\] names no peer: a peer must be spelt in base58/],
    // go-libp2p reads them as one, and the last one counts
    ['{"System":{"Conns":1,"conns":2}}', /^System\.conns is a second Conns/],
    ['{"System":{"Conns":1},"system":{}}', /^system is a second System/],
    ['{"Protocol":{"/x":1}}', /^Protocol\["\/x"\] must be an object, got 1/],
    ['null', /^the limits must be an object, got null/],
    // so does go-libp2p
    ['{"System":{"Memory":null}}', /^System\.Memory must be .*, got null/],
    ['[]', /^the limits must be an object, got \[\]/],
    ['{', /^the limits are no JSON/]
  ])('refuses %s with its path', (text, message) => {
    expect(() => readLimits(text)).toThrow(expect.objectContaining({ name: 'InvalidParametersError', message: expect.stringMatching(message) as string }))
  })

  it('has no place for prefixes, and says so', () => {
    const path = 'resourceManager.limits.prefixes'
    expect(writeLimits({ system: { connections: 4 }, prefixes: { ipv4: [] } })).toEqual({
      text: '{"System":{"Conns":4}}', warnings: [{ path, message: `${path} is left out: the file of go-libp2p has no place for it` }]
    })
    expect(writeLimits(infiniteLimits).warnings.map(warning => warning.path)).toEqual([path])
    expect(writeLimits({ system: { connections: 4 }, prefixes: { ipv4: undefined } }).warnings).toEqual([])
  })

  it.each<[unknown, string]>([
    // -1 and -2 would be read as unlimited and blockAll
    [{ system: { connections: -1 } }, 'resourceManager.limits.system.connections must be a whole number of at least 0, or Infinity, got -1'],
    [{ sistem: {} }, 'resourceManager.limits has no option "sistem"'],
    [{ peer: { p: {} } }, 'resourceManager.limits.peer["p"] names no peer']
  ])('is not made of %j, which it would be read as something else from, or not at all', (limits, message) => {
    expect(() => writeLimits(limits as LimitConfig)).toThrow(expect.objectContaining({ name: 'InvalidParametersError', message: expect.stringContaining(message) as string }))
  })

  it('has a schema that names every key it reads', () => {
    expect(Object.keys(goLimitsSchema['properties'] as object)).toHaveLength(16)
    expect(JSON.stringify(goLimitsSchema)).toContain('"StreamsOutbound"')
  })
})

describe('an error', () => {
  const messageOf = (task: () => unknown): string => {
    try {
      task()
    } catch (error) {
      return (error as Error).message
    }
    return 'nothing was thrown'
  }

  it.each<[() => unknown, string]>([
    [() => createResourceManager({ limits: { prefixes: { entries: { nowhere: {} } } } }), 'resourceManager.limits.prefixes.entries["nowhere"] is no prefix: a prefix must be an IP address, or one with a length as in 192.0.2.0/24, got "nowhere"'],
    [() => createResourceManager({ limits: { prefixes: { entries: { '2002::/16': {} } } } }), 'resourceManager.limits.prefixes.entries["2002::/16"] is no prefix: "2002::/16" matches nothing: 6to4 (RFC 3056) addresses are judged as the IPv4 addresses in them, and it does not say which'],
    [() => createResourceManager({ limits: { peer: { '': {} } } }), 'resourceManager.limits.peer[""] is no name here: it must be a string of 1 to 512 characters, got ""'],
    [() => createAllowlist('192.0.2.1' as never), 'the entries of an allowlist come as a list of texts, got "192.0.2.1"'],
    [() => readLimits(Promise.resolve('{}')), 'the limits must be an object, got an instance of Promise'],
    [() => readLimits({ System: new Map() }), 'System must be an object, got an instance of Map'],
    [() => readLimits(new Map([['System', {}]])), 'the limits must be an object, got an instance of Map'],
    [() => createAllowlist(null as never), 'the entries of an allowlist come as a list of texts, got null'],
    [() => createResourceManager().snapshot({ peer: 10 } as never), 'a snapshot takes { peers: n }, got an object'],
    [() => createResourceManager().snapshot(null as never), 'a snapshot takes { peers: n }, got null'],
    [() => createResourceManager().snapshot(5 as never), 'a snapshot takes { peers: n }, got 5'],
    [() => readLimits(new TextEncoder().encode('{}')), 'the limits must be an object, got an instance of Uint8Array'],
    [() => createResourceManager({ allowlist: ['192.0.2.1', 'nobody'] }), 'resourceManager.allowlist[1]: an entry of an allowlist must be an address, a range or a peer, such as /ip4/192.0.2.0/ipcidr/24 or /p2p/12D3…, got "nobody"'],
    [() => readLimits('{"Sistem":{}}'), 'the limits have no key "Sistem", only Service, ServicePeer, Protocol, ProtocolPeer, Peer, System, Transient, AllowlistedSystem, AllowlistedTransient, ServiceDefault, ServicePeerDefault, ProtocolDefault, ProtocolPeerDefault, PeerDefault, Conn, Stream'],
    [() => createResourceManager().scope('peer', ''), 'the name of a peer must be a string of 1 to 512 characters, got 0 characters'],
    [() => createResourceManager().scope('peer', 7 as unknown as string), 'the name of a peer must be a string of 1 to 512 characters, got no string'],
    [() => {
      const manager = createResourceManager()
      manager.openStream('p', 'inbound', { connection: admitted(manager.openConnection('inbound')) })
    }, 'conn-1 has no peer yet']
  ])('is a sentence that can be read (%#)', (task, message) => {
    expect(messageOf(task)).toBe(message)
  })

  it('of a scope that is attached already says to what', () => {
    expect(new ScopeAttachedError('conn-1', 'peer:p')).toMatchObject({ message: 'conn-1 is attached to peer:p already', scope: 'conn-1', attachedTo: 'peer:p' })
    expect(new ScopeAttachedError('conn-1', undefined)).toMatchObject({ scope: 'conn-1', attachedTo: undefined })
  })
})

describe('a refusal', () => {
  it('names the setting that decides, also for what has limits of its own', () => {
    const manager = managerWith({ protocol: { '/x': { streams: 0 } }, peer: { p: { connections: 0 } } })
    expect(refused(admitted(manager.openStream('q', 'inbound')).setProtocol('/x')).configPath).toBe('resourceManager.limits.protocol["/x"].streams')
    const refusal = refused(admitted(manager.openConnection('inbound')).setPeer('p'))
    expect(refusal.configPath).toBe('resourceManager.limits.peer["p"].connections')
    expect(refusal.message).toBe('peer:p has 0 of 0 connections; resourceManager.limits.peer["p"].connections changes that')
  })

  it('has no stack', () => {
    const refusal = refused(managerWith({ system: { connections: 0 } }).openConnection('inbound'))
    expect(refusal).not.toBeInstanceOf(Error)
    expect('stack' in refusal).toBe(false)
  })

  it('says all of it as JSON, also what is built when it is read', () => {
    const manager = managerWith({ system: { connections: 0 }, prefixes: { ipv4: [{ length: 32, rate: 0 }], ipv6: [] } })
    const full = refused(manager.openConnection('inbound'))
    expect(JSON.parse(JSON.stringify(full))).toEqual({
      code: 'limit', module: 'resourceManager', message: full.message, scopeClass: 'system', scope: 'system', cause: 'connections', resource: 'connections',
      direction: 'inbound', current: 0, attempted: 1, limit: 0, configPath: 'resourceManager.limits.system.connections'
    })
    const blocked = refused(manager.openConnection('inbound', { address: normaliseAddress('192.0.2.1') }))
    expect(JSON.parse(JSON.stringify(blocked))).toEqual({
      code: 'rate', module: 'resourceManager', message: blocked.message, scopeClass: 'prefix', scope: 'prefix:192.0.2.1/32', cause: 'rate', resource: 'connections',
      direction: 'inbound', current: 16, attempted: 1, limit: 16, configPath: blocked.configPath
    })
    const stream = admitted(manager.openStream('p', 'inbound'))
    const span = stream.beginSpan()
    stream.release()
    const gone = refused(span.reserveMemory(1))
    expect(JSON.parse(JSON.stringify(gone))).toEqual({ code: 'gone', module: 'resourceManager', message: gone.message, scopeClass: 'stream', scope: 'stream-1', resource: 'memory' })
  })

  it('says all of it as JSON where the node itself refuses', () => {
    const unnegotiated = new UnnegotiatedRefusal('conn-1', 32, 32)
    expect(JSON.parse(JSON.stringify(unnegotiated))).toEqual({
      code: 'limit', module: 'resourceManager', message: unnegotiated.message, scope: 'conn-1', resource: 'streams', direction: 'inbound',
      current: 32, attempted: 1, limit: 32, configPath: 'resourceManager.maxUnnegotiatedStreams'
    })
    const name = new InvalidNameRefusal(new InvalidNameError('protocol', 513, 512))
    expect(JSON.parse(JSON.stringify(name))).toEqual({ code: 'blocked', module: 'resourceManager', message: name.message })
  })
})

describe('infiniteLimits', () => {
  it('are the same for everybody, so nobody can change them', () => {
    const expectFrozen = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return
      expect(Object.isFrozen(value), path).toBe(true)
      for (const [key, inner] of Object.entries(value)) expectFrozen(inner, `${path}.${key}`)
    }
    expectFrozen(infiniteLimits, 'infiniteLimits')
  })
})

describe('a snapshot', () => {
  it.each([-1, NaN, 0.5, -Infinity, '1', null])('of %j peers is refused', peers => {
    expect(() => createResourceManager().snapshot({ peers: peers as number })).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
  })

  it.each([[0, 0], [1, 1], [Infinity, 2]])('of %d peers has %d of two', (peers, shown) => {
    const manager = createResourceManager({ limits: infiniteLimits })
    for (const peer of ['p', 'q']) admitted(manager.openStream(peer, 'inbound'))
    expect(manager.snapshot({ peers }).peers).toHaveLength(shown)
  })
})
