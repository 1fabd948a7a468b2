import { refusal } from './foreign-refusal.ts'
import { add, amounts, highest, LIMIT_KEYS, NO_PEAK, NOTHING } from './foreign-usage.ts'
import type { Scope } from './foreign-scope.ts'
import type { LimitKey, RefusalCause, ResourceRefusal, ScopeClass, ScopePeak, ScopeUsage } from '@cordon/interface-resource-manager'

const ALWAYS = 255

interface Totals {
  peak: ScopePeak
  readonly refusals: Partial<Record<RefusalCause, number>>
}

export const CLASSES: readonly ScopeClass[] = [
  'system', 'transient', 'allowlistedSystem', 'allowlistedTransient',
  'service', 'service-peer', 'protocol', 'protocol-peer', 'peer', 'connection', 'stream', 'span', 'prefix'
]

/** What of a limit may be used at this priority; nothing is counted beyond what a number holds exactly */
function roomFor (key: LimitKey, limit: number, priority: number): number {
  return key === 'memory' && limit !== Infinity ? Math.floor(limit / 256 * (1 + priority)) : Math.min(limit, Number.MAX_SAFE_INTEGER)
}

function directionOf (key: LimitKey, more: ScopeUsage): 'inbound' | 'outbound' | undefined {
  if (key === 'memory') return undefined
  return more.connectionsInbound + more.streamsInbound > 0 ? 'inbound' : 'outbound'
}

/** What is above afterwards and was not before: the system scope is asked first, and the share of a peer last */
function gains (before: ReadonlySet<Scope>, after: ReadonlySet<Scope>): Scope[] {
  const rank = ({ class: of }: Scope): number => of === 'system' ? 0 : of.endsWith('-peer') ? 2 : 1
  return [...after].filter(scope => !before.has(scope)).sort((a, b) => rank(a) - rank(b))
}

/**
 * All scopes that there are. Nothing is counted: what a scope uses is the sum over everybody in whose line it stands,
 * so that there is nothing that could be forgotten, or given back twice.
 */
export class World {
  /** Connections and streams while they are held, and every other scope while somebody uses it; spans belong to their scopes */
  readonly #members = new Set<Scope>()
  readonly #fixed: ReadonlySet<Scope>
  readonly #totals = new Map<ScopeClass, Totals>(CLASSES.map(name => [name, { peak: NO_PEAK, refusals: {} }]))

  constructor (fixed: readonly Scope[]) {
    this.#fixed = new Set(fixed)
    for (const scope of fixed) this.#members.add(scope)
  }

  get members (): ReadonlySet<Scope> {
    return this.#members
  }

  totals (of: ScopeClass): Totals {
    const totals = this.#totals.get(of)
    if (totals == null) throw new Error(`there are no ${of}`)
    return totals
  }

  /** The scope of this name, or one that comes into being with its first user */
  find (of: ScopeClass, name: string, peer: string | undefined, make: () => Scope): Scope {
    const found = [...this.#members].find(scope => scope.class === of && scope.of === name && scope.peer === peer)
    return found ?? make()
  }

  usage (scope: Scope): ScopeUsage {
    if (scope.class === 'span' || scope.class === 'connection' || scope.class === 'stream') return scope.total()
    return [...this.#members].filter(member => member.line().has(scope)).reduce((sum, member) => add(sum, member.total()), NOTHING)
  }

  /** The first of these scopes that has no room for more */
  check (line: Iterable<Scope>, more: ScopeUsage, priority?: number): ResourceRefusal | undefined {
    const wanted = amounts(more)
    for (const scope of line) {
      const used = amounts(this.usage(scope))
      const { limits, path } = scope.bounds()
      const full = LIMIT_KEYS.find(key => wanted[key] > 0 && used[key] + wanted[key] > roomFor(key, limits[key], priority ?? ALWAYS))
      if (full == null) continue
      const direction = directionOf(full, more)
      return refusal({
        code: 'limit', cause: full, scope: scope.name, scopeClass: scope.class, current: used[full], attempted: wanted[full],
        limit: limits[full], configPath: `${path}.${full}`,
        ...(direction == null ? {} : { direction }), ...(priority == null ? {} : { priority })
      })
    }
    return undefined
  }

  /** Writes down who refused; answers with what it was given */
  count (refused: ResourceRefusal, line: Iterable<Scope>): ResourceRefusal {
    const { cause, scopeClass, scope: name } = refused
    if (cause == null) return refused
    const scope = [...line].find(each => each.class === scopeClass && each.name === name)
    for (const counts of [this.totals(scopeClass).refusals, scope?.refusals]) {
      if (counts != null) counts[cause] = (counts[cause] ?? 0) + 1
    }
    return refused
  }

  /** Something has changed in this scope: whoever is above it exists, and may have used more than ever */
  settle (scope: Scope): void {
    for (const each of scope.line()) {
      if (each.class !== 'span') this.#members.add(each)
      const used = amounts(this.usage(each))
      const totals = this.totals(each.class)
      each.peak = highest(each.peak, used)
      totals.peak = highest(totals.peak, used)
    }
    this.sweep()
  }

  /** It holds nothing any more, and neither does whoever is reached through it */
  end (scope: Scope): void {
    scope.ended = true
    scope.reservations.clear()
    this.#members.delete(scope)
    for (const owner of scope.class === 'span' ? scope.parents : []) owner.spans.delete(scope)
    this.sweep()
  }

  /** Moves a scope with all it holds. Who stays above it is not asked, and a refusal changes nothing. */
  move (scope: Scope, parents: readonly Scope[], root = scope.root): ResourceRefusal | undefined {
    const before = scope.line()
    const gained = gains(before, scope.line(parents, root))
    const refused = this.check(gained, scope.total())
    if (refused != null) return this.count(refused, gained)
    scope.parents = parents
    scope.root = root
    this.settle(scope)
    return undefined
  }

  /** Lets go of what nobody uses */
  sweep (): void {
    const used = new Set<Scope>(this.#fixed)
    for (const member of this.#members) {
      const line = [...member.line()]
      const isUser = member.class === 'connection' || member.class === 'stream' || member.handles.size + member.reservations.size + member.spans.size > 0
      if (isUser) for (const each of line) used.add(each)
    }
    for (const member of this.#members) if (!used.has(member)) this.#members.delete(member)
  }
}
