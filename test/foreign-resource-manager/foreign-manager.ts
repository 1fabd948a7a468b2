import { ScopeAttachedError } from '@cordon/interface-resource-manager'
import { InvalidParametersError } from '@libp2p/interface'
import { checkName, ForeignConnection, ForeignScopeHandle, ForeignStream, ownConnection } from './foreign-handles.ts'
import { Limits } from './foreign-limits.ts'
import { Prefixes } from './foreign-prefixes.ts'
import { Scope } from './foreign-scope.ts'
import { NOTHING } from './foreign-usage.ts'
import { CLASSES, World } from './foreign-world.ts'
import type { Places } from './foreign-handles.ts'
import type { Origin } from './foreign-prefixes.ts'
import type { Clock, Direction } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource, CheckConnectionOptions, ClassSnapshot, ConnectionScope, LimitConfig, OpenConnectionOptions, OpenStreamOptions, PeerSnapshot, ResourceManager, ResourceRefusal, ResourceSnapshot, ResourceStat, ScopeClass, ScopeHandle, ScopeSnapshot, ScopeUsage, SnapshotOptions, StreamScope } from '@cordon/interface-resource-manager'

export interface ForeignManagerInit {
  readonly limits?: LimitConfig
  readonly allowlist?: AllowlistSource
  /** What rates are measured with */
  readonly clock?: Pick<Clock, 'now'>
}

type Single = 'system' | 'transient' | 'allowlistedSystem' | 'allowlistedTransient'
type Named = 'peer' | 'protocol' | 'service'

interface Lane {
  readonly system: Scope
  readonly transient: Scope
}

const NOT_LIFTED = { lane: false, counts: false, buckets: false }

function checkDirection (direction: unknown): void {
  if (direction !== 'inbound' && direction !== 'outbound') throw new InvalidParametersError(`a direction is inbound or outbound, got ${String(direction)}`)
}

function oneConnection (direction: Direction, usesDescriptor: boolean): ScopeUsage {
  return { ...NOTHING, [direction === 'inbound' ? 'connectionsInbound' : 'connectionsOutbound']: 1, fileDescriptors: usesDescriptor ? 1 : 0 }
}

/**
 * Another resource manager, written from `@cordon/interface-resource-manager` alone. It counts nothing: what a scope
 * uses is added up from all that is held whenever somebody asks, so every question takes as long as there are
 * connections and streams, and every promise of the interface is kept.
 */
export class ForeignManager implements ResourceManager {
  readonly allowlist: AllowlistSource
  readonly #normal = this.#makeLane('system', 'transient')
  readonly #listed = this.#makeLane('allowlistedSystem', 'allowlistedTransient')
  readonly #world = new World([this.#normal, this.#listed].flatMap(({ system, transient }) => [system, transient]))
  readonly #open = new Set<ForeignConnection>()
  readonly #prefixes: Prefixes
  readonly #places: Places
  #limits: Limits
  #names = 0

  constructor ({ limits = {}, allowlist = { lifts: () => NOT_LIFTED }, clock = performance }: ForeignManagerInit = {}) {
    this.#limits = new Limits(limits)
    this.allowlist = allowlist
    this.#prefixes = new Prefixes(clock, () => this.#limits.prefixes, () => this.#origins())
    this.#places = {
      peer: peer => this.#named('peer', peer),
      share: (of, name, peer) => [this.#named(of, name), this.#share(of, name, peer)],
      settlePeer: (connection, peer) => this.#settlePeer(connection, peer),
      refund: origin => { this.#prefixes.spend(origin, -1) },
      isCountedIn: (origin, scope) => this.#prefixes.isCountedIn(origin, scope),
      ended: connection => { this.#open.delete(connection) },
      isAllowlisted: scope => scope.root === this.#listed.system
    }
  }

  openConnection (direction: Direction, options: OpenConnectionOptions = {}): ConnectionScope | ResourceRefusal {
    checkDirection(direction)
    const usesDescriptor = this.#usesDescriptor(options)
    const origin = this.#originOf(options)
    const full = direction === 'inbound' ? this.#prefixes.check(origin) : undefined
    if (full != null) {
      this.#prefixes.refused(full)
      return full
    }
    const scope = new Scope({ class: 'connection', name: `conn-${++this.#names}`, bounds: () => this.#limits.one('connection') })
    const refused = this.#place(scope, oneConnection(direction, usesDescriptor), [], () => origin.lifted.lane)
    if (refused != null) return this.#world.count(refused, scope.line())
    if (direction === 'inbound') this.#prefixes.spend(origin, 1)
    const connection = new ForeignConnection(this.#world, scope, this.#places, { direction, usesDescriptor, origin })
    this.#open.add(connection)
    return connection
  }

  checkConnection (direction: Direction, options: CheckConnectionOptions = {}): ResourceRefusal | undefined {
    checkDirection(direction)
    const { peer } = options
    if (peer !== undefined) checkName('peer', peer)
    const origin = this.#originOf(options)
    const full = direction === 'inbound' ? this.#prefixes.check(origin) : undefined
    if (full != null) return full
    const scope = new Scope({ class: 'connection', name: 'conn-?', bounds: () => this.#limits.one('connection') })
    const refused = this.#place(scope, oneConnection(direction, this.#usesDescriptor(options)), [], () => this.allowlist.lifts(options.address, peer).lane)
    return refused ?? (peer === undefined ? undefined : this.#world.check([this.#named('peer', peer)], scope.total()))
  }

  openStream (peer: string, direction: Direction, { connection }: OpenStreamOptions = {}): StreamScope | ResourceRefusal {
    checkDirection(direction)
    checkName('peer', peer)
    const carrier = connection == null ? undefined : ownConnection(connection)
    if (carrier != null && carrier.peer !== peer) throw new ScopeAttachedError(carrier.name, carrier.peer)
    const scope = new Scope({ class: 'stream', name: `stream-${++this.#names}`, bounds: () => this.#limits.one('stream') })
    const one = { ...NOTHING, [direction === 'inbound' ? 'streamsInbound' : 'streamsOutbound']: 1 }
    const address = carrier?.origin.address
    const refused = this.#place(scope, one, [this.#named('peer', peer)], () => this.allowlist.lifts(address, peer).lane)
    if (refused != null) return this.#world.count(refused, scope.line())
    return new ForeignStream(this.#world, scope, this.#places, direction, peer)
  }

  scope (kind: Single): ScopeHandle
  scope (kind: Named, name: string): ScopeHandle
  scope (kind: Single | Named, name?: string): ScopeHandle {
    if (kind === 'peer' || kind === 'protocol' || kind === 'service') {
      checkName(kind, name)
      return new ForeignScopeHandle(this.#world, this.#named(kind, name))
    }
    const found = [this.#normal, this.#listed].flatMap(({ system, transient }) => [system, transient]).find(scope => scope.class === kind)
    if (found == null) throw new InvalidParametersError(`there is no scope of the kind ${kind}`)
    return new ForeignScopeHandle(this.#world, found)
  }

  setLimits (limits: LimitConfig): void {
    this.#limits = new Limits(limits)
  }

  stat (): ResourceStat {
    const usages = (of: Named): ReadonlyMap<string, ScopeUsage> => new Map(this.#all(of).map(scope => [scope.of ?? '', this.#world.usage(scope)]))
    return {
      system: this.#world.usage(this.#normal.system),
      transient: this.#world.usage(this.#normal.transient),
      services: usages('service'),
      protocols: usages('protocol'),
      peers: usages('peer')
    }
  }

  snapshot ({ peers: most = 100 }: SnapshotOptions = {}): ResourceSnapshot {
    const shares = (of: ScopeClass, peer: Scope): ScopeSnapshot[] => this.#all(of).filter(scope => scope.peer === peer.of).map(scope => this.#look(scope))
    const peers = this.#all('peer').map((scope): PeerSnapshot => ({ ...this.#look(scope), protocols: shares('protocol-peer', scope), services: shares('service-peer', scope) }))
    const weight = ({ usage }: ScopeSnapshot): number => usage.connectionsInbound + usage.connectionsOutbound + usage.streamsInbound + usage.streamsOutbound
    return {
      system: this.#look(this.#normal.system),
      transient: this.#look(this.#normal.transient),
      allowlistedSystem: this.#look(this.#listed.system),
      allowlistedTransient: this.#look(this.#listed.transient),
      services: this.#all('service').map(scope => this.#look(scope)),
      protocols: this.#all('protocol').map(scope => this.#look(scope)),
      peers: peers.sort((a, b) => weight(b) - weight(a)).slice(0, most),
      prefixes: this.#prefixes.snapshot(most),
      classes: Object.fromEntries(CLASSES.map(of => [of, this.#lookAtClass(of)])) as Record<ScopeClass, ClassSnapshot>
    }
  }

  #look (scope: Scope): ScopeSnapshot {
    return { class: scope.class, name: scope.name, usage: this.#world.usage(scope), limits: scope.bounds().limits, peak: scope.peak, refusals: { ...scope.refusals } }
  }

  #lookAtClass (of: ScopeClass): ClassSnapshot {
    const { peak, refusals } = this.#world.totals(of)
    const spans = (scope: Scope): number => [...scope.spans].reduce((sum, span) => sum + 1 + spans(span), 0)
    const count = of === 'span' ? [...this.#world.members].reduce((sum, scope) => sum + spans(scope), 0) : this.#all(of).length
    return of === 'prefix'
      ? { count: this.#prefixes.snapshot(0).tracked, idle: 0, peak, refusals: this.#prefixes.refusals() }
      : { count, idle: 0, peak, refusals: { ...refusals } }
  }

  #all (of: ScopeClass): Scope[] {
    return [...this.#world.members].filter(scope => scope.class === of)
  }

  #makeLane (system: 'system' | 'allowlistedSystem', transient: 'transient' | 'allowlistedTransient'): Lane {
    const top = new Scope({ class: system, name: system, bounds: () => this.#limits.one(system) })
    return { system: top, transient: new Scope({ class: transient, name: transient, bounds: () => this.#limits.one(transient), parents: [top] }) }
  }

  #named (of: Named, name: string): Scope {
    return this.#world.find(of, name, undefined, () => new Scope({
      class: of, name: `${of}:${name}`, of: name, rooted: true, root: this.#normal.system, bounds: () => this.#limits.named(of, name)
    }))
  }

  /** What a peer may use of a protocol or service; bounds that, and counts nowhere else */
  #share (of: 'protocol' | 'service', name: string, peer: string): Scope {
    return this.#world.find(`${of}-peer`, name, peer, () => new Scope({
      class: `${of}-peer`, name: `${of}:${name}.peer:${peer}`, of: name, peer, bounds: () => this.#limits.named(`${of}Peer`, name)
    }))
  }

  /** Finds a place in the normal lane, or in the other one, where that is full and open */
  #place (scope: Scope, one: ScopeUsage, parents: readonly Scope[], isListed: () => boolean): ResourceRefusal | undefined {
    const refused = this.#enter(scope, one, parents, this.#normal)
    const isLaneFull = refused?.scopeClass === 'system' || refused?.scopeClass === 'transient'
    return isLaneFull && isListed() ? this.#enter(scope, one, parents, this.#listed) : refused
  }

  #enter (scope: Scope, one: ScopeUsage, parents: readonly Scope[], { system, transient }: Lane): ResourceRefusal | undefined {
    scope.parents = [...parents, transient]
    scope.root = system
    const refused = this.#world.check(scope.line(), one)
    if (refused == null) scope.base = one
    return refused
  }

  #settlePeer (connection: ForeignConnection, peer: string): ResourceRefusal | undefined {
    const { origin, held } = connection
    const refused = this.#world.move(held, [this.#named('peer', peer)], this.#laneOf(held, origin, peer).system)
    if (refused != null) return refused
    connection.peer = peer
    // proven to be somebody whose connections are not counted: the place it took before is free again
    if (this.allowlist.lifts(origin.address, peer).counts) connection.origin = { address: origin.address, lifted: { ...origin.lifted, counts: true } }
    return undefined
  }

  /** Where a connection belongs once its peer is known: the wrong one has to find room in the normal lane */
  #laneOf (scope: Scope, origin: Origin, peer: string): Lane {
    if (scope.root !== this.#listed.system) return this.#normal
    return this.allowlist.lifts(origin.address, peer).lane ? this.#listed : this.#normal
  }

  #usesDescriptor ({ usesDescriptor = false, address }: OpenConnectionOptions): boolean {
    return usesDescriptor && address?.class !== 'relayed'
  }

  #originOf ({ address }: OpenConnectionOptions): Origin {
    return { address, lifted: this.allowlist.lifts(address, undefined) }
  }

  #origins (): Origin[] {
    return [...this.#open].flatMap(({ direction, origin }) => direction === 'inbound' ? [origin] : [])
  }
}
