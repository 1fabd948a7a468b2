import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it, vi } from 'vitest'
import { Dials } from '../src/dials.ts'
import type { Refusal } from '@cordon/interface-connection-lifecycle'

const ADDRESS = multiaddr('/ip4/192.0.2.1/tcp/1')
const REFUSAL: Refusal = { code: 'blocked', module: 'mine', message: 'not today' }

/** A dial that ends when its signal says so */
async function stall (signal: AbortSignal): Promise<never> {
  return await new Promise((_resolve, reject) => {
    const end = (): void => { reject(new Error('aborted', { cause: signal.reason })) }
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })
}

describe('a dial', () => {
  it.each([
    ['succeeds', async () => 'connected'],
    ['fails', async () => { throw new Error('refused') }],
    ['cannot even begin', () => { throw new Error('no such address') }]
  ])('that %s leaves nothing with the signal of whoever asked for it', async (_, task) => {
    const { signal } = new AbortController()
    const [add, remove] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')]
    const dials = new Dials()
    await dials.run(ADDRESS, signal, task).catch(() => {})

    expect(add).toHaveBeenCalledOnce()
    expect(remove.mock.calls.map(([type, listener]) => [type, listener])).toEqual(add.mock.calls.map(([type, listener]) => [type, listener]))
    expect(dials.size).toBe(0)
  })

  it.each([['while it is under way', false], ['before it began', true]])('ends with the signal of whoever asked for it, aborted %s', async (_, before) => {
    const controller = new AbortController()
    const dials = new Dials()
    if (before) controller.abort(new Error('enough'))
    const dial = dials.run(ADDRESS, controller.signal, stall)
    controller.abort(new Error('enough'))

    await expect(dial).rejects.toMatchObject({ message: 'aborted', cause: { message: 'enough' } })
    expect(dials.size).toBe(0)
  })

  it('needs no signal', async () => {
    expect(await new Dials().run(ADDRESS, undefined, async signal => signal.aborted)).toBe(false)
  })
})

describe('dials that a module ends', () => {
  it('are told why, each once, and others go on', async () => {
    const dials = new Dials()
    const controller = new AbortController()
    const ended = dials.run(ADDRESS, undefined, stall)
    const other = dials.run(multiaddr('/ip4/192.0.2.2/tcp/1'), controller.signal, stall)

    expect([dials.end(({ address }) => address?.key === '192.0.2.1' ? REFUSAL : undefined), dials.end(({ address }) => address?.key === '192.0.2.1' ? REFUSAL : undefined)]).toEqual([1, 0])
    await expect(ended).rejects.toMatchObject({ name: 'ConnectionRefusedError', cause: REFUSAL })
    expect(dials.size).toBe(1)
    controller.abort(new Error('enough'))
    await expect(other).rejects.toMatchObject({ message: 'aborted' })
  })

  it('are not judged once they were aborted', async () => {
    const dials = new Dials()
    const controller = new AbortController()
    const dial = dials.run(ADDRESS, controller.signal, stall)
    controller.abort(new Error('enough'))

    expect(dials.end(() => REFUSAL)).toBe(0)
    await expect(dial).rejects.toMatchObject({ message: 'aborted' })
  })
})
