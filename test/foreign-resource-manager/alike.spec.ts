import { normaliseAddress } from '@cordon/address'
import { isResourceRefusal } from '@cordon/interface-resource-manager'
import { createResourceManager, infiniteLimits } from '@cordon/resource-manager'
import { fakeClock, seededRandom } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { ForeignManager } from './foreign-manager.ts'
import { LIMIT_KEYS } from './foreign-usage.ts'
import type { Direction } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource, ConnectionScope, Held, LimitConfig, OpenConnectionOptions, PartialScopeLimits, PrefixConfig, PrefixLimits, Reservation, ResourceManager, ResourceRefusal, ResourceScope, ScopeSnapshot, Span, StreamScope } from '@cordon/interface-resource-manager'
import type { SeededRandom } from '@cordon/testing'

const TRACES = 50
const STEPS = 120

/** A portrait of everything takes longer than the step itself */
const EVERY = 3

const PEERS = ['a', 'b', 'c']
const PROTOCOLS = ['/x', '/y']
const SERVICES = ['s', 't']
const RELAY = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'

const ADDRESSES = [
  '/ip4/192.0.2.1/tcp/1', '/ip4/192.0.2.2/tcp/1', '/ip4/192.0.3.1/tcp/1', '/ip4/10.1.0.1/tcp/1', '/ip4/10.2.0.1/tcp/1', '/ip4/127.0.0.1/tcp/1',
  '/ip6/2001:db8::1/tcp/1', '/ip6/2001:db8:0:100::1/tcp/1', `/ip4/192.0.2.9/tcp/1/p2p/${RELAY}/p2p-circuit`, '/memory/1', '/memory/2'
].map(text => normaliseAddress(text))

const [LISTED, BOUND] = ADDRESSES

/** Everybody at one address, `a` at another, and `c` wherever it is */
const source: AllowlistSource = {
  lifts: (address, peer) => {
    if (address !== undefined && address.key === LISTED?.key) return { lane: true, counts: true, buckets: true }
    const isProven = peer === 'c' || (peer === 'a' && address?.key === BOUND?.key)
    return { lane: isProven || peer === undefined, counts: isProven, buckets: false }
  }
}

function randomLimits (random: SeededRandom): LimitConfig {
  const scope = (most: number): PartialScopeLimits => Object.fromEntries(LIMIT_KEYS.map(key => {
    if (random.chance(0.5)) return [key, Infinity]
    return [key, key === 'memory' ? random.int(0, most * 200) : random.int(random.chance(0.1) ? 0 : 1, most)]
  }))
  const prefix = (): PrefixLimits => ({
    ...(random.chance(0.6) ? { connections: random.int(0, 5) } : {}),
    ...(random.chance(0.4) ? { rate: random.pick([0, 0.5, 2, 1_000, Infinity]) } : {}),
    ...(random.chance(0.5) ? { burst: random.int(1, 6) } : {})
  })
  return {
    ...infiniteLimits,
    system: scope(12), transient: scope(7), allowlistedSystem: scope(8), allowlistedTransient: scope(4),
    peerDefault: scope(6), protocolDefault: scope(6), protocolPeerDefault: scope(4), serviceDefault: scope(5), servicePeerDefault: scope(3),
    protocol: { '/y': scope(3) }, peer: { c: scope(3) },
    connection: random.chance(0.2) ? scope(1) : {}, stream: random.chance(0.2) ? scope(1) : {},
    prefixes: {
      ipv4: [{ length: 32, ...prefix() }, { length: 24, ...prefix() }],
      ipv6: [{ length: 56, ...prefix() }, { length: 48, ...prefix() }],
      entries: { '10.0.0.0/8': prefix(), '10.1.0.0/16': prefix(), ...(random.chance(0.3) ? { '127.0.0.0/8': random.pick([false, prefix()]) } : {}) },
      relay: prefix(), ...(random.chance(0.7) ? { relayed: prefix() } : {}), other: random.chance(0.5) ? prefix() : {}, global: random.chance(0.3) ? { rate: 1, burst: 10 } : {}
    }
  }
}

/** Other numbers of connections at the same rates */
function recounted ({ ipv4 = [], ipv6 = [], entries = {}, relay = {}, other = {}, global = {} }: PrefixConfig, random: SeededRandom): PrefixConfig {
  const recount = <T extends PrefixLimits>(limits: T): T => ({ ...limits, connections: random.chance(0.6) ? random.int(0, 5) : undefined })
  return {
    ipv4: ipv4.map(recount),
    ipv6: ipv6.map(recount),
    entries: Object.fromEntries(Object.entries(entries).map(([name, limits]) => [name, limits === false ? false : recount(limits)])),
    relay: recount(relay), ...(random.chance(0.7) ? { relayed: recount({}) } : {}), other: recount(other), global
  }
}

/** The same thing in both managers */
interface Twins<T> {
  readonly ours: T
  readonly theirs: T
}

interface Leaf<T extends ConnectionScope | StreamScope> extends Twins<T> {
  readonly spans: Array<Twins<Span>>
  readonly reservations: Array<Twins<Reservation>>
}

/** Of a refusal, what everybody has to say alike: names of connections, streams and spans, and the sentence, are their own affair */
function essence (result: unknown): unknown {
  if (!isResourceRefusal(result)) return result === undefined ? 'done' : 'admitted'
  const { code, scopeClass, scope, cause, resource, direction, current, attempted, limit, priority } = result
  const isNamed = !['connection', 'stream', 'span'].includes(scopeClass)
  const amounts = code === 'rate' ? { limit } : { current, attempted, limit, priority }
  return { code, scopeClass, cause, resource, direction, ...amounts, ...(isNamed ? { scope } : {}) }
}

/** What they must say alike of themselves */
function portrait (manager: ResourceManager): unknown {
  const { system, transient, allowlistedSystem, allowlistedTransient, services, protocols, peers, prefixes, classes } = manager.snapshot()
  const byName = <T extends { readonly name: string }>(scopes: readonly T[]): T[] => scopes.toSorted((a, b) => a.name < b.name ? -1 : 1)
  // how long an idle share is remembered, with its peak and its refusals, everybody decides for themselves
  const shares = (scopes: readonly ScopeSnapshot[]): unknown => byName(scopes).map(({ name, usage, limits }) => ({ name, usage, limits }))
  const withShares = byName(peers).map(peer => ({ ...peer, protocols: shares(peer.protocols), services: shares(peer.services) }))
  const { span, connection, stream, prefix, ...counted } = classes
  return {
    fixed: [system, transient, allowlistedSystem, allowlistedTransient],
    named: [byName(services), byName(protocols), withShares],
    prefixes: prefixes.refusals,
    refusals: [span, connection, stream, prefix].map(({ refusals }) => refusals),
    classes: Object.entries(counted).sort().map(([name, { count, peak, refusals }]) => ({ name, count, peak, refusals }))
  }
}

class Pair {
  readonly #random: SeededRandom
  readonly #clock = fakeClock()
  readonly #managers: Twins<ResourceManager>
  readonly #prefixes: LimitConfig['prefixes']
  readonly #connections: Array<Leaf<ConnectionScope>> = []
  readonly #streams: Array<Leaf<StreamScope>> = []
  readonly #handles: Array<Twins<Held>> = []
  refusals = 0

  constructor (random: SeededRandom) {
    this.#random = random
    const limits = randomLimits(random)
    this.#prefixes = limits.prefixes
    const init = { limits, clock: this.#clock, ...(random.chance(0.6) ? { allowlist: source } : {}) }
    this.#managers = { ours: createResourceManager({ ...init, maxIdleScopes: 0 }), theirs: new ForeignManager(init) }
  }

  step (): string {
    const drawn = this.#random.int(0, 99)
    if (drawn < 18) return this.#connect()
    if (drawn < 22) return this.#check()
    if (drawn < 32) return this.#setPeer()
    if (drawn < 46) return this.#open()
    if (drawn < 60) return this.#attach()
    if (drawn < 72) return this.#reserve()
    if (drawn < 80) return this.#resize()
    if (drawn < 83) return this.#hold()
    if (drawn < 85) return this.#limit()
    if (drawn < 88) return this.#wait()
    return this.#release()
  }

  /** What differs is shown by vitest */
  compare (what: string): void {
    expect(portrait(this.#managers.ours), what).toEqual(portrait(this.#managers.theirs))
  }

  /** Does one thing in both; whatever it is, both have to say the same */
  #both<T, R> (what: string, on: Twins<T>, act: (it: T) => R): Twins<R> | undefined {
    const [ours, theirs] = [act(on.ours), act(on.theirs)]
    expect(essence(ours), what).toEqual(essence(theirs))
    if (!isResourceRefusal(ours)) return { ours, theirs }
    // a bucket is one number there and another one here, and each is rounded
    expect(Math.abs((ours.retryAfter ?? 0) - ((theirs as ResourceRefusal).retryAfter ?? 0)), what).toBeLessThanOrEqual(1)
    this.refusals++
    return undefined
  }

  #options (): OpenConnectionOptions {
    return { usesDescriptor: this.#random.chance(0.5), ...(this.#random.chance(0.8) ? { address: this.#random.pick(ADDRESSES) } : {}) }
  }

  #direction (): Direction {
    return this.#random.chance(0.7) ? 'inbound' : 'outbound'
  }

  #connect (): string {
    const [direction, options] = [this.#direction(), this.#options()]
    const what = `an ${direction} connection from ${options.address?.key}`
    const opened = this.#both(what, this.#managers, manager => manager.openConnection(direction, options)) as Twins<ConnectionScope> | undefined
    if (opened !== undefined) this.#connections.push({ ...opened, spans: [], reservations: [] })
    return what
  }

  #check (): string {
    const [direction, options, peer] = [this.#direction(), this.#options(), this.#random.pick([undefined, ...PEERS])]
    const what = `whether ${peer} at ${options.address?.key} may connect`
    this.#both(what, this.#managers, manager => manager.checkConnection(direction, { ...options, peer }))
    return what
  }

  #setPeer (): string {
    const connection = this.#pick(this.#connections.filter(({ ours }) => ours.peer === undefined))
    const peer = this.#random.pick(PEERS)
    if (connection !== undefined) this.#both(`a connection of ${peer}`, connection, scope => scope.setPeer(peer))
    return `a connection of ${peer}`
  }

  #open (): string {
    const peer = this.#random.pick(PEERS)
    const carrier = this.#random.chance(0.5) ? undefined : this.#pick(this.#connections.filter(({ ours }) => ours.peer === peer))
    const direction = this.#direction()
    const what = `an ${direction} stream of ${peer}${carrier === undefined ? '' : ' on its connection'}`
    const on = { ours: { manager: this.#managers.ours, connection: carrier?.ours }, theirs: { manager: this.#managers.theirs, connection: carrier?.theirs } }
    const opened = this.#both(what, on, ({ manager, connection }) => manager.openStream(peer, direction, { connection })) as Twins<StreamScope> | undefined
    if (opened !== undefined) this.#streams.push({ ...opened, spans: [], reservations: [] })
    return what
  }

  #attach (): string {
    const stream = this.#pick(this.#streams.filter(({ ours }) => ours.service === undefined))
    if (stream === undefined) return 'no stream to attach'
    const name = this.#random.pick(stream.ours.protocol === undefined ? PROTOCOLS : SERVICES)
    this.#both(`a stream for ${name}`, stream, scope => scope.protocol === undefined ? scope.setProtocol(name) : scope.setService(name))
    return `a stream for ${name}`
  }

  #reserve (): string {
    const leaf = this.#leaf()
    if (leaf === undefined) return 'nowhere to reserve'
    let scope: Twins<ResourceScope> = leaf
    if (this.#random.chance(0.3)) {
      const within = this.#pick(leaf.spans) ?? leaf
      const span = { ours: within.ours.beginSpan(), theirs: within.theirs.beginSpan() }
      leaf.spans.push(span)
      scope = span
    }
    const [size, priority] = [this.#random.int(0, 500), this.#random.pick([101, 152, 203, 255, 255, 0])]
    const what = `${size} bytes at ${priority} in ${scope.ours.name}`
    const taken = this.#both(what, scope, each => each.reserveMemory(size, priority)) as Twins<Reservation> | undefined
    if (taken !== undefined) leaf.reservations.push(taken)
    return what
  }

  #resize (): string {
    const leaf = this.#leaf()
    const reservation = this.#pick(leaf?.reservations ?? [])
    if (leaf === undefined || reservation === undefined) return 'nothing to resize'
    if (this.#random.chance(0.3)) {
      for (const held of [reservation.ours, reservation.theirs]) held.release()
      leaf.reservations.splice(leaf.reservations.indexOf(reservation), 1)
      return 'a reservation released'
    }
    const size = this.#random.int(0, 500)
    this.#both(`${size} bytes instead`, reservation, held => held.resize(size))
    expect(reservation.ours.size).toBe(reservation.theirs.size)
    return `${size} bytes instead`
  }

  #hold (): string {
    const name = this.#random.pick(PEERS)
    const handle = { ours: this.#managers.ours.scope('peer', name), theirs: this.#managers.theirs.scope('peer', name) }
    this.#handles.push(handle)
    const taken = this.#both(`100 bytes of ${name}`, handle, scope => scope.reserveMemory(100)) as Twins<Reservation> | undefined
    if (taken !== undefined) this.#handles.push(taken)
    return `100 bytes of ${name}`
  }

  /** Rates stay as they are: ours notes when a bucket is full, and theirs what is in it */
  #limit (): string {
    const given = { ...randomLimits(this.#random), prefixes: recounted(this.#prefixes ?? {}, this.#random) }
    for (const manager of [this.#managers.ours, this.#managers.theirs]) manager.setLimits(given)
    return 'other limits'
  }

  #wait (): string {
    this.#clock.tick(this.#random.pick([10, 500, 5_000]))
    return 'some time'
  }

  #release (): string {
    const kind = this.#random.int(0, 3)
    if (kind === 0) {
      const handle = this.#take(this.#handles)
      for (const held of [handle?.ours, handle?.theirs]) held?.release()
      return 'a handle released'
    }
    if (kind === 1) {
      const span = this.#take(this.#leaf()?.spans ?? [])
      for (const held of [span?.ours, span?.theirs]) held?.release()
      return 'a span released'
    }
    return this.#end(kind === 2 ? this.#take(this.#connections) : this.#take(this.#streams))
  }

  /** Of what has ended, sometimes a span or a reservation is used once more */
  #end (leaf: Leaf<ConnectionScope | StreamScope> | undefined): string {
    if (leaf === undefined) return 'nothing to release'
    const isCancelled = this.#random.chance(0.2)
    for (const scope of [leaf.ours, leaf.theirs]) {
      if (isCancelled && 'cancel' in scope) scope.cancel()
      else scope.release()
      scope.release()
    }
    for (const span of leaf.spans) this.#both('a span that outlived its owner', span, each => each.reserveMemory(50))
    for (const reservation of leaf.reservations) {
      this.#both('more of a reservation that outlived its owner', reservation, held => held.resize(held.size + 50))
      for (const held of [reservation.ours, reservation.theirs]) held.release()
    }
    return `${leaf.ours.class} ${isCancelled ? 'cancelled' : 'released'}`
  }

  #leaf (): Leaf<ConnectionScope | StreamScope> | undefined {
    return this.#random.chance(0.5) ? this.#pick(this.#connections) : this.#pick(this.#streams)
  }

  #pick<T> (from: readonly T[]): T | undefined {
    return from.length === 0 ? undefined : this.#random.pick(from)
  }

  #take<T> (from: T[]): T | undefined {
    return from.length === 0 ? undefined : from.splice(this.#random.int(0, from.length - 1), 1)[0]
  }
}

describe('ours and the foreign one', () => {
  it(`decide alike, blame alike and count alike in ${TRACES} random traces with two lanes, prefixes, spans and limits that change`, () => {
    let refusals = 0
    for (let seed = 1; seed <= TRACES; seed++) {
      const pair = new Pair(seededRandom(seed))
      for (let step = 0; step < STEPS; step++) {
        const what = pair.step()
        if (step % EVERY === 0) pair.compare(`seed ${seed}, step ${step}: ${what}`)
      }
      refusals += pair.refusals
    }
    expect(refusals).toBeGreaterThan(TRACES * 10)
  }, 120_000)
})
