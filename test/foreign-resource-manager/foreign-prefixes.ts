import { refusal } from './foreign-refusal.ts'
import type { PrefixSettings } from './foreign-limits.ts'
import type { Clock, NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { Lifted, PrefixesSnapshot, PrefixLimits, PrefixSnapshot, RefusalCounts, ResourceRefusal } from '@cordon/interface-resource-manager'

/** How many buckets are remembered: full ones are as good as none and go first, then the oldest */
const MAX_BUCKETS = 10_000

const BURST = 16

/** What rounding may cost, in tokens */
const TOLERANCE = 1e-6

/** Where a connection comes from, and what does not apply to it */
export interface Origin {
  readonly address: NormalisedAddress | undefined
  readonly lifted: Lifted
}

interface Range extends PrefixLimits {
  readonly name: string
  readonly path: string
}

/** Each of `counts` must have room, each of `buckets` must grant */
interface Ranges {
  readonly counts: readonly Range[]
  readonly buckets: readonly Range[]
}

interface Bucket {
  readonly tokens: number
  readonly at: number
}

function bitsOf (words: readonly number[]): string {
  return words.map(word => word.toString(2).padStart(32, '0')).join('')
}

/** The prefix of this length, such as `192.0.2.0/24` */
function nameOf (words: readonly number[], length: number): string {
  const bits = bitsOf(words).slice(0, length).padEnd(words.length * 32, '0')
  const parts = (bits.match(words.length === 1 ? /.{8}/g : /.{16}/g) ?? []).map(part => parseInt(part, 2))
  return `${words.length === 1 ? parts.join('.') : parts.map(part => part.toString(16)).join(':')}/${length}`
}

/** The leading bits that a prefix such as `192.0.2.0/24` or `2001:db8::/32` asks for, behind its family */
function bitsOfPrefix (prefix: string): string {
  const [ip = '', length] = prefix.split('/')
  const binary = (text: string, base: number, width: number): string => parseInt(text, base).toString(2).padStart(width, '0')
  if (!ip.includes(':')) return `4${ip.split('.').map(part => binary(part, 10, 8)).join('').slice(0, Number(length ?? 32))}`
  const [head = '', tail] = ip.split('::')
  const groups = (part = ''): string[] => part === '' ? [] : part.split(':')
  const zeros = tail == null ? 0 : 8 - groups(head).length - groups(tail).length
  const all = [...groups(head), ...new Array<string>(zeros).fill('0'), ...groups(tail)]
  return `6${all.map(part => binary(part, 16, 16)).join('').slice(0, Number(length ?? 128))}`
}

/** Who may come from where, found out anew for each connection by looking at all others */
export class Prefixes {
  readonly #clock: Pick<Clock, 'now'>
  readonly #settings: () => PrefixSettings
  readonly #held: () => Origin[]
  /** Of each range that has a rate, the oldest first; at most `MAX_BUCKETS` */
  readonly #buckets = new Map<string, Bucket>()
  readonly #refusals = { connections: 0, rate: 0 }
  #evicted = 0

  /** @param held - where each inbound connection that there is comes from */
  constructor (clock: Pick<Clock, 'now'>, settings: () => PrefixSettings, held: () => Origin[]) {
    this.#clock = clock
    this.#settings = settings
    this.#held = held
  }

  check (origin: Origin): ResourceRefusal | undefined {
    const { counts, buckets } = this.#ranges(origin)
    const common = { scopeClass: 'prefix', direction: 'inbound', attempted: 1 } as const
    for (const range of buckets) {
      const { name, path, rate = Infinity, burst: limit = BURST } = range
      const missing = 1 - this.#tokens(range)
      if (missing > TOLERANCE) return refusal({ ...common, code: 'rate', cause: 'rate', scope: `prefix:${name}`, limit, configPath: `${path}.rate`, ...(rate > 0 ? { retryAfter: Math.ceil(missing / rate * 1_000) } : {}) })
    }
    for (const { name, path, connections: limit = Infinity } of counts) {
      const current = this.#count(name)
      if (current + 1 > limit) return refusal({ ...common, code: 'limit', cause: 'connections', scope: `prefix:${name}`, current, limit, configPath: `${path}.connections` })
    }
    return undefined
  }

  /** Takes one token from each bucket, or gives it back */
  spend (origin: Origin, tokens: 1 | -1): void {
    for (const range of this.#ranges(origin).buckets) {
      if (range.rate == null || range.rate === Infinity) continue
      const left = Math.min(range.burst ?? BURST, this.#tokens(range) - tokens)
      this.#buckets.delete(range.name)
      if (this.#buckets.size >= MAX_BUCKETS) this.#forget()
      this.#buckets.set(range.name, { tokens: left, at: this.#clock.now() })
    }
  }

  refused ({ cause }: ResourceRefusal): void {
    this.#refusals[cause === 'rate' ? 'rate' : 'connections']++
  }

  refusals (): RefusalCounts {
    return Object.fromEntries(Object.entries(this.#refusals).filter(([, count]) => count > 0))
  }

  snapshot (most: number): PrefixesSnapshot {
    const ranges = this.#held().flatMap(origin => this.#ranges(origin).counts)
    const largest = new Map(ranges.map(({ name, connections: limit = Infinity }): [string, PrefixSnapshot] => [name, { name, connections: this.#count(name), limit }]))
    return {
      largest: [...largest.values()].sort((a, b) => b.connections - a.connections).slice(0, most),
      tracked: new Set([...largest.keys(), ...this.#buckets.keys()]).size,
      evicted: this.#evicted,
      refusals: this.refusals()
    }
  }

  isCountedIn (origin: Origin, scope: string): boolean {
    return this.#ranges(origin).counts.some(({ name }) => `prefix:${name}` === scope)
  }

  #count (name: string): number {
    return this.#held().filter(origin => this.#ranges(origin).counts.some(range => range.name === name)).length
  }

  #tokens ({ name, rate = Infinity, burst = BURST }: Range): number {
    if (rate === Infinity) return 1
    if (rate === 0) return 0
    const { tokens, at } = this.#buckets.get(name) ?? { tokens: burst, at: 0 }
    return Math.min(burst, tokens + (this.#clock.now() - at) / 1_000 * rate)
  }

  /** What a minute has not filled is likely still in use; if all are, the oldest has to go */
  #forget (): void {
    const now = this.#clock.now()
    for (const [name, { at }] of this.#buckets) {
      if (now - at < 60_000) {
        this.#evicted++
        this.#buckets.delete(name)
        return
      }
      this.#buckets.delete(name)
    }
  }

  #ranges ({ address, lifted }: Origin): Ranges {
    const { counts, buckets } = this.#allRanges(address)
    return { counts: lifted.counts ? [] : counts, buckets: lifted.buckets ? [] : buckets }
  }

  #allRanges (address: NormalisedAddress | undefined): Ranges {
    if (address == null) return { counts: [], buckets: [] }
    const { ipv4, ipv6, entries, relay, relayed, other, global } = this.#settings()
    const { family, words, key, groups } = address
    const everybody: Range = { ...global, name: 'all', path: 'limits.prefixes.global' }
    const only = (...ranges: Range[]): Ranges => ({ counts: ranges, buckets: [...ranges, everybody] })
    const range = (which: 'relay' | 'relayed' | 'other', limits: PrefixLimits, name: string): Range => ({ ...limits, name, path: `limits.prefixes.${which}` })
    if (family === 0) return address.class === 'relayed' ? only(range('relay', relay, key), range('relayed', relayed, 'relayed')) : only(range('other', other, key))

    const bits = `${family}${bitsOf(words)}`
    const special = Object.entries(entries)
      .filter((entry): entry is [string, PrefixLimits] => entry[1] !== false && bits.startsWith(bitsOfPrefix(entry[0])))
      .sort(([a], [b]) => bitsOfPrefix(b).length - bitsOfPrefix(a).length)
      .map(([name, limits]) => ({ ...limits, name, path: `limits.prefixes.entries.${name}` }))
    if (special.length > 0) return { counts: special.slice(0, 1), buckets: special }

    const levels = (family === 4 ? ipv4 : ipv6).map((level, i) => ({ ...level, name: groups.find(group => group.endsWith(`/${level.length}`)) ?? nameOf(words, level.length), path: `limits.prefixes.ipv${family}.${i}` }))
    return { counts: levels, buckets: [...levels, everybody] }
  }
}
