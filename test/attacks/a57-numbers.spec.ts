import { cordon } from '@cordon/cordon'
import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { InvalidSizeError, ScopeClosedError } from '@cordon/interface-resource-manager'
import { resourceManager } from '@cordon/resource-manager'
import { buildNode, eventually, stopAll } from '@cordon/testing/node'
import * as fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { ECHO_PROTOCOL } from './protocol.ts'
import type { LimitConfig, Reservation, ResourceManager, ResourceScope, ResourceSnapshot, ScopeUsage } from '@cordon/interface-resource-manager'

const RUNS = 300
const MOST_STEPS = 60

/** Amounts that are none: `reserveMemory` has to say so, whatever it holds */
const NONSENSE: readonly unknown[] = [
  -1, -0.5, 0.5, 1.1, 1e-9, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 53 + 2, 2 ** 64, Number.MAX_VALUE, -(2 ** 53), 1n, '1', null, undefined, {}, [1], true
]

/** Amounts at the edges of what can be counted, and some that fit anywhere */
const EDGES = [0, 1, 2, 1_023, 2 ** 20, 2 ** 27, 2 ** 27 + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 52, 2 ** 53 - 2, 2 ** 53 - 1]

type Step =
  { readonly type: 'reserve', readonly scope: number, readonly size: unknown } |
  { readonly type: 'resize', readonly token: number, readonly size: unknown } |
  { readonly type: 'release', readonly token: number } |
  { readonly type: 'end', readonly scope: number } |
  { readonly type: 'span', readonly scope: number }

const size = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...EDGES) }, { weight: 1, arbitrary: fc.maxSafeNat() }, { weight: 1, arbitrary: fc.constantFrom(...NONSENSE) })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('reserve' as const), scope: fc.nat(20), size }),
  fc.record({ type: fc.constant('resize' as const), token: fc.nat(40), size }),
  fc.record({ type: fc.constant('release' as const), token: fc.nat(40) }),
  fc.record({ type: fc.constant('end' as const), scope: fc.nat(20) }),
  fc.record({ type: fc.constant('span' as const), scope: fc.nat(20) })
)

interface Owned<T> {
  readonly it: T
  released: boolean
}

/** A scope of the test's own, and the amounts that are reserved in it and not given back */
interface OwnScope extends Owned<ResourceScope & { release: () => void }> {
  readonly parent: OwnScope | undefined
}

interface OwnToken extends Owned<Reservation> {
  readonly scope: OwnScope
  size: number
}

/** Everything but how often something was refused, which is all that a refusal may change */
function withoutRefusals (snapshot: ResourceSnapshot): unknown {
  return JSON.parse(JSON.stringify(snapshot, (key, value: unknown) => key === 'refusals' ? undefined : value))
}

/** How many of the scopes of a hand are those of the node; the others are spans in them */
const BASES = 4

/** Reserves in scopes of a live node, and knows what they must hold */
class Hand {
  readonly #manager: ResourceManager
  readonly #scopes: OwnScope[]
  readonly #tokens: OwnToken[] = []

  constructor (manager: ResourceManager, peer: string) {
    this.#manager = manager
    this.#scopes = [manager.scope('system'), manager.scope('transient'), manager.scope('peer', peer), manager.scope('protocol', '/numbers/1.0.0')]
      .map(it => ({ it, released: false, parent: undefined }))
  }

  take (step: Step): void {
    const before = withoutRefusals(this.#manager.snapshot())
    const changed = this.#take(step)
    if (!changed) expect(withoutRefusals(this.#manager.snapshot())).toEqual(before)
    this.#check()
  }

  /** Gives everything back, each thing twice */
  finish (): void {
    for (const owned of [...this.#tokens, ...this.#scopes.toReversed()]) {
      owned.it.release()
      owned.it.release()
    }
  }

  /** Whether anything may have changed */
  #take (step: Step): boolean {
    switch (step.type) {
      case 'reserve': return this.#reserve(this.#scope(step.scope), step.size as number)
      case 'resize': return this.#resize(this.#tokens[step.token % Math.max(1, this.#tokens.length)], step.size as number)
      case 'release': return this.#release(this.#tokens[step.token % Math.max(1, this.#tokens.length)])
      case 'end': return this.#end(this.#scope(step.scope))
      case 'span': return this.#span(this.#scope(step.scope))
    }
  }

  #reserve (scope: OwnScope, size: number): boolean {
    if (isNonsense(size)) return throws(() => scope.it.reserveMemory(size), InvalidSizeError)
    if (scope.released) return throws(() => scope.it.reserveMemory(size), ScopeClosedError)
    const it = scope.it.reserveMemory(size)
    if (isRefusal(it)) return false
    this.#tokens.push({ it, scope, size, released: false })
    return true
  }

  #resize (token: OwnToken | undefined, size: number): boolean {
    if (token === undefined) return false
    if (isNonsense(size)) return throws(() => token.it.resize(size), InvalidSizeError)
    if (token.released) return throws(() => token.it.resize(size), ScopeClosedError)
    if (token.it.resize(size) !== undefined) return false
    token.size = size
    return true
  }

  /** The second time nothing changes */
  #release (token: OwnToken | undefined): boolean {
    token?.it.release()
    if (token === undefined || token.released) return false
    token.released = true
    return true
  }

  #end (scope: OwnScope): boolean {
    // those of the node itself stay until the end, so that they are asked to the end
    if (scope.parent === undefined) return false
    scope.it.release()
    if (scope.released) return false
    scope.released = true
    return true
  }

  #span (scope: OwnScope): boolean {
    if (scope.released) return throws(() => scope.it.beginSpan(), ScopeClosedError)
    this.#scopes.push({ it: scope.it.beginSpan(), parent: scope, released: false })
    return true
  }

  #scope (index: number): OwnScope {
    return this.#scopes[index % this.#scopes.length] as OwnScope
  }

  /** What is held is what was taken and not given back: neither more nor less, exactly, and within what is allowed */
  #check (): void {
    const { system } = this.#manager.snapshot()
    const held = this.#scopes.slice(0, BASES).map(scope => this.#heldIn(scope))
    expect(this.#scopes.slice(0, BASES).map(({ it }) => it.usage().memory)).toEqual([held.reduce((sum, memory) => sum + memory), ...held.slice(1)])
    expect(Number.isSafeInteger(system.usage.memory)).toBe(true)
    expect(system.usage.memory).toBeLessThanOrEqual(system.limits.memory)
  }

  #heldIn (base: OwnScope): number {
    return this.#tokens.filter(({ released, scope }) => !released && aliveBelow(scope, base)).reduce((sum, { size }) => sum + size, 0)
  }
}

/** Whether what is held in a scope counts in this one */
function aliveBelow (scope: OwnScope, base: OwnScope): boolean {
  if (scope === base) return true
  return !scope.released && scope.parent !== undefined && aliveBelow(scope.parent, base)
}

function isNonsense (size: unknown): boolean {
  return !Number.isSafeInteger(size) || (size as number) < 0
}

function throws (task: () => unknown, error: { readonly name: string }): false {
  expect(task).toThrow(expect.objectContaining({ name: error.name }))
  return false
}

/** Loopback is not exempt; otherwise as go-libp2p has it on a small machine */
const SMALL: LimitConfig = { prefixes: { entries: { '127.0.0.0/8': false, '::1/128': false } } }
const NOTHING: ScopeUsage = { connectionsInbound: 0, connectionsOutbound: 0, streamsInbound: 0, streamsOutbound: 0, fileDescriptors: 0, memory: 0 }
const UNBOUNDED = { memory: Infinity }
const NO_MEMORY_LIMIT: LimitConfig = { ...SMALL, system: UNBOUNDED, transient: UNBOUNDED, peerDefault: UNBOUNDED, protocolDefault: UNBOUNDED }

describe('A57: numbers at the edges, on a node with a connection and a stream', () => {
  afterEach(async () => { await stopAll() })

  // P5 has nothing to clamp: there is no raw release, so giving back more than is held cannot be written
  it.each([
    { what: 'with the limits of a small machine', limits: SMALL },
    { what: 'with no limit of memory, so that sums come to the edge of what a number holds', limits: NO_MEMORY_LIMIT }
  ])(`P4, P6: ${RUNS} runs $what: nonsense throws, a refusal changes nothing, a second release gives nothing back, and every sum is exact`, async ({ limits }) => {
    const manage = resourceManager({ machine: { memory: 1, fileDescriptors: 0 }, limits })
    const node = await buildNode({ transport: 'tcp', compose: options => cordon(options, { resourceManager: manage }) })
    const { resourceManager: manager, lifecycle } = node.services
    await node.handle(ECHO_PROTOCOL, stream => { stream.addEventListener('message', ({ data }) => { stream.send(data) }) })
    const honest = await buildNode({ transport: 'tcp', listen: false })
    const stream = await honest.dialProtocol(node.getMultiaddrs(), ECHO_PROTOCOL)
    await eventually(() => manager.snapshot().transient.usage.streamsInbound === 0 && lifecycle.stats().streams === 1)
    const before = manager.stat()

    fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: MOST_STEPS }), steps => {
      const hand = new Hand(manager, honest.peerId.toString())
      try {
        steps.forEach(step => { hand.take(step) })
      } finally {
        hand.finish()
      }
      expect(manager.stat()).toEqual(before)
    }), { numRuns: RUNS })

    // whoever is connected has noticed nothing
    const answered = new Promise(resolve => { stream.addEventListener('message', resolve, { once: true }) })
    stream.send(Uint8Array.of(1))
    await answered
    await honest.stop()
    await eventually(() => lifecycle.size === 0 && lifecycle.stats().streams === 0)
    const { system, transient, peers, protocols, services } = manager.stat()
    expect([system, transient, peers.size, protocols.size, services.size]).toEqual([NOTHING, NOTHING, 0, 0, 0])
  })
})
