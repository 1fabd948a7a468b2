import { ConnectionRefusedError, WrongPeerError } from '@cordon/interface-connection-lifecycle'
import { InvalidParametersError, InvalidPeerIdError, UnsupportedProtocolError } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { backoff } from '../src/backoff.ts'
import { MAX_COUNTER_NAMES } from '../src/constants.ts'
import { Counters } from '../src/counters.ts'
import { isPermanent } from '../src/permanent.ts'
import { nextIntent, reasonOfLoss } from '../src/reasons.ts'
import { parseTarget } from '../src/targets.ts'
import { PEERS } from './support.ts'
import type { Intent, LossCause } from '../src/reasons.ts'

const ERROR = new Error('reset')
const NOTED = new Error('noted')

describe('reasonOfLoss', () => {
  it.each<[string, LossCause, Intent | undefined, object]>([
    ['nothing is known', {}, undefined, { code: 'remote-close', by: 'remote' }],
    ['an error', { error: ERROR }, undefined, { code: 'remote-reset', by: 'remote', error: ERROR }],
    ['an error that is not local', { error: ERROR, local: false }, undefined, { code: 'remote-reset', by: 'remote', error: ERROR }],
    ['local, with an error', { error: ERROR, local: true }, undefined, { code: 'local-abort', by: 'local', error: ERROR }],
    ['local, without one', { local: true }, undefined, { code: 'local-close', by: 'local' }],
    ['noted as closed', {}, { how: 'local-close' }, { code: 'local-close', by: 'local' }],
    ['noted as cut, and an error', { error: ERROR }, { how: 'local-abort', error: NOTED }, { code: 'local-abort', by: 'local', error: NOTED }],
    ['noted as closed, and an error', { error: ERROR }, { how: 'local-close' }, { code: 'local-close', by: 'local', error: ERROR }]
  ])('%s', (_what, cause, intent, reason) => {
    expect(reasonOfLoss(cause, intent)).toEqual(reason)
  })

  it.each<[string, LossCause, Intent | undefined, object]>([
    ['nothing is known', {}, undefined, { code: 'shutdown', by: 'local' }],
    ['libp2p closed it', {}, { how: 'local-close' }, { code: 'shutdown', by: 'local' }],
    ['libp2p cut it', { error: ERROR, local: true }, { how: 'local-abort' }, { code: 'shutdown', by: 'local', error: ERROR }],
    ['the transport cut it', { error: ERROR, local: true }, undefined, { code: 'shutdown', by: 'local', error: ERROR }],
    ['the remote cut it', { error: ERROR }, undefined, { code: 'remote-reset', by: 'remote', error: ERROR }]
  ])('while the node stops, %s', (_what, cause, intent, reason) => {
    expect(reasonOfLoss(cause, intent, true)).toEqual(reason)
  })

  it('takes a cut for the last word', () => {
    const closed = nextIntent(undefined, 'local-close')
    expect(closed).toEqual({ how: 'local-close' })
    const cut = nextIntent(closed, 'local-abort', ERROR)
    expect(cut).toEqual({ how: 'local-abort', error: ERROR })
    expect(nextIntent(cut, 'local-close')).toBe(cut)
    expect(nextIntent(cut, 'local-abort')).toBe(cut)
  })
})

describe('backoff', () => {
  const bounds = (attempts: number): number => backoff(attempts, 100, 5_000, () => 0.999999999)

  it('doubles its bound up to the largest one', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 50, 2_000, Number.MAX_SAFE_INTEGER].map(bounds)).toEqual([99, 199, 399, 799, 1_599, 3_199, 4_999, 4_999, 4_999, 4_999, 4_999])
  })

  it('draws from the whole of it', () => {
    expect(backoff(3, 100, 5_000, () => 0)).toBe(0)
    expect(backoff(3, 100, 5_000, () => 0.5)).toBe(400)
  })
})

describe('isPermanent', () => {
  const wrong = new WrongPeerError('a', 'b')
  const refused = (permanent?: boolean): Error => new ConnectionRefusedError({ code: 'blocked', module: 'rules', message: 'no', ...(permanent == null ? {} : { permanent }) })
  const foreign = Object.assign(new Error('from another copy of the package'), { name: 'WrongPeerError' })
  const endless: { cause?: unknown } = new Error('endless')
  endless.cause = endless

  it.each<[string, unknown, boolean]>([
    ['the wrong peer', wrong, true],
    ['the wrong peer, of another copy', foreign, true],
    ['the wrong peer, as a cause', new Error('dial', { cause: new Error('upgrade', { cause: wrong }) }), true],
    ['the wrong peer at every address', new AggregateError([wrong, new Error('x', { cause: wrong })]), true],
    ['the wrong peer at one of two addresses', new AggregateError([wrong, new Error('ECONNREFUSED')]), false],
    ['no common protocol', new UnsupportedProtocolError('none'), true],
    ['itself', new InvalidPeerIdError('Can not dial self'), true],
    ['a permanent refusal', new AggregateError([refused(true)]), true],
    ['a refusal', refused(), false],
    ['a refusal that is not permanent', refused(false), false],
    ['words that say so', new Error('WrongPeerError: expected peer a, permanent'), false],
    ['no errors at all', new AggregateError([]), false],
    ['its own cause', endless, false],
    ['nothing', undefined, false],
    ['a string', 'WrongPeerError', false]
  ])('%s', (_what, error, permanent) => {
    expect(isPermanent(error)).toBe(permanent)
  })
})

describe('parseTarget', () => {
  const [a, b] = PEERS.map(String)
  const texts = (target: ReturnType<typeof parseTarget>): string[] => target.addresses.map(String)

  it('takes a peer', () => {
    expect(parseTarget(PEERS[0])).toEqual({ peer: PEERS[0], addresses: [] })
  })

  it('gives every address the peer that one of them names', () => {
    const target = parseTarget([multiaddr('/ip4/192.0.2.1/tcp/1'), multiaddr(`/ip4/192.0.2.2/tcp/1/p2p/${a}`)])
    expect(target.peer.toString()).toBe(a)
    expect(texts(target)).toEqual([`/ip4/192.0.2.1/tcp/1/p2p/${a}`, `/ip4/192.0.2.2/tcp/1/p2p/${a}`])
  })

  it('takes the peer behind a relay, not the relay', () => {
    const target = parseTarget(multiaddr(`/ip4/192.0.2.1/tcp/1/p2p/${a}/p2p-circuit/p2p/${b}`))
    expect(target.peer.toString()).toBe(b)
  })

  it.each<[string, unknown, string | RegExp]>([
    ['no addresses', [], 'got 0'],
    ['too many', Array.from({ length: 26 }, () => multiaddr(`/memory/x/p2p/${a}`)), 'got 26'],
    ['no peer', multiaddr('/ip4/192.0.2.1/tcp/1'), 'none of the addresses names its peer'],
    ['only a relay', multiaddr(`/ip4/192.0.2.1/tcp/1/p2p/${a}/p2p-circuit`), 'none of the addresses names its peer'],
    ['two peers', [multiaddr(`/memory/x/p2p/${a}`), multiaddr(`/memory/x/p2p/${b}`)], '2 different peers'],
    ['a text', `/memory/x/p2p/${a}`, /got "\/memory\/x.*: multiaddr\(\) and peerIdFromString\(\) make one of a text$/],
    ['null', null, 'must be a Multiaddr, or what is maintained a PeerId, got null'],
    ['undefined', undefined, 'must be a Multiaddr, or what is maintained a PeerId, got undefined']
  ])('refuses %s', (_what, target, message) => {
    expect(() => parseTarget(target)).toThrow(InvalidParametersError)
    expect(() => parseTarget(target)).toThrow(message)
  })
})

describe('Counters', () => {
  it('holds a bounded number of names', () => {
    const counters = new Counters()
    for (let i = 0; i < 10 * MAX_COUNTER_NAMES; i++) counters.add(`module-${i}`)
    const snapshot = counters.snapshot()
    expect(Object.keys(snapshot)).toHaveLength(MAX_COUNTER_NAMES + 1)
    expect(snapshot['others']).toBe(9 * MAX_COUNTER_NAMES)
  })

  it('counts a name as any other, whatever it is', () => {
    const counters = new Counters()
    expect(counters.add('__proto__')).toBe(1)
    expect(counters.add('__proto__')).toBe(2)
    expect(Object.entries(counters.snapshot())).toEqual([['__proto__', 2]])
  })
})
