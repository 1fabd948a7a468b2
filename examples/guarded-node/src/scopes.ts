import { printable } from './words.ts'
import type { RefusalCause, ResourceSnapshot, ScopeClass, ScopeSnapshot } from '@cordon/interface-resource-manager'

/** How much of a limit is used, or of that for one direction where it is nearer; without one it is `Infinity` */
export interface Share {
  readonly used: number
  readonly limit: number
  readonly direction?: 'in' | 'out'
}

/** One scope of the tree, as far as it is shown */
export interface ScopeRow {
  readonly name: string
  readonly connections: Share
  readonly streams: Share
  readonly descriptors: Share
}

/** What is in use, of which limit, and what was refused */
export interface Scopes {
  readonly system: ScopeRow
  readonly transient: ScopeRow
  /** Those that use most of their limits first */
  readonly peers: readonly ScopeRow[]
  /** Streams of protocols and services that have any, the most first */
  readonly protocols: ReadonlyArray<Share & { readonly name: string }>
  readonly services: ReadonlyArray<Share & { readonly name: string }>
  readonly refusals: readonly Refused[]
}

/** How often scopes of one kind had no room for one thing */
export interface Refused {
  readonly scope: ScopeClass
  readonly words: string
  readonly count: number
}

/** How many of each are kept for a picture; more find no room in any */
const MAX_SHOWN = 8

/** The beginning is the same for all; this much of the end tells those apart that fit in a terminal */
const PEER_TAIL = 6

/** The part of a snapshot that is shown, with what is known of where each peer comes from */
export function scopesOf (snapshot: ResourceSnapshot, origins: ReadonlyMap<string, string>): Scopes {
  const { system, transient, peers, protocols, services } = snapshot
  return {
    system: rowOf(system, 'system'),
    transient: rowOf(transient, 'transient'),
    peers: peers.map(peer => rowOf(peer, peerName(peer.name, origins))).sort((a, b) => fullness(b) - fullness(a)).slice(0, MAX_SHOWN),
    protocols: busiest(protocols),
    services: busiest(services),
    refusals: refusalsOf(snapshot)
  }
}

function rowOf (scope: ScopeSnapshot, name: string): ScopeRow {
  return { name, connections: shareOf(scope, 'connections'), streams: shareOf(scope, 'streams'), descriptors: { used: scope.usage.fileDescriptors, limit: scope.limits.fileDescriptors } }
}

/** The limit that would be the first to refuse another one */
function shareOf ({ usage, limits }: ScopeSnapshot, of: 'connections' | 'streams'): Share {
  const inbound = usage[`${of}Inbound`]
  const outbound = usage[`${of}Outbound`]
  const shares: Share[] = [
    { used: inbound + outbound, limit: limits[of] },
    { used: inbound, limit: limits[`${of}Inbound`], direction: 'in' },
    { used: outbound, limit: limits[`${of}Outbound`], direction: 'out' }
  ]
  return shares.reduce((nearest, share) => nearer(share, nearest) ? share : nearest)
}

function nearer (share: Share, than: Share): boolean {
  const difference = part(share) - part(than)
  return difference === 0 ? share.limit < than.limit : difference > 0
}

function part ({ used, limit }: Share): number {
  return used === 0 ? 0 : used / limit
}

function fullness ({ connections, streams }: ScopeRow): number {
  return Math.max(part(connections), part(streams))
}

function peerName (scope: string, origins: ReadonlyMap<string, string>): string {
  const peer = scope.slice(scope.indexOf(':') + 1)
  const tail = `…${printable(peer.slice(-PEER_TAIL))}`
  const origin = origins.get(peer)
  return origin == null ? tail : `${tail} ${origin}`
}

function busiest (scopes: readonly ScopeSnapshot[]): Array<Share & { name: string }> {
  return scopes
    .map(scope => ({ name: printable(scope.name.slice(scope.name.indexOf(':') + 1)), ...shareOf(scope, 'streams') }))
    .filter(({ used }) => used > 0)
    .sort((a, b) => b.used - a.used)
    .slice(0, MAX_SHOWN)
}

/** The most frequent first */
function refusalsOf ({ classes }: ResourceSnapshot): Refused[] {
  const refused = (Object.keys(classes) as ScopeClass[]).flatMap(scope => {
    const counts = Object.entries(classes[scope].refusals) as Array<[RefusalCause, number]>
    return counts.map(([cause, count]) => ({ scope, words: WORDS[cause], count }))
  })
  return refused.sort((a, b) => b.count - a.count)
}

/** What there was no room for, as short as the shares above */
const WORDS: Readonly<Record<RefusalCause, string>> = {
  connections: 'connections',
  connectionsInbound: 'connections in',
  connectionsOutbound: 'connections out',
  streams: 'streams',
  streamsInbound: 'streams in',
  streamsOutbound: 'streams out',
  fileDescriptors: 'descriptors',
  memory: 'memory',
  rate: 'too fast'
}
