import { Samples } from './samples.ts'
import { fate, groupName, SHUT_OUT, why, whyNot } from './words.ts'
import type { Quantiles } from './samples.ts'
import type { Fate } from './words.ts'
import type { CloseCode, ConnectionRecord, LifecycleEvent } from '@cordon/interface-connection-lifecycle'

/** Where the connections of one group stand now */
export interface Standing {
  new: number
  encrypt: number
  multiplex: number
  handshake: number
  ready: number
}

/** One row of the table: a group, its live connections, and how many ended in which way */
export interface Row extends Readonly<Standing>, Readonly<Record<Fate, number>> {
  readonly group: string
}

/** Who was refused or dropped, why, and how often that happened */
export interface Verdict {
  readonly text: string
  readonly count: number
  /** When it last happened, in ms of the ledger's clock */
  readonly at: number
}

export interface Pings {
  readonly ok: number
  readonly failed: number
  /** Why the newest of the failed ones failed */
  readonly lastError?: string
  /** The round trip of a ping */
  readonly ping?: Quantiles
  /** From the dial to the connection that is ready for use */
  readonly connect?: Quantiles
}

/** What one honest visitor tells of one attempt to connect and ping; durations in ms */
export type PingResult =
  { readonly ok: true, readonly connect: number, readonly ping: number } |
  { readonly ok: false, readonly error: string }

type Count = Record<Fate, number>

/** A peer on loopback has 2^24 addresses to come from, a terminal some 20 lines for them */
const MAX_GROUPS = 256
const MAX_VERDICTS = 64

/** Keeps the books: what became of every connection by group and by reason, and how the honest visitors fared */
export class Ledger {
  readonly #now: () => number
  /** At most `MAX_GROUPS`, the one that was quiet for longest goes first; the order is that of the last change */
  readonly #groups = new Map<string, Count>()
  /** At most `MAX_VERDICTS`, in the same way */
  readonly #verdicts = new Map<string, Verdict>()
  readonly #closed: Partial<Record<CloseCode, number>> = {}
  readonly #total: Count = count()
  readonly #connect = new Samples()
  readonly #ping = new Samples()
  #ok = 0
  #failed = 0
  #lastError: string | undefined

  constructor (now: () => number) {
    this.#now = now
  }

  /** How many were closed, by reason */
  get closed (): Readonly<Partial<Record<CloseCode, number>>> {
    return { ...this.#closed }
  }

  /** How many connections were dropped in all */
  get dropped (): number {
    return this.#total.dropped
  }

  get pings (): Pings {
    return { ok: this.#ok, failed: this.#failed, lastError: this.#lastError, ping: this.#ping.quantiles(), connect: this.#connect.quantiles() }
  }

  /** The newest last */
  get verdicts (): Verdict[] {
    return [...this.#verdicts.values()]
  }

  observe (event: LifecycleEvent): void {
    if (event.type === 'connection:opened') {
      this.#group(groupName(event.record.address))
    } else if (event.type === 'connection:refused') {
      this.#end(event.record, 'refused', whyNot(event.refusal))
    } else if (event.type === 'connection:closed') {
      const { record, reason } = event
      this.#closed[reason.code] = (this.#closed[reason.code] ?? 0) + 1
      // one that was refused has been counted when it was
      if (reason.code !== 'refused') this.#end(record, fate(reason), why(reason))
    }
  }

  /** Came while a rule shut them out, and were turned away before there was anything that could be observed */
  turnedAway (group: string, count: number): void {
    this.#count(group, 'refused', `${SHUT_OUT}, without a socket`, count)
  }

  pinged (result: PingResult): void {
    if (!result.ok) {
      this.#failed++
      this.#lastError = result.error
      return
    }
    this.#ok++
    this.#connect.add(result.connect)
    this.#ping.add(result.ping)
  }

  /** The groups that changed last, at most `limit`, by name; and a row for all there are */
  rows (records: Iterable<ConnectionRecord>, limit: number): { rows: Row[], total: Row, more: number } {
    const standings = new Map<string, Standing>()
    const all = standing()
    for (const record of records) {
      const group = groupName(record.address)
      const own = standings.get(group) ?? standing()
      standings.set(group, own)
      tally(own, record)
      tally(all, record)
    }

    const names = [...new Set([...this.#groups.keys(), ...standings.keys()])]
    const shown = names.slice(-limit).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    return {
      rows: shown.map(group => row(group, standings.get(group), this.#groups.get(group))),
      total: row('all', all, this.#total),
      more: names.length - shown.length
    }
  }

  #end (record: ConnectionRecord, fate: Fate, reason: string): void {
    this.#count(groupName(record.address), fate, reason, 1)
  }

  #count (group: string, fate: Fate, reason: string, more: number): void {
    this.#group(group)[fate] += more
    this.#total[fate] += more
    if (fate === 'left') return
    const text = `${group} was ${fate}: ${reason}`
    const count = (this.#verdicts.get(text)?.count ?? 0) + more
    renew(this.#verdicts, text, { text, count, at: this.#now() }, MAX_VERDICTS)
  }

  #group (name: string): Count {
    const group = this.#groups.get(name) ?? count()
    renew(this.#groups, name, group, MAX_GROUPS)
    return group
  }
}

function count (): Count {
  return { left: 0, refused: 0, dropped: 0 }
}

function standing (): Standing {
  return { new: 0, encrypt: 0, multiplex: 0, handshake: 0, ready: 0 }
}

function tally (standing: Standing, { state, phase }: ConnectionRecord): void {
  const column = state === 'handshaking' ? phase : state
  if (column != null && column !== 'closed') standing[column]++
}

function row (group: string, live: Standing = standing(), ended: Count = count()): Row {
  const { left, refused, dropped } = ended
  return { group, ...live, left, refused, dropped }
}

/** Puts it last, and forgets the first where there are too many */
function renew<V> (map: Map<string, V>, key: string, value: V, max: number): void {
  map.delete(key)
  map.set(key, value)
  for (const first of map.keys()) {
    if (map.size <= max) return
    map.delete(first)
  }
}
