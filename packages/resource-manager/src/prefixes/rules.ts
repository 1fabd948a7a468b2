import { formatPrefix, parsePrefix } from '@cordon/address'
import { show } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'
import { NAME } from '../constants.ts'
import { UNLIMITED } from '../limits/limits.ts'
import type { Prefix } from '@cordon/address'
import type { PrefixConfig, PrefixLevel, PrefixLimits } from '@cordon/interface-resource-manager'

/** What applies to a prefix, as it is computed with */
export interface PrefixRule {
  readonly connections: number
  readonly burst: number
  /** Between two connections, in ms, on average; 0 where there is no bound, `Infinity` where nothing is admitted */
  readonly interval: number
  /** How far ahead of time its bucket may be, in ms; negative where it holds nothing */
  readonly depth: number
  /** Where in the configuration it is set, such as `ipv4[0]` */
  readonly path: string
}

/** As many as fit in a burst before the rate counts, where nothing is said; go-libp2p's for one address */
const BURST = 16

/** The bursts, rates and counts of go-libp2p (`conn_limiter.go`, `conn_rate_limiter.go` of v0.48.0) */
const DEFAULT_PREFIXES = {
  ipv4: [{ length: 32, connections: 8, rate: 0.2, burst: 16 }],
  ipv6: [{ length: 56, connections: 8, rate: 0.2, burst: 16 }, { length: 48, connections: 64, rate: 0.5, burst: 80 }],
  entries: { '127.0.0.0/8': {}, '::1/128': {} },
  relay: { connections: 8 },
  other: {},
  global: {}
} as const satisfies Omit<Required<PrefixConfig>, 'relayed'>

/** How many of all inbound connections may be relayed, as one in so many: relays are as many as anybody likes to make */
const RELAYED_SHARE = 4

/** All rules of a node */
export interface PrefixRules {
  readonly ipv4: readonly LevelRule[]
  readonly ipv6: readonly LevelRule[]
  /** The most specific first */
  readonly entries: readonly EntryRule[]
  readonly relay: PrefixRule
  readonly relayed: PrefixRule
  readonly other: PrefixRule
  readonly global: PrefixRule
}

export interface LevelRule {
  readonly length: number
  readonly rule: PrefixRule
}

export interface EntryRule {
  readonly name: string
  readonly prefix: Prefix
  readonly rule: PrefixRule
}

/** Nothing is limited where nothing is said */
export function isLimited (rule: PrefixRule): boolean {
  return rule.connections < UNLIMITED || rule.interval > 0
}

/** What applies to all relays together where nothing is said; at least one where there may be any */
export function relayedByDefault (inbound: number): PrefixLimits {
  return { connections: Math.ceil(inbound / RELAYED_SHARE) }
}

/**
 * @param inbound - how many inbound connections the node may have
 * @throws {InvalidParametersError} with the path of the first entry that is wrong
 */
export function prefixRules (config: PrefixConfig, inbound: number): PrefixRules {
  return {
    ipv4: levels('ipv4', config.ipv4 ?? DEFAULT_PREFIXES.ipv4),
    ipv6: levels('ipv6', config.ipv6 ?? DEFAULT_PREFIXES.ipv6),
    entries: entries(config.entries ?? {}),
    relay: ruleOf('relay', config.relay ?? DEFAULT_PREFIXES.relay),
    relayed: ruleOf('relayed', config.relayed ?? relayedByDefault(inbound)),
    other: ruleOf('other', config.other ?? DEFAULT_PREFIXES.other),
    global: ruleOf('global', config.global ?? DEFAULT_PREFIXES.global)
  }
}

/** The longest first, so that a refusal names the narrowest */
function levels (name: string, config: readonly PrefixLevel[]): LevelRule[] {
  return config
    .map((level, index) => ({ length: level.length, rule: ruleOf(`${name}[${index}]`, level) }))
    .filter(({ rule }) => isLimited(rule))
    .sort((a, b) => b.length - a.length)
}

/** An entry replaces the exemption of the same prefix, however that is spelt; what is there once cannot be there again */
function entries (config: NonNullable<PrefixConfig['entries']>): EntryRule[] {
  const rules = new Map(Object.entries(DEFAULT_PREFIXES.entries).map(([name, limits]) => [name, entryOf(name, limits)]))
  const exempt = [...rules.keys()].join(' and ')
  const seen = new Map<string, string>()
  for (const [name, limits] of Object.entries(config)) {
    const path = `${NAME}.limits.prefixes.entries[${show(name)}]`
    const key = keyOf(path, name)
    const other = seen.get(key)
    if (other !== undefined) throw new InvalidParametersError(`${path} is the same prefix as ${show(other)}, which is there already`)
    seen.set(key, name)
    if (limits !== false) rules.set(key, entryOf(name, limits))
    else if (!rules.delete(key)) throw new InvalidParametersError(`${path} is false, but there is nothing to remove: only ${exempt} are there by default; connections: 0 admits nobody`)
  }
  return [...rules.values()].sort((a, b) => b.prefix.length - a.prefix.length)
}

function entryOf (name: string, limits: PrefixLimits): EntryRule {
  return { name, prefix: parsePrefix(name), rule: ruleOf(`entries[${JSON.stringify(name)}]`, limits) }
}

/** The same for every spelling of a prefix */
function keyOf (path: string, name: string): string {
  try {
    return formatPrefix(parsePrefix(name))
  } catch (error) {
    throw new InvalidParametersError(`${path} is no prefix: ${error instanceof Error ? error.message : show(error)}`)
  }
}

function ruleOf (path: string, { connections = Infinity, rate = Infinity, burst = BURST }: PrefixLimits): PrefixRule {
  const interval = rate === Infinity ? 0 : 1_000 / rate
  return {
    path,
    connections: Math.min(connections, UNLIMITED),
    burst,
    interval,
    depth: interval === Infinity ? -1 : (burst - 1) * interval
  }
}
