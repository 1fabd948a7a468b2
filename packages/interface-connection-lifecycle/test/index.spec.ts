import { AlreadyAttachedError, ConnectionRefusedError, HandshakeTimeoutError, InvalidTransitionError, isConnectionLifecycle, isParticipantModule, isReadinessModule, isRefusal, lifecycleDriverSymbol, participantSymbol, readinessSymbol, STAGES, StreamRefusedError, WrongPeerError } from '@cordon/interface-connection-lifecycle'
import { describe, expect, it } from 'vitest'
import type { Refusal } from '@cordon/interface-connection-lifecycle'
import type { Libp2p, StreamHandlerOptions } from '@libp2p/interface'

const refusal: Refusal = { code: 'limit', module: 'resourceManager', message: 'there is no room' }

const NOTHING = [undefined, null, 0, '', 'limit', {}, [], () => {}]

describe('what carries a symbol', () => {
  const guards: Array<[string, (value: unknown) => boolean, symbol, string]> = [
    ['isConnectionLifecycle', isConnectionLifecycle, lifecycleDriverSymbol, '@cordon/lifecycle-driver'],
    ['isParticipantModule', isParticipantModule, participantSymbol, '@cordon/participant'],
    ['isReadinessModule', isReadinessModule, readinessSymbol, '@cordon/readiness']
  ]

  it.each(guards)('is told by %s, whichever copy of the package made it', (_name, guard, symbol, key) => {
    expect(guard({ [symbol]: {} })).toBe(true)
    expect(guard({ [Symbol.for(key)]: {} })).toBe(true)
    for (const value of NOTHING) expect(guard(value)).toBe(false)
  })

  it.each(guards)('is not told by %s from another symbol', (_name, guard, symbol) => {
    for (const [, , other] of guards) expect(guard({ [other]: {} })).toBe(other === symbol)
  })
})

describe('isRefusal', () => {
  it.each(['limit', 'rate', 'blocked', 'gater', 'crowded', 'fault', 'stopping', 'gone', 'a-later-one'])('knows the code %s', code => {
    expect(isRefusal({ ...refusal, code })).toBe(true)
  })

  it.each([...NOTHING, { code: 'limit' }, { module: 'x' }, { code: 'limit', module: 'x' }, { ...refusal, code: 7 }, { ...refusal, code: undefined }, { ...refusal, module: null }, new Error('boom'), Object.assign(new Error('boom'), { code: 'ENOENT' })])('does not take %o for one', value => {
    expect(isRefusal(value)).toBe(false)
  })
})

describe('isRefusal and getters', () => {
  it('reads no message, and the rest once', () => {
    const reads: string[] = []
    const lazy = Object.defineProperties({}, Object.fromEntries(['code', 'module', 'message'].map(key => [key, { get: () => { reads.push(key); return 'x' } }])))
    expect(isRefusal(lazy)).toBe(true)
    expect(reads).toEqual(['code', 'module'])
  })

  it('does not throw, whatever it is shown', () => {
    const throws = (): never => { throw new Error('boom') }
    expect(isRefusal(new Proxy({}, { has: throws, get: throws }))).toBe(false)
    expect(isRefusal({ module: 'x', message: 'y', get code () { return throws() } })).toBe(false)
  })
})

describe('the stages', () => {
  it('are rules, amounts, places, onlookers', () => {
    expect(STAGES).toEqual(['gate', 'account', 'admit', 'observe'])
  })
})

describe('the errors', () => {
  const cause = new Error('why')

  it('carry what a program needs to decide', () => {
    expect(new InvalidTransitionError('closed', 'ready')).toMatchObject({ name: 'InvalidTransitionError', from: 'closed', to: 'ready', message: 'a connection cannot go from closed to ready' })
    expect(new ConnectionRefusedError(refusal)).toMatchObject({ name: 'ConnectionRefusedError', cause: refusal, message: 'there is no room' })
    expect(new StreamRefusedError(refusal)).toMatchObject({ name: 'StreamRefusedError', cause: refusal })
    expect(new HandshakeTimeoutError('encrypt', 3_000)).toMatchObject({ name: 'HandshakeTimeoutError', phase: 'encrypt', deadline: 3_000, message: expect.stringContaining('3000 ms') as string })
    expect(new AlreadyAttachedError()).toMatchObject({ name: 'AlreadyAttachedError' })
    expect(new WrongPeerError('A', 'B', { cause })).toMatchObject({ name: 'WrongPeerError', expected: 'A', actual: 'B', cause, message: expect.stringMatching(/A.*B/) as string })
  })

  it('say so when it is not known who answered', () => {
    expect(new WrongPeerError('A')).toMatchObject({ expected: 'A', actual: undefined, message: expect.stringContaining('A') as string })
  })

  it('are told apart by a name that does not depend on the class', () => {
    for (const error of [InvalidTransitionError, ConnectionRefusedError, StreamRefusedError, HandshakeTimeoutError, AlreadyAttachedError, WrongPeerError]) {
      expect(Object.getOwnPropertyDescriptor(error, 'name')?.value).toMatch(/^[A-Z]\w+Error$/)
    }
  })
})

describe('the options of a handler', () => {
  it('name the service it belongs to', () => {
    // the compiler is the test: without the augmentation this is an unknown property
    const options: StreamHandlerOptions = { service: 'chat', maxInboundStreams: 1 }
    const handle = (node: Libp2p): Promise<void> => node.handle('/chat/1.0.0', () => {}, { service: 'chat' })
    expect([options.service, typeof handle]).toEqual(['chat', 'function'])
  })
})
