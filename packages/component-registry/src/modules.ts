import { ComposeError, ModuleStartError } from '@cordon/interface-component-registry'
import { isParticipantModule, participantSymbol } from '@cordon/interface-connection-lifecycle'
import { serviceCapabilities, serviceDependencies } from '@libp2p/interface'
import { asError } from './attachment.ts'
import { isThenable, withDeadline } from './deadline.ts'
import { orderModules } from './order.ts'
import type { Orderable } from './order.ts'
import type { Wiring } from './wiring.ts'
import type { ModuleStatus } from '@cordon/interface-component-registry'
import type { Participant } from '@cordon/interface-connection-lifecycle'

const HOOKS = ['beforeStart', 'start', 'afterStart', 'beforeStop', 'stop', 'afterStop'] as const
type Hook = typeof HOOKS[number]

/** On a module whose hooks we call in libp2p's stead */
const TAKEN = Symbol('@cordon/taken')
type Hooks = Partial<Record<Hook, () => unknown>>

/** A module that libp2p has made, with the hooks that we call in its stead */
export class Module implements Orderable {
  readonly name: string
  readonly instance: object
  readonly capabilities: readonly string[]
  readonly dependencies: readonly string[]
  readonly stage?: string
  readonly takesPart: boolean
  readonly #hooks: Hooks = {}
  state: ModuleStatus['state'] = 'stopped'

  constructor (name: string, instance: unknown) {
    if (typeof instance !== 'object' || instance == null) {
      throw new ComposeError(`modules.${name}`, `its factory made ${instance === null ? 'null' : typeof instance} instead of a module${typeof instance === 'function' ? `: is a call missing, as in { ${name}: factory() } instead of { ${name}: factory }?` : ''}`)
    }

    if (isThenable(instance)) {
      // what it rejects with is of no interest any more
      Promise.resolve(instance).catch(() => {})

      throw new ComposeError(`modules.${name}`, 'its factory answered with a promise, and factories are synchronous')
    }

    this.name = name
    this.instance = instance
    this.capabilities = strings(instance, serviceCapabilities)
    this.dependencies = strings(instance, serviceDependencies)
    this.takesPart = isParticipantModule(instance)
    if (!this.takesPart) checkBystander(name, instance)
    this.stage = isParticipantModule(instance) ? checkParticipant(name, instance[participantSymbol]).stage : undefined
    this.#takeHooks(instance)
  }

  /** libp2p starts all services at once; ours start in order, so libp2p must not see that they can be started */
  #takeHooks (instance: object): void {
    const hooks = instance as Hooks

    if (TAKEN in hooks) {
      throw new ComposeError(`modules.${this.name}`, 'belongs to another node already: a factory has to make a new module for each node')
    }

    if (!HOOKS.some(name => typeof hooks[name] === 'function')) {
      return
    }

    if (!Object.isExtensible(hooks) || Object.isSealed(hooks)) {
      throw new ComposeError(`modules.${this.name}`, 'cannot be started in order, because it is frozen, sealed or not extensible')
    }

    Object.defineProperty(hooks, TAKEN, { value: true })

    for (const name of HOOKS) {
      const hook = hooks[name]

      if (typeof hook === 'function') {
        this.#hooks[name] = hook.bind(instance)
        Object.defineProperty(instance, name, { value: undefined, configurable: true, enumerable: false, writable: true })
      }
    }
  }

  async call (hook: Hook, wiring: Wiring): Promise<void> {
    const result = this.#hooks[hook]?.()

    if (isThenable(result)) {
      const deadline = hook.endsWith('Stop') || hook === 'stop' ? wiring.init.stopTimeout : wiring.init.startTimeout
      await withDeadline(result, `${hook} of module ${this.name}`, deadline, wiring.clock)
    }
  }
}

/** Starts modules one after the other and stops them in reverse, whatever happens in between */
export class ModuleSequence {
  readonly #wiring: Wiring
  readonly #started: Module[] = []
  #modules: Module[] = []

  constructor (wiring: Wiring) {
    this.#wiring = wiring
  }

  /** @throws {ComposeError} when they cannot be put in order */
  order (modules: readonly Module[]): void {
    this.#modules = orderModules(modules)
  }

  get modules (): readonly Module[] {
    return this.#modules
  }

  /** @throws {ModuleStartError} when one does not start; those before it have been stopped again */
  async start (): Promise<void> {
    for (const module of this.#modules) {
      module.state = 'starting'

      try {
        // what has begun to start has to be stopped, also if it fails halfway
        this.#started.push(module)
        await module.call('beforeStart', this.#wiring)
        await module.call('start', this.#wiring)
        module.state = 'started'
      } catch (error) {
        module.state = 'failed'
        await this.stop()

        throw new ModuleStartError(module.name, `did not start: ${asError(error).message}`, { cause: error })
      }
    }
  }

  async afterStart (): Promise<void> {
    for (const module of this.#started) {
      try {
        await module.call('afterStart', this.#wiring)
      } catch (error) {
        module.state = 'failed'

        throw new ModuleStartError(module.name, `did not finish starting: ${asError(error).message}`, { cause: error })
      }
    }
  }

  /** While connections still exist */
  async beforeStop (): Promise<void> {
    for (const module of this.#started.toReversed()) {
      module.state = module.state === 'failed' ? 'failed' : 'stopping'
      await this.#attempt(module, 'beforeStop')
    }
  }

  /** After connections have closed */
  async stop (): Promise<void> {
    for (let module = this.#started.pop(); module != null; module = this.#started.pop()) {
      await this.#attempt(module, 'stop')
      await this.#attempt(module, 'afterStop')
      module.state = module.state === 'failed' ? 'failed' : 'stopped'
    }
  }

  /** One module that does not stop must not keep the others from stopping */
  async #attempt (module: Module, hook: Hook): Promise<void> {
    try {
      await module.call(hook, this.#wiring)
    } catch (error) {
      this.#wiring.log.error('%s of module %s failed - %e', hook, module.name, asError(error))
    }
  }
}

function strings (instance: object, symbol: symbol): string[] {
  const value: unknown = (instance as Record<symbol, unknown>)[symbol]

  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
}

/** Everything that a participant can do beside standing in its stage */
const STEPS: ReadonlySet<string> = new Set<Exclude<keyof Participant, 'stage'>>([
  'dial', 'opened', 'raw', 'identified', 'secured', 'ready', 'closed', 'streamOpened', 'streamNegotiated', 'streamClosed'
])

/** What looks like a participant and is not found as one would protect from nothing */
function checkBystander (name: string, instance: object): void {
  if ('participantSymbol' in instance) {
    throw new ComposeError(`modules.${name}`, 'has its participant under the text "participantSymbol": the symbol is written in brackets, [participantSymbol]')
  }

  const step = [...STEPS].find(step => typeof (instance as Record<string, unknown>)[step] === 'function')

  if ('stage' in instance && step != null) {
    throw new ComposeError(`modules.${name}`, `has "stage" and "${step}" and is no participant: they belong into an object under [participantSymbol]`)
  }
}

/** A participant that never takes part, because something in it is misspelt, protects from nothing */
function checkParticipant (name: string, participant: unknown): Participant {
  const path = `modules.${name}`

  if (typeof participant !== 'object' || participant == null) {
    throw new ComposeError(path, 'its participant is no object')
  }

  const steps = participant as Record<string, unknown>

  for (const step of STEPS) {
    if (steps[step] !== undefined && typeof steps[step] !== 'function') {
      throw new ComposeError(path, `the step "${step}" of its participant is no function`)
    }
  }

  // an instance of a class may have methods of its own, an object that was written down has no reason to
  const unknown = Object.getPrototypeOf(participant) === Object.prototype
    ? Object.keys(steps).find(key => typeof steps[key] === 'function' && !STEPS.has(key))
    : undefined

  if (unknown != null) {
    throw new ComposeError(path, `its participant has no step "${unknown}"; steps are ${[...STEPS].join(', ')}`)
  }

  return participant as Participant
}
