import { NAME } from '../constants.ts'
import { LIMIT_KEYS } from '../graph/causes.ts'
import { DEFAULT_SCOPES, NAMED_SCOPES } from './defaults.ts'
import { completeLimits } from './table.ts'
import type { CompleteLimits, DefaultScope, NamedScopeKind } from './defaults.ts'
import type { LimitConfig, LimitKey, LimitWarning, PartialScopeLimits, ScopeLimits } from '@cordon/interface-resource-manager'

/** Which scopes are above each one, among those that a configuration limits */
const PARENTS: Readonly<Record<DefaultScope, readonly DefaultScope[]>> = {
  system: [],
  transient: ['system'],
  allowlistedSystem: [],
  allowlistedTransient: ['allowlistedSystem'],
  serviceDefault: ['system'],
  servicePeerDefault: ['serviceDefault', 'peerDefault'],
  protocolDefault: ['system'],
  protocolPeerDefault: ['protocolDefault', 'peerDefault'],
  peerDefault: ['system'],
  connection: ['transient', 'peerDefault'],
  stream: ['transient', 'peerDefault']
}

/** What never counts anything there */
const STREAMS: readonly LimitKey[] = ['streams', 'streamsInbound', 'streamsOutbound']
const CONNECTIONS: readonly LimitKey[] = ['connections', 'connectionsInbound', 'connectionsOutbound', 'fileDescriptors']

const MEANINGLESS: Readonly<Partial<Record<DefaultScope, readonly LimitKey[]>>> = {
  serviceDefault: CONNECTIONS,
  servicePeerDefault: CONNECTIONS,
  protocolDefault: CONNECTIONS,
  protocolPeerDefault: CONNECTIONS,
  stream: CONNECTIONS,
  connection: STREAMS
}

/** What there is at most one of there: a stream and a connection hold themselves */
const SINGLE: Readonly<Partial<Record<DefaultScope, readonly LimitKey[]>>> = {
  stream: STREAMS,
  connection: CONNECTIONS
}

/** One direction, and what it is a part of */
const TOTALS: Readonly<Partial<Record<LimitKey, LimitKey>>> = {
  connectionsInbound: 'connections',
  connectionsOutbound: 'connections',
  streamsInbound: 'streams',
  streamsOutbound: 'streams'
}

/** A scope of a configuration: what was written, and what it comes to together with the defaults */
interface Written {
  readonly path: string
  readonly scope: DefaultScope
  /** Where it is a named one */
  readonly name?: string
  readonly set: PartialScopeLimits
  readonly limits: ScopeLimits
}

/**
 * What in a configuration is accepted but cannot be meant: a direction above its total, a child above its parent, a
 * limit of something that never happens there, or never so often. Only what the user wrote is judged, and `Infinity`
 * never is: it says that the limit is elsewhere.
 */
export function findContradictions (config: LimitConfig, defaults: CompleteLimits): LimitWarning[] {
  const complete = completeLimits(config, defaults)
  return writtenScopes(config, complete).flatMap(written => LIMIT_KEYS.flatMap(key => judge(written, key, complete)))
}

function writtenScopes (config: LimitConfig, complete: CompleteLimits): Written[] {
  const plain = DEFAULT_SCOPES.flatMap(scope => {
    const set = config[scope]
    return set == null ? [] : [{ path: scope, scope, set, limits: complete[scope] }]
  })
  const named = (Object.entries(NAMED_SCOPES) as Array<[NamedScopeKind, DefaultScope]>).flatMap(([kind, scope]) =>
    Object.entries<PartialScopeLimits>(config[kind] ?? {}).map(([name, set]) => ({ path: `${kind}[${JSON.stringify(name)}]`, scope, name, set, limits: complete[kind][name] ?? complete[scope] })))
  return [...plain, ...named]
}

function judge (written: Written, key: LimitKey, complete: CompleteLimits): LimitWarning[] {
  const value = written.set[key]
  if (value == null || value === Infinity || value === 0) return []
  const path = `${NAME}.limits.${written.path}.${key}`
  if (MEANINGLESS[written.scope]?.includes(key) === true) return [{ path, message: `${path} is ${value}, but there is never one to count there` }]
  if (value > 1 && SINGLE[written.scope]?.includes(key) === true) return [{ path, message: `${path} is ${value}, but there is never more than one to count there` }]
  const warnings: LimitWarning[] = []
  const total = TOTALS[key]
  if (total != null && value > written.limits[total]) {
    warnings.push({ path, message: `${path} is ${value}, but ${total} lets only ${written.limits[total]} through` })
  }
  for (const parent of PARENTS[written.scope]) {
    const above = parentLimits(written, parent, complete)[key]
    if (value > above) warnings.push({ path, message: `${path} is ${value}, but ${parent} lets only ${above} through` })
  }
  return warnings
}

/** A share of a named protocol or service has that one above it */
function parentLimits ({ scope, name }: Written, parent: DefaultScope, complete: CompleteLimits): ScopeLimits {
  const section = scope === 'protocolPeerDefault' && parent === 'protocolDefault' ? 'protocol' : scope === 'servicePeerDefault' && parent === 'serviceDefault' ? 'service' : undefined
  return (section != null && name != null ? complete[section][name] : undefined) ?? complete[parent]
}
