import type { ConnectionGater, GateRefusal, GaterEvents, GateTarget, Rule, SubjectKind } from '@cordon/interface-connection-gater'

/** One connection that exists */
export interface OpenConnection {
  readonly target: GateTarget

  /** The address that was dialled, as text */
  readonly dialled?: string | undefined
  close (refusal: GateRefusal): void
}

/** What a node has opened, and is about to open */
export interface OpenConnections {
  /** What exists now; closing one may change it */
  all (): Iterable<OpenConnection>

  /**
   * Ends the dials that are refused, where that is possible.
   *
   * @param judge - asked about each of them, with the address that is dialled as text
   */
  endDials (judge: (target: GateTarget, dialled: string | undefined) => GateRefusal | undefined): void
}

/** A gater that can say what it would decide, and count nothing */
export interface Judge extends ConnectionGater {
  preview (target: GateTarget): GateRefusal | undefined

  /** Every rule that blocks it */
  blocking (target: GateTarget): Iterable<Rule>
}

/** Kinds of block rules that make it matter which address a relay hides */
const ABOUT_ADDRESSES: ReadonlySet<SubjectKind> = new Set(['ip', 'cidr', 'pattern'])

/** What changed in one tick */
class Changes {
  /** The ids of new block rules; never more than there are rules */
  readonly added = new Set<string>()
  /** The names of lists that were loaded */
  readonly lists = new Set<string>()
  /** What a relay hides may be among what is blocked now */
  moreAddresses = false
  /** Whoever was allowed may be so no longer */
  fewerAllowed = false
  /** Rules were read from the datastore */
  stored = false
}

/** Closes what is open and that rules have come to forbid, and ends dials to it: one pass for all that changed in one tick */
export class Enforcer {
  readonly #gater: Judge
  readonly #connections: OpenConnections
  #changes: Changes | undefined
  /** The ids of rules that leave open what is open; never more than there are rules */
  readonly #lenient = new Set<string>()
  readonly #listeners: { readonly [K in keyof GaterEvents]?: (event: GaterEvents[K]) => void } = {
    'rule:added': ({ detail: { rule, close } }) => {
      if (rule.action !== 'block') return
      if (close) {
        this.#lenient.delete(rule.id)
        const changes = this.#soon()
        changes.added.add(rule.id)
        if (ABOUT_ADDRESSES.has(rule.kind)) changes.moreAddresses = true
      } else {
        this.#lenient.add(rule.id)
      }
    },
    'rule:removed': ({ detail: { rule } }) => { this.#gone(rule) },
    'rule:expired': ({ detail: { rule } }) => { this.#gone(rule) },
    'list:loaded': ({ detail: { name } }) => {
      const changes = this.#soon()
      changes.lists.add(name)
      changes.fewerAllowed = true
      changes.moreAddresses = true
    },
    'list:dropped': () => { this.#soon().fewerAllowed = true },
    'store:loaded': () => { this.#soon().stored = true }
  }

  constructor (gater: Judge, connections: OpenConnections) {
    this.#gater = gater
    this.#connections = connections
  }

  start (): void {
    for (const [type, listener] of Object.entries(this.#listeners)) this.#gater.addEventListener(type as keyof GaterEvents, listener as (event: Event) => void)
  }

  stop (): void {
    for (const [type, listener] of Object.entries(this.#listeners)) this.#gater.removeEventListener(type as keyof GaterEvents, listener as (event: Event) => void)
    this.#lenient.clear()
    this.#changes = undefined
  }

  #gone (rule: Rule): void {
    if (rule.action === 'allow') this.#soon().fewerAllowed = true
    else this.#lenient.delete(rule.id)
  }

  /** What is to be looked at before anything else happens */
  #soon (): Changes {
    if (this.#changes === undefined) {
      this.#changes = new Changes()
      queueMicrotask(() => { this.#enforce() })
    }
    return this.#changes
  }

  #enforce (): void {
    const changes = this.#changes
    this.#changes = undefined
    if (changes === undefined) return
    const isRefused = (target: GateTarget): boolean => {
      const refusal = this.#gater.preview(target)
      return refusal !== undefined && this.#isNew(target, refusal, changes)
    }
    const refused = [...this.#connections.all()].filter(({ target }) => isRefused(target))
    const dialled = new Set(refused.map(connection => connection.dialled))
    // dials first: one that ends may begin another, which is refused then. What has connected already counts once.
    this.#connections.endDials((target, to) => isRefused(target) ? this.#gater[to !== undefined && dialled.has(to) ? 'preview' : 'decide'](target) : undefined)
    for (const connection of refused) {
      const refusal = this.#gater.decide(connection.target)
      if (refusal !== undefined) connection.close(refusal)
    }
  }

  /**
   * Whether this is refused because of what changed. What only older rules cover was closed then, or kept because the
   * operator said so.
   */
  #isNew (target: GateTarget, { rule, cause }: GateRefusal, changes: Changes): boolean {
    if (rule === undefined) return changes.fewerAllowed || changes.stored || (cause === 'unproven' && changes.moreAddresses)
    const isNew = ({ id, list }: Rule): boolean => changes.added.has(id) || (list !== undefined && changes.lists.has(list)) || (changes.stored && !this.#lenient.has(id))
    if (isNew(rule)) return true
    // a new rule may be less specific than one that lets open what is open
    for (const other of this.#gater.blocking(target)) if (isNew(other)) return true
    return false
  }
}
