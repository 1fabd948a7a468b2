import { describe, expect, it } from 'vitest'
import { delegate } from '../src/delegate.ts'

class Original {
  #secret = 1
  open = true

  get secret (): number { return this.#secret }
  reveal (): number { return this.#secret }
  replaced (): string { return 'original' }
}

describe('delegate', () => {
  it('has the methods that were given, and everything else of the original, which stays as it is', () => {
    const original = Object.freeze(new Original())
    const other = delegate(original, { replaced: () => 'other' })

    expect([other.replaced(), original.replaced()]).toEqual(['other', 'original'])
    expect([other.secret, other.reveal(), other.open, 'open' in other, 'closed' in other]).toEqual([1, 1, true, true, false])
    expect(other).toBeInstanceOf(Original)
  })

  it('stands in for an original without a prototype, with fields that may not change', () => {
    const original = Object.freeze(Object.assign(Object.create(null) as object, { replaced: (): string => 'original', open: true }))

    expect(delegate(original, { replaced: () => 'other' }).replaced()).toBe('other')
    expect(delegate(original, {}).open).toBe(true)
  })

  it('writes what is set to the original', () => {
    const original = new Original()
    delegate(original, {}).open = false

    expect(original.open).toBe(false)
    expect(() => { delegate(Object.freeze(new Original()) as Original, {}).open = false }).toThrow(TypeError)
  })
})
