import type { Clock, LifecycleStats } from '@cordon/interface-connection-lifecycle'
import type { Metrics } from '@libp2p/interface'

/** In ms; what one scrape takes at most, in most cases much less. Older counts are counted anew. */
const SCRAPE = 1_000

/**
 * Offers the counts of a lifecycle as metrics. They are computed when somebody reads them, once for all of them, so
 * connections pay nothing. Labels are states, phases and reasons from closed lists, and names of modules.
 */
export function registerMetrics (metrics: Metrics, clock: Clock, count: () => LifecycleStats): void {
  const read = oncePerScrape(clock, count)
  metrics.registerMetricGroup('cordon_lifecycle_records', {
    label: 'state',
    help: 'Connection records by state; `closed` ones wait for their raw connection to end',
    calculate: () => ({ ...read('cordon_lifecycle_records').records })
  })
  metrics.registerMetricGroup('cordon_lifecycle_handshaking', {
    label: 'phase',
    help: 'Handshaking connections by the phase they are in',
    calculate: () => ({ ...read('cordon_lifecycle_handshaking').handshaking })
  })
  metrics.registerMetric('cordon_lifecycle_streams', { help: 'Live streams', calculate: () => read('cordon_lifecycle_streams').streams })
  metrics.registerCounter('cordon_lifecycle_opened_total', { help: 'Sockets and raw connections there have been', calculate: () => read('cordon_lifecycle_opened_total').opened })
  metrics.registerCounter('cordon_lifecycle_readied_total', { help: 'Connections that became ready', calculate: () => read('cordon_lifecycle_readied_total').readied })
  metrics.registerCounterGroup('cordon_lifecycle_closed_total', {
    label: 'reason',
    help: 'Connections that ended, by reason',
    calculate: () => ({ ...read('cordon_lifecycle_closed_total').closed })
  })
  metrics.registerCounterGroup('cordon_lifecycle_refused_total', {
    label: 'module',
    help: 'Connections and streams refused, by module',
    calculate: () => ({ ...read('cordon_lifecycle_refused_total').refused })
  })
  metrics.registerCounterGroup('cordon_lifecycle_faults_total', {
    label: 'module',
    help: 'Steps that threw or answered with a promise, by module',
    calculate: () => ({ ...read('cordon_lifecycle_faults_total').faults })
  })
}

/** A scrape reads each metric once, so whoever asks a second time begins another one; and so does whoever comes late */
function oncePerScrape (clock: Clock, count: () => LifecycleStats): (metric: string) => LifecycleStats {
  const readers = new Set<string>()
  let counted: { readonly stats: LifecycleStats, readonly at: number } | undefined

  return metric => {
    const now = clock.now()
    if (counted == null || readers.has(metric) || now - counted.at >= SCRAPE) {
      counted = { stats: count(), at: now }
      readers.clear()
    }
    readers.add(metric)
    return counted.stats
  }
}
