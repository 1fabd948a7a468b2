import { actionOf, directionOf } from '../tables/entries.ts'
import { ALLOWS, BY_ADDRESS, BY_PEER, KIND } from './kinds.ts'
import { Layer } from './layer.ts'
import type { Details, Hits } from '../tables/entries.ts'
import type { Ending, Found } from './layer.ts'
import type { GateTarget, Rule, RuleAction, RuleOrigin } from '@cordon/interface-connection-gater'

/** What the rules say, and where the rule that decided lies */
export interface Judgement {
  readonly decision: 'allow' | 'block' | 'unknown'
  readonly found?: Found
  readonly faulty?: boolean
}

/** What is done with whom no rule covers */
export interface Policy {
  readonly default: RuleAction
  readonly relayedUnknown: 'refuse' | 'allow'
}

const PREDICATES = KIND.predicate | (KIND.predicate << 8)

/** Of whom no rule covers, which is most */
export const UNKNOWN: Judgement = { decision: 'unknown' }

/** What predicates say that were not asked */
const MIGHT_ALLOW: Judgement = { decision: 'allow' }

/** All rules of a node: the operator's, those that strikes have led to, and lists. Decides, and does nothing else. */
export class RuleBook {
  readonly manual: Layer
  readonly automatic: Layer
  /** By name; at most as many as there may be lists */
  readonly #lists = new Map<string, Layer>()
  #layers: readonly Layer[] = []
  /** Of which kinds there are rules, as `Counts.present` has them */
  #present = 0
  /** The layers that have rules of an action */
  #withRules: Readonly<Record<RuleAction, readonly Layer[]>> = { allow: [], block: [] }

  readonly #recount = (): void => {
    this.#present = this.#layers.reduce((present, layer) => present | layer.present, 0)
    this.#withRules = { allow: this.#layers.filter(layer => !layer.isEmpty('allow')), block: this.#layers.filter(layer => !layer.isEmpty('block')) }
  }

  /** @param seed - of the hashes of its tables */
  constructor (seed: number) {
    this.manual = new Layer(seed)
    this.automatic = new Layer(seed)
    this.#setLayers()
  }

  get lists (): ReadonlyMap<string, Layer> {
    return this.#lists
  }

  /** Takes a list in, in place of the one of that name; without a layer it is taken out */
  setList (name: string, layer: Layer | undefined): boolean {
    const known = this.#lists.delete(name)
    if (layer !== undefined) this.#lists.set(name, layer)
    this.#setLayers()
    return known
  }

  /**
   * All rules that cover somebody decide; block beats allow, and a predicate that fails blocks. What strikes led to gives
   * way to whom the operator allows: others bring strikes about, also of those who share a range.
   *
   * @param asks - otherwise no predicate is asked, because too little is known: one that allows might, and none blocks
   */
  judge (target: GateTarget, asks = true): Judgement {
    const present = this.#present
    const blocked = this.#best(target, 'block')
    const functions = asks ? (present & PREDICATES) === 0 ? undefined : this.#ask(target) : (present & PREDICATES & ALLOWS) === 0 ? undefined : MIGHT_ALLOW
    if (blocked !== undefined && (blocked.layer !== this.automatic || functions?.decision === 'block')) return { decision: 'block', found: blocked }
    if (functions?.decision === 'block') return functions
    const allowed = this.#best(target, 'allow')
    const isAllowed = allowed !== undefined || functions !== undefined
    if (blocked !== undefined && (!isAllowed || this.#isFirm(target))) return { decision: 'block', found: blocked }
    if (allowed !== undefined) return { decision: 'allow', found: allowed }
    return functions ?? UNKNOWN
  }

  /**
   * What is done with somebody whom no rule covers.
   *
   * @returns what refuses; nothing where it is let in, or may still turn out to be allowed once more of it is known
   */
  unknown (target: GateTarget, { default: byDefault, relayedUnknown }: Policy): 'default' | 'unproven' | undefined {
    if (target.peer === undefined && this.#any('allow', BY_PEER)) return undefined
    if (target.address === undefined && this.#any('allow', BY_ADDRESS)) return undefined
    if (byDefault === 'block') return 'default'
    const hidden = target.direction === 'inbound' && target.address?.class === 'relayed'
    return hidden && relayedUnknown === 'refuse' && this.#hasRanges() ? 'unproven' : undefined
  }

  /** Every allow rule that covers somebody and lifts limits */
  * lifting (target: GateTarget): Generator<Details> {
    for (const layer of this.#layers) {
      if (!layer.lifts) continue
      for (const { entries, index, variant } of layer.all(target, 'allow')) {
        const details = entries.details(index, variant)
        if (details?.lifts !== undefined) yield details
      }
    }
  }

  /** Whether somebody would use the allowlisted scopes, if they were the right peer */
  get liftsLaneOfPeer (): boolean {
    return this.#layers.some(layer => layer.liftsLaneOfPeer)
  }

  /** Whether any rule lifts limits */
  get lifts (): boolean {
    return this.#layers.some(layer => layer.lifts)
  }

  /** Whether any rule blocks anybody */
  get blocks (): boolean {
    return this.#withRules.block.length > 0
  }

  /** When the time of a rule is over next, in ms of the clock */
  get nextEnding (): number {
    let next = Infinity
    for (const { nextEnding } of this.#layers) if (nextEnding < next) next = nextEnding
    return next
  }

  /** The rules whose time is over; each is to be removed before the next one is asked for */
  * endings (now: number): Generator<readonly [Layer, Ending]> {
    for (const layer of this.#layers) {
      for (let ending = layer.ending; ending !== undefined && ending.due <= now; ending = layer.ending) yield [layer, ending]
    }
  }

  /** The name of the list that a layer is; absent for those that are none */
  listOf (layer: Layer): string | undefined {
    for (const [name, list] of this.#lists) if (list === layer) return name
    return undefined
  }

  /** Who made the rules of a layer */
  originOf (layer: Layer): RuleOrigin {
    return layer === this.manual ? 'manual' : layer === this.automatic ? 'automatic' : 'list'
  }

  /** Every rule, by where it lies */
  * rules (origin?: RuleOrigin): Generator<Found> {
    for (const layer of this.#layers) {
      if (origin === undefined || this.originOf(layer) === origin) yield * layer.rules()
    }
  }

  /** A rule as it stands now */
  describe (found: Found): Rule {
    const { layer, entries, index, variant, kind } = found
    const subject = layer.textOf(found)
    const list = this.listOf(layer)
    const { reason = layer.reason, note, lifts, expires } = entries.details(index, variant) ?? {}
    return ruleOf({ action: actionOf(variant), direction: directionOf(variant), kind, subject, origin: list === undefined ? this.originOf(layer) : 'list' }, entries.hitsOf(index, variant), {
      ...(list === undefined ? {} : { list }),
      ...(reason === undefined ? {} : { reason }),
      ...(note === undefined ? {} : { note }),
      ...(lifts === undefined ? {} : { lifts: [...lifts] }),
      ...(expires === undefined ? {} : { expires })
    })
  }

  #setLayers (): void {
    this.#layers = [this.manual, this.automatic, ...this.#lists.values()]
    for (const layer of this.#layers) layer.watch(this.#recount)
    this.#recount()
  }

  #best (target: GateTarget, action: RuleAction): Found | undefined {
    const layers = action === 'block' ? this.#withRules.block : this.#withRules.allow
    let best: Found | undefined
    for (let i = 0; i < layers.length; i++) {
      const found = (layers[i] as Layer).best(target, action)
      if (found !== undefined && (best === undefined || rankOf(found) > rankOf(best))) best = found
    }
    return best
  }

  /** Whether the operator blocks somebody, or a list of theirs */
  #isFirm (target: GateTarget): boolean {
    return this.#withRules.block.some(layer => layer !== this.automatic && layer.best(target, 'block') !== undefined)
  }

  /** Each of them is asked, whatever the others say, so that their order does not matter */
  #ask (target: GateTarget): Judgement | undefined {
    let judgement: Judgement | undefined
    for (const action of ['block', 'allow'] as const) {
      for (const [predicate, found] of this.manual.predicates(target, action)) {
        const answer = answerOf(predicate, target)
        if (answer === undefined) judgement = judgement?.decision === 'block' ? judgement : { decision: 'block', found, faulty: true }
        else if (answer) judgement ??= { decision: action, found }
      }
    }
    return judgement
  }

  #any (action: RuleAction, kinds: number): boolean {
    for (const layer of this.#layers) if ((layer.kinds(action) & kinds) !== 0) return true
    return false
  }

  /** Whether the operator, or a list of theirs, shuts out addresses: a relay must not be the way around that */
  #hasRanges (): boolean {
    return this.#layers.some(layer => layer !== this.automatic && layer.blocksAddresses())
  }
}

/** How specific a rule is: of ranges the longer one is */
function rankOf ({ kind, length }: Found): number {
  return (KIND[kind] << 8) + length
}

/** Nothing where it threw, or answered with something else */
function answerOf (predicate: (target: GateTarget) => unknown, target: GateTarget): boolean | undefined {
  try {
    const answer = predicate(target)
    if (typeof answer === 'boolean') return answer
    // nobody else would wait for what it promised
    if (answer instanceof Promise) answer.catch(() => { /* it refuses, however it ends */ })
    return undefined
  } catch {
    return undefined
  }
}

type Base = Pick<Rule, 'action' | 'direction' | 'kind' | 'subject' | 'origin'>

function ruleOf (base: Base, { hits, last }: Readonly<Hits>, more: Partial<Rule>): Rule {
  return { id: idOf(base.action, base.direction, base.subject), ...base, ...more, hits, ...(hits === 0 ? {} : { lastHit: last * 1_000 }) }
}

/** What makes a rule this one and no other */
export function idOf (action: RuleAction, direction: string, subject: string): string {
  return `${action} ${direction} ${subject}`
}
