import { systemClock } from '@cordon/clock'
import { ComposeError } from '@cordon/interface-component-registry'
import { show } from '@cordon/options'
import { asError } from './attachment.ts'
import { COMPONENT_NAMES, COMPONENT_PREFIXES } from './constants.ts'
import { isThenable } from './deadline.ts'
import { wrapEncrypter, wrapProtector } from './encryption.ts'
import { Gater } from './gater.ts'
import { HandlerHook } from './handlers.ts'
import { parseInit } from './init.ts'
import { MuxerHook } from './muxer.ts'
import { Registry } from './registry.ts'
import { TransportHook } from './transports.ts'
import { Wiring } from './wiring.ts'
import type { ModuleFactory, Modules, RegistryInit } from './types.ts'
import type { NodeComponents } from './wiring.ts'
import type { ConnectionProtector } from '@libp2p/interface'
import type { Libp2pOptions } from 'libp2p'

type Options = Libp2pOptions
type Services = NonNullable<Options['services']>

/** libp2p gives the same components to every factory; each type of factory names those that it needs */
const asNode = (components: unknown): NodeComponents => components as NodeComponents

/** See `compose` in `index.ts` */
export function composeOptions (options: Options, modules: Modules, init?: RegistryInit): Options {
  const chosen = chooseModules(options, modules)
  const wiring = new Wiring(parseInit(init), systemClock)
  const gater = new Gater(wiring)
  const handlers = new HandlerHook()
  const muxers = new MuxerHook(wiring, handlers)
  const transports = new TransportHook(wiring, gater, muxers)
  wiring.onBind(components => { gater.install(components) })

  const composed: Options = {
    ...options,
    ...(options.transports != null && { transports: options.transports.map((factory, index) => components => bound(wiring, components, node => transports.build(called('transports', index, factory as never), node))) }),
    ...(options.connectionEncrypters != null && { connectionEncrypters: options.connectionEncrypters.map((factory, index) => components => bound(wiring, components, () => wrapEncrypter(called('connectionEncrypters', index, factory)(components), wiring))) }),
    ...(options.streamMuxers != null && {
      streamMuxers: options.streamMuxers.map((factory, index) => components => bound(wiring, components, () => muxers.wrap(muxers.boundWindows(called('streamMuxers', index, factory)(components)))))
    }),
    ...(options.connectionProtector != null && {
      connectionProtector: components => bound(wiring, components, () => wrapProtector((options.connectionProtector as (components: unknown) => ConnectionProtector)(components), wiring))
    }),
    connectionManager: raiseLimits(options.connectionManager, wiring),
    services: composeServices(options, chosen, wiring, handlers, new Registry(wiring, gater, transports, muxers, Object.keys(chosen)))
  }
  COMPOSED.add(composed)

  return composed
}

/** What came out of here, to tell it from options in which somebody else uses our names */
const COMPOSED = new WeakSet<object>()

function bound<T> (wiring: Wiring, components: unknown, make: (components: NodeComponents) => T): T {
  wiring.bind(asNode(components))

  return make(asNode(components))
}

/** The registry first, so that it wraps what services use as they start; the modules last, so that they can see the services */
function composeServices (options: Options, modules: Record<string, ModuleFactory>, wiring: Wiring, handlers: HandlerHook, registry: Registry): Services {
  const services: Services = {
    registry: components => bound(wiring, components, node => {
      handlers.install(node)
      registry.listen(node)

      return registry
    }),
    ...options.services
  }

  for (const [name, factory] of Object.entries(modules)) {
    services[name] = components => bound(wiring, components, () => {
      const module = make(name, factory, components)
      registry.made(name, module)

      return module
    })
  }

  return services
}

function make (name: string, factory: ModuleFactory, components: unknown): unknown {
  try {
    return factory(components as never)
  } catch (error) {
    // it names the module, and says what is wrong, already
    if (error instanceof ComposeError) {
      throw error
    }

    throw new ComposeError(`modules.${name}`, `its factory failed: ${asError(error).message}`, { cause: error })
  }
}

/** libp2p's counters for connections that are not upgraded are global, so one attacker locks everyone out; ours take their place */
function raiseLimits (user: Options['connectionManager'], wiring: Wiring): Options['connectionManager'] {
  const raised = { ...user }
  wiring.keepsMaxConnections = user?.maxConnections != null
  const reason = 'the lifecycle bounds what is handshaking by group and in total instead, so that no group locks out another'

  for (const [option, from] of [['maxIncomingPendingConnections', '10'], ['inboundConnectionThreshold', '5']] as const) {
    if (user?.[option] == null) {
      raised[option] = Infinity
      wiring.adjusted({ option: `connectionManager.${option}`, from, to: 'Infinity', reason })
    }
  }

  return raised
}

function chooseModules (options: Options, modules: Modules): Record<string, ModuleFactory> {
  if (!isObject(options)) {
    throw new ComposeError('options', `expected the options of createLibp2p, got ${describe(options)}`)
  }

  if (!isObject(modules)) {
    throw new ComposeError('modules', `expected an object of module factories by name, got ${describe(modules)}`)
  }

  if ('peerId' in options && 'getMultiaddrs' in options) {
    throw new ComposeError('options', 'expected the options of createLibp2p, got a node')
  }

  if (isThenable(options)) {
    throw new ComposeError('options', 'expected the options of createLibp2p, got a promise')
  }

  if (Object.hasOwn(options.services ?? {}, 'registry')) {
    throw new ComposeError('options.services.registry', COMPOSED.has(options)
      ? 'these options are composed already: call cordon() or compose() once'
      : 'the registry of the modules has this name')
  }

  for (const list of LISTS) {
    checkFactories(list, options[list])
  }

  checkGater(options.connectionGater)
  const chosen: Record<string, ModuleFactory> = {}

  for (const name of Reflect.ownKeys(modules)) {
    if (typeof name !== 'string') {
      continue
    }

    checkName(name, options)
    const factory = modules[name]

    if (factory === false || factory === undefined) {
      if (name === 'lifecycle' && factory === false) {
        throw new ComposeError('modules.lifecycle', 'the lifecycle cannot be left out: everything else takes part in it')
      }

      continue
    }

    if (typeof factory !== 'function') {
      throw new ComposeError(`modules.${name}`, `expected a factory, such as () => module, or connectionLifecycle({ maxHandshaking: 64 }) for the lifecycle, got ${describe(factory)}`)
    }

    chosen[name] = factory
  }

  if (Object.keys(chosen).length === 0) {
    throw new ComposeError('modules', 'none of them is a connection lifecycle; every node needs one')
  }

  return chosen
}

/** The options whose factories are wrapped one by one: what is usual there, and what everything that is made there has */
const FACTORIES = {
  transports: { example: 'tcp()', method: 'dial' },
  connectionEncrypters: { example: 'noise()', method: 'secureOutbound' },
  streamMuxers: { example: 'yamux()', method: 'createStreamMuxer' }
} as const

const LISTS = Object.keys(FACTORIES) as Array<keyof typeof FACTORIES>

/** What libp2p would stumble over as well, later and without a name */
function checkFactories (list: keyof typeof FACTORIES, factories: unknown): void {
  if (factories == null) {
    return
  }

  if (!Array.isArray(factories)) {
    throw new ComposeError(`options.${list}`, `expected an array of factories, got ${describe(factories)}`)
  }

  for (const [index, factory] of factories.entries()) {
    if (typeof factory !== 'function') {
      throw new ComposeError(`options.${list}.${index}`, `expected a factory, such as ${FACTORIES[list].example}, got ${describe(factory)}`)
    }
  }
}

/** The same factory; it throws where what it makes is another factory, or something else */
function called<C, T> (list: keyof typeof FACTORIES, index: number, factory: (components: C) => T): (components: C) => T {
  const { example, method } = FACTORIES[list]

  return components => {
    const made: unknown = factory(components)

    if (typeof (made as Record<string, unknown> | null | undefined)?.[method] !== 'function') {
      throw new ComposeError(`options.${list}.${index}`, `expected a factory, such as ${example}, got one that makes ${describe(made)}; it may have to be called first`)
    }

    return made as T
  }
}

/** libp2p looks for methods on it, of which a factory has none: it would deny nobody, whatever it was told to block */
function checkGater (gater: unknown): void {
  if (typeof gater === 'function') {
    throw new ComposeError('options.connectionGater', `expected the gater of libp2p, which is an object of methods, got ${describe(gater)}; a module belongs in the second argument, such as { gater: connectionGater() }`)
  }
}

function checkName (name: string, options: Options): void {
  if (COMPONENT_NAMES.has(name) || COMPONENT_PREFIXES.some(prefix => name.startsWith(prefix))) {
    throw new ComposeError(`modules.${name}`, 'libp2p has a component of this name, and the module would take its place')
  }

  const misplaced: unknown = Object.getOwnPropertyDescriptor(options, name)?.value

  // libp2p takes no notice of what it does not know, and the node would have the default in its place
  if (typeof misplaced === 'function' || misplaced === false) {
    throw new ComposeError(`options.${name}`, 'libp2p has no such option: modules belong in the second argument, after the options of libp2p')
  }

  if (name === 'registry' || Object.hasOwn(options.services ?? {}, name)) {
    throw new ComposeError(`modules.${name}`, `there is a service of this name already${name === 'registry' ? ': the registry itself' : ' in options.services'}`)
  }
}

function isObject (value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function describe (value: unknown): string {
  return Array.isArray(value) ? 'an array' : typeof value === 'object' && value !== null ? 'an object' : show(value)
}
