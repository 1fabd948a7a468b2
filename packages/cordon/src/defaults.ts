import { connectionLifecycle } from '@cordon/connection-lifecycle'
import { ComposeError } from '@cordon/interface-component-registry'
import { resourceManager } from '@cordon/resource-manager'
import type { Modules } from '@cordon/component-registry'
import type { Registry } from '@cordon/interface-component-registry'
import type { ConnectionLifecycle, ParticipantModule } from '@cordon/interface-connection-lifecycle'
import type { ResourceManager, ResourceManagerModule } from '@cordon/interface-resource-manager'
import type { ComponentLogger, Metrics } from '@libp2p/interface'

/** What a resource manager brings along, whoever wrote it */
export interface ResourceManagerPart extends ResourceManager, ResourceManagerModule, ParticipantModule {}

/** The modules of a guarded node by name, each with what it takes to stand in for it */
export interface Defaults {
  readonly lifecycle: (components: { logger: ComponentLogger, metrics?: Metrics }) => ConnectionLifecycle
  readonly resourceManager: (components: { logger: ComponentLogger, metrics?: Metrics, registry?: Registry }) => ResourceManagerPart
}

const DEFAULTS: Defaults = {
  lifecycle: connectionLifecycle(),
  resourceManager: resourceManager()
}

/**
 * The defaults, with what was given in their place; `undefined` means the default, as everywhere in options.
 *
 * @throws {ComposeError} when a name that is no default is to be left out: it is misspelt
 */
export function withDefaults (modules: unknown = {}): Modules {
  if (typeof modules !== 'object' || modules === null || Array.isArray(modules)) {
    // not ours to explain: `compose` says what it expects
    return modules as Modules
  }

  const given = Object.entries(modules as Modules)
  const misspelt = given.find(([name, factory]) => factory === false && !Object.hasOwn(DEFAULTS, name))

  if (misspelt != null) {
    throw new ComposeError(`modules.${misspelt[0]}`, `there is no default module of this name to leave out; there is ${Object.keys(DEFAULTS).join(', ')}`)
  }

  return { ...DEFAULTS, ...Object.fromEntries(given.filter(([, factory]) => factory !== undefined)) }
}
