import { boundsConnectionsSymbol, isConnectionLifecycle, lifecycleDriverSymbol, participantSymbol } from '@cordon/interface-connection-lifecycle'
import { allowlistSourceSymbol, isAllowlistModule, resourceManagerSymbol } from '@cordon/interface-resource-manager'
import { InvalidParametersError, serviceCapabilities } from '@libp2p/interface'
import { answerOf, NOTHING_LIFTED } from '../allowlist.ts'
import { STREAMS_INBOUND } from '../graph/causes.ts'
import { ResourceManagerClass } from '../manager.ts'
import { ResourceParticipant } from './participant.ts'
import type { ResourceManagerComponents, ResourceManagerService } from '../index.ts'
import type { Parts } from '../manager.ts'
import type { Shed } from './participant.ts'
import type { Registry } from '@cordon/interface-component-registry'
import type { Participant } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource } from '@cordon/interface-resource-manager'
import type { Logger, Startable } from '@libp2p/interface'

export interface NodeParts extends Parts {
  readonly maxUnnegotiatedStreams: number
  /** The user said who is trusted, so no sibling is asked */
  readonly hasAllowlist: boolean
  readonly log: Logger
  /** One of several who say who is trusted has failed */
  readonly onFault: (error: unknown) => void
}

/** The resource manager of one node: what strangers do there is put to it, in every step */
export class NodeResourceManager extends ResourceManagerClass implements ResourceManagerService, Startable {
  readonly [Symbol.toStringTag] = '@cordon/resource-manager'
  readonly [serviceCapabilities]: string[] = ['@cordon/resource-manager']
  readonly [resourceManagerSymbol] = this
  readonly [boundsConnectionsSymbol] = true as const
  readonly [participantSymbol]: Participant
  readonly #components: ResourceManagerComponents
  #hasAllowlist: boolean
  readonly #onFault: (error: unknown) => void
  /** Known once the node starts; before that there is nothing to drop */
  #shed: Shed = () => undefined

  constructor (components: ResourceManagerComponents, parts: NodeParts) {
    super(parts)
    this.#components = components
    this.#hasAllowlist = parts.hasAllowlist
    this.#onFault = parts.onFault
    this[participantSymbol] = new ResourceParticipant({
      manager: this,
      shed: (direction, options) => this.#shed(direction, options),
      maxUnnegotiated: parts.maxUnnegotiatedStreams,
      countUnnegotiated: () => { parts.graph.countLeaf('connection', STREAMS_INBOUND) },
      log: parts.log
    })
  }

  /** @throws {InvalidParametersError} when several modules are resource managers: limits that stand in one of them would not hold in the other */
  start (): void {
    const registry = this.#registry
    if (registry === undefined) return
    if (registry.modulesWith(resourceManagerSymbol).length > 1) throw new InvalidParametersError('several modules are resource managers: is a name misspelt? There can be one, and its place is resourceManager')

    const lifecycle = registry.modulesWith(lifecycleDriverSymbol).find(isConnectionLifecycle)
    if (lifecycle !== undefined) this.#shed = (direction, options) => lifecycle.shed(direction, options)
    if (!this.#hasAllowlist) this.#findAllowlist(registry)
  }

  /** libp2p throws where a node has no such service (3.3.11) */
  get #registry (): Registry | undefined {
    try {
      return this.#components.registry
    } catch {
      return undefined
    }
  }

  override setAllowlist (allowlist: AllowlistSource | readonly string[]): void {
    super.setAllowlist(allowlist)
    this.#hasAllowlist = true
  }

  // a service without it is not started
  stop (): void {}

  /** Whoever any of them trusts is trusted */
  #findAllowlist (registry: Registry): void {
    const [first, ...others] = registry.modulesWith(allowlistSourceSymbol).filter(isAllowlistModule).map(module => module[allowlistSourceSymbol])
    if (first !== undefined) super.setAllowlist(others.length === 0 ? first : anyOf([first, ...others], this.#onFault))
  }
}

/** One that throws trusts nobody, and takes nothing from what the others say */
function anyOf (sources: readonly AllowlistSource[], onFault: (error: unknown) => void): AllowlistSource {
  const faulty = new Set<AllowlistSource>()
  return {
    lifts: (address, peer) => {
      const lifted = { ...NOTHING_LIFTED }
      for (const source of sources) {
        try {
          const { lane, counts, buckets } = answerOf(source, address, peer)
          lifted.lane ||= lane
          lifted.counts ||= counts
          lifted.buckets ||= buckets
        } catch (error) {
          // told once, as of one source
          if (faulty.has(source)) continue
          faulty.add(source)
          onFault(error)
        }
      }
      return lifted
    }
  }
}
