import { ComposeError } from '@cordon/interface-component-registry'
import { STAGES } from '@cordon/interface-connection-lifecycle'

/** What decides about the order of a module */
export interface Orderable {
  readonly name: string
  readonly capabilities: readonly string[]
  readonly dependencies: readonly string[]
  readonly stage?: string

  /** It has a participant, which needs a stage */
  readonly takesPart?: boolean
}

/**
 * Modules so that each comes after those it depends on; otherwise in the order in which they were given.
 * Capabilities that no module has are left to libp2p, which checks them for all services.
 *
 * @throws {ComposeError} when modules depend on each other in a circle, or a stage is unknown
 */
export function orderModules<M extends Orderable> (modules: readonly M[]): M[] {
  const ordered: M[] = []
  const visiting: string[] = []

  const visit = (module: M): void => {
    if (ordered.includes(module)) {
      return
    }

    if (visiting.includes(module.name)) {
      throw new ComposeError(`modules.${module.name}`, `depends on itself: ${[...visiting.slice(visiting.indexOf(module.name)), module.name].join(' -> ')}`)
    }

    visiting.push(module.name)

    for (const dependency of module.dependencies) {
      const able = modules.filter(({ capabilities }) => capabilities.includes(dependency))
      const others = able.filter(other => other !== module)
      const wanted = others.length > 0 ? others : able
      wanted.forEach(visit)
    }

    visiting.pop()
    ordered.push(module)
  }

  for (const module of modules) {
    if (module.takesPart === true && module.stage == null) {
      throw new ComposeError(`modules.${module.name}`, `its participant has no stage; stages are ${STAGES.join(', ')}`)
    }

    if (module.stage != null && !STAGES.some(stage => stage === module.stage)) {
      throw new ComposeError(`modules.${module.name}`, `has a participant of the unknown stage "${module.stage}"; stages are ${STAGES.join(', ')}`)
    }

    visit(module)
  }

  return ordered
}

/** Participants run by stage, and within a stage in the order of their modules */
export function orderParticipants<M extends Orderable> (ordered: readonly M[]): M[] {
  return STAGES.flatMap(stage => ordered.filter(module => module.stage === stage))
}
