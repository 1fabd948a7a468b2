import { contains, formatPrefix, parsePrefix } from '@cordon/address'
import { show } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'
import type { Prefix } from '@cordon/address'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource, Lifted } from '@cordon/interface-resource-manager'

/** Whom the operator trusts, as a list that can be changed while the node runs */
export interface Allowlist extends AllowlistSource {
  /** How many different entries there are */
  readonly size: number

  /**
   * Adds an address, a range, a peer, or a peer at an address or range: `/ip4/192.0.2.1`,
   * `/ip4/192.0.2.0/ipcidr/24`, `192.0.2.0/24`, `/p2p/12D3…`, `/ip4/192.0.2.1/p2p/12D3…`. Ports are ignored. Without effect when it is there.
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

/** Entries are tried one after the other, but only for who is refused or comes in */
const MAX_ENTRIES = 10_000

const ENTRY = /^\/(?:ip4|ip6)\/([^/]{2,64})(?:\/ipcidr\/(\d{1,3}))?(?:\/(?!p2p\/).*?)??(?:\/p2p\/([A-Za-z0-9]{8,128}))?$/
const PEER = /^\/p2p\/([A-Za-z0-9]{8,128})$/

interface Entry {
  readonly prefix: Prefix | undefined
  readonly peer: string | undefined
}

const NOTHING: Lifted = { lane: false, counts: false, buckets: false }
const LANE: Lifted = { lane: true, counts: false, buckets: false }
const PROVEN: Lifted = { lane: true, counts: true, buckets: false }
const ALL: Lifted = { lane: true, counts: true, buckets: true }

class EntryList implements Allowlist {
  /** By their canonical text; at most `MAX_ENTRIES` */
  readonly #entries = new Map<string, Entry>()

  get size (): number {
    return this.#entries.size
  }

  add (text: string): void {
    const entry = parse(text)
    const key = keyOf(entry)
    if (!this.#entries.has(key) && this.#entries.size >= MAX_ENTRIES) throw new InvalidParametersError(`an allowlist has at most ${MAX_ENTRIES} entries`)
    this.#entries.set(key, entry)
  }

  remove (text: string): boolean {
    return this.#entries.delete(keyOf(parse(text)))
  }

  lifts (address: NormalisedAddress | undefined, peer: string | undefined): Lifted {
    let best = NOTHING
    for (const entry of this.#entries.values()) {
      if (entry.prefix !== undefined && (address === undefined || !contains(entry.prefix, address))) continue
      if (entry.peer === undefined) return ALL
      if (peer === undefined && best === NOTHING) best = LANE
      if (peer === entry.peer) best = PROVEN
    }
    return best
  }
}

function parse (text: string): Entry {
  try {
    const [, peer] = PEER.exec(text) ?? []
    if (peer !== undefined) return { prefix: undefined, peer }
    const [, ip, length, bound] = ENTRY.exec(text) ?? []
    if (ip !== undefined) return { prefix: parsePrefix(length === undefined ? ip : `${ip}/${length}`), peer: bound }
    return { prefix: parsePrefix(text), peer: undefined }
  } catch {
    throw new InvalidParametersError(`an entry of an allowlist must be an address, a range or a peer, such as /ip4/192.0.2.0/ipcidr/24 or /p2p/12D3…, got ${show(text)}`)
  }
}

function keyOf ({ prefix, peer }: Entry): string {
  return `${prefix === undefined ? '' : formatPrefix(prefix)} ${peer ?? ''}`
}

/**
 * Makes a list of whom the operator trusts.
 *
 * @throws {InvalidParametersError} when an entry is none
 */
export function createAllowlist (entries: readonly string[] = []): Allowlist {
  const list = new EntryList()
  for (const entry of entries) list.add(entry)
  return list
}
