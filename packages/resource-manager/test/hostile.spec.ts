import { seededRandom } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { createResourceManager, readLimits } from '../src/index.ts'
import type { ResourceManagerInit } from '../src/index.ts'

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

function configurations (count: number): ResourceManagerInit[] {
  const random = seededRandom(500)
  const wrong: Array<() => unknown> = [
    () => own(random.pick(SCOPES), own(random.pick(KEYS), random.pick(VALUES))),
    () => own(random.pick(NAMED), own(random.pick(['x', '__proto__', 'constructor']), own(random.pick(KEYS), random.pick(VALUES)))),
    () => own(random.pick(SCOPES), random.pick(OBJECTS)),
    () => own(random.pick(NAMED), random.pick(OBJECTS)),
    () => own(random.pick(NAMED), own('x', random.pick(OBJECTS))),
    () => own(random.pick(NAMES), {}),
    () => own(random.pick(SCOPES), own(random.pick(NAMES), 1)),
    () => own(random.pick(NAMED), own(random.pick(['', 'x'.repeat(513)]), {})),
    () => ({ prefixes: own(random.pick(['ipv4', 'ipv6']), random.pick([1, {}, [1], [{}], [{ length: 129 }], [{ length: -1 }], [{ length: 1.5 }], [{ length: 8, rate: -1 }], [{ length: 8, rate: NaN }], [{ length: 8 }, { length: 8 }], [{ length: 8, port: 1 }]])) }),
    () => ({ prefixes: { entries: own(random.pick(['x', '1.2.3.4/33', '::1/129', '__proto__', '']), {}) } }),
    () => ({ prefixes: { entries: { '10.0.0.0/8': random.pick([true, null, 1, [], { connections: -1 }, { rate: '1' }, { length: 3 }]) } } }),
    () => ({ prefixes: own(random.pick(['relay', 'relayed', 'other', 'global']), random.pick([1, null, [], { connections: 0.5 }, { rate: NaN }, { burst: -1 }])) }),
    () => random.pick(OBJECTS)
  ]
  const limits = Array.from({ length: count - 20 }, () => ({ limits: random.pick(wrong)() }))
  const others = ['strict', 'allowlist', 'maxIdleScopes', 'maxPrefixes', 'clock', 'metrics', 'onWarning', 'machine', 'nonsense', '__proto__'].flatMap(name => [own(name, -1), own(name, 'x')])
  return [...limits, ...others] as ResourceManagerInit[]
}

describe('hostile and nonsense configurations', () => {
  const all = configurations(500)
  const before = Reflect.ownKeys(Object.prototype).join()

  it('are 500', () => {
    expect(all).toHaveLength(500)
  })

  it('are each refused with a path, and change nothing of the language', () => {
    for (const init of all) {
      let thrown: unknown
      try {
        createResourceManager(init)
      } catch (error) {
        thrown = error
      }
      expect(thrown).toMatchObject({ name: 'InvalidParametersError', message: expect.stringMatching(/^resourceManager/) as string })
      expect((thrown as Error).message.length).toBeLessThan(2_000)
    }
    expect(Reflect.ownKeys(Object.prototype).join()).toBe(before)
    expect(({} as { connections?: number }).connections).toBeUndefined()
  })

  it('are refused by setLimits with nothing changed', () => {
    const manager = createResourceManager({ machine: { memory: 2 ** 30, fileDescriptors: 0 } })
    const snapshot = JSON.stringify(manager.snapshot())
    for (const { limits } of all) {
      if (limits === undefined) continue
      expect(() => { manager.setLimits(limits) }).toThrow(expect.objectContaining({ name: 'InvalidParametersError' }))
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
