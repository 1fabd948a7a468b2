import { connectionGater, createConnectionGater } from '@cordon/connection-gater'
import { connectionLifecycle } from '@cordon/connection-lifecycle'
import { isConnectionLifecycle } from '@cordon/interface-connection-lifecycle'
import { createResourceManager, resourceManager } from '@cordon/resource-manager'
import { createLibp2p } from 'libp2p'
import { describe, expect, it } from 'vitest'
import { cordon } from '../src/index.ts'

const untyped = cordon as unknown as (options?: unknown, modules?: unknown, init?: unknown) => ReturnType<typeof cordon>

describe('cordon', () => {
  it('makes a node with the defaults, beside its own services', async () => {
    const node = await createLibp2p(cordon({ services: { mine: () => 'mine' } }))
    await node.stop()

    expect(Object.keys(node.services)).toEqual(['registry', 'mine', 'lifecycle', 'gater', 'resourceManager'])
    expect(isConnectionLifecycle(node.services.lifecycle)).toBe(true)
    expect(node.services.mine).toBe('mine')
  })

  it('takes undefined for the default', async () => {
    const node = await createLibp2p(untyped(undefined, { lifecycle: undefined }))
    await node.stop()

    expect(isConnectionLifecycle(node.services.lifecycle)).toBe(true)
  })

  it('uses what is given in place of a default', async () => {
    const made: unknown[] = []
    const lifecycle: ReturnType<typeof connectionLifecycle> = components => {
      const module = connectionLifecycle({ maxHandshaking: 1 })(components)
      made.push(module)

      return module
    }
    const node = await createLibp2p(cordon({}, { lifecycle }))
    await node.stop()

    expect(made).toEqual([node.services.lifecycle])
  })

  it.each([
    ['lifecycle', () => ({})],
    ['gater', () => createConnectionGater()],
    ['resourceManager', () => createResourceManager()]
  ])('says of a %s that is none that it cannot stand in for it', async (name, factory) => {
    await expect(createLibp2p(untyped({}, { [name]: factory }))).rejects.toThrow(`modules.${name}: `)
  })

  it.each([
    ['resourcemanager', 'resourceManager', resourceManager],
    ['gatr', 'gater', connectionGater]
  ])('does not make a node where %s is beside the %s that it was meant to replace', async (name, kind, make) => {
    await expect(createLibp2p(untyped({}, { [name]: make() }))).rejects.toMatchObject({ name: 'ComposeError', path: `modules.${name}`, message: expect.stringContaining(`is a ${kind}, and there is one by that name already`) as string })
    const node = await createLibp2p(untyped({}, { [name]: make(), [kind]: false }))
    await node.stop()
    expect(Object.keys(node.services)).toContain(name)
  })

  it('adds modules of your own', async () => {
    const node = await createLibp2p(cordon({}, { watchdog: () => ({ barks: true }) }))
    await node.stop()

    expect(node.services.watchdog.barks).toBe(true)
  })

  it.each([
    [{ lifecycle: false }, 'modules.lifecycle: the lifecycle cannot be left out'],
    [{ lifecycel: false }, 'modules.lifecycel: there is no default module of this name to leave out; there is lifecycle, gater, resourceManager'],
    [{ lifecycle: 1 }, 'modules.lifecycle: expected a factory, such as connectionLifecycle() returns, got a value of type number'],
    [{ gater: {} }, 'modules.gater: expected a factory, such as connectionGater() returns'],
    [{ resourceManager: null }, 'modules.resourceManager: expected a factory, such as resourceManager() returns, or false, got null'],
    [{ gater: createConnectionGater() }, 'or false, got a gater for nodes without Cordon: connectionGater() with the same options is one for this node'],
    [{ gater: { default: 'block' } }, 'or false, got an object: options are given to connectionGater()'],
    [{ resourceManager: Promise.resolve() }, 'or false, got a promise'],
    [null, 'modules: expected an object'],
    [[], 'modules: expected an object'],
    ['lifecycle', 'modules: expected an object'],
    [JSON.parse('{"__proto__":false}'), 'modules.__proto__']
  ])('says what is wrong with %j', (modules: unknown, message) => {
    expect(() => untyped({}, modules)).toThrow(message)
  })

  it('says what is wrong with what goes to the registry', () => {
    expect(() => untyped({}, {}, { gaterTimeout: -1 })).toThrow('registry.gaterTimeout')
  })

  it('does not make a node with two lifecycles', async () => {
    await expect(createLibp2p(cordon({}, { lifecycel: connectionLifecycle() }))).rejects.toThrow('modules.lifecycel: is a second connection lifecycle')
  })
})
