import { createResourceManager, infiniteLimits } from '@cordon/resource-manager'
import type { LimitConfig } from '@cordon/interface-resource-manager'
import type { CoreResourceManager, ResourceManagerInit } from '@cordon/resource-manager'

export { admitted, NOTHING, refused, usageOf, use } from '@cordon/interface-compliance-tests'

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
