import { connectionGaterSymbol, isConnectionGater, isGateRefusal } from '@cordon/interface-connection-gater'
import { describe, expect, it } from 'vitest'

describe('isConnectionGater', () => {
  it('tells by the symbol', () => {
    expect(isConnectionGater({ [connectionGaterSymbol]: true })).toBe(true)
  })

  it.each([undefined, null, 0, '', {}, () => {}])('does not take %o for one', value => {
    expect(isConnectionGater(value)).toBe(false)
  })
})

describe('isGateRefusal', () => {
  it('tells refusals of gaters from those of other modules', () => {
    expect(isGateRefusal({ code: 'blocked', module: 'gater', message: 'no', cause: 'default' })).toBe(true)
    expect(isGateRefusal({ code: 'limit', module: 'resourceManager', message: 'no', cause: 'streams' })).toBe(false)
    expect(isGateRefusal({ code: 'blocked', module: 'other', message: 'no' })).toBe(false)
    expect(isGateRefusal(undefined)).toBe(false)
  })
})
