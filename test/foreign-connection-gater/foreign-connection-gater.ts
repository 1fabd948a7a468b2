import { isConnectionLifecycle, lifecycleDriverSymbol, participantSymbol } from '@cordon/interface-connection-lifecycle'
import { ForeignGater } from './foreign-gater.ts'
import type { ForeignGaterInit } from './foreign-gater.ts'
import type { Registry } from '@cordon/interface-component-registry'
import type { GateRefusal, GateTarget, Rule } from '@cordon/interface-connection-gater'
import type { ConnectionLifecycle, ConnectionRecord, DialTarget, Participant, ParticipantModule } from '@cordon/interface-connection-lifecycle'

function ofRecord ({ direction, address, remotePeer }: ConnectionRecord): GateTarget {
  return { direction, address, ...(remotePeer === undefined ? {} : { peer: remotePeer.toString() }) }
}

function ofDial ({ address, peer }: DialTarget): GateTarget {
  return { direction: 'outbound', ...(address === undefined ? {} : { address }), ...(peer === undefined ? {} : { peer: peer.toString() }) }
}

/** The gater as a module of a node: asked about everybody, and whoever is connected is looked at when a rule is made */
export class ForeignConnectionGater extends ForeignGater implements ParticipantModule {
  readonly [Symbol.toStringTag] = '@cordon/foreign-connection-gater'
  readonly [participantSymbol]: Participant
  readonly #registry: Registry | undefined
  #lifecycle: ConnectionLifecycle | undefined

  constructor (init: ForeignGaterInit, registry: Registry | undefined) {
    super(init)
    this.#registry = registry
    this[participantSymbol] = {
      stage: 'gate',
      dial: target => this.decide(ofDial(target)),
      opened: record => this.decide(ofRecord(record)),
      identified: record => this.decide(ofRecord(record))
    }
    this.addEventListener('rule:added', ({ detail: { rule: { id, action }, close } }) => { if (action === 'block' && close) this.#enforce(rule => rule?.id === id) })
    this.addEventListener('rule:removed', ({ detail: { rule: { action } } }) => { if (action === 'allow') this.#enforce(rule => rule === undefined) })
    this.addEventListener('list:loaded', ({ detail: { name } }) => { this.#enforce(rule => rule?.list === name) })
  }

  start (): void {
    this.#lifecycle = this.#registry?.modulesWith(lifecycleDriverSymbol).find(isConnectionLifecycle)
  }

  stop (): void {
    this.#lifecycle = undefined
  }

  /** Ends what such a rule has come to forbid, and nothing that others forbade before and let be */
  #enforce (isMeant: (rule: Rule | undefined) => boolean): void {
    const judge = (target: GateTarget): GateRefusal | undefined => {
      const refusal = this.preview(target)
      return refusal !== undefined && isMeant(refusal.rule) ? refusal : undefined
    }
    this.#registry?.endDials(target => judge(ofDial(target)))
    for (const record of [...this.#lifecycle?.records() ?? []]) {
      const refusal = judge(ofRecord(record))
      if (refusal !== undefined) void record.close({ code: 'refused', by: 'local', refusal }, { abort: true })
    }
  }
}

export function foreignConnectionGater (init: ForeignGaterInit = {}): (components: { readonly registry?: Registry }) => ForeignConnectionGater {
  return components => new ForeignConnectionGater(init, components.registry)
}
