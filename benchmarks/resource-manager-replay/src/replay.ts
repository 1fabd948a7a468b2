import { readFileSync } from 'node:fs'
import { createResourceManager, infiniteLimits, readLimits } from '@cordon/resource-manager'
import { peerNames } from './peers.ts'
import { replayScaled } from './scaled.ts'
import { replayTight } from './tight.ts'
import type { LimitConfig, ResourceManager } from '@cordon/interface-resource-manager'

const OPERATIONS = 200_000

/** What the file does not limit is unlimited, as in the Go program */
export function limitsFrom (file: 'scaled' | 'tight'): LimitConfig {
  const { limits } = readLimits(readFileSync(new URL(`../../resource-manager/go/replay-${file}-limits.json`, import.meta.url), 'utf8'))
  const scopes = Object.entries<object>({ ...infiniteLimits }).map(([scope, unlimited]): [string, object] => [scope, { ...unlimited, ...limits[scope as keyof LimitConfig] }])
  return Object.fromEntries(scopes)
}

function mustBeEmpty (manager: ResourceManager): void {
  const { system, transient, peers } = manager.stat()
  const left = [system, transient].flatMap(usage => Object.values({ ...usage })).filter(amount => amount !== 0)
  if (left.length > 0 || peers.size > 0) throw new Error('something is still held although everything was released')
}

/** The lines that the Go program prints for a seed */
export function replayLines (seed: number): string[] {
  const scaled = createResourceManager({ limits: limitsFrom('scaled') })
  const scaledPrint = replayScaled(scaled, seed, OPERATIONS, peerNames(64))
  mustBeEmpty(scaled)
  const tight = createResourceManager({ limits: limitsFrom('tight') })
  const tightPrint = replayTight(tight, seed, OPERATIONS, peerNames(48))
  mustBeEmpty(tight)
  return [{ Workload: 'scaled', Seed: seed, Print: scaledPrint }, { Workload: 'tight', Seed: seed, Print: tightPrint }].map(line => JSON.stringify(line))
}
