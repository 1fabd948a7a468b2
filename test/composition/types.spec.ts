import { compose } from '@cordon/component-registry'
import { connectionLifecycle } from '@cordon/connection-lifecycle'
import { cordon } from '@cordon/cordon'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { createLibp2p } from 'libp2p'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { GaterPart, ResourceManagerPart } from '@cordon/cordon'
import type { Registry } from '@cordon/interface-component-registry'
import type { ConnectionLifecycle } from '@cordon/interface-connection-lifecycle'
import type { Identify } from '@libp2p/identify'
import type { ServiceMap } from '@libp2p/interface'
import type { Ping } from '@libp2p/ping'
import type { Libp2pOptions } from 'libp2p'

/** The services of a node with these options, as the compiler and as the node see them */
async function servicesOf<T extends ServiceMap> (options: Libp2pOptions<T>): Promise<T> {
  return (await createLibp2p<T>({ ...options, start: false })).services
}

/** A lifecycle that can do more than the interface asks for */
interface Own extends ConnectionLifecycle {
  more (): number
}

const own = (components: Parameters<ReturnType<typeof connectionLifecycle>>[0]): Own =>
  Object.assign(connectionLifecycle()(components), { more: () => 1 })

// the compiler checks what `expectTypeOf` and the comments below say, in `npm run check`
describe('the services of a composed node are known by type', () => {
  it('by default', async () => {
    const services = await servicesOf(cordon())

    expectTypeOf(services.lifecycle).toEqualTypeOf<ConnectionLifecycle>()
    expectTypeOf(services.registry).toEqualTypeOf<Registry>()
    expectTypeOf(services.gater).toEqualTypeOf<GaterPart>()
    expectTypeOf(services.resourceManager).toEqualTypeOf<ResourceManagerPart>()
    expectTypeOf(services).not.toHaveProperty('ping')
    expect(Object.keys(services).sort()).toEqual(['gater', 'lifecycle', 'registry', 'resourceManager'])
  })

  it('without one that was left out', async () => {
    const services = await servicesOf(cordon({}, { gater: false, resourceManager: false }))

    expectTypeOf(services).not.toHaveProperty('gater')
    expectTypeOf(services).not.toHaveProperty('resourceManager')
    expect(Object.keys(services).sort()).toEqual(['lifecycle', 'registry'])
  })

  it('with those of the user', async () => {
    const services = await servicesOf(cordon({ services: { identify: identify(), ping: ping(), answer: () => 42 } }))

    expectTypeOf(services.ping).toEqualTypeOf<Ping>()
    expectTypeOf(services.identify).toEqualTypeOf<Identify>()
    expectTypeOf(services.answer).toEqualTypeOf<number>()
    expectTypeOf(services.lifecycle).toEqualTypeOf<ConnectionLifecycle>()
    expect(services.answer).toBe(42)
  })

  it('with a default in another configuration, or undefined', async () => {
    const services = await servicesOf(cordon({}, { lifecycle: connectionLifecycle({ maxHandshaking: 1 }) }))
    const same = await servicesOf(cordon({}, { lifecycle: undefined }))

    expectTypeOf(services.lifecycle).toEqualTypeOf<ConnectionLifecycle>()
    expectTypeOf(same.lifecycle).toEqualTypeOf<ConnectionLifecycle>()
    expect(same.lifecycle.size).toBe(0)
  })

  it('with a default replaced', async () => {
    const services = await servicesOf(cordon({}, { lifecycle: own }))

    expectTypeOf(services.lifecycle).toEqualTypeOf<Own>()
    expect(services.lifecycle.more()).toBe(1)
  })

  it('with modules of their own', async () => {
    const services = await servicesOf(cordon({ services: { answer: () => 42 } }, { watchdog: () => ({ barks: true }) }))

    expectTypeOf(services.watchdog).toEqualTypeOf<{ barks: boolean }>()
    expectTypeOf(services.answer).toEqualTypeOf<number>()
    expect(services.watchdog.barks).toBe(true)
  })

  it('with options of a wide type', async () => {
    const options: Libp2pOptions = { services: { answer: () => 42 } }
    const services = await servicesOf(cordon(options))

    expectTypeOf(services.lifecycle).toEqualTypeOf<ConnectionLifecycle>()
    expect(services['answer']).toBe(42)
  })

  it('with `compose`', async () => {
    const services = await servicesOf(compose({ services: { answer: () => 42 } }, { lifecycle: own, mine: () => 'x' in globalThis ? { a: 1 } : { a: 2 } }))

    expectTypeOf(services.lifecycle).toEqualTypeOf<Own>()
    expectTypeOf(services.mine).toEqualTypeOf<{ a: number }>()
    expectTypeOf(services.answer).toEqualTypeOf<number>()
    expect(services.mine.a).toBe(2)
  })
})

describe('the compiler and the composition refuse', () => {
  it('to leave the lifecycle out', () => {
    // @ts-expect-error -- everything takes part in it
    expect(() => cordon({}, { lifecycle: false })).toThrow('modules.lifecycle')
  })

  it('to leave out what a misspelt name does not name', () => {
    // @ts-expect-error -- only defaults can be left out
    expect(() => cordon({}, { lifecycel: false })).toThrow('modules.lifecycel')
  })

  it('a replacement that is no lifecycle', async () => {
    // @ts-expect-error -- it has none of its methods
    const composed = cordon({}, { lifecycle: () => ({ size: 0 }) })

    await expect(createLibp2p(composed)).rejects.toThrow('modules.lifecycle: what its factory made cannot stand in for it')
  })

  it('a value that is no factory', () => {
    // @ts-expect-error -- a module is made by a function
    expect(() => cordon({}, { watchdog: { barks: true } })).toThrow('modules.watchdog')
  })

  it('options that the registry does not know', () => {
    // @ts-expect-error -- there is no such option
    expect(() => cordon({}, {}, { gaterTimout: 1 })).toThrow('gaterTimout')
  })

  it('services that the node does not have', async () => {
    const services = await servicesOf(cordon({ services: { answer: () => 42 } }))

    // @ts-expect-error -- nobody added it
    expect(services.question).toBe(undefined)
  })
})
