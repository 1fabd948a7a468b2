import { ComposedOptionsReusedError, ComposeError, isRegistry, ModuleStartError, registrySymbol } from '@cordon/interface-component-registry'
import { describe, expect, it } from 'vitest'

describe('isRegistry', () => {
  it('tells by the symbol, which copies of the package share', () => {
    expect(isRegistry({ [registrySymbol]: true })).toBe(true)
    expect(isRegistry({ [Symbol.for('@cordon/registry')]: true })).toBe(true)
  })

  it.each([undefined, null, 0, '', {}, [], () => {}])('does not take %o for one', value => {
    expect(isRegistry(value)).toBe(false)
  })
})

describe('the errors of composing', () => {
  const cause = new Error('why')

  it('name what is wrong by its path', () => {
    expect(new ComposeError('modules.lifecycle', 'is false', { cause })).toMatchObject({ name: ComposeError.name, path: 'modules.lifecycle', message: 'modules.lifecycle: is false', cause })
  })

  it('name the module that did not start', () => {
    expect(new ModuleStartError('watcher', 'did not start', { cause })).toMatchObject({ name: ModuleStartError.name, module: 'watcher', message: 'module watcher did not start', cause })
  })

  it('say what to do with options that were used', () => {
    expect(new ComposedOptionsReusedError()).toMatchObject({ name: ComposedOptionsReusedError.name, message: expect.stringContaining('once for each node') as string })
  })

  it('are told apart by a name that does not depend on the class', () => {
    expect([ComposeError, ComposedOptionsReusedError, ModuleStartError].map(({ name }) => name)).toEqual(['ComposeError', 'ComposedOptionsReusedError', 'ModuleStartError'])
  })
})
