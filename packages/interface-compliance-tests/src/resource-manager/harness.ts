import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { expect } from 'vitest'
import type { TestSetup } from '../test-setup.ts'
import type { Clock, NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource, LimitConfig, PartialScopeLimits, ResourceManager, ResourceRefusal, ScopeLimits, ScopeUsage } from '@cordon/interface-resource-manager'

/** What a test asks for */
export interface ResourceManagerArgs {
  /** Every scope is in it, with every limit: nothing depends on defaults */
  readonly limits: LimitConfig

  /** Whom the operator trusts; nobody where it is absent */
  readonly allowlist?: AllowlistSource

  /** What rates are measured with */
  readonly clock: Clock
}

export interface Harness {
  /** A manager in which everything but what is named is unlimited */
  readonly manager: (limits?: LimitConfig, allowlist?: AllowlistSource) => Promise<ResourceManager>

  /** Lets ms pass */
  readonly pass: (ms: number) => void
}

export type Part = (harness: Harness) => void

const UNLIMITED: ScopeLimits = {
  connections: Infinity, connectionsInbound: Infinity, connectionsOutbound: Infinity,
  streams: Infinity, streamsInbound: Infinity, streamsOutbound: Infinity, fileDescriptors: Infinity, memory: Infinity
}

const SCOPES = ['system', 'transient', 'allowlistedSystem', 'allowlistedTransient', 'serviceDefault', 'servicePeerDefault', 'protocolDefault', 'protocolPeerDefault', 'peerDefault', 'connection', 'stream'] as const

export function unlimitedBut (limits: LimitConfig = {}): LimitConfig {
  const scopes = SCOPES.map(name => [name, { ...UNLIMITED, ...limits[name] }] as const)
  return { prefixes: { ipv4: [], ipv6: [], relay: {}, other: {}, global: {} }, ...limits, ...Object.fromEntries<PartialScopeLimits>(scopes) }
}

export function harness (setup: TestSetup<ResourceManager, ResourceManagerArgs>): Harness & { reset (): void } {
  let now = 1_000_000
  const clock: Clock = { now: () => now, schedule: () => ({ cancel: () => {} }) }
  return {
    manager: async (limits, allowlist) => setup.setup({ limits: unlimitedBut(limits), clock, ...(allowlist == null ? {} : { allowlist }) }),
    pass: ms => { now += ms },
    reset: () => { now = 1_000_000 }
  }
}

/** What was admitted; fails where it was not */
export function admitted<T> (result: T | ResourceRefusal): T {
  if (isRefusal(result)) expect.fail(`refused: ${result.message}`)
  return result
}

/** What was refused; fails where it was not */
export function refused (result: unknown): ResourceRefusal {
  if (!isRefusal(result)) expect.fail('was admitted')
  return result as ResourceRefusal
}

/** Of a scope in which nothing is held */
export const NOTHING: ScopeUsage = { connectionsInbound: 0, connectionsOutbound: 0, streamsInbound: 0, streamsOutbound: 0, fileDescriptors: 0, memory: 0 }

/** A usage in which everything but what is named is 0 */
export function use (usage: Partial<ScopeUsage>): ScopeUsage {
  return { ...NOTHING, ...usage }
}

type Single = 'system' | 'transient' | 'allowlistedSystem' | 'allowlistedTransient'
type Named = 'peer' | 'protocol' | 'service'

/** What a scope that exists by itself uses; named ones by their name */
export function usageOf (manager: ResourceManager, ...which: [Single] | [Named, string]): ScopeUsage {
  using scope = which.length === 1 ? manager.scope(which[0]) : manager.scope(which[0], which[1])
  return scope.usage()
}

/** Everything that a refusal must leave as it was; refusals are counted, so counts of them are left out */
export function state (manager: ResourceManager): unknown {
  const { system, transient, services, protocols, peers } = manager.stat()
  const usages = (scopes: ReadonlyMap<string, ScopeUsage>): unknown => [...scopes].map(([name, usage]) => ({ name, ...usage }))
  return [{ ...system }, { ...transient }, usages(services), usages(protocols), usages(peers)]
}

export function ip4 (a: number, b: number, c: number, d: number): NormalisedAddress {
  const text = `${a}.${b}.${c}.${d}`
  const loopback = a === 127
  return {
    key: text,
    class: loopback ? 'loopback' : 'public',
    family: 4,
    words: [((a << 24) | (b << 16) | (c << 8) | d) >>> 0],
    groups: [`${text}/32`, `${a}.${b}.${c}.0/24`, `${a}.${b}.0.0/16`],
    share: `${text}/32`,
    transport: 'tcp'
  }
}

/** An address behind a relay */
export function relayed (relay: string): NormalisedAddress {
  const key = `relay:${relay}`
  return { key, class: 'relayed', family: 0, words: [], groups: [key], share: key, relay, transport: 'circuit' }
}
