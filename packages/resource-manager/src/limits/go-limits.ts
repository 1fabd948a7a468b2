import { isPlainObject, show } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'
import { MAX_NAME_LENGTH, MAX_NAMED, NAME } from '../constants.ts'
import { LIMIT_KEYS } from '../graph/causes.ts'
import { peerIdFault } from '../peer-id.ts'
import { NAMED_SCOPES } from './defaults.ts'
import { findTwice } from './json-keys.ts'
import { canonicalPeer } from './peer-cid.ts'
import { checkPeers, parseLimits } from './schema.ts'
import type { DefaultScope, NamedScopeKind } from './defaults.ts'
import type { LimitConfig, LimitKey, LimitWarning, NamedLimits, PartialScopeLimits } from '@cordon/interface-resource-manager'

/** What was read from a file */
export interface ReadLimits {
  readonly limits: LimitConfig
  readonly warnings: readonly LimitWarning[]
}

/** What is written into a file, and what of the limits is not */
export interface WrittenLimits {
  readonly text: string
  readonly warnings: readonly LimitWarning[]
}

/** go-libp2p's names, in the order in which it writes them */
const FIELDS: Readonly<Record<LimitKey, string>> = {
  streams: 'Streams',
  streamsInbound: 'StreamsInbound',
  streamsOutbound: 'StreamsOutbound',
  connections: 'Conns',
  connectionsInbound: 'ConnsInbound',
  connectionsOutbound: 'ConnsOutbound',
  fileDescriptors: 'FD',
  memory: 'Memory'
}

const SCOPES: ReadonlyArray<readonly [string, DefaultScope | NamedScopeKind]> = [
  ['Service', 'service'], ['ServicePeer', 'servicePeer'], ['Protocol', 'protocol'], ['ProtocolPeer', 'protocolPeer'], ['Peer', 'peer'],
  ['System', 'system'], ['Transient', 'transient'], ['AllowlistedSystem', 'allowlistedSystem'], ['AllowlistedTransient', 'allowlistedTransient'],
  ['ServiceDefault', 'serviceDefault'], ['ServicePeerDefault', 'servicePeerDefault'], ['ProtocolDefault', 'protocolDefault'],
  ['ProtocolPeerDefault', 'protocolPeerDefault'], ['PeerDefault', 'peerDefault'], ['Conn', 'connection'], ['Stream', 'stream']
]

/** A limit of a name is in three objects, and nothing is in more */
const DEPTH = 3

/** A key that needs no quotes in a path */
const PLAIN_KEY = /^\w{1,64}$/

/** What a number cannot hold exactly is more than anybody has */
const UNLIMITED_FROM = 2 ** 53

type Json = Readonly<Record<string, unknown>>

/**
 * Reads the limits of go-libp2p, as Kubo has them in `libp2p-resource-limit-overrides.json`. `"default"` and what is
 * missing are left to the defaults, `"unlimited"` and -1 are no limit, `"blockAll"`, 0 and -2 admit nothing. Peers may
 * be spelt as CIDs. `null` is what go-libp2p takes it for, with a warning: nothing for a scope, and 0 for a count.
 *
 * @param json - the text of the file; or what `JSON.parse` made of it, in which nobody sees that a key was there twice
 * @throws {InvalidParametersError} with the path of the first key or value that is wrong, or that is there twice
 */
export function readLimits (json: unknown): ReadLimits {
  const reader = new Reader()
  const limits = reader.file(typeof json === 'string' ? parse(json) : json)
  return { limits, warnings: reader.warnings }
}

function parse (file: string): unknown {
  // editors on Windows begin a file with a mark
  const text = file.replace(/^\uFEFF/, '')
  const json = fromJSON(text)
  const twice = findTwice(text, DEPTH)
  if (twice !== undefined) throw wrong(pathOf(twice), 'is there twice, and nobody can tell which of them counts')
  return json
}

function fromJSON (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw Object.assign(new InvalidParametersError(`the limits are no JSON: ${cause instanceof Error ? cause.message : String(cause)}`), { cause })
  }
}

/** As the reader names them, also where it would know no such key */
function pathOf ([section = '', ...keys]: readonly string[]): string {
  const isNamed = SCOPES.some(([name, scope]) => scope in NAMED_SCOPES && name.toLowerCase() === section.toLowerCase())
  const inner = keys.map((key, index) => (isNamed && index === 0) || !PLAIN_KEY.test(key) ? `[${show(key)}]` : `.${key}`)
  return `${PLAIN_KEY.test(section) ? section : show(section)}${inner.join('')}`
}

class Reader {
  readonly warnings: LimitWarning[] = []

  file (json: unknown): LimitConfig {
    const config: Partial<Record<DefaultScope | NamedScopeKind, PartialScopeLimits | NamedLimits>> = {}
    const names = new Map<string, DefaultScope | NamedScopeKind>(SCOPES)
    for (const [key, value, path] of this.#entries('', json, [...names.keys()])) {
      const scope = names.get(key) as DefaultScope | NamedScopeKind
      if (value === null) this.#warn(path, 'null, which is read as if it were not there')
      else config[scope] = scope in NAMED_SCOPES ? this.#named(path, value, scope === 'peer') : this.#scope(path, value)
    }
    return config as LimitConfig
  }

  #named (path: string, json: unknown, ofPeers: boolean): NamedLimits {
    const object = objectAt(path, json)
    const names = Object.keys(object)
    if (names.length > MAX_NAMED) throw wrong(path, `has ${names.length} entries, more than ${MAX_NAMED}`)
    const limits = Object.create(null) as Record<string, PartialScopeLimits>
    for (const name of names) {
      const at = `${path}[${show(name)}]`
      if (name.length === 0 || name.length > MAX_NAME_LENGTH) throw wrong(at, `is no name of 1 to ${MAX_NAME_LENGTH} characters`)
      const read = ofPeers ? peerAt(at, name) : name
      if (Object.hasOwn(limits, read)) throw wrong(at, `is a second ${read}; go-libp2p does not tell them apart`)
      limits[read] = this.#entry(at, object[name])
    }
    return limits
  }

  /** A name is there also where nothing is said about it */
  #entry (path: string, json: unknown): PartialScopeLimits {
    if (json !== null) return this.#scope(path, json)
    this.#warn(path, 'null, which is read as {}')
    return {}
  }

  #scope (path: string, json: unknown): PartialScopeLimits {
    const limits: Partial<Record<LimitKey, number>> = {}
    for (const [name, value, at] of this.#entries(path, json, LIMIT_KEYS.map(key => FIELDS[key]))) {
      const key = LIMIT_KEYS.find(key => FIELDS[key] === name) as LimitKey
      const limit = this.#limit(at, value, key)
      if (limit != null) limits[key] = limit
    }
    return limits
  }

  /** The known keys with what they hold; go-libp2p does not tell `streams` from `Streams` */
  * #entries (path: string, json: unknown, known: readonly string[]): Generator<readonly [string, unknown, string]> {
    const object = objectAt(path, json)
    const seen = new Set<string>()
    for (const key of Object.keys(object)) {
      const name = known.find(name => name === key) ?? known.find(name => name.toLowerCase() === key.toLowerCase())
      const at = path === '' ? key : `${path}.${key}`
      if (name == null) throw new InvalidParametersError(`${path === '' ? 'the limits have' : `${path} has`} no key ${show(key)}, only ${known.join(', ')}`)
      if (seen.has(name)) throw wrong(at, `is a second ${name}; go-libp2p does not tell them apart`)
      seen.add(name)
      if (name !== key) this.#warn(at, `read as ${name}`)
      yield [name, object[key], at]
    }
  }

  #limit (path: string, value: unknown, key: LimitKey): number | undefined {
    switch (value) {
      case 'default': return undefined
      case 'unlimited': return Infinity
      case 'blockAll': return 0
      default:
    }
    if (value === null && key !== 'memory') {
      this.#warn(path, 'null, which is read as 0 and admits nothing, as in go-libp2p')
      return 0
    }
    const limit = key === 'memory' && typeof value === 'string' && /^[+-]?\d{1,30}$/.test(value) ? Number(value) : value
    if (limit === -1) return Infinity
    if (limit === -2) return 0
    if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 0) {
      throw wrong(path, `must be a whole number of at least 0${key === 'memory' ? ', also as a string' : ''}, or one of "default", "unlimited", "blockAll", got ${show(value)}`)
    }
    if (limit < UNLIMITED_FROM) return limit
    this.#warn(path, '2 ** 53 or more, which no number holds exactly: it is read as unlimited')
    return Infinity
  }

  #warn (path: string, what: string): void {
    this.warnings.push({ path, message: `${path} is ${what}` })
  }
}

/** The canonical text of a peer */
function peerAt (path: string, text: string): string {
  const peer = canonicalPeer(text)
  const fault = peerIdFault(peer)
  if (fault !== undefined) throw wrong(path, fault)
  return peer
}

function objectAt (path: string, json: unknown): Json {
  if (!isPlainObject(json)) throw wrong(path === '' ? 'the limits' : path, `must be an object, got ${show(json)}`)
  return json as Json
}

function wrong (path: string, message: string): InvalidParametersError {
  return new InvalidParametersError(`${path} ${message}`)
}

/**
 * Writes limits as go-libp2p does, in its order and without spaces. Its file has no place for `prefixes`: they are left
 * out, with a warning.
 *
 * @throws {InvalidParametersError} with the path and the value of the first limit that is wrong
 */
export function writeLimits (config: LimitConfig): WrittenLimits {
  const limits = parseLimits(config)
  checkPeers(limits)
  const file: Record<string, unknown> = {}
  for (const [name, scope] of SCOPES) {
    const written = scope in NAMED_SCOPES ? writeNamed(limits[scope] as NamedLimits | undefined) : writeScope(limits[scope])
    if (written != null && (scope in NAMED_SCOPES || Object.keys(written).length > 0)) file[name] = written
  }
  const path = `${NAME}.limits.prefixes`
  const left = Object.values(limits.prefixes ?? {}).some(value => value !== undefined)
  return { text: JSON.stringify(file), warnings: left ? [{ path, message: `${path} is left out: the file of go-libp2p has no place for it` }] : [] }
}

function writeNamed (limits: NamedLimits | undefined): Record<string, unknown> | undefined {
  const names = Object.keys(limits ?? {})
  if (limits == null || names.length === 0) return undefined
  const written = Object.create(null) as Record<string, unknown>
  for (const name of names.sort()) written[name] = writeScope(limits[name]) ?? {}
  return written
}

function writeScope (limits: PartialScopeLimits | undefined): Record<string, unknown> | undefined {
  if (limits == null) return undefined
  const written: Record<string, unknown> = {}
  for (const key of LIMIT_KEYS) {
    const limit = limits[key]
    if (limit != null) written[FIELDS[key]] = limit === Infinity ? 'unlimited' : limit === 0 ? 'blockAll' : key === 'memory' ? String(limit) : limit
  }
  return written
}

const COUNT_SCHEMA = { anyOf: [{ type: 'integer', minimum: -2 }, { enum: ['default', 'unlimited', 'blockAll', null] }] } as const
const MEMORY_SCHEMA = { anyOf: [{ type: 'integer', minimum: -2 }, { type: 'string', pattern: '^(\\+?[0-9]{1,30}|-[12]|default|unlimited|blockAll)$' }] } as const

/** A JSON Schema of the file that `readLimits` reads; it knows no key that differs in case only, of which `readLimits` merely warns */
export const goLimitsSchema: Readonly<Record<string, unknown>> = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Resource limits of go-libp2p',
  type: 'object',
  additionalProperties: false,
  properties: {
    ...Object.fromEntries(SCOPES.map(([name, scope]) => [name, { $ref: scope === 'peer' ? '#/$defs/peers' : scope in NAMED_SCOPES ? '#/$defs/named' : '#/$defs/scope' }]))
  },
  $defs: {
    scope: {
      type: ['object', 'null'],
      additionalProperties: false,
      properties: Object.fromEntries(LIMIT_KEYS.map(key => [FIELDS[key], key === 'memory' ? MEMORY_SCHEMA : COUNT_SCHEMA]))
    },
    named: {
      type: ['object', 'null'],
      maxProperties: MAX_NAMED,
      propertyNames: { minLength: 1, maxLength: MAX_NAME_LENGTH },
      additionalProperties: { $ref: '#/$defs/scope' }
    },
    peers: { type: ['object', 'null'], $ref: '#/$defs/named', propertyNames: { pattern: '^(?:[1-9A-HJ-NP-Za-km-z]{46,53}|bafz[a-z2-7]{55,63}|k[0-9a-z]{55,62}|z[1-9A-HJ-NP-Za-km-z]{48,55})$' } }
  }
}
