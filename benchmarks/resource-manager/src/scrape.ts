import type { Metrics } from '@libp2p/interface'

/** How often something was admitted, by what was entered, and how often anything was refused */
export interface Counts {
  readonly connection?: number
  readonly peer?: number
  readonly stream?: number
  readonly protocol?: number
  readonly service?: number
  /** Memory, wherever it is reserved */
  readonly all?: number
  readonly refused?: number
}

type Counted = Record<keyof Counts, number>

/** What one metric shows: values by label */
type Values = Readonly<Record<string, number>>

const NONE: Counted = { connection: 0, peer: 0, stream: 0, protocol: 0, service: 0, all: 0, refused: 0 }

/** Takes the metrics of managers, and scrapes them when it is asked */
export class Sink {
  readonly #groups = new Map<string, () => Values>()
  readonly #before: Counted = { ...NONE }
  readonly metrics: Metrics

  constructor () {
    const register = (name: string, { calculate }: { readonly calculate: () => Values }): object => {
      this.#groups.set(name, calculate)
      return {}
    }
    // the two that a manager uses
    this.metrics = { registerMetricGroup: register, registerCounterGroup: register } as unknown as Metrics
  }

  /** Reads every metric once, as a monitoring system does */
  scrape (): ReadonlyMap<string, Values> {
    return new Map([...this.#groups].map(([name, calculate]) => [name, calculate()]))
  }

  /** What the counters show, with those of managers that were replaced */
  counts (): Counted {
    const scraped = this.scrape()
    const counts = { ...this.#before }
    for (const [label, value] of Object.entries(scraped.get('cordon_resource_manager_allowed_total') ?? {})) {
      const [scope = ''] = label.split('/')
      counts[scope as keyof Counts] += value
    }
    for (const value of Object.values(scraped.get('cordon_resource_manager_refused_total') ?? {})) counts.refused += value
    return counts
  }

  /** The next manager takes the place of the one there is, whose counts are kept */
  replace (): void {
    Object.assign(this.#before, this.counts())
    this.#groups.clear()
  }

  /** What is in use, by label */
  used (): Values {
    // a prefix that nobody uses is remembered for its bucket
    return { ...this.scrape().get('cordon_resource_manager_used'), 'prefix/idle': 0 }
  }
}

/** What is wrong with the counters after so many operations, each of which adds `each`; nothing where they are right */
export function miscount (before: Counted, after: Counted, operations: number, each: Counts): string | undefined {
  const wrong = Object.entries(after).filter(([scope, count]) => count - before[scope as keyof Counts] !== operations * (each[scope as keyof Counts] ?? 0))
  return wrong.length === 0 ? undefined : wrong.map(([scope, count]) => `${scope} went from ${before[scope as keyof Counts]} to ${count}`).join(', ') + ` in ${operations} operations`
}
