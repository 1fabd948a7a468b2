import { connectionLifecycle } from '@cordon/connection-lifecycle'
import type { ConnectionLifecycle } from '@cordon/interface-connection-lifecycle'
import type { ComponentLogger, Metrics } from '@libp2p/interface'

/** The modules of a guarded node by name, each with what it takes to stand in for it */
export interface Defaults {
  readonly lifecycle: (components: { logger: ComponentLogger, metrics?: Metrics }) => ConnectionLifecycle
}

export const DEFAULTS: Defaults = {
  lifecycle: connectionLifecycle()
}
