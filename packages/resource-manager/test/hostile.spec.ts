import { seededRandom } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { createResourceManager, readLimits } from '../src/index.ts'
import type { ResourceManagerInit } from '../src/index.ts'
import type { LimitConfig } from '@cordon/interface-resource-manager'

const SCOPES = ['system', 'transient', 'allowlistedSystem', 'allowlistedTransient', 'serviceDefault', 'servicePeerDefault', 'protocolDefault', 'protocolPeerDefault', 'peerDefault', 'connection', 'stream']
const NAMED = ['service', 'servicePeer', 'protocol', 'protocolPeer', 'peer']
const KEYS = ['connections', 'connectionsInbound', 'connectionsOutbound', 'streams', 'streamsInbound', 'streamsOutbound', 'fileDescriptors', 'memory']

class Odd { readonly connections = 1 }

/** Values that are no limit */
const VALUES: readonly unknown[] = [
  NaN, -1, -0.5, 1.5, -Infinity, 2 ** 53, 1e308, '1', '', 'unlimited', true, null, [], [1], {}, Symbol('x'), 1n, () => 1, new Date(0), new Odd(), Object(5)
]

/** Values that are no scope */
const OBJECTS: readonly unknown[] = [1, 'x', null, true, [], () => {}, new Odd(), new Map(), new Proxy({}, { ownKeys: () => { throw new Error('no') } }), Object.create({ connections: 1 })]

/** Keys that no scope has */
const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'Connections', 'connection', 'fd', 'FD', '', ' memory', 'x'.repeat(10_000)]

/** `{ [key]: value }`, also for `__proto__` */
function own (key: string, value: unknown): object {
  return Object.defineProperty({}, key, { value, enumerable: true, configurable: true, writable: true })
}

/** What a configuration says: two with one text are the same */
function textOf (value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  try {
    const { constructor } = Object.getPrototypeOf(value) as { readonly constructor: { readonly name: string } }
    return `${constructor.name} {${Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${textOf(inner)}`).join()}}`
  } catch {
    return 'unreadable'
  }
}

/** Limits that are none, and where */
type Wrong = readonly [at: string, limits: unknown]

function wrongLimits (count: number): Wrong[] {
  const random = seededRandom(500)
  const draws: Array<() => Wrong> = [
    () => {
      const [scope, key] = [random.pick(SCOPES), random.pick(KEYS)]
      return [`.${scope}.${key}`, own(scope, own(key, random.pick(VALUES)))]
    },
    () => {
      const [kind, name, key] = [random.pick(NAMED), random.pick(['x', '__proto__', 'constructor']), random.pick(KEYS)]
      return [`.${kind}.${name}.${key}`, own(kind, own(name, own(key, random.pick(VALUES))))]
    },
    () => inside(random.pick(SCOPES), random.pick(OBJECTS)),
    () => inside(random.pick(NAMED), random.pick(OBJECTS)),
    () => {
      const kind = random.pick(NAMED)
      return [`.${kind}.x`, own(kind, own('x', random.pick(OBJECTS)))]
    },
    // one of them is a scope
    () => ['', own(random.pick(NAMES.filter(name => name !== 'connection')), {})],
    () => inside(random.pick(SCOPES), own(random.pick(NAMES), 1)),
    () => inside(random.pick(NAMED), own(random.pick(['', 'x'.repeat(513)]), {})),
    () => insidePrefixes(random.pick(['ipv4', 'ipv6']), random.pick([1, {}, [1], [{}], [{ length: 129 }], [{ length: -1 }], [{ length: 1.5 }], [{ length: 8, rate: -1 }], [{ length: 8, rate: NaN }], [{ length: 8 }, { length: 8 }], [{ length: 8, port: 1 }]])),
    () => insidePrefixes('entries', own(random.pick(['x', '1.2.3.4/33', '::1/129', '__proto__', '']), {})),
    () => insidePrefixes('entries', { '10.0.0.0/8': random.pick([true, null, 1, [], { connections: -1 }, { rate: '1' }, { length: 3 }]) }),
    () => insidePrefixes(random.pick(['relay', 'relayed', 'other', 'global']), random.pick([1, null, [], { connections: 0.5 }, { rate: NaN }, { burst: -1 }])),
    () => ['', random.pick(OBJECTS)]
  ]
  // what has been drawn before is drawn again, so those of which there are few run dry
  const drawn = new Map<string, Wrong>()
  for (let n = 0; drawn.size < count; n++) {
    const wrong = draws[n % draws.length]?.() ?? ['', null]
    drawn.set(textOf(wrong[1]), wrong)
  }
  return [...drawn.values()]
}

function inside (scope: string, value: unknown): Wrong {
  return [`.${scope}`, own(scope, value)]
}

function insidePrefixes (part: string, value: unknown): Wrong {
  return [`.prefixes.${part}`, { prefixes: own(part, value) }]
}

/** What can be read but not meant */
function contradictions (): Wrong[] {
  const inScope = (scope: string, key: string, limits: Record<string, number>): Wrong => [`.${scope}.${key}`, { [scope]: limits }]
  const directions = ['connections', 'streams'].flatMap(total => [`${total}Inbound`, `${total}Outbound`].flatMap(key =>
    ['system', 'transient', 'allowlistedSystem', 'allowlistedTransient', 'peerDefault'].map(scope => inScope(scope, key, { [total]: 1, [key]: 2 }))))
  const children = ['transient', 'allowlistedTransient', 'peerDefault'].flatMap(scope => KEYS.map(key => inScope(scope, key, { [key]: 2 ** 45 })))
  const shares = ['serviceDefault', 'servicePeerDefault', 'protocolDefault', 'protocolPeerDefault'].flatMap(scope => ['streams', 'memory'].map(key => inScope(scope, key, { [key]: 2 ** 45 })))
  const countless = ['serviceDefault', 'servicePeerDefault', 'protocolDefault', 'protocolPeerDefault', 'stream'].flatMap(scope => KEYS.filter(isOfConnections).map(key => inScope(scope, key, { [key]: 1 })))
  const single = KEYS.filter(key => key !== 'memory').map(key => inScope(isOfConnections(key) ? 'connection' : 'stream', key, { [key]: 2 }))
  const named = NAMED.flatMap(kind => ['streams', 'memory'].map((key): Wrong => [`.${kind}["x"].${key}`, { [kind]: { x: { [key]: 2 ** 45 } } }]))
  const prefixes = ([
    ['ipv4[0].connections', { ipv4: [{ length: 32, connections: 65 }] }],
    ['ipv6[0].connections', { ipv6: [{ length: 56, connections: 65 }] }],
    ['ipv6[1].connections', { ipv6: [{ length: 48, connections: 1 }, { length: 56, connections: 2 }] }],
    ['ipv4[0].burst', { ipv4: [{ length: 32, burst: 2 }] }],
    ['entries["10.0.0.0/8"].connections', { entries: { '10.0.0.0/8': { connections: 65 } } }],
    ['entries["10.0.0.1/8"]', { entries: { '10.0.0.1/8': {} } }],
    ['entries["10.0.0.0/8"].rate', { entries: { '10.0.0.0/8': { rate: 1, burst: Infinity } } }],
    ['relay.connections', { relay: { connections: 17 } }],
    ['relayed.connections', { relayed: { connections: 65 } }],
    ['other.connections', { other: { connections: 65 } }],
    ['global.burst', { global: { rate: 0, burst: 1 } }]
  ] as const).map(([at, limits]): Wrong => [`.prefixes.${at}`, { prefixes: limits }])
  return [...directions, ...children, ...shares, ...countless, ...single, ...named, ...prefixes]
}

const isOfConnections = (key: string): boolean => key.startsWith('connections') || key === 'fileDescriptors'

const SMALL = { memory: 2 ** 30, fileDescriptors: 0 }

/** With what the message of the error begins */
type Hostile = readonly [path: string, init: ResourceManagerInit]

const UNREADABLE: readonly Hostile[] = wrongLimits(450).map(([at, limits]) => [`resourceManager.limits${at}`, { limits } as ResourceManagerInit])
const CONTRADICTORY: readonly Hostile[] = contradictions().map(([at, limits]) => [`resourceManager.limits${at} `, { limits, strict: true, machine: SMALL } as ResourceManagerInit])
const OPTIONS: readonly Hostile[] = ['strict', 'allowlist', 'maxIdleScopes', 'maxPrefixes', 'clock', 'metrics', 'onWarning', 'machine', 'nonsense', '__proto__']
  .flatMap(name => [own(name, -1), own(name, 'x')]).map(init => ['resourceManager', init as ResourceManagerInit])

describe('hostile and nonsense configurations', () => {
  const all = [...UNREADABLE, ...CONTRADICTORY, ...OPTIONS]
  const before = Reflect.ownKeys(Object.prototype).join()

  it('are at least 500, no two of which are the same, and at least 60 of them merely contradict themselves', () => {
    const distinct = (list: readonly Hostile[]): number => new Set(list.map(([, init]) => textOf(init))).size
    expect(distinct(all)).toBe(all.length)
    expect(distinct(all)).toBeGreaterThanOrEqual(500)
    expect(distinct(CONTRADICTORY)).toBeGreaterThanOrEqual(60)
  })

  it('are each refused with a path, and change nothing of the language', () => {
    for (const [path, init] of all) {
      let thrown: unknown
      try {
        createResourceManager(init)
      } catch (error) {
        thrown = error
      }
      expect(thrown, textOf(init).slice(0, 500)).toMatchObject({ name: 'InvalidParametersError' })
      const { message } = thrown as Error
      expect(message.slice(0, path.length)).toBe(path)
      expect(message.length).toBeLessThan(2_000)
      expect(Reflect.ownKeys(Object.prototype).join()).toBe(before)
    }
    for (const key of KEYS) expect(key in {}).toBe(false)
  })

  it('are accepted without strict where they merely contradict themselves, with a warning that says the same', () => {
    for (const [path, init] of CONTRADICTORY) {
      const { warnings } = createResourceManager({ ...init, strict: false })
      expect(warnings[0]?.message.slice(0, path.length)).toBe(path)
      expect(() => createResourceManager(init)).toThrow(expect.objectContaining({ message: warnings[0]?.message }) as Error)
    }
  })

  it('are refused by setLimits with nothing changed', () => {
    const manager = createResourceManager({ strict: true, machine: SMALL })
    const snapshot = JSON.stringify(manager.snapshot())
    for (const [, { limits }] of [...UNREADABLE, ...CONTRADICTORY]) {
      expect(() => { manager.setLimits(limits as LimitConfig) }, textOf(limits).slice(0, 500)).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
    }
    expect(JSON.stringify(manager.snapshot())).toBe(snapshot)
  })

  it('as text are refused by the reader of files, or mean what they say', () => {
    const { limits } = readLimits('{"Protocol":{"__proto__":{"Conns":1},"constructor":{"Streams":2}}}')
    expect(Object.keys(limits.protocol ?? {})).toEqual(['__proto__', 'constructor'])
    expect(({} as { Conns?: number }).Conns).toBeUndefined()
    const manager = createResourceManager({ limits })
    expect('code' in manager.openStream('__proto__', 'inbound')).toBe(false)
    expect(manager.stat().peers.has('__proto__')).toBe(true)
  })
})
