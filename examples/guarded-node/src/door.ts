import { normaliseAddress } from '@cordon/address'
import { isGateRefusal } from '@cordon/interface-connection-gater'
import { LOCALHOST } from './visitors.ts'
import { groupName, printable } from './words.ts'
import type { Visitor } from './visitors.ts'
import type { ConnectionGater, Rule, Subject } from '@cordon/interface-connection-gater'
import type { LifecycleEvent } from '@cordon/interface-connection-lifecycle'

/** Somebody whom a rule shuts out, and what that has led to */
export interface ShutOut {
  /** How it is called on the screen */
  readonly name: string
  /** The group that the rule is about, or else its subject */
  readonly group: string
  /** How many of its connections were open, and were cut */
  readonly cut: number
  /** How many of its attempts were refused when there was a raw connection, or a peer that had proven who it is */
  readonly refused: number
  /** How many of its attempts were turned away before there was a socket */
  readonly early: number
}

/** What is answered to a command */
export interface Answer {
  readonly ok: boolean
  readonly text: string
}

/** What the lifecycle told of the connections that a rule refused; the rule itself knows how often it decided */
interface Tally {
  cut: number
  refused: number
  /** How many that were turned away early have been passed on */
  told: number
}

/** Whom a command means */
interface Found {
  readonly name: string
  readonly subject: Subject
}

const SAMPLE = '127.0.0.6'

/** Shuts visitors out and lets them in again, and counts what becomes of those who are shut out */
export class Door {
  readonly #gater: ConnectionGater
  readonly #visitors: () => readonly Visitor[]
  readonly #tell: (group: string, count: number) => void
  /** By the id of the rule; as many as the operator has made */
  readonly #tallies = new Map<string, Tally>()

  /**
   * @param visitors - who can be meant by a name
   * @param tell - told of those who were turned away before there was a socket, whom nobody else can have seen
   */
  constructor (gater: ConnectionGater, visitors: () => readonly Visitor[], tell: (group: string, count: number) => void) {
    this.#gater = gater
    this.#visitors = visitors
    this.#tell = tell
    gater.addEventListener('rule:added', ({ detail: { rule } }) => {
      if (rule.action === 'block' && !this.#tallies.has(rule.id)) this.#tallies.set(rule.id, { cut: 0, refused: 0, told: 0 })
    })
    const gone = ({ detail: { rule } }: { readonly detail: { readonly rule: Rule } }): void => {
      this.#settle(rule)
      this.#tallies.delete(rule.id)
    }
    gater.addEventListener('rule:removed', gone)
    gater.addEventListener('rule:expired', gone)
  }

  get shutOut (): ShutOut[] {
    return this.#rules().map(rule => this.#describe(rule))
  }

  /** Whether any rule shuts out a visitor */
  isShut ({ address = LOCALHOST, peer }: Visitor): boolean {
    return this.#gater.verdict({ direction: 'inbound', address: normaliseAddress(address), ...(peer == null ? {} : { peer }) }).decision === 'block'
  }

  /** Tells of those who were turned away since it did so last */
  settle (): void {
    for (const rule of this.#rules()) this.#settle(rule)
  }

  observe (event: LifecycleEvent): void {
    if (event.type !== 'connection:refused' || !isGateRefusal(event.refusal)) return
    const tally = this.#tallies.get(event.refusal.rule?.id ?? '')
    if (tally == null) return
    if (event.record.connection == null) tally.refused++
    else tally.cut++
  }

  /** Shuts out whoever is meant: a visitor by its name, or any subject that a rule can have. Never rejects. */
  async block (who: string): Promise<Answer> {
    return this.#change(who, async ({ name, subject }) => {
      const known = new Set(this.#tallies.keys())
      const rule = await this.#gater.block(subject, { reason: 'the operator said so' })
      if (known.has(rule.id)) return { ok: false, text: `${name} is shut out already` }
      const { cut } = this.#describe(rule)
      return { ok: true, text: `${name} is shut out: ${cut === 0 ? 'it had no connection' : cut === 1 ? 'its connection was cut' : `its ${cut} connections were cut`}` }
    })
  }

  /** Takes back what `block` did. Never rejects. */
  async unblock (who: string): Promise<Answer> {
    return this.#change(who, async ({ name, subject }) => {
      if (await this.#gater.unblock(subject) > 0) return { ok: true, text: `${name} may come again` }
      const others = this.shutOut.map(({ name }) => name)
      return { ok: false, text: `${name} was not shut out: ${others.length === 0 ? 'nobody is' : `only ${others.join(', ')}`}` }
    })
  }

  async #change (who: string, change: (found: Found) => Promise<Answer>): Promise<Answer> {
    const found = this.#find(who.trim())
    if ('ok' in found) return found
    try {
      return await change(found)
    } catch (err) {
      // also of what was no visitor and is no subject of a rule either
      return { ok: false, text: printable(err instanceof Error ? err.message : String(err)) }
    }
  }

  #find (who: string): Found | Answer {
    const visitors = this.#visitors()
    const meant = visitors.filter(({ name, kind, address, peer }) => [name, kind, address, peer].includes(who))
    const [first, ...others] = meant
    if (who === '') return { ok: false, text: `whom? Name a visitor, an address, a range or a peer, such as ${visitors[0]?.name ?? SAMPLE}` }
    if (first == null) return { name: printable(who), subject: who }
    if (others.length > 0) return { ok: false, text: `there are ${meant.length} called ${first.kind}: name one of ${meant.map(({ name }) => name).join(', ')}` }
    const { name, address, peer } = first
    if (address != null) return { name, subject: { ip: address } }
    if (peer != null) return { name, subject: { peer } }
    return { ok: false, text: `${name} does not say who it is, and here all come from one address: no rule can shut out it alone` }
  }

  #rules (): Rule[] {
    return [...this.#gater.rules({ action: 'block', origin: 'manual' })]
  }

  #settle (rule: Rule): void {
    const tally = this.#tallies.get(rule.id)
    const { group, early } = this.#describe(rule)
    if (tally == null || early <= tally.told) return
    this.#tell(group, early - tally.told)
    tally.told = early
  }

  #describe ({ id, subject, kind, hits }: Rule): ShutOut {
    const { cut, refused } = this.#tallies.get(id) ?? { cut: 0, refused: 0 }
    const group = groupName({ share: subject })
    const visitor = this.#visitors().find(({ address, peer }) => group === (kind === 'peer' ? peer : address))
    return { name: visitor?.name ?? group, group, cut, refused, early: Math.max(0, hits - cut - refused) }
  }
}

/** How often somebody was refused since it is shut out, in which way ever */
export function turnedAway ({ refused, early }: ShutOut): number {
  return refused + early
}
