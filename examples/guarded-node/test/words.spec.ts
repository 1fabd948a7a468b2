import { HandshakeTimeoutError, isRefusal } from '@cordon/interface-connection-lifecycle'
import { createResourceManager } from '@cordon/resource-manager'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fate, groupName, printable, seconds, why, whyNot } from '../src/words.ts'
import { addressOf, BLOCKED, CROWDED } from './records.ts'
import type { CloseCode, CloseReason, Refusal } from '@cordon/interface-connection-lifecycle'
import type { PrefixLimits } from '@cordon/interface-resource-manager'

describe('text of a peer', () => {
  it('is printable ASCII and no longer than a few lines, whatever it was', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 400 }), text => {
      expect(printable(text)).toMatch(/^[\x20-\x7e]{0,163}$/)
    }))
  })

  it.each([
    ['plain words', 'plain words'],
    ['\x1b[2J\x1b]0;title\x07', '?[2J?]0;title?'],
    ['two\r\nlines', 'two lines'],
    ['\u202ereversed', '?reversed'],
    ['\x9b31m', '?31m']
  ])('%j is shown as %j', (text, shown) => {
    expect(printable(text)).toBe(shown)
  })
})

describe('a group', () => {
  it('of one host is called by its address', () => {
    expect(groupName(addressOf('127.0.0.7'))).toBe('127.0.0.7')
  })

  it('of more than one is called by its prefix', () => {
    expect(groupName({ ...addressOf('::'), share: '2001:db8::/64' })).toBe('2001:db8::/64')
  })

  it('keeps what a peer chose out of the terminal', () => {
    expect(groupName({ ...addressOf('::'), share: 'dns:\x1b[31m' })).toBe('dns:?[31m')
  })
})

describe('why a connection was closed', () => {
  const timeout = (phase: string, ms: number): CloseReason => ({ code: 'deadline', by: 'local', error: new HandshakeTimeoutError(phase, ms) })

  it.each<[CloseReason, string]>([
    [{ code: 'crowded', by: 'local', refusal: CROWDED }, 'it held 32 of 32 handshakes of its group'],
    [{ code: 'crowded', by: 'local', refusal: { ...CROWDED, current: 256, limit: 256, configPath: 'lifecycle.maxHandshaking' } }, 'the node held 256 of 256 handshakes, and this one had to go'],
    [{ code: 'crowded', by: 'local', refusal: { code: 'crowded', module: 'lifecycle', message: 'room was needed' } }, 'room was needed'],
    [timeout('encrypt', 3_000), 'it did not prove who it is within 3 s'],
    [timeout('multiplex', 2_000), 'it agreed on no multiplexer within 2 s'],
    [timeout('handshake', 1_500), 'it did not finish its handshake within 1.5 s'],
    [timeout('total', 10_000), 'it was not ready within 10 s'],
    [timeout('something new', 500), 'it was too slow within 500 ms'],
    [{ code: 'deadline', by: 'local' }, 'it was too slow'],
    [{ code: 'upgrade-failed', by: 'local', error: new Error('bad \x1b[1m bytes') }, 'its handshake failed (bad ?[1m bytes)'],
    [{ code: 'upgrade-failed', by: 'local', error: new Error('') }, 'its handshake failed'],
    [{ code: 'handshake-failed', by: 'local' }, 'its handshake failed'],
    [{ code: 'refused', by: 'local', refusal: BLOCKED }, 'a rule says so'],
    [{ code: 'evicted', by: 'local' }, 'its place went to somebody else'],
    [{ code: 'remote-close', by: 'remote', error: new Error('not of interest') }, 'it hung up']
  ])('%j', (reason, words) => {
    expect(why(reason)).toBe(words)
  })

  it('has words for every reason there is', () => {
    const codes: Record<CloseCode, true> = {
      'remote-close': true, 'remote-reset': true, 'local-close': true, 'local-abort': true, refused: true, crowded: true, deadline: true, 'upgrade-failed': true,
      'handshake-failed': true, evicted: true, limit: true, idle: true, lifetime: true, bytes: true, misbehaved: true, unhealthy: true, shutdown: true
    }
    for (const code of Object.keys(codes) as CloseCode[]) {
      expect(why({ code, by: 'local' })).toMatch(/^(?:it|its|we|the) [a-z ]+$/)
    }
  })
})

describe('why a connection was refused', () => {
  it.each<[Refusal, string]>([
    [BLOCKED, 'a rule says so'],
    [{ code: 'stopping', module: 'lifecycle', message: '' }, 'the node is stopping'],
    [{ code: 'limit', module: 'lifecycle', message: 'no\nroom', current: 1, limit: 1 }, 'no room']
  ])('%j', (refusal, words) => {
    expect(whyNot(refusal)).toBe(words)
  })
})

describe('what was over a limit', () => {
  const refusal = (value: unknown): Refusal => {
    if (isRefusal(value)) return value
    throw new Error('was admitted')
  }
  const shut = { limits: { peerDefault: { connectionsInbound: 0 }, system: { connectionsOutbound: 0 }, transient: { fileDescriptors: 0 }, connection: { memory: 0 } } }

  it('is said of whom it was, without the name of a peer', () => {
    const manager = createResourceManager(shut)
    const inbound = manager.openConnection('inbound')
    if (isRefusal(inbound)) throw new Error(inbound.message)
    expect(whyNot(refusal(inbound.setPeer('12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9')))).toBe('its peer held 0 of 0 inbound connections')
    expect(whyNot(refusal(manager.openConnection('outbound')))).toBe('the node held 0 of 0 outbound connections')
    expect(whyNot(refusal(manager.openConnection('inbound', { usesDescriptor: true })))).toBe('the node, of peers not known yet, held 0 of 0 descriptors')
    expect(whyNot(refusal(inbound.reserveMemory(1)))).toBe('conn-1 has 0 of 0 bytes of memory; resourceManager.limits.connection.memory changes that')
  })

  it('is how many came from one part of the network, or how fast', () => {
    const knock = (limits: PrefixLimits): Refusal => refusal(createResourceManager({ limits: { prefixes: { entries: { '127.0.0.0/8': limits } } } })
      .openConnection('inbound', { address: { ...addressOf('127.0.0.7'), words: [0x7f000007] } }))
    expect(whyNot(knock({ connections: 0 }))).toBe('its part of the network held 0 of 0 connections')
    expect(whyNot(knock({ rate: 0 }))).toBe('more came from there than may in so short a time')
  })
})

it.each<[CloseCode, string]>([
  ['remote-close', 'left'], ['remote-reset', 'left'], ['local-close', 'left'], ['shutdown', 'left'],
  ['refused', 'refused'],
  ['crowded', 'dropped'], ['deadline', 'dropped'], ['upgrade-failed', 'dropped'], ['misbehaved', 'dropped']
])('whoever is closed with %s is counted as %s', (code, expected) => {
  expect(fate({ code, by: 'local' })).toBe(expected)
})

it.each([[0, '0 ms'], [3.4, '3 ms'], [999, '999 ms'], [1_000, '1 s'], [1_540, '1.5 s'], [30_000, '30 s']])('%d ms are %s', (ms, words) => {
  expect(seconds(ms)).toBe(words)
})
