import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { createResourceManager, infiniteLimits } from '@cordon/resource-manager'
import { expect } from 'vitest'
import type { LimitConfig, ResourceManager, ResourceRefusal, ScopeUsage } from '@cordon/interface-resource-manager'
import type { CoreResourceManager, ResourceManagerInit } from '@cordon/resource-manager'

/** How much of what is tried at random is tried here: the same code in a browser needs no second proof, only to be the same */
export const SHARE: number = 'document' in globalThis ? 0.1 : 1

/** No limit but these */
export function only (limits: LimitConfig): LimitConfig {
  const scopes = Object.entries<object>({ ...infiniteLimits }).map(([name, unlimited]): [string, object] => [name, { ...unlimited, ...limits[name as keyof LimitConfig] }])
  return Object.fromEntries(scopes)
}

export function managerWith (limits: LimitConfig, init: ResourceManagerInit = {}): CoreResourceManager {
  return createResourceManager({ ...init, limits: only(limits) })
}

export function admitted<T> (result: T | ResourceRefusal): T {
  if (isRefusal(result)) expect.fail(`refused: ${result.message}`)
  return result
}

export function refused (result: unknown): ResourceRefusal {
  if (!isRefusal(result)) expect.fail('was admitted')
  return result as ResourceRefusal
}

export const NOTHING: ScopeUsage = { connectionsInbound: 0, connectionsOutbound: 0, streamsInbound: 0, streamsOutbound: 0, fileDescriptors: 0, memory: 0 }

export function use (usage: Partial<ScopeUsage>): ScopeUsage {
  return { ...NOTHING, ...usage }
}

type Single = 'system' | 'transient' | 'allowlistedSystem' | 'allowlistedTransient'

export function usageOf (manager: ResourceManager, ...which: [Single] | ['peer' | 'protocol' | 'service', string]): ScopeUsage {
  using scope = which.length === 1 ? manager.scope(which[0]) : manager.scope(which[0], which[1])
  return scope.usage()
}
