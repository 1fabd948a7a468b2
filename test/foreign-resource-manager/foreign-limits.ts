import { InvalidParametersError } from '@libp2p/interface'
import { LIMIT_KEYS } from './foreign-usage.ts'
import type { Bounds } from './foreign-scope.ts'
import type { LimitConfig, NamedLimits, PartialScopeLimits, PrefixConfig, ScopeLimits } from '@cordon/interface-resource-manager'

const MIB = 2 ** 20

function bounds (connections: number, streams: number, fileDescriptors: number, memory: number): ScopeLimits {
  return {
    connections, connectionsInbound: connections, connectionsOutbound: connections,
    streams, streamsInbound: streams, streamsOutbound: streams, fileDescriptors, memory
  }
}

/** For every machine the same: whoever uses this knows what they want */
const DEFAULTS = {
  system: bounds(128, 2_048, 256, 128 * MIB),
  transient: bounds(64, 256, 64, 32 * MIB),
  allowlistedSystem: bounds(128, 2_048, 256, 128 * MIB),
  allowlistedTransient: bounds(64, 256, 64, 32 * MIB),
  serviceDefault: bounds(0, 4_096, 0, 64 * MIB),
  servicePeerDefault: bounds(0, 256, 0, 16 * MIB),
  protocolDefault: bounds(0, 2_048, 0, 64 * MIB),
  protocolPeerDefault: bounds(0, 256, 0, 16 * MIB),
  peerDefault: bounds(8, 512, 4, 64 * MIB),
  connection: bounds(1, 0, 1, 32 * MIB),
  stream: bounds(0, 1, 0, 16 * MIB)
}

type One = keyof typeof DEFAULTS
type Many = 'service' | 'servicePeer' | 'protocol' | 'protocolPeer' | 'peer'

const ONES = Object.keys(DEFAULTS) as One[]
const MANY: readonly Many[] = ['service', 'servicePeer', 'protocol', 'protocolPeer', 'peer']

const LEVEL = { connections: 8, rate: 0.2, burst: 16 }

const PREFIXES = {
  ipv4: [{ length: 32, ...LEVEL }],
  ipv6: [{ length: 56, ...LEVEL }, { length: 48, connections: 64, rate: 0.5, burst: 80 }],
  entries: { '127.0.0.0/8': {}, '::1/128': {} },
  relay: { connections: 8 },
  other: {},
  global: {}
}

/** One in so many inbound connections may come through relays */
const RELAYED_SHARE = 4

/** Where connections may come from, with nothing left out */
export type PrefixSettings = { readonly [K in keyof PrefixConfig]-?: NonNullable<PrefixConfig[K]> }

function fail (path: string, expected: string, value: unknown): never {
  throw new InvalidParametersError(`${path} must be ${expected}, got ${String(value)}`)
}

function entriesOf (path: string, value: unknown, known?: readonly string[]): Array<[string, unknown]> {
  if (typeof value !== 'object' || value == null || Array.isArray(value)) fail(path, 'an object', value)
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  const stray = known == null ? undefined : entries.find(([key]) => !known.includes(key))
  if (stray != null) fail(`${path}.${stray[0]}`, `absent, because there is only ${known?.join(', ')}`, stray[1])
  return entries
}

function checkCount (path: string, value: unknown): void {
  if (typeof value !== 'number' || !(value === Infinity || (Number.isSafeInteger(value) && value >= 0))) fail(path, 'a whole number from 0, or Infinity', value)
}

function checkScope (path: string, value: unknown): void {
  for (const [key, limit] of entriesOf(path, value, LIMIT_KEYS)) checkCount(`${path}.${key}`, limit)
}

function checkPrefix (path: string, value: unknown, bits?: number): void {
  const known = ['connections', 'rate', 'burst', ...(bits == null ? [] : ['length'])]
  const entries = entriesOf(path, value, known)
  if (bits != null && !entries.some(([key]) => key === 'length')) fail(`${path}.length`, 'given', undefined)
  for (const [key, number] of entries) {
    if (key === 'rate' && (typeof number !== 'number' || !(number >= 0))) fail(`${path}.rate`, 'a number from 0', number)
    if (key !== 'rate') checkCount(`${path}.${key}`, number)
    if (key === 'length' && bits != null && Number(number) > bits) fail(`${path}.length`, `at most ${bits}`, number)
  }
}

function checkLevels (path: string, value: unknown, bits: number): void {
  if (!Array.isArray(value)) fail(path, 'an array', value)
  value.forEach((level, i) => { checkPrefix(`${path}.${i}`, level, bits) })
}

function checkPrefixes (value: unknown): void {
  for (const [key, given] of entriesOf('prefixes', value, [...Object.keys(PREFIXES), 'relayed'])) {
    const path = `prefixes.${key}`
    if (key === 'ipv4' || key === 'ipv6') checkLevels(path, given, key === 'ipv4' ? 32 : 128)
    else if (key !== 'entries') checkPrefix(path, given)
    else for (const [prefix, limits] of entriesOf(path, given)) if (limits !== false) checkPrefix(`${path}.${prefix}`, limits)
  }
}

/** What is set, and not undefined */
function set<T extends object> (limits: T | undefined): T {
  return Object.fromEntries(Object.entries(limits ?? {}).filter(([, value]) => value !== undefined)) as T
}

/** The limits of a node: what was set, over what is so without */
export class Limits {
  readonly #given: LimitConfig
  readonly prefixes: PrefixSettings

  /** @throws {InvalidParametersError} with the path of what is wrong */
  constructor (given: LimitConfig) {
    for (const [key, value] of entriesOf('limits', given, [...ONES, ...MANY, 'prefixes'])) {
      if (key === 'prefixes') checkPrefixes(value)
      else if ((ONES as readonly string[]).includes(key)) checkScope(key, value)
      else for (const [name, limits] of entriesOf(key, value)) checkScope(`${key}.${name}`, limits)
    }
    this.#given = structuredClone(given)
    const { entries, ...prefixes } = set(this.#given.prefixes)
    const relayed = { connections: Math.ceil(this.one('system').limits.connectionsInbound / RELAYED_SHARE) }
    this.prefixes = { ...PREFIXES, relayed, ...prefixes, entries: { ...PREFIXES.entries, ...set(entries) } }
  }

  one (key: One): Bounds {
    return { limits: { ...DEFAULTS[key], ...set(this.#given[key]) }, path: `limits.${key}` }
  }

  named (key: Many, name: string): Bounds {
    const named: NamedLimits = this.#given[key] ?? {}
    const without = this.one(`${key}Default`)
    const own: PartialScopeLimits | undefined = Object.hasOwn(named, name) ? named[name] : undefined
    return own == null ? without : { limits: { ...without.limits, ...set(own) }, path: `limits.${key}.${name}` }
  }
}
