import { contains, formatPrefix, normaliseAddress, parsePrefix } from '@cordon/address'
import { InvalidRuleError } from '@cordon/interface-connection-gater'
import type { Prefix } from '@cordon/address'
import type { GateTarget, Subject, SubjectKind } from '@cordon/interface-connection-gater'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'

/** Whom a rule covers: says so itself when it is asked, one target at a time */
export interface ForeignSubject {
  readonly kind: SubjectKind
  readonly text: string
  /** Of a range, or of the host of a pattern */
  readonly prefix?: Prefix
  /** Throws where a predicate fails */
  covers (target: GateTarget): boolean
}

const MAX_LENGTH = 512

const PEER = /^\/p2p\/([^/]+)(\/p2p-circuit)?$/
const RANGE = /^\/(ip4|ip6)\/([^/]+)(?:\/ipcidr\/(\d{1,3}))?(?:\/([^/]+))?$/
const NAME = /^\/(dns|dns4|dns6|dnsaddr|onion3|memory)\/([^/]+)(?:\/([^/]+))?$/
const PATH = /^\/unix\/(.+)$/
const TRANSPORT = /^\/([^/]+)$/
const TRANSPORTS = ['tcp', 'ws', 'wss', 'quic', 'webrtc', 'webrtc-direct', 'webtransport', 'memory', 'unix']
const PEER_ID = /^(Qm[1-9A-HJ-NP-Za-km-z]{44}|1[1-9A-HJ-NP-Za-km-z]{40,63})$/

function shown (value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 64) : typeof value
}

function fail (what: string, given: unknown): never {
  throw new InvalidRuleError(`${what}, got ${shown(given)}`, shown(given))
}

/** What the normaliser makes of it; it does not know rules */
function attempt<T> (given: string, read: () => T): T {
  try {
    return read()
  } catch (err) {
    throw new InvalidRuleError(`it cannot be read: ${shown(given)}`, shown(given), { cause: err })
  }
}

function peerOf (text: string): string {
  const id = attempt(text, () => normaliseAddress(`p2p:${text}`).key.slice('p2p:'.length))
  return PEER_ID.test(id) ? id : fail('a peer id is that of a key', text)
}

function transportOf (text: string, given: string): string {
  const name = text === 'quic-v1' ? 'quic' : text
  return TRANSPORTS.includes(name) ? name : fail(`a transport is one of ${TRANSPORTS.join(', ')}`, given)
}

function peer (id: string): ForeignSubject {
  return { kind: 'peer', text: id, covers: target => target.peer === id }
}

function relay (id: string): ForeignSubject {
  return { kind: 'relay', text: `/p2p/${id}/p2p-circuit`, covers: ({ address }) => address?.relay === id }
}

const RELAYED: ForeignSubject = { kind: 'relayed', text: '/p2p-circuit', covers: ({ address }) => address?.class === 'relayed' }

function isSingle ({ family, length }: Prefix): boolean {
  return length === (family === 4 ? 32 : 128)
}

function range (prefix: Prefix): ForeignSubject {
  return { kind: isSingle(prefix) ? 'ip' : 'cidr', text: formatPrefix(prefix), prefix, covers: ({ address }) => address != null && contains(prefix, address) }
}

/** A host, and perhaps how it is reached */
function pattern (text: string, transport: string | undefined, isHost: (address: NormalisedAddress) => boolean): ForeignSubject {
  return {
    kind: 'pattern',
    text: transport == null ? text : `${text}/${transport}`,
    covers: ({ address }) => address != null && (transport == null || address.transport === transport) && isHost(address)
  }
}

function ranged (prefix: Prefix, transport: string | undefined): ForeignSubject {
  if (transport == null) return range(prefix)
  const [ip = '', length = ''] = formatPrefix(prefix).split('/')
  const host = length === '0' ? '*' : isSingle(prefix) ? ip : `${ip}/ipcidr/${length}`
  return { ...pattern(`/ip${prefix.family}/${host}`, transport, address => contains(prefix, address)), prefix }
}

function named (scheme: string, name: string, transport: string | undefined, given: string): ForeignSubject {
  if (scheme === 'dns' && name === '*') return pattern('/dns/*', transport, ({ key }) => key.startsWith('dns:'))
  const below = scheme === 'dns' && name.startsWith('*.')
  const bare = below ? name.slice(2) : name
  if (bare.includes('*')) fail('a * stands for a whole name, or for what comes before it', given)
  const { key, family, words } = attempt(given, () => normaliseAddress(`${scheme}:${bare}`))
  if (family !== 0) return below ? fail('there is nothing below an IP address', given) : ranged({ family, words, length: family === 4 ? 32 : 128 }, transport)
  const host = key.slice(key.indexOf(':') + 1)
  if (below) return pattern(`/dns/*.${host}`, transport, address => address.class === 'dns' && address.key.endsWith(`.${host}`))
  const text = scheme === 'unix' ? `/unix${host}` : `/${scheme === 'onion' ? 'onion3' : scheme}/${host.replaceAll('/', '%2F')}`
  return pattern(text, transport, address => address.key === key)
}

/** What begins with a slash */
function parts (text: string): ForeignSubject {
  if (text === RELAYED.text) return RELAYED
  const [, id, isRelay] = PEER.exec(text) ?? []
  if (id != null) return isRelay == null ? peer(peerOf(id)) : relay(peerOf(id))
  const [, family, ip = '', length, over] = RANGE.exec(text) ?? []
  if (family != null) return ofRange(text, { family, ip, length, over })
  const [, scheme = '', name, by] = NAME.exec(text) ?? []
  if (name != null) return named(scheme.startsWith('dns') ? 'dns' : scheme.replace('onion3', 'onion'), name, by == null ? undefined : transportOf(by, text), text)
  const [, path] = PATH.exec(text) ?? []
  if (path != null) return named('unix', `/${path}`, undefined, text)
  const transport = transportOf(TRANSPORT.exec(text)?.[1] ?? '', text)
  return { kind: 'transport', text: `/${transport}`, covers: ({ address }) => address?.transport === transport }
}

function ofRange (text: string, { family, ip, length, over }: { family: string, ip: string, length: string | undefined, over: string | undefined }): ForeignSubject {
  if (ip !== '*' && ip.includes(':') !== (family === 'ip6')) fail(`it is no ${family} address`, text)
  const written = ip === '*' ? (family === 'ip4' ? '0.0.0.0/0' : '::/0') : length == null ? ip : `${ip}/${length}`
  return ranged(attempt(text, () => parsePrefix(written)), over == null ? undefined : transportOf(over, text))
}

/** Reads what lists have */
export function readText (text: string): ForeignSubject {
  if (text.length === 0 || text.length > MAX_LENGTH) fail('a subject has 1 to 512 characters', text)
  if (text.startsWith('/')) return parts(text)
  if (!/[.:]/.test(text)) return peer(peerOf(text))
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  return range(attempt(text, () => parsePrefix(bare)))
}

function ofKind (key: string, value: string): ForeignSubject {
  if (key === 'peer') return peer(peerOf(value.replace(/^\/p2p\//, '')))
  if (key === 'relay') return relay(peerOf(value.replace(/^\/p2p\//, '').replace(/\/p2p-circuit$/, '')))
  if (key === 'transport') return parts(value.startsWith('/') ? value : `/${value}`)
  if (key === 'ip') {
    const { family, words } = attempt(value, () => normaliseAddress(value))
    return family === 0 ? fail('an IP address is expected', value) : range({ family, words, length: family === 4 ? 32 : 128 })
  }
  return readText(value)
}

const MAY_BE: Readonly<Record<string, readonly SubjectKind[]>> = {
  peer: ['peer'], ip: ['ip'], cidr: ['ip', 'cidr'], pattern: ['pattern', 'ip', 'cidr', 'transport', 'relayed', 'relay', 'peer'], relay: ['relay'], transport: ['transport']
}

/** Reads a subject in any of its spellings; throws `InvalidRuleError` where it is none */
export function readSubject (subject: Subject): ForeignSubject {
  if (typeof subject === 'string') return readText(subject)
  const given: unknown = subject
  if (typeof given !== 'object' || given == null) return fail('a subject is a text or an object', given)
  const { predicate, name, ...rest } = given as Record<string, unknown>
  if (predicate !== undefined) return ofPredicate(predicate, name)
  const [first, ...more] = Object.entries(rest)
  if (first === undefined || more.length > 0 || name !== undefined) return fail('a subject has one kind', given)
  const [key, value] = first
  if (key === 'relayed' && value === true) return RELAYED
  if (typeof value !== 'string' || (key === 'pattern' && !value.startsWith('/'))) return fail('a subject has a text', value)
  const read = ofKind(key, value)
  return MAY_BE[key]?.includes(read.kind) === true ? read : fail(`it is no ${key}`, value)
}

function ofPredicate (predicate: unknown, name: unknown): ForeignSubject {
  if (typeof predicate !== 'function' || typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) return fail('a predicate is a function with a name', name)
  return {
    kind: 'predicate',
    text: `predicate:${name}`,
    covers: target => {
      const answer: unknown = (predicate as (target: GateTarget) => unknown)(target)
      return typeof answer === 'boolean' ? answer : fail('a predicate answers with true or false', answer)
    }
  }
}
