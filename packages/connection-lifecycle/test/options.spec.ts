import { connectionLifecycle } from '@cordon/connection-lifecycle'
import { describe, expect, it } from 'vitest'
import * as constants from '../src/constants.ts'
import source from '../src/index.ts?raw'
import { parseInit, parseMonitor, parseRetry } from '../src/options.ts'
import { BOUNDS } from './held.ts'
import { bench, PEERS, recordingLogger } from './support.ts'

const COUNTS = ['maxHandshaking', 'maxHandshakingPerGroup', 'maxHandshakingOutbound', 'closeTimeout', 'maxMaintained'] as const
const BAD: ReadonlyArray<[string, unknown]> = [['0', 0], ['-1', -1], ['NaN', NaN], ['Infinity', Infinity], ['"10"', '10'], ['null', null], ['{}', {}], ['true', true]]
const containing = (text: string): unknown => expect.stringContaining(text)
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern)
const make = (init: unknown) => (): unknown => connectionLifecycle(init as object)({ logger: recordingLogger([]) })

describe('bad options', () => {
  for (const name of COUNTS) {
    it.each(BAD)(`lifecycle.${name} %s`, (shown, value) => {
      expect(make({ [name]: value })).toThrow(expect.objectContaining({ name: 'InvalidParametersError', message: matching(new RegExp(`^lifecycle\\.${name} must .*got ${shown.replace(/[{}"]/g, '.')}`)) }))
    })
  }

  for (const name of ['encrypt', 'multiplex', 'handshake', 'total']) {
    it.each(BAD)(`lifecycle.deadlines.${name} %s`, (_shown, value) => {
      expect(make({ deadlines: { [name]: value } })).toThrow(expect.objectContaining({ name: 'InvalidParametersError', message: containing(`lifecycle.deadlines.${name} must`) }))
    })
  }

  it.each<[string, unknown]>([
    ['an unknown option', { maxHandshake: 5 }],
    ['an unknown deadline', { deadlines: { ready: 5 } }],
    ['a phase that may take longer than all of them', { deadlines: { encrypt: 60_000 } }],
    ['a prototype', JSON.parse('{ "__proto__": { "maxHandshaking": 1 } }')],
    ['null', null],
    ['an array', []],
    ['a clock that cannot wait', { clock: { now: () => 0 } }],
    ['a number for randomness', { random: 0.5 }]
  ])('%s', (_what, init) => {
    expect(make(init)).toThrow(expect.objectContaining({ name: 'InvalidParametersError', message: containing('lifecycle') }))
  })

  it('are none of phases that may take as long as all of them', () => {
    expect(make({ deadlines: { encrypt: 5_000, multiplex: 5_000, handshake: 5_000, total: 5_000 } })).not.toThrow()
  })

  it.each<[string, object, string]>([
    ['minDelay', { minDelay: 0 }, 'lifecycle.maintain.minDelay'],
    ['maxDelay', { maxDelay: -1 }, 'lifecycle.maintain.maxDelay'],
    ['maxAttempts', { maxAttempts: 0.5 }, 'lifecycle.maintain.maxAttempts'],
    ['a minimum above the maximum', { minDelay: 10, maxDelay: 5 }, 'minDelay must be at most maxDelay, got 10 and 5'],
    ['a maximum below the default minimum', { maxDelay: 500 }, 'got 1000 and 500; they are 1000 and 60000 where nothing is said'],
    ['an unknown one', { retries: 3 }, 'retries'],
    ['a signal that is none', { signal: {} }, 'lifecycle.maintain.signal'],
    ['no options', null as unknown as object, 'lifecycle.maintain']
  ])('of maintain: %s', (_what, options, message) => {
    expect(() => bench().lifecycle.maintain(PEERS[0], options)).toThrow(expect.objectContaining({ name: 'InvalidParametersError', message: containing(message) }))
  })

  it('of shed', () => {
    expect(() => bench().lifecycle.shed('in' as 'inbound')).toThrow(expect.objectContaining({ name: 'InvalidParametersError', message: 'a direction must be "inbound" or "outbound", got "in"' }))
  })

  it('of monitor', () => {
    expect(() => bench().lifecycle.monitor({ bufferSize: 0 })).toThrow('lifecycle.monitor.bufferSize must be a whole number of at least 1, got 0')
  })
})

describe('defaults', () => {
  it('are the documented ones', () => {
    const documented = new Map([...source.matchAll(/@default ([\d_]+)\n\s+\*\/\n\s+(\w+)\?/g)].map(match => [match[2] ?? '', Number(match[1]?.replaceAll('_', ''))]))
    const { deadlines, ...rest } = parseInit({})
    expect(Object.fromEntries(documented)).toEqual({ ...deadlines, ...rest })
  })

  it('are those of the table in docs/lifecycle.md', () => {
    const { encrypt, multiplex, handshake } = constants.DEADLINES
    expect(Object.fromEntries(BOUNDS)).toMatchObject({
      'handshaking encrypt': String(encrypt),
      'handshaking multiplex': String(multiplex),
      'handshaking handshake': String(handshake),
      'closed closing': String(constants.CLOSE_TIMEOUT)
    })
  })

  it('are those of the interface', () => {
    expect(parseRetry({})).toEqual({ minDelay: 1_000, maxDelay: 60_000, stableAfter: 30_000, maxAttempts: Infinity })
    expect(parseMonitor({})).toEqual({ bufferSize: 1_024 })
  })
})
