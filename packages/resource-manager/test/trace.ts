import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { createResourceManager } from '../src/index.ts'
import { ancestors, nothing, Reference } from './reference.ts'
import { only } from './support.ts'
import type { Leaf } from './reference.ts'
import type { ConnectionScope, LimitConfig, Reservation, ResourceManager, ResourceRefusal, ScopeClass, ScopeUsage, StreamScope } from '@cordon/interface-resource-manager'
import type { SeededRandom } from '@cordon/testing'

const PEERS = ['a', 'b', 'c']
const PROTOCOLS = ['/x', '/y']
const SERVICES = ['s', 't']
const PRIORITIES = [101, 152, 203, 255, 0, 17]

const USAGES = ['connectionsInbound', 'connectionsOutbound', 'streamsInbound', 'streamsOutbound', 'fileDescriptors', 'memory'] as const

const NAMES: Readonly<Partial<Record<ScopeClass, string>>> = { 'protocol-peer': 'protocolPeer', 'service-peer': 'servicePeer' }

/** A scope as the reference names it */
function nameOf (scopeClass: ScopeClass, scope: string): string {
  const kind = NAMES[scopeClass] ?? scopeClass
  const [first = '', peer] = scope.split('.peer:')
  const name = first.slice(first.indexOf(':') + 1)
  return kind === 'system' || kind === 'transient' ? kind : peer === undefined ? `${kind} ${name}` : `${kind} ${name} ${peer}`
}

interface Held {
  readonly scope: ConnectionScope | StreamScope
  readonly leaf: Leaf
  readonly reservations: Reservation[]
  released: boolean
}

export function randomLimits (random: SeededRandom): LimitConfig {
  const scope = (most: number): object => {
    const some: Record<string, number> = {}
    for (const key of ['connections', 'connectionsInbound', 'connectionsOutbound', 'streams', 'streamsInbound', 'streamsOutbound', 'fileDescriptors']) {
      if (random.chance(0.6)) some[key] = random.int(random.chance(0.1) ? 0 : 1, most)
    }
    if (random.chance(0.6)) some['memory'] = random.int(0, most * 300)
    return some
  }
  return {
    system: scope(12), transient: scope(8), peerDefault: scope(6), protocolDefault: scope(6), protocolPeerDefault: scope(4), serviceDefault: scope(5), servicePeerDefault: scope(3),
    protocol: { '/y': scope(3) }, peer: { c: scope(3) }
  }
}

/** One random trace, run on a manager and on the reference. Each step says what went wrong, if anything. */
export class Trace {
  readonly #random: SeededRandom
  readonly manager: ResourceManager
  readonly reference: Reference
  readonly #held: Held[] = []
  #ids = 0
  refusals = 0

  constructor (random: SeededRandom, limits: LimitConfig, maxIdleScopes: number) {
    this.#random = random
    this.manager = createResourceManager({ limits: only(limits), maxIdleScopes })
    this.reference = new Reference(limits)
  }

  /** Does one thing */
  step (): string | undefined {
    const drawn = this.#random.int(0, 99)
    if (drawn < 18) return this.#connect()
    if (drawn < 30) return this.#move('connection', 'peer')
    if (drawn < 48) return this.#open()
    if (drawn < 60) return this.#move('stream', 'protocol')
    if (drawn < 70) return this.#move('stream', 'service')
    if (drawn < 82) return this.#reserve()
    if (drawn < 88) return this.#resize()
    return this.#release()
  }

  end (): string | undefined {
    for (const held of this.#held) this.#end(held)
    this.reference.leaves.length = 0
    return this.compare() ?? this.compareShares()
  }

  /** Compares every scope with what the reference counts */
  compare (): string | undefined {
    const { system, transient, peers, protocols, services } = this.manager.stat()
    const usages = this.reference.usages()
    const named = ([['peer', peers], ['protocol', protocols], ['service', services]] as const).flatMap(([kind, scopes]) => [...scopes].map(([name, usage]) => [`${kind} ${name}`, usage] as const))
    return this.#compareWith(usages, [['system', system], ['transient', transient], ...named], name => !name.includes('Peer '))
  }

  /** The same for the shares of peers, which only a snapshot shows */
  compareShares (): string | undefined {
    const shares = this.manager.snapshot().peers.flatMap(peer => [...peer.protocols, ...peer.services]).map(scope => [nameOf(scope.class, scope.name), scope.usage] as const)
    return this.#compareWith(this.reference.usages(), shares, name => name.includes('Peer '))
  }

  #compareWith (usages: Map<string, ScopeUsage>, scopes: ReadonlyArray<readonly [string, ScopeUsage]>, which: (name: string) => boolean): string | undefined {
    for (const [name, usage] of scopes) {
      const expected = usages.get(name) ?? nothing()
      for (const key of USAGES) {
        if (usage[key] !== expected[key]) return `${name} has ${usage[key]} ${key}, not ${expected[key]}`
      }
      const limits = this.reference.limitsOf(name)
      if (usage.connectionsInbound + usage.connectionsOutbound > limits.connections || usage.streamsInbound + usage.streamsOutbound > limits.streams || usage.memory > limits.memory || usage.fileDescriptors > limits.fileDescriptors) return `${name} is above a limit`
      usages.delete(name)
    }
    const [missing] = [...usages.keys()].filter(which)
    return missing === undefined ? undefined : `${missing} is missing`
  }

  /** Whether the manager and the reference agree about an outcome */
  #judge (what: string, outcome: unknown, expected: string | undefined): string | undefined {
    if (!isRefusal(outcome)) return expected === undefined ? undefined : `${what} was admitted, although ${expected} is full`
    this.refusals++
    const { scopeClass, scope, cause } = outcome as ResourceRefusal
    const blamed = `${nameOf(scopeClass, scope)} ${cause}`
    return blamed === expected ? undefined : `${what} was refused by ${blamed}, not by ${expected}`
  }

  #add (scope: ConnectionScope | StreamScope, leaf: Leaf): void {
    this.reference.leaves.push(leaf)
    this.#held.push({ scope, leaf, reservations: [], released: false })
  }

  #connect (): string | undefined {
    const leaf: Leaf = { id: this.#ids++, kind: 'connection', inbound: this.#random.chance(0.5), descriptors: this.#random.int(0, 1), memory: 0 }
    const expected = this.reference.refusal(ancestors(leaf), leaf, 0, 255)
    const outcome = this.manager.openConnection(leaf.inbound ? 'inbound' : 'outbound', { usesDescriptor: leaf.descriptors === 1 })
    if (!isRefusal(outcome)) this.#add(outcome, leaf)
    return this.#judge('a connection', outcome, expected)
  }

  #open (): string | undefined {
    const leaf: Leaf = { id: this.#ids++, kind: 'stream', inbound: this.#random.chance(0.5), descriptors: 0, memory: 0, peer: this.#random.pick(PEERS) }
    const expected = this.reference.refusal(ancestors(leaf), leaf, 0, 255)
    const outcome = this.manager.openStream(leaf.peer ?? '', leaf.inbound ? 'inbound' : 'outbound')
    if (!isRefusal(outcome)) this.#add(outcome, leaf)
    return this.#judge('a stream', outcome, expected)
  }

  /** Moves a leaf: what it gains is asked, what it has is not */
  #move (kind: 'connection' | 'stream', to: 'peer' | 'protocol' | 'service'): string | undefined {
    const held = this.#pick(held => held.leaf.kind === kind && held.leaf[to] === undefined && (to !== 'service' || held.leaf.protocol !== undefined))
    if (held === undefined) return undefined
    const name = this.#random.pick(to === 'peer' ? PEERS : to === 'protocol' ? PROTOCOLS : SERVICES)
    const { leaf } = held
    const gained = to === 'peer' ? [`peer ${name}`] : [`${to} ${name}`, `${to}Peer ${name} ${leaf.peer}`]
    const expected = this.reference.refusal(gained, leaf, leaf.memory, 255)
    const outcome = to === 'peer' ? (held.scope as ConnectionScope).setPeer(name) : to === 'protocol' ? (held.scope as StreamScope).setProtocol(name) : (held.scope as StreamScope).setService(name)
    if (outcome === undefined) leaf[to] = name
    return this.#judge(`a move to ${to} ${name}`, outcome, expected)
  }

  #reserve (): string | undefined {
    const held = this.#pick(() => true)
    if (held === undefined) return undefined
    const size = this.#random.int(0, 600)
    const priority = this.#random.pick(PRIORITIES)
    const expected = this.reference.refusal(ancestors(held.leaf), undefined, size, priority)
    const through = this.#random.chance(0.3) ? held.scope.beginSpan().beginSpan() : held.scope
    const outcome = through.reserveMemory(size, priority)
    if (!isRefusal(outcome)) {
      held.leaf.memory += size
      held.reservations.push(outcome)
    }
    return this.#judge(`${size} bytes`, outcome, expected)
  }

  #resize (): string | undefined {
    const held = this.#pick(held => held.reservations.length > 0)
    const reservation = held === undefined ? undefined : this.#random.pick(held.reservations)
    if (held === undefined || reservation === undefined) return undefined
    const before = reservation.size
    const size = this.#random.int(0, 600)
    if (this.#random.chance(0.4)) {
      reservation.release()
      reservation.release()
      held.leaf.memory -= before
      held.reservations.splice(held.reservations.indexOf(reservation), 1)
      return undefined
    }
    const expected = this.reference.refusal(ancestors(held.leaf), undefined, size - before, 255)
    const outcome = reservation.resize(size, 255)
    if (outcome === undefined) held.leaf.memory += size - before
    return this.#judge(`a change from ${before} to ${size} bytes`, outcome, expected)
  }

  #release (): string | undefined {
    const held = this.#pick(() => true)
    if (held === undefined) return undefined
    this.#end(held)
    this.reference.leaves.splice(this.reference.leaves.indexOf(held.leaf), 1)
    this.#held.splice(this.#held.indexOf(held), 1)
    return undefined
  }

  /** In any order, and more than once (P4) */
  #end ({ scope, reservations }: Held): void {
    if (this.#random.chance(0.3)) for (const reservation of reservations) reservation.release()
    scope.release()
    scope.release()
    for (const reservation of reservations) reservation.release()
  }

  #pick (which: (held: Held) => boolean): Held | undefined {
    const some = this.#held.filter(which)
    return some.length === 0 ? undefined : this.#random.pick(some)
  }
}
