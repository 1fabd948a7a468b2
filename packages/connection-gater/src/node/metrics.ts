import type { GaterStatus } from '@cordon/interface-connection-gater'
import type { Metrics } from '@libp2p/interface'

/** Shows what is counted anyway, when somebody reads it; labels are from closed lists */
export function registerMetrics (metrics: Metrics, status: () => Omit<GaterStatus, 'missing'>): void {
  metrics.registerMetricGroup('cordon_gater_rules', {
    label: 'origin',
    help: 'Rules in force, by who made them',
    calculate: () => ({ ...status().rules })
  })
  metrics.registerCounterGroup('cordon_gater_changes_total', {
    label: 'change',
    help: 'Rules of the operator and of strikes that were added, removed and expired',
    calculate: () => ({ ...status().changes })
  })
  metrics.registerCounterGroup('cordon_gater_refused_total', {
    label: 'cause',
    help: 'Refused connections and dials, by the kind of rule that covered them, or by the policy that no rule did',
    calculate: () => ({ ...status().refusals })
  })
  metrics.registerMetric('cordon_gater_unwritten', { help: 'Changes that wait for the datastore', calculate: () => status().unwritten })
  metrics.registerMetric('cordon_gater_struck', { help: 'Peers and places with strikes', calculate: () => status().struck })
}
