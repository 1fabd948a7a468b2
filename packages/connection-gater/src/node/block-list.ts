import type { BlockList } from '@cordon/interface-component-registry'

interface Net {
  readonly BlockList: new () => BlockList
}

interface NodeProcess {
  getBuiltinModule?: (name: string) => unknown
}

/**
 * A `net.BlockList` that asks a function, so that rules are in force and out of it as they change. `net.Server` calls
 * `check` of whatever carries the handle of one, which a subclass does (Node 24; a test pins it).
 *
 * @returns nothing where there is no Node
 */
export function createBlockList (isBlocked: (address: string) => boolean): BlockList | undefined {
  const { process } = globalThis as { readonly process?: NodeProcess }
  const net = process?.getBuiltinModule?.('node:net') as Net | undefined
  if (net === undefined) return undefined
  class AskingBlockList extends net.BlockList {
    override check (address: string): boolean {
      try {
        return isBlocked(address)
      } catch {
        // would end the process; it is asked again once there is a connection, where what throws refuses and is told
        return false
      }
    }
  }
  return new AskingBlockList()
}
