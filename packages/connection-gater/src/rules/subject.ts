import { formatPrefix, isPeerIdText, normaliseAddress, parsePrefix } from '@cordon/address'
import { InvalidRuleError } from '@cordon/interface-connection-gater'
import { show } from '@cordon/options'
import { MAX_SUBJECT } from '../constants.ts'
import { formatKey, formatPattern, TRANSPORTS } from './pattern.ts'
import type { Host, Pattern } from './pattern.ts'
import type { Prefix } from '@cordon/address'
import type { GatePredicate, Subject, SubjectKind } from '@cordon/interface-connection-gater'

/** A subject as tables hold it: a range, a text that is looked up as it is, a pattern or a function */
export type Parsed =
  { readonly type: 'prefix', readonly kind: 'ip' | 'cidr', readonly text: string, readonly prefix: Prefix } |
  { readonly type: 'name', readonly kind: 'peer' | 'pattern' | 'relay' | 'transport' | 'relayed', readonly text: string, readonly name: string } |
  { readonly type: 'pattern', readonly kind: 'pattern', readonly text: string, readonly pattern: Pattern } |
  { readonly type: 'predicate', readonly kind: 'predicate', readonly text: string, readonly predicate: GatePredicate }

export const RELAYED = '/p2p-circuit'

/** How else the transports of patterns are called in multiaddrs */
const ALIASES: ReadonlyMap<string, string> = new Map([['quic-v1', 'quic']])

const PORTS: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp', 'dccp'])

/**
 * Reads a subject in any of its spellings.
 *
 * @throws {InvalidRuleError} with what was given
 */
export function parseSubject (subject: Subject): Parsed {
  if (typeof subject === 'string') return parseText(subject)
  const keys = typeof subject === 'object' && (subject as unknown) !== null ? Object.keys(subject) : []
  if ('predicate' in Object(subject)) return parsePredicate(subject as { predicate: GatePredicate, name: string })
  const [key = ''] = keys
  if (keys.length !== 1) throw new InvalidRuleError(`a subject is a text (of a peer id its toString()), or an object with one of peer, ip, cidr, pattern, relay, transport, relayed, predicate; got ${show(subject)}${keys.length > 1 ? ` with ${keys.length} keys` : ''}`, show(subject))
  const value = (subject as Record<string, unknown>)[key]
  if (key === 'relayed' && value === true) return parseText(RELAYED)
  if (typeof value !== 'string') throw new InvalidRuleError(`${key} of a subject must be ${key === 'relayed' ? 'true' : 'a string'}, got ${show(value)}`, show(value))
  return parseAs(key, value)
}

function parseAs (key: string, value: string): Parsed {
  switch (key) {
    case 'peer': return nameOf('peer', peerOf(value.startsWith('/p2p/') ? value.slice(5) : value, value))
    case 'ip': return expect(ofAddress(value), ['ip'], 'an IP address', value)
    case 'cidr': return expect(parseText(value), ['ip', 'cidr'], 'an IP address, or one with a length as in 192.0.2.0/24', value)
    case 'pattern': return value.startsWith('/') ? parseText(value) : wrong('a pattern such as /ip4/*/ws', value)
    case 'relay': return nameOf('relay', `/p2p/${peerOf(value.replace(/^\/p2p\//, '').replace(/\/p2p-circuit$/, ''), value)}/p2p-circuit`)
    case 'transport': return expect(parseText(value.startsWith('/') ? value : `/${value}`), ['transport'], `one of ${[...TRANSPORTS].join(', ')}`, value)
    default: throw new InvalidRuleError(`a subject has no ${show(key)}: it has one of peer, ip, cidr, pattern, relay, transport, relayed, predicate`, show(key))
  }
}

function expect (parsed: Parsed, kinds: readonly SubjectKind[], expected: string, value: string): Parsed {
  return kinds.includes(parsed.kind) ? parsed : wrong(expected, value)
}

function wrong (expected: string, value: string): never {
  throw new InvalidRuleError(`a subject must be ${expected}, got ${show(value)}`, show(value))
}

function parsePredicate ({ predicate, name }: { predicate: GatePredicate, name: string }): Parsed {
  if (Object.prototype.toString.call(predicate) === '[object AsyncFunction]') throw new InvalidRuleError('predicate of a subject must answer at once, got an async function, whose promise would refuse everybody', 'an async function')
  if (typeof predicate !== 'function') throw new InvalidRuleError(`predicate of a subject must be a function, got ${show(predicate)}`, show(predicate))
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) throw new InvalidRuleError(`a predicate needs a name of 1 to 64 letters, digits, dots and dashes, got ${show(name)}`, show(name))
  return { type: 'predicate', kind: 'predicate', text: `predicate:${name}`, predicate }
}

/** The canonical base58 of a peer id */
function peerOf (text: string, given: string): string {
  if (isPeerIdText(text)) return text
  try {
    const { key } = normaliseAddress(`p2p:${text}`)
    if (isPeerIdText(key.slice(4))) return key.slice(4)
  } catch {
    // said below
  }
  return wrong('an address, a range, a pattern or a peer id', given)
}

/** An address alone, in any spelling, also with ports */
function ofAddress (text: string): Parsed {
  try {
    const { family, words } = normaliseAddress(text)
    if (family !== 0) return prefixOf({ family, words, length: family === 4 ? 32 : 128 })
  } catch {
    // said below
  }
  return wrong('an IP address', text)
}

/** Nobody reads the text of most ranges: lists have a million of them */
class Range {
  readonly type = 'prefix'
  readonly kind: 'ip' | 'cidr'
  readonly prefix: Prefix

  constructor (prefix: Prefix) {
    this.kind = prefix.length === (prefix.family === 4 ? 32 : 128) ? 'ip' : 'cidr'
    this.prefix = prefix
  }

  get text (): string {
    return formatPrefix(this.prefix)
  }
}

function prefixOf (prefix: Prefix): Parsed {
  return new Range(prefix)
}

function nameOf (kind: 'peer' | 'relay' | 'transport' | 'relayed', text: string): Parsed {
  return { type: 'name', kind, text, name: text }
}

/** Reads what lists and files have */
export function parseText (text: string): Parsed {
  if (text.length === 0 || text.length > MAX_SUBJECT) throw new InvalidRuleError(`a subject has 1 to ${MAX_SUBJECT} characters, got ${text.length}`, show(text))
  if (text.startsWith('/')) return parseParts(text)
  if (!/[.:]/.test(text)) return nameOf('peer', peerOf(text, text))
  try {
    const prefix = parsePrefix(text)
    if (prefix.family === 6 && prefix.length < 96 && text.includes('.')) throw new InvalidRuleError('an IPv4 address inside an IPv6 one begins after 96 bits, so a shorter range has nothing of it', show(text))
    return prefixOf(prefix)
  } catch (err) {
    const bare = text.startsWith('[') && text.endsWith(']') ? ofAddress(text) : undefined
    if (bare !== undefined) return bare
    throw new InvalidRuleError(`${err instanceof Error ? err.message : `not a range: ${show(text)}`}${advice(text)}`, show(text), { cause: err })
  }
}

/** What to write instead of what others take for the text of a host */
function advice (text: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return '; of a URL give the host alone'
  const [, host = text, port] = /^(\[.*\]|[^:]+):(\d+)$/.exec(text) ?? []
  const ports = port === undefined ? '' : '; rules have no ports'
  if (/^\d{1,3}(?:\.(?:\d{1,3}|\*)){1,3}$/.test(host) && host.includes('*')) return `${ports}; a range is written as in 192.0.2.0/24`
  return /^(?:\*\.)?[\w-]+(?:\.[\w-]+)*\.?$/.test(host) && /[a-z]/i.test(host) ? `${ports}; a name is written /dns/${host.replace(/\.$/, '')}` : ports
}

/** The parts of a text such as `/ip4/192.0.2.0/ipcidr/24/ws`, taken from the left */
class Parts {
  readonly text: string
  readonly #parts: readonly string[]
  #next = 0

  constructor (text: string) {
    this.text = text
    this.#parts = text.slice(1).split('/')
  }

  peek (): string | undefined {
    return this.#parts[this.#next]
  }

  take (): string | undefined {
    return this.#parts[this.#next++]
  }

  rest (): string {
    const rest = this.#parts.slice(this.#next).join('/')
    this.#next = this.#parts.length
    return rest
  }

  fail (why: string): never {
    throw new InvalidRuleError(`${show(this.text)} is no pattern: ${why}`, show(this.text))
  }
}

/** What is written down, which is the canonical text, has to be read again */
function parseParts (text: string): Parsed {
  const parsed = readParts(text)
  const { length } = parsed.text
  if (length > MAX_SUBJECT) throw new InvalidRuleError(`a subject has at most ${MAX_SUBJECT} characters in its canonical text, got ${length}`, show(text))
  const isOther = parsed.type !== 'prefix' && parsed.kind !== 'peer' && parsed.text !== text
  if (isOther && readParts(parsed.text).text !== parsed.text) throw new InvalidRuleError(`${show(text)} has no canonical text`, show(text))
  return parsed
}

function readParts (text: string): Parsed {
  const parts = new Parts(text)
  if (parts.peek() === 'p2p') return parsePeer(parts)
  if (parts.peek() === 'p2p-circuit') {
    parts.take()
    return parts.peek() === undefined ? nameOf('relayed', RELAYED) : parts.fail('nothing can follow p2p-circuit: the address behind a relay is unknown')
  }
  const host = parseHost(parts)
  const transport = parseTransport(parts, host)
  if (host !== undefined) return fromParts(host, transport)
  return transport === undefined ? parts.fail('it is empty') : nameOf('transport', `/${transport}`)
}

/** As the simplest kind of subject that says the same */
function fromParts (host: Host, transport: string | undefined): Parsed {
  if (transport === undefined && host.type === 'prefix') return prefixOf(host.prefix)
  if (transport === undefined && host.type === 'key') return { type: 'name', kind: 'pattern', text: formatKey(host.key), name: host.key }
  const pattern = { host, transport }
  return { type: 'pattern', kind: 'pattern', text: formatPattern(pattern), pattern }
}

function parsePeer (parts: Parts): Parsed {
  parts.take()
  const id = peerOf(parts.take() ?? '', parts.text)
  const after = parts.take()
  if (after === undefined) return nameOf('peer', id)
  return after === 'p2p-circuit' && parts.peek() === undefined ? nameOf('relay', `/p2p/${id}/p2p-circuit`) : parts.fail('after a peer there can only be p2p-circuit')
}

function parseHost (parts: Parts): Host | undefined {
  const scheme = parts.peek() ?? ''
  switch (scheme) {
    case 'ip4':
    case 'ip6':
      parts.take()
      return parseIP(parts, scheme)
    case 'dns':
    case 'dns4':
    case 'dns6':
    case 'dnsaddr':
      parts.take()
      return parseName(parts, 'dns')
    case 'onion3':
    case 'onion':
      parts.take()
      return parseName(parts, 'onion')
    case 'memory':
      parts.take()
      return parts.peek() === undefined ? undefined : parseName(parts, 'memory')
    case 'unix': {
      parts.take()
      return parts.peek() === undefined ? undefined : keyOf(parts, `unix:/${parts.rest()}`)
    }
    default:
      return undefined
  }
}

function parseIP (parts: Parts, scheme: 'ip4' | 'ip6'): Host {
  const ip = parts.take() ?? ''
  if (ip === '*') return { type: 'prefix', prefix: parsePrefix(scheme === 'ip4' ? '0.0.0.0/0' : '::/0') }
  if (ip.includes(':') !== (scheme === 'ip6')) parts.fail(`${show(ip)} is no ${scheme} address`)
  const length = parts.peek() === 'ipcidr' ? (parts.take(), parts.take() ?? '') : undefined
  try {
    return { type: 'prefix', prefix: parsePrefix(length === undefined ? ip : `${ip}/${length}`) }
  } catch (err) {
    return parts.fail(err instanceof Error ? err.message : 'the range cannot be read')
  }
}

function parseName (parts: Parts, scheme: 'dns' | 'onion' | 'memory'): Host {
  const name = parts.take() ?? ''
  if (name === '') parts.fail(`${scheme} needs a name`)
  if (scheme !== 'dns') return keyOf(parts, `${scheme}:${name}`)
  if (name === '*') return { type: 'any-name' }
  if (!name.startsWith('*.')) return keyOf(parts, `dns:${name}`)
  const below = keyOf(parts, `dns:${name.slice(2)}`)
  return below.type === 'key' ? { type: 'below', name: below.key.slice(4) } : parts.fail('there are no names below an IP address')
}

/** By the key that the normaliser gives it, which may turn out to be an IP address */
function keyOf (parts: Parts, key: string): Host {
  if (key.includes('*')) parts.fail('a * stands for a whole part, or for the labels before a name')
  try {
    const address = normaliseAddress(key)
    if (address.family === 0) return { type: 'key', key: address.key }
    return { type: 'prefix', prefix: { family: address.family, words: address.words, length: address.family === 4 ? 32 : 128 } }
  } catch {
    return parts.fail('its host cannot be read')
  }
}

function parseTransport (parts: Parts, host: Host | undefined): string | undefined {
  // `memory` and `unix` were read as hosts without a name
  const given = host === undefined && /^\/(?:memory|unix)$/.test(parts.text) ? parts.text.slice(1) : parts.take()
  if (given === undefined) return undefined
  const transport = ALIASES.get(given) ?? given
  if (!TRANSPORTS.has(transport)) parts.fail(`it knows no ${show(given)}: after the host there can be ${[...TRANSPORTS].join(', ')}`)
  const after = parts.peek()
  if (after !== undefined) parts.fail(PORTS.has(given) && /^\d+$/.test(after) ? 'patterns have no ports' : `nothing can follow the transport, got ${show(after)}`)
  return transport
}
