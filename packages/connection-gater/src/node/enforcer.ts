import type { ConnectionGater, GateRefusal, GaterEvents, GateTarget } from '@cordon/interface-connection-gater'

/** One connection that exists */
export interface OpenConnection {
  readonly target: GateTarget
  close (refusal: GateRefusal): void
}

/** What a node has opened, and is about to open */
export interface OpenConnections {
  /** What exists now; closing one may change it */
  all (): Iterable<OpenConnection>

  /** Ends the dials that are refused, where that is possible */
  endDials (judge: (target: GateTarget) => GateRefusal | undefined): void
}

/** A gater that can say what it would decide, and count nothing */
export interface Judge extends ConnectionGater {
  preview (target: GateTarget): GateRefusal | undefined
}

/** What changed in one tick */
class Changes {
  /** The ids of new block rules; never more than there are rules */
  readonly added = new Set<string>()
  /** The names of lists that were loaded */
  readonly lists = new Set<string>()
  /** Whoever was allowed may be so no longer */
  fewerAllowed = false
  /** Rules were read from the datastore */
  stored = false

  /** Whether this is refused because of them. What an older rule covers was closed then, or kept because the operator said so. */
  explain ({ rule }: GateRefusal): boolean {
    if (rule === undefined) return this.fewerAllowed || this.stored
    return this.stored || this.added.has(rule.id) || (rule.list !== undefined && this.lists.has(rule.list))
  }
}

/** Closes what is open and that rules have come to forbid, and ends dials to it: one pass for all that changed in one tick */
export class Enforcer {
  readonly #gater: Judge
  readonly #connections: OpenConnections
  #changes: Changes | undefined
  readonly #listeners: { readonly [K in keyof GaterEvents]?: (event: GaterEvents[K]) => void } = {
    'rule:added': ({ detail: { rule, close } }) => { if (close && rule.action === 'block') this.#soon().added.add(rule.id) },
    'rule:removed': ({ detail: { rule } }) => { if (rule.action === 'allow') this.#soon().fewerAllowed = true },
    'rule:expired': ({ detail: { rule } }) => { if (rule.action === 'allow') this.#soon().fewerAllowed = true },
    'list:loaded': ({ detail: { name } }) => {
      const changes = this.#soon()
      changes.lists.add(name)
      changes.fewerAllowed = true
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
    const judge = (target: GateTarget): GateRefusal | undefined => {
      const refusal = this.#gater.preview(target)
      return refusal !== undefined && changes.explain(refusal) ? this.#gater.decide(target) : undefined
    }
    // dials first: one that ends may begin another, which is refused then
    this.#connections.endDials(judge)
    for (const connection of [...this.#connections.all()]) {
      const refusal = judge(connection.target)
      if (refusal !== undefined) connection.close(refusal)
    }
  }
}
