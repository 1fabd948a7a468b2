import type { LimitConfig, LimitKey, ScopeUsage } from '@cordon/interface-resource-manager'

/**
 * What the resource manager should say, by counting everything anew each time: a list of what is held, and no scope
 * that remembers anything. Slow, and short enough to be believed.
 */
export interface Leaf {
  readonly id: number
  readonly kind: 'connection' | 'stream'
  readonly inbound: boolean
  readonly descriptors: number
  /** Sizes of what is reserved in it, spans included */
  memory: number
  peer?: string | undefined
  protocol?: string | undefined
  service?: string | undefined
}

export type Limits = Readonly<Record<LimitKey, number>>

const LIMITLESS: Limits = { connections: Infinity, connectionsInbound: Infinity, connectionsOutbound: Infinity, streams: Infinity, streamsInbound: Infinity, streamsOutbound: Infinity, fileDescriptors: Infinity, memory: Infinity }

/** The scopes above a leaf in the order in which they are asked, each once */
export function ancestors (leaf: Leaf): string[] {
  const { peer, protocol, service } = leaf
  if (leaf.kind === 'connection') return [peer === undefined ? 'transient' : `peer ${peer}`, 'system']
  const scopes = [`peer ${peer}`]
  if (protocol === undefined) return [...scopes, 'transient', 'system']
  scopes.push(`protocolPeer ${protocol} ${peer}`)
  if (service !== undefined) scopes.push(`servicePeer ${service} ${peer}`)
  scopes.push(`protocol ${protocol}`)
  if (service !== undefined) scopes.push(`service ${service}`)
  return [...scopes, 'system']
}

type Usage = { -readonly [Key in keyof ScopeUsage]: number }

export function nothing (): Usage {
  return { connectionsInbound: 0, connectionsOutbound: 0, streamsInbound: 0, streamsOutbound: 0, fileDescriptors: 0, memory: 0 }
}

export class Reference {
  readonly leaves: Leaf[] = []
  limits: LimitConfig
  readonly #known = new Map<string, Limits>()

  constructor (limits: LimitConfig) {
    this.limits = limits
  }

  /** What every scope uses in which something is: each leaf counts once in each scope above it */
  usages (): Map<string, Usage> {
    const usages = new Map<string, Usage>()
    for (const leaf of this.leaves) {
      for (const scope of ancestors(leaf)) {
        let usage = usages.get(scope)
        if (usage === undefined) usages.set(scope, usage = nothing())
        usage.memory += leaf.memory
        usage.fileDescriptors += leaf.descriptors
        usage[leaf.kind === 'connection' ? leaf.inbound ? 'connectionsInbound' : 'connectionsOutbound' : leaf.inbound ? 'streamsInbound' : 'streamsOutbound']++
      }
    }
    return usages
  }

  /** Other limits apply from now on */
  limit (limits: LimitConfig): void {
    this.limits = limits
    this.#known.clear()
  }

  limitsOf (scope: string): Limits {
    const known = this.#known.get(scope)
    if (known !== undefined) return known
    const [kind = '', name = ''] = scope.split(' ')
    const single = this.limits[kind as 'system']
    const byDefault = this.limits[`${kind}Default` as 'peerDefault']
    const named = (this.limits[kind as 'peer'])?.[name]
    const limits = { ...LIMITLESS, ...(kind === 'system' || kind === 'transient' ? single : { ...byDefault, ...named }) } as Limits
    this.#known.set(scope, limits)
    return limits
  }

  /** The first scope and limit that one more leaf, or so much more memory, would pass; `undefined` where it fits */
  refusal (scopes: readonly string[], leaf: Leaf | undefined, memory: number, priority: number): string | undefined {
    const usages = this.usages()
    for (const scope of scopes) {
      const usage = usages.get(scope) ?? nothing()
      const limits = this.limitsOf(scope)
      const bound = limits.memory === Infinity ? Infinity : Math.floor(limits.memory * (1 + priority) / 256)
      if (memory > 0 && usage.memory + memory > bound) return `${scope} memory`
      if (leaf === undefined) continue
      const [kind, total] = leaf.kind === 'connection'
        ? ['connections', usage.connectionsInbound + usage.connectionsOutbound] as const
        : ['streams', usage.streamsInbound + usage.streamsOutbound] as const
      const direction = leaf.inbound ? 'Inbound' : 'Outbound'
      if (usage[`${kind}${direction}`] + 1 > limits[`${kind}${direction}`]) return `${scope} ${kind}${direction}`
      if (total + 1 > limits[kind]) return `${scope} ${kind}`
      if (leaf.descriptors > 0 && usage.fileDescriptors + leaf.descriptors > limits.fileDescriptors) return `${scope} fileDescriptors`
    }
    return undefined
  }
}
