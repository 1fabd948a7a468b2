import { blockListSymbol } from '@cordon/interface-component-registry'
import { connectionGaterSymbol } from '@cordon/interface-connection-gater'
import { isConnectionLifecycle, lifecycleDriverSymbol, participantSymbol } from '@cordon/interface-connection-lifecycle'
import { allowlistSourceSymbol } from '@cordon/interface-resource-manager'
import { InvalidParametersError, serviceCapabilities } from '@libp2p/interface'
import { ConnectionGaterClass } from '../gater.ts'
import { createBlockList } from './block-list.ts'
import { Enforcer } from './enforcer.ts'
import { registerMetrics } from './metrics.ts'
import { GateParticipant } from './participant.ts'
import { targetOfDial, targetOfRecord } from './targets.ts'
import type { ConnectionGaterComponents, ConnectionGaterService } from '../index.ts'
import type { Options } from '../init.ts'
import type { OpenConnection } from './enforcer.ts'
import type { BlockLists, Registry } from '@cordon/interface-component-registry'
import type { Offender, Strike } from '@cordon/interface-connection-gater'
import type { CloseReason, ConnectionLifecycle, ConnectionRecord, Participant } from '@cordon/interface-connection-lifecycle'
import type { AllowlistSource } from '@cordon/interface-resource-manager'
import type { Startable } from '@libp2p/interface'

const MISBEHAVED: CloseReason = { code: 'misbehaved', by: 'local' }

/** The gater of one node: asked in every step, and closes what rules come to forbid */
export class NodeGater extends ConnectionGaterClass implements ConnectionGaterService, Startable {
  readonly [Symbol.toStringTag] = '@cordon/connection-gater'
  readonly [serviceCapabilities]: string[] = ['@cordon/connection-gater']
  readonly [participantSymbol]: Participant
  readonly [allowlistSourceSymbol]: AllowlistSource = this
  readonly [blockListSymbol]: BlockLists
  readonly #components: ConnectionGaterComponents
  readonly #enforcer: Enforcer
  /** Known once the node starts; before that nothing is open */
  #lifecycle: ConnectionLifecycle | undefined

  constructor (components: ConnectionGaterComponents, options: Options) {
    super(options)
    this.#components = components
    const log = components.logger.forComponent('cordon:gater')
    this.addEventListener('store:failed', ({ detail: { error } }) => { log.error('the datastore of the rules failed - %e', error) })
    this[participantSymbol] = new GateParticipant(this)
    this[blockListSymbol] = {
      inbound: createBlockList(address => this.blocksAddress('inbound', address)),
      outbound: createBlockList(address => this.blocksAddress('outbound', address))
    }
    this.#enforcer = new Enforcer(this, {
      all: () => this.#records().map(openConnection),
      endDials: judge => this.#registry?.endDials(target => judge(targetOfDial(target), target.multiaddr?.toString()))
    })
    if (components.metrics !== undefined) registerMetrics(components.metrics, () => this.status())
  }

  /** @throws {InvalidParametersError} when several modules are gaters: both would keep their rules in one place */
  override async start (): Promise<void> {
    const registry = this.#registry
    if (registry !== undefined && registry.modulesWith(connectionGaterSymbol).length > 1) throw new InvalidParametersError('several modules are gaters: is a name misspelt? There can be one, and its place is gater')
    this.#lifecycle = registry?.modulesWith(lifecycleDriverSymbol).find(isConnectionLifecycle)
    this.#enforcer.start()
    await super.start()
  }

  override async stop (): Promise<void> {
    this.#enforcer.stop()
    await super.stop()
  }

  /** As in the interface; who shares a place is seen, where it is not said, and what is to be disconnected is, where it is clear who that is */
  override strike (offender: Offender, weight: number, reason: string): Strike {
    const { peer, address, sharers } = offender
    const neighbours = peer === undefined && address !== undefined && sharers === undefined ? this.#peersAt(address.share) : sharers
    const strike = super.strike(neighbours === undefined ? offender : { ...offender, sharers: neighbours }, weight, reason)
    // where others share a place, any of them may just be about to say who it is: nobody is cut for what another one did
    const isOne = peer !== undefined || neighbours === undefined || neighbours === 0
    if (strike.outcome === 'disconnect' && isOne) this.#disconnect(offender)
    return strike
  }

  protected override missing (): string[] {
    const missing = super.missing()
    if (this.#registry === undefined) missing.push('the node was not composed: nobody asks this gater, and connections that are open stay open; see createConnectionGater')
    return missing
  }

  /** libp2p throws where a node has no such service (3.3.11) */
  get #registry (): Registry | undefined {
    try {
      return this.#components.registry
    } catch {
      return undefined
    }
  }

  #records (): ConnectionRecord[] {
    return this.#lifecycle === undefined ? [] : [...this.#lifecycle.records()]
  }

  /** How many authenticated peers are connected from one place */
  #peersAt (share: string): number {
    return new Set(this.#records().flatMap(({ address, remotePeer }) => remotePeer !== undefined && address.share === share ? [remotePeer.toString()] : [])).size
  }

  /** The peer's connections; or from a place those that nobody has put a name to */
  #disconnect ({ peer, address }: Offender): void {
    for (const record of this.#records()) {
      const isMeant = peer === undefined ? record.remotePeer === undefined && record.address.share === address?.share : record.remotePeer?.toString() === peer
      if (isMeant) void record.close(MISBEHAVED, { abort: true })
    }
  }
}

function openConnection (record: ConnectionRecord): OpenConnection {
  return {
    target: targetOfRecord(record),
    dialled: record.direction === 'outbound' ? record.remoteAddr.toString() : undefined,
    close: refusal => { void record.close({ code: 'refused', by: 'local', refusal }, { abort: true }) }
  }
}
