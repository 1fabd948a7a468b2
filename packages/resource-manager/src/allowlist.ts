import { formatPrefix, parsePrefix, prefixKey } from '@cordon/address'
import { show } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'
import { NAME } from './constants.ts'
import { checkPeerId } from './peer-id.ts'
import { groupAt } from './prefixes/prefixes.ts'
import type { Prefix } from '@cordon/address'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource, Lifted, LimitWarning } from '@cordon/interface-resource-manager'

/** Whom the operator trusts, as a list that can be changed while the node runs */
export interface Allowlist extends AllowlistSource {
  /** How many different entries there are */
  readonly size: number

  /**
   * Adds an address, a range, a peer, or a peer at an address or range: `/ip4/192.0.2.1`,
   * `/ip4/192.0.2.0/ipcidr/24`, `192.0.2.0/24`, `/p2p/12D3…`, `/ip4/192.0.2.1/p2p/12D3…`. A peer is spelt as
   * `PeerId.toString()` does, in base58. Without effect when it is there.
   *
   * Ports are ignored, and what follows them, because whoever connects does so from any port: `/ip4/192.0.2.1/tcp/4001`
   * trusts everybody at that address, as it does in go-libp2p. To trust one node there, add its `/p2p/…`.
   *
   * @throws {InvalidParametersError} when it is none of these, or there are 10,000 already
   */
  add (entry: string): void

  /**
   * Removes an entry, however it is spelt.
   *
   * @returns whether it was there
   * @throws {InvalidParametersError} when it is no entry
   */
  remove (entry: string): boolean
}

const MAX_ENTRIES = 10_000

/** An address or a range, and perhaps a port with whatever is spoken there */
const ADDRESS = /^\/(?:ip4|ip6)\/([^/]{2,64})(?:\/ipcidr\/(\d{1,3}))?(\/(?:tcp|udp)\/\d{1,5}(?:\/[^/]+)*)?\/?$/
/** Where a peer is named; `ipfs` is what multiaddrs called it once */
const NAMES_PEER = /\/(?:p2p|ipfs)(?:\/|-circuit|$)/
const PEER = /^(.*?)\/(?:p2p|ipfs)\/([^/]+)$/

interface Entry {
  readonly prefix: Prefix | undefined
  readonly peer: string | undefined
}

/** What applies to whom nobody trusts */
export const NOTHING_LIFTED: Lifted = Object.freeze({ lane: false, counts: false, buckets: false })
const LANE: Lifted = Object.freeze({ lane: true, counts: false, buckets: false })
const PROVEN: Lifted = Object.freeze({ lane: true, counts: true, buckets: false })
const ALL: Lifted = Object.freeze({ lane: true, counts: true, buckets: true })

/**
 * What a source says.
 *
 * @throws {TypeError} when that is no answer; and whatever it throws
 */
export function answerOf (source: AllowlistSource, address: NormalisedAddress | undefined, peer: string | undefined): Lifted {
  const { lane, counts, buckets } = source.lifts(address, peer)
  if (typeof lane !== 'boolean' || typeof counts !== 'boolean' || typeof buckets !== 'boolean') throw new TypeError('lane, counts and buckets must be true or false')
  return { lane, counts, buckets }
}

/** Trusts nobody, and cannot be told to */
export const NOBODY: AllowlistSource = Object.freeze({ lifts: () => NOTHING_LIFTED })

/** Who is trusted at one prefix */
interface Site {
  /** Whoever comes from there */
  everybody: boolean
  readonly peers: Set<string>
}

/** The prefixes of one length, by their text */
interface Level {
  readonly length: number
  /** See `groupAt` */
  readonly group: number
  readonly sites: Map<string, Site>
}

class EntryList implements Allowlist {
  /** Those without an address */
  readonly #peers = new Set<string>()
  /** Those with one: as many levels as there are different lengths */
  readonly #levels: Readonly<Record<4 | 6, Level[]>> = { 4: [], 6: [] }
  /** At most `MAX_ENTRIES` */
  #size = 0

  get size (): number {
    return this.#size
  }

  add (text: string): void {
    const { prefix, peer } = parse(text)
    if (this.#has(prefix, peer)) return
    if (this.#size >= MAX_ENTRIES) throw new InvalidParametersError(`an allowlist has at most ${MAX_ENTRIES} entries`)
    this.#size++
    if (prefix === undefined) this.#peers.add(peer ?? '')
    else if (peer === undefined) this.#siteFor(prefix).everybody = true
    else this.#siteFor(prefix).peers.add(peer)
  }

  remove (text: string): boolean {
    const { prefix, peer } = parse(text)
    if (!this.#has(prefix, peer)) return false
    this.#size--
    if (prefix === undefined) this.#peers.delete(peer ?? '')
    else this.#removeAt(prefix, peer)
    return true
  }

  lifts (address: NormalisedAddress | undefined, peer: string | undefined): Lifted {
    let best = peer === undefined ? this.#peers.size > 0 ? LANE : NOTHING_LIFTED : this.#peers.has(peer) ? PROVEN : NOTHING_LIFTED
    if (address === undefined || address.family === 0) return best
    for (const { length, group, sites } of this.#levels[address.family]) {
      const site = sites.get(address.groups[group] ?? prefixKey(address, length))
      if (site === undefined) continue
      if (site.everybody) return ALL
      if (peer === undefined) best = LANE
      else if (site.peers.has(peer)) best = PROVEN
    }
    return best
  }

  #levelOf ({ family, length }: Prefix): Level | undefined {
    return this.#levels[family].find(level => level.length === length)
  }

  #has (prefix: Prefix | undefined, peer: string | undefined): boolean {
    if (prefix === undefined) return this.#peers.has(peer ?? '')
    const site = this.#levelOf(prefix)?.sites.get(formatPrefix(prefix))
    return site !== undefined && (peer === undefined ? site.everybody : site.peers.has(peer))
  }

  #siteFor (prefix: Prefix): Site {
    const { family, length } = prefix
    let level = this.#levelOf(prefix)
    if (level === undefined) this.#levels[family].push(level = { length, group: groupAt(family, length), sites: new Map() })
    const key = formatPrefix(prefix)
    let site = level.sites.get(key)
    if (site === undefined) level.sites.set(key, site = { everybody: false, peers: new Set() })
    return site
  }

  /** What is there goes, and with the last of it its site and its level */
  #removeAt (prefix: Prefix, peer: string | undefined): void {
    const site = this.#siteFor(prefix)
    if (peer === undefined) site.everybody = false
    else site.peers.delete(peer)
    if (site.everybody || site.peers.size > 0) return
    const levels = this.#levels[prefix.family]
    const at = levels.findIndex(({ length }) => length === prefix.length)
    levels[at]?.sites.delete(formatPrefix(prefix))
    if (levels[at]?.sites.size === 0) levels.splice(at, 1)
  }
}

function parse (text: string): Entry {
  const named = typeof text === 'string' ? PEER.exec(text) : null
  const [, at = '', peer] = named ?? []
  if (peer !== undefined && !NAMES_PEER.test(at)) return { prefix: at === '' ? undefined : parseAddress(text, at), peer: checkPeerId(peer) }
  return { prefix: parseAddress(text, text), peer: undefined }
}

function parseAddress (entry: string, text: string): Prefix {
  try {
    // never read as an address of which everybody is trusted
    if (NAMES_PEER.test(text)) throw new InvalidParametersError('a peer is named where none can be')
    const [, ip, length] = ADDRESS.exec(text) ?? []
    return parsePrefix(ip === undefined ? text : length === undefined ? ip : `${ip}/${length}`)
  } catch {
    throw new InvalidParametersError(`an entry of an allowlist must be an address, a range or a peer, such as /ip4/192.0.2.0/ipcidr/24 or /p2p/12D3…, got ${show(entry)}`)
  }
}

/** Whether somebody may be told by this who is trusted */
export function isAllowlist (value: unknown): value is AllowlistSource | readonly string[] {
  return Array.isArray(value) ? value.every(entry => typeof entry === 'string') : typeof value === 'object' && value !== null && typeof (value as Partial<AllowlistSource>).lifts === 'function'
}

/** What an allowlist has to be, in words */
export const ALLOWLIST = 'a list of entries, or an object with the method lifts'

/**
 * Who says who is trusted.
 *
 * @throws {InvalidParametersError} when it is neither a list of entries nor an object that knows, or an entry is none
 */
export function allowlistOf (allowlist: AllowlistSource | readonly string[]): AllowlistSource {
  if (!isAllowlist(allowlist)) throw new InvalidParametersError(`${NAME}.allowlist must be ${ALLOWLIST}, got ${show(allowlist)}`)
  if ('lifts' in allowlist) return allowlist
  const list = createAllowlist()
  for (const [index, entry] of allowlist.entries()) {
    try {
      list.add(entry)
    } catch (error) {
      throw new InvalidParametersError(`${NAME}.allowlist[${index}]: ${error instanceof Error ? error.message : show(error)}`)
    }
  }
  return list
}

/** Entries that trust more than they seem to say: everybody at an address, and not only at one port of it */
export function findIgnoredPorts (allowlist: AllowlistSource | readonly string[]): LimitWarning[] {
  if ('lifts' in allowlist) return []
  return allowlist.flatMap((entry, index) => {
    const [, , , port] = NAMES_PEER.test(entry) ? [] : ADDRESS.exec(entry) ?? []
    const path = `${NAME}.allowlist[${index}]`
    return port === undefined ? [] : [{ path, message: `${path} is ${show(entry)}, but ports are ignored: everybody at that address is trusted` }]
  })
}

/**
 * Makes a list of whom the operator trusts.
 *
 * @throws {InvalidParametersError} when an entry is none
 */
export function createAllowlist (entries: readonly string[] = []): Allowlist {
  const given: unknown = entries
  if (!Array.isArray(given)) throw new InvalidParametersError(`the entries of an allowlist come as a list of texts, got ${show(given)}`)
  const list = new EntryList()
  for (const entry of entries) list.add(entry)
  return list
}
