import { connectionGater } from '@cordon/connection-gater'
import { connectionLifecycle } from '@cordon/connection-lifecycle'
import { ComposeError } from '@cordon/interface-component-registry'
import { isConnectionGater } from '@cordon/interface-connection-gater'
import { isConnectionLifecycle, isParticipantModule } from '@cordon/interface-connection-lifecycle'
import { isResourceManagerModule } from '@cordon/interface-resource-manager'
import { resourceManager } from '@cordon/resource-manager'
import type { Modules } from '@cordon/component-registry'
import type { Registry } from '@cordon/interface-component-registry'
import type { ConnectionGater } from '@cordon/interface-connection-gater'
import type { ConnectionLifecycle, ParticipantModule } from '@cordon/interface-connection-lifecycle'
import type { ResourceManager, ResourceManagerModule } from '@cordon/interface-resource-manager'
import type { ComponentLogger, Metrics } from '@libp2p/interface'
import type { Datastore } from 'interface-datastore'

/** What a resource manager brings along, whoever wrote it */
export interface ResourceManagerPart extends ResourceManager, ResourceManagerModule, ParticipantModule {}

/** What a gater brings along, whoever wrote it */
export interface GaterPart extends ConnectionGater, ParticipantModule {}

/** The modules of a guarded node by name, each with what it takes to stand in for it */
export interface Defaults {
  readonly lifecycle: (components: { logger: ComponentLogger, metrics?: Metrics }) => ConnectionLifecycle
  readonly gater: (components: { logger: ComponentLogger, metrics?: Metrics, datastore: Datastore, registry?: Registry }) => GaterPart
  readonly resourceManager: (components: { logger: ComponentLogger, metrics?: Metrics, registry?: Registry }) => ResourceManagerPart
}

const DEFAULTS: Defaults = {
  lifecycle: connectionLifecycle(),
  gater: connectionGater(),
  resourceManager: resourceManager()
}

interface Kind {
  /** What makes one, for errors */
  readonly maker: string
  readonly has: (module: unknown) => boolean
}

/** What takes the place of a default has to be of its kind: something else would be found under its name, and protect from nothing */
const KINDS: Readonly<Record<keyof Defaults, Kind>> = {
  lifecycle: { maker: 'connectionLifecycle', has: isConnectionLifecycle },
  gater: { maker: 'connectionGater', has: module => isConnectionGater(module) && isParticipantModule(module) },
  resourceManager: { maker: 'resourceManager', has: module => isResourceManagerModule(module) && isParticipantModule(module) }
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

  const chosen = given.filter(([, factory]) => factory !== undefined)

  const taken = new Set(Object.keys(DEFAULTS).filter(name => name !== 'lifecycle' && !chosen.some(([other, factory]) => other === name && factory === false)))

  return { ...DEFAULTS, ...Object.fromEntries(chosen.map(([name, factory]) => [name, Object.hasOwn(KINDS, name) ? ofKind(name as keyof Defaults, factory) : ofNoKind(name, factory, taken)])) }
}

/** A module under a misspelt name would stand beside the default that it was meant to replace */
function ofNoKind (name: string, factory: Modules[string], taken: ReadonlySet<string>): Modules[string] {
  if (typeof factory !== 'function') {
    return factory
  }

  return (components: never) => {
    const module = factory(components)
    const kind = Object.entries(KINDS).find(([kind, { has }]) => taken.has(kind) && has(module))?.[0]

    if (kind != null) {
      throw new ComposeError(`modules.${name}`, `is a ${kind}, and there is one by that name already; to replace it, call this one ${kind}, or leave that one out with ${kind}: false`)
    }

    return module
  }
}

/** What was given in place of a factory, and what to do where that is likely to be known */
function describe (name: keyof Defaults, value: unknown): string {
  if (typeof value !== 'object' || value === null) {
    return value === null ? 'null' : `a value of type ${typeof value}`
  }

  if ('then' in value) {
    return 'a promise'
  }

  if (isConnectionGater(value)) {
    return `a gater for nodes without Cordon: ${KINDS[name].maker}() with the same options is one for this node`
  }

  return `an object: options are given to ${KINDS[name].maker}()`
}

function ofKind (name: keyof Defaults, factory: Modules[string]): Modules[string] {
  if (factory === false) {
    return factory
  }

  if (typeof factory !== 'function') {
    throw new ComposeError(`modules.${name}`, `expected a factory, such as ${KINDS[name].maker}() returns${name === 'lifecycle' ? '' : ', or false'}, got ${describe(name, factory)}`)
  }

  return (components: never) => {
    const module = factory(components)

    if (typeof module === 'object' && module != null && !KINDS[name].has(module)) {
      throw new ComposeError(`modules.${name}`, `what its factory made cannot stand in for it: a ${name} that takes part in a node is made by ${KINDS[name].maker}(), or carries what docs/participants.md says`)
    }

    return module
  }
}
