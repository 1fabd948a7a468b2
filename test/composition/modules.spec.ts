import { compose } from '@cordon/component-registry'
import { connectionGater } from '@cordon/connection-gater'
import { connectionLifecycle } from '@cordon/connection-lifecycle'
import { participantSymbol, readinessSymbol } from '@cordon/interface-connection-lifecycle'
import { resourceManager } from '@cordon/resource-manager'
import { serviceCapabilities, serviceDependencies } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, it } from 'vitest'
import type { ModuleFactory, Modules, RegistryInit } from '@cordon/component-registry'
import type { Registry } from '@cordon/interface-component-registry'
import type { Libp2p, Libp2pOptions } from 'libp2p'

const nodes: Libp2p[] = []

async function start (modules: Modules, options: Libp2pOptions = {}, init?: RegistryInit): Promise<Libp2p> {
  const node = await createLibp2p(compose(options, { lifecycle: connectionLifecycle(), ...modules }, init)) as Libp2p
  nodes.push(node)

  return node
}

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(async node => { await node.stop() }))
})

const HOOKS = ['beforeStart', 'start', 'afterStart', 'beforeStop', 'stop', 'afterStop'] as const
type Override = Partial<Record<typeof HOOKS[number], () => unknown>>

/** A module that writes down what is called */
function spy (log: string[], name: string, dependencies: string[] = [], override: Override = {}): ModuleFactory {
  return () => ({
    [serviceCapabilities]: [`@test/${name}`],
    [serviceDependencies]: dependencies.map(other => `@test/${other}`),
    ...Object.fromEntries(HOOKS.map(hook => [hook, async () => {
      log.push(`${name} ${hook}`)
      await override[hook]?.()
    }]))
  })
}

describe('modules of a node', () => {
  it('start in the order of their dependencies and stop in reverse', async () => {
    const log: string[] = []
    const node = await start({ a: spy(log, 'a', ['b']), b: spy(log, 'b') })
    await node.stop()

    expect(log).toEqual([
      'b beforeStart', 'b start', 'a beforeStart', 'a start', 'b afterStart', 'a afterStart',
      'a beforeStop', 'b beforeStop', 'a stop', 'a afterStop', 'b stop', 'b afterStop'
    ])
  })

  it('start again after a stop', async () => {
    const log: string[] = []
    const node = await start({ a: spy(log, 'a') })
    await node.stop()
    await node.start()
    await node.stop()

    expect(log.filter(entry => entry === 'a start')).toHaveLength(2)
    expect(log.filter(entry => entry === 'a stop')).toHaveLength(2)
  })

  it('are stopped again when a later one does not start, and the node is not made', async () => {
    const log: string[] = []
    const boom = (): never => { throw new Error('boom') }

    await expect(start({ a: spy(log, 'a'), b: spy(log, 'b', ['a'], { start: boom }), c: spy(log, 'c', ['b']) }))
      .rejects.toMatchObject({ name: 'ModuleStartError', module: 'b', message: 'module b did not start: boom' })
    expect(log).toEqual(['a beforeStart', 'a start', 'b beforeStart', 'b start', 'b stop', 'b afterStop', 'a stop', 'a afterStop'])
  })

  it('are stopped again when a later one hangs as it starts', async () => {
    const log: string[] = []
    const hang = async (): Promise<never> => new Promise(() => {})

    await expect(start({ a: spy(log, 'a'), b: spy(log, 'b', ['a'], { start: hang }) }, {}, { startTimeout: 20 }))
      .rejects.toMatchObject({ name: 'ModuleStartError', module: 'b' })
    expect(log).toContain('a stop')
  })

  it('do not keep each other from stopping', async () => {
    const log: string[] = []
    const hang = async (): Promise<never> => new Promise(() => {})
    const boom = (): never => { throw new Error('boom') }
    const node = await start({ a: spy(log, 'a'), b: spy(log, 'b', ['a'], { beforeStop: boom, stop: hang }), c: spy(log, 'c', ['b'], { stop: boom }) }, {}, { stopTimeout: 20 })
    await node.stop()

    expect(log.slice(-6)).toEqual(['c stop', 'c afterStop', 'b stop', 'b afterStop', 'a stop', 'a afterStop'])
  })

  it('are found among the services as they were made', async () => {
    const made = { hello: 'world' }
    const node = await start({ mine: () => made })

    expect((node.services as Record<string, unknown>)['mine']).toBe(made)
  })
})

describe('what shows only once modules exist rejects createLibp2p before anything starts', () => {
  it.each<[string, Modules, string]>([
    ['a factory that makes nothing', { mine: () => undefined }, 'modules.mine: its factory made undefined'],
    ['a factory that makes no object', { mine: () => 'module' }, 'modules.mine: its factory made string'],
    ['a circle', { a: spy([], 'a', ['b']), b: spy([], 'b', ['a']) }, 'depends on itself'],
    ['a dependency that nobody has', { a: spy([], 'a', ['nowhere']) }, '@test/nowhere'],
    ['a factory that throws', { mine: () => { throw new Error('boom') } }, 'modules.mine: its factory failed: boom'],
    ['a factory that answers with a promise', { mine: async () => Promise.reject(new Error('boom')) }, 'modules.mine: its factory answered with a promise'],
    ['a factory that was not called', { mine: () => connectionLifecycle }, 'is a call missing, as in { mine: factory() }'],
    ['a participant without a stage', { a: () => ({ [participantSymbol]: { opened: () => {} } }) }, 'modules.a: its participant has no stage; stages are gate, account, admit, observe'],
    ['a participant with a misspelt step', { a: () => ({ [participantSymbol]: { stage: 'gate', open: () => {} } }) }, 'modules.a: its participant has no step "open"; steps are dial, opened'],
    ['a participant with a step that is none', { a: () => ({ [participantSymbol]: { stage: 'gate', opened: 5 } }) }, 'modules.a: the step "opened" of its participant is no function'],
    ['a participant that is no object of its own', { a: () => ({ stage: 'gate', opened: () => {} }) }, 'modules.a: has "stage" and "opened" and is no participant: they belong into an object under [participantSymbol]'],
    ['a participant under the text of the symbol', { a: () => ({ participantSymbol: { stage: 'gate', opened: () => {} } }) }, 'modules.a: has its participant under the text "participantSymbol"'],
    ['no participant under the symbol', { a: () => ({ [participantSymbol]: null }) }, 'modules.a: its participant is no object'],
    ['an unknown stage', { a: () => ({ [participantSymbol]: { stage: 'bouncer' } }) }, 'unknown stage "bouncer"'],
    ['two lifecycles', { second: connectionLifecycle() }, 'second connection lifecycle'],
    ['no lifecycle', { lifecycle: () => ({}) }, 'none of them is a connection lifecycle'],
    ['two modules that say when connections are ready', { a: () => ({ [readinessSymbol]: { holdDial: false } }), b: () => ({ [readinessSymbol]: { holdDial: false } }) }, 'only one can']
  ])('%s', async (_, modules, message) => {
    const log: string[] = []

    await expect(start({ first: spy(log, 'first'), ...modules })).rejects.toThrow(message)
    expect(log).toEqual([])
  })

  it('a node for which options are used a second time', async () => {
    const options = compose({}, { lifecycle: connectionLifecycle() })
    nodes.push(await createLibp2p(options))

    await expect(createLibp2p(options)).rejects.toMatchObject({ name: 'ComposedOptionsReusedError' })
  })
})

describe('two modules that each would decide for themselves', () => {
  it.each<[string, () => ModuleFactory, string]>([
    ['gaters', connectionGater, 'several modules are gaters'],
    ['resource managers', resourceManager, 'several modules are resource managers']
  ])('as %s are a mistake, and the node says so instead of starting', async (_, make, message) => {
    await expect(start({ first: make(), second: make() })).rejects.toMatchObject({ name: 'ModuleStartError', message: expect.stringContaining(message) as string })
  })
})

describe('modules that cannot be started in order', () => {
  it('because they belong to another node already', async () => {
    const shared = { start: () => {}, stop: () => {} }
    await start({ mine: () => shared })

    await expect(start({ mine: () => shared })).rejects.toThrow('modules.mine: belongs to another node already')
  })

  it('because they are frozen', async () => {
    await expect(start({ mine: () => Object.freeze({ start: () => {}, stop: () => {} }) })).rejects.toThrow('modules.mine: cannot be started in order')
  })

  it('but not because they are frozen where nothing of them is to be started', async () => {
    const quiet = Object.freeze({ mine: true })
    const node = await start({ quiet: () => quiet })

    expect(node.services).toMatchObject({ quiet })
  })

  it('because they fail when all have started', async () => {
    const log: string[] = []
    const boom = (): never => { throw new Error('boom') }

    await expect(start({ a: spy(log, 'a'), b: spy(log, 'b', ['a'], { afterStart: boom }) })).rejects.toMatchObject({ name: 'ModuleStartError', module: 'b' })
    expect(log.slice(-2)).toEqual(['a stop', 'a afterStop'])
  })
})

describe('a factory that was not called', () => {
  it.each([
    ['transports', tcp], ['connectionEncrypters', noise], ['streamMuxers', yamux]
  ] as const)('is told among the %s', async (list, factory) => {
    await expect(start({}, { [list]: [factory] })).rejects.toMatchObject({
      name: 'ComposeError', path: `options.${list}.0`, message: expect.stringContaining(`such as ${factory.name}(), got one that makes`) as string
    })
  })
})

describe('a module that has only one of start and stop', () => {
  it('has it called', async () => {
    const log: string[] = []
    const node = await start({ starts: () => ({ start: () => { log.push('start') } }), stops: () => ({ stop: () => { log.push('stop') } }) })
    await node.stop()

    expect(log).toEqual(['start', 'stop'])
  })
})

describe('modules that look for siblings', () => {
  it('find those that offer something, in the order in which they start', async () => {
    const offer = Symbol('offer')
    const node = await start({ none: () => ({}), a: () => ({ [offer]: 'a', [serviceDependencies]: ['@test/b'] }), b: () => ({ [offer]: 'b', [serviceCapabilities]: ['@test/b'] }) })
    const { registry } = node.services as unknown as { registry: Registry }

    expect(registry.modulesWith(offer).map(module => (module as Record<symbol, unknown>)[offer])).toEqual(['b', 'a'])
  })
})

describe('a lifecycle on its own', () => {
  it('is an ordinary service of libp2p', async () => {
    const node = await createLibp2p({ services: { lifecycle: connectionLifecycle() } })
    expect(node.services.lifecycle.size).toBe(0)
    await node.stop()
  })
})
