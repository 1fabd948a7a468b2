import { describe, expect, it } from 'vitest'
import { compose } from '../src/index.ts'
import type { Libp2pOptions } from 'libp2p'

const lifecycle = (): object => ({})
const composeUntyped = compose as unknown as (options: unknown, modules: unknown, init?: unknown) => Libp2pOptions

describe('compose, before any node exists', () => {
  it('refuses names that libp2p has for its own components', () => {
    for (const name of ['connectionGater', 'metrics', 'upgrader', 'transport-0', 'stream-muxers-x', 'then', 'beforeStart']) {
      expect(() => compose({}, { lifecycle, [name]: () => ({}) }), name).toThrow(`modules.${name}: libp2p has a component of this name`)
    }
  })

  it('refuses names that are in use already', () => {
    expect(() => compose({ services: { ping: () => ({}) } }, { lifecycle, ping: () => ({}) })).toThrow('modules.ping: there is a service of this name already in options.services')
    expect(() => compose({}, { lifecycle, registry: () => ({}) })).toThrow('modules.registry')
    expect(() => compose({ services: { registry: () => ({}) } }, { lifecycle })).toThrow('options.services.registry: the registry of the modules has this name')
  })

  it('refuses the name of the prototype, however it is written', () => {
    const modules: unknown = JSON.parse('{"__proto__": 1}')

    expect(() => composeUntyped({}, modules)).toThrow('modules.__proto__')
    expect(Object.prototype).not.toHaveProperty('registry')
  })

  it.each([null, 1, 'x', {}, [], true, 10n, Symbol('s')])('refuses %s in place of a factory', value => {
    expect(() => composeUntyped({}, { lifecycle, mine: value })).toThrow('modules.mine: expected a factory, such as () => module')
  })

  it('refuses to leave the lifecycle out', () => {
    expect(() => compose({}, { lifecycle: false })).toThrow('modules.lifecycle: the lifecycle cannot be left out')
  })

  it.each([{}, { lifecycle: undefined }, { mine: false }])('refuses no modules at all: %j', modules => {
    expect(() => composeUntyped({}, modules)).toThrow('modules: none of them is a connection lifecycle')
  })

  it.each([null, 1, 'x', [], undefined])('refuses %s in place of options or modules', value => {
    expect(() => composeUntyped(value, {})).toThrow('options: expected')
    expect(() => composeUntyped({}, value)).toThrow('modules: expected')
  })

  it.each([
    [{ gaterTimeout: 0 }, 'registry.gaterTimeout'],
    [{ gaterTimeout: -1 }, '-1'],
    [{ socketTimeout: NaN }, 'NaN'],
    [{ socketTimeout: Infinity }, 'Infinity'],
    [{ maxPendingSockets: '10' }, '"10"'],
    [{ maxPendingSockets: 1.5 }, '1.5'],
    [{ maxPendingSocketsPerGroup: null }, 'null'],
    [{ stopTimeout: {} }, 'registry.stopTimeout'],
    [{ stopTimout: 1 }, 'stopTimout'],
    [JSON.parse('{"__proto__": {}}'), '__proto__'],
    [null, 'registry'],
    ['x', 'registry']
  ])('names what is wrong in %j', (init: unknown, named: string) => {
    expect(() => composeUntyped({}, { lifecycle }, init)).toThrow(named)
  })

  it('neither changes nor freezes what it was given', () => {
    const options: Libp2pOptions = { connectionManager: { maxConnections: 5 }, transports: [], streamMuxers: [], services: { mine: () => ({}) } }
    const modules = { lifecycle }
    const before = structuredClone({ connectionManager: options.connectionManager, services: Object.keys(options.services ?? {}), modules: Object.keys(modules) })
    const composed = compose(options, modules)

    expect({ connectionManager: options.connectionManager, services: Object.keys(options.services ?? {}), modules: Object.keys(modules) }).toEqual(before)
    expect(Object.isFrozen(options) || Object.isFrozen(modules) || Object.isFrozen(composed)).toBe(false)
    expect(composed).not.toBe(options)
  })

  it('raises the counters whose work the lifecycle does, unless the user set them', () => {
    expect(compose({}, { lifecycle }).connectionManager).toEqual({ maxIncomingPendingConnections: Infinity, inboundConnectionThreshold: Infinity })
    expect(compose({ connectionManager: { maxIncomingPendingConnections: 7, maxConnections: 9 } }, { lifecycle }).connectionManager)
      .toEqual({ maxIncomingPendingConnections: 7, inboundConnectionThreshold: Infinity, maxConnections: 9 })
  })

  it('says that options are composed already, and that a node is none', () => {
    expect(() => compose(compose({}, { lifecycle }), { lifecycle })).toThrow('these options are composed already')
    expect(() => composeUntyped({ peerId: {}, getMultiaddrs: () => [] }, { lifecycle })).toThrow('expected the options of createLibp2p, got a node')
    expect(() => composeUntyped({ peerId: {}, getMultiaddrs: () => [], services: { registry: {} } }, { lifecycle })).toThrow('expected the options of createLibp2p, got a node')
    expect(() => composeUntyped(Promise.resolve({}), { lifecycle })).toThrow('expected the options of createLibp2p, got a promise')
  })

  it('finds modules among the options of libp2p, which takes no notice of them', () => {
    const mine = (): object => ({})

    expect(() => composeUntyped({ lifecycle }, { lifecycle })).toThrow('options.lifecycle: libp2p has no such option: modules belong in the second argument')
    expect(() => composeUntyped({ mine: false }, { lifecycle, mine })).toThrow('options.mine')
    // what is no factory may be somebody else's
    expect(() => composeUntyped({ mine: { such: 'as Helia' } }, { lifecycle, mine })).not.toThrow()
  })

  it.each([
    [{ transports: {} }, 'options.transports: expected an array of factories, got an object'],
    [{ transports: [() => ({}), {}] }, 'options.transports.1: expected a factory, such as tcp(), got an object'],
    [{ connectionEncrypters: 'noise' }, 'options.connectionEncrypters: expected an array of factories, got "noise"'],
    [{ connectionGater: () => ({}) }, 'options.connectionGater: expected the gater of libp2p, which is an object of methods, got a function; a module belongs in the second argument, such as { gater: connectionGater() }'],
    [{ streamMuxers: [null] }, 'options.streamMuxers.0: expected a factory, such as yamux(), got null']
  ])('names what is wrong in %j', (options: unknown, named) => {
    expect(() => composeUntyped(options, { lifecycle })).toThrow(named)
  })

  it('leaves alone what others set later', () => {
    const composed = compose({}, { lifecycle })

    // as Helia does
    composed.nodeInfo ??= {}
    composed.nodeInfo.name ??= 'late'

    expect(composed.nodeInfo).toEqual({ name: 'late' })
    expect('privateKey' in composed || 'datastore' in composed).toBe(false)
  })
})
