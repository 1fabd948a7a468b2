import { afterEach, beforeEach, describe } from 'vitest'
import { allowlist } from './resource-manager/allowlist.ts'
import { connections } from './resource-manager/connections.ts'
import { harness } from './resource-manager/harness.ts'
import { limits } from './resource-manager/limits.ts'
import { memory } from './resource-manager/memory.ts'
import { prefixes } from './resource-manager/prefixes.ts'
import { spans } from './resource-manager/spans.ts'
import { streams } from './resource-manager/streams.ts'
import type { ResourceManagerArgs } from './resource-manager/harness.ts'
import type { TestSetup } from './test-setup.ts'
import type { ResourceManager } from '@cordon/interface-resource-manager'

/**
 * Everything that the interface promises of a `ResourceManager`. The numbers are those of the assertions that were
 * read off go-libp2p's own tests. `setup` makes a manager with exactly these limits.
 */
export function resourceManagerSuite (setup: TestSetup<ResourceManager, ResourceManagerArgs>): void {
  describe('a resource manager', () => {
    const context = harness(setup)

    beforeEach(() => { context.reset() })
    afterEach(async () => { await setup.teardown() })

    for (const part of [spans, connections, streams, memory, limits, prefixes, allowlist]) part(context)
  })
}
