import { prefixRules } from '../prefixes/rules.ts'
import { NAMED_SCOPES } from './defaults.ts'
import { Limits, LimitSet, mapLimits, overlay } from './limits.ts'
import type { PrefixRules } from '../prefixes/rules.ts'
import type { CompleteLimits, NamedScopeKind } from './defaults.ts'
import type { LimitConfig, PartialScopeLimits, ScopeClass, ScopeLimits } from '@cordon/interface-resource-manager'

/** Which part of a configuration is about which kind of scope */
const SECTION_OF: Readonly<Partial<Record<ScopeClass, NamedScopeKind>>> = {
  service: 'service',
  'service-peer': 'servicePeer',
  protocol: 'protocol',
  'protocol-peer': 'protocolPeer',
  peer: 'peer'
}

/** What has limits of its own nowhere: spans have those of their scope, prefixes have others */
const UNBOUNDED = new LimitSet(new Limits(mapLimits(() => Infinity), ''))

/**
 * What the user set, over the defaults, with nothing left open. A name that is in the defaults starts from there, any
 * other from what applies to all of its kind.
 */
export function completeLimits (config: LimitConfig, defaults: CompleteLimits): CompleteLimits {
  const named = (kind: NamedScopeKind, byDefault: ScopeLimits): Record<string, ScopeLimits> => {
    const limits = Object.assign(Object.create(null) as Record<string, ScopeLimits>, defaults[kind])
    for (const [name, set] of Object.entries<PartialScopeLimits>(config[kind] ?? {})) limits[name] = overlay(limits[name] ?? byDefault, set)
    return limits
  }
  const serviceDefault = overlay(defaults.serviceDefault, config.serviceDefault)
  const servicePeerDefault = overlay(defaults.servicePeerDefault, config.servicePeerDefault)
  const protocolDefault = overlay(defaults.protocolDefault, config.protocolDefault)
  const protocolPeerDefault = overlay(defaults.protocolPeerDefault, config.protocolPeerDefault)
  const peerDefault = overlay(defaults.peerDefault, config.peerDefault)
  return {
    system: overlay(defaults.system, config.system),
    transient: overlay(defaults.transient, config.transient),
    allowlistedSystem: overlay(defaults.allowlistedSystem, config.allowlistedSystem),
    allowlistedTransient: overlay(defaults.allowlistedTransient, config.allowlistedTransient),
    serviceDefault,
    servicePeerDefault,
    protocolDefault,
    protocolPeerDefault,
    peerDefault,
    connection: overlay(defaults.connection, config.connection),
    stream: overlay(defaults.stream, config.stream),
    service: named('service', serviceDefault),
    servicePeer: named('servicePeer', servicePeerDefault),
    protocol: named('protocol', protocolDefault),
    protocolPeer: named('protocolPeer', protocolPeerDefault),
    peer: named('peer', peerDefault)
  }
}

/** All limits of a node, by kind of scope */
export class LimitTable {
  readonly complete: CompleteLimits
  readonly prefixes: PrefixRules
  readonly #sets = new Map<ScopeClass, LimitSet>()

  constructor (config: LimitConfig, defaults: CompleteLimits) {
    const complete = this.complete = completeLimits(config, defaults)
    this.prefixes = prefixRules(config.prefixes ?? {}, complete.system.connectionsInbound)
    for (const name of ['system', 'transient', 'allowlistedSystem', 'allowlistedTransient', 'connection', 'stream'] as const) {
      this.#sets.set(name, new LimitSet(new Limits(complete[name], name)))
    }
    for (const [kind, section] of Object.entries(SECTION_OF) as Array<[ScopeClass, NamedScopeKind]>) {
      const named = Object.entries(complete[section]).map(([name, limits]) => [name, new Limits(limits, `${section}[${JSON.stringify(name)}]`)] as const)
      const byDefault = NAMED_SCOPES[section]
      this.#sets.set(kind, new LimitSet(new Limits(complete[byDefault], byDefault), new Map(named)))
    }
  }

  of (kind: ScopeClass): LimitSet {
    return this.#sets.get(kind) ?? UNBOUNDED
  }
}
