import type { LifecycleStats } from '@cordon/interface-connection-lifecycle'
import type { Metrics } from '@libp2p/interface'

/**
 * Offers the counts of a lifecycle as metrics. They are computed when somebody reads them, so connections pay
 * nothing. Labels are states, phases and reasons from closed lists, and names of modules.
 */
export function registerMetrics (metrics: Metrics, stats: () => LifecycleStats): void {
  metrics.registerMetricGroup('cordon_lifecycle_records', {
    label: 'state',
    help: 'Connection records by state; `closed` ones wait for their raw connection to end',
    calculate: () => ({ ...stats().records })
  })
  metrics.registerMetricGroup('cordon_lifecycle_handshaking', {
    label: 'phase',
    help: 'Handshaking connections by the phase they are in',
    calculate: () => ({ ...stats().handshaking })
  })
  metrics.registerMetric('cordon_lifecycle_streams', { help: 'Live streams', calculate: () => stats().streams })
  metrics.registerCounter('cordon_lifecycle_opened_total', { help: 'Raw connections there have been', calculate: () => stats().opened })
  metrics.registerCounter('cordon_lifecycle_readied_total', { help: 'Connections that became ready', calculate: () => stats().readied })
  metrics.registerCounterGroup('cordon_lifecycle_closed_total', {
    label: 'reason',
    help: 'Connections that ended, by reason',
    calculate: () => ({ ...stats().closed })
  })
  metrics.registerCounterGroup('cordon_lifecycle_refused_total', {
    label: 'module',
    help: 'Connections and streams refused, by module',
    calculate: () => ({ ...stats().refused })
  })
  metrics.registerCounterGroup('cordon_lifecycle_faults_total', {
    label: 'module',
    help: 'Steps that threw or answered with a promise, by module',
    calculate: () => ({ ...stats().faults })
  })
}
