import { connectionGater } from '@cordon/connection-gater'
import { connectionGaterSuite, participantSuite } from '@cordon/interface-compliance-tests'
import { blockListSymbol, isBlockListModule } from '@cordon/interface-component-registry'
import { participantSymbol } from '@cordon/interface-connection-lifecycle'
import { allowlistSourceSymbol } from '@cordon/interface-resource-manager'
import { fakeClock } from '@cordon/testing'
import { defaultLogger } from '@libp2p/logger'
import { MemoryDatastore } from 'datastore-core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConnectionGaterClass } from '../src/gater.ts'
import { parseInit } from '../src/init.ts'
import { rule, target } from './arbitraries.ts'
import { textOf } from './reference.ts'
import { OTHER, PEER, RELAY } from './support.ts'
import type { ConnectionGaterInit, ConnectionGaterService } from '@cordon/connection-gater'
import type { GateTarget } from '@cordon/interface-connection-gater'

function service (init: ConnectionGaterInit = {}): ConnectionGaterService {
  return connectionGater(init)({ logger: defaultLogger(), datastore: new MemoryDatastore() })
}

/** Rules that refuse at each step, and some that do not; nobody waits until they are kept, because they are not */
const RULES: ReadonlyArray<readonly [string, ConnectionGaterInit, (gater: ConnectionGaterService) => void]> = [
  ['without rules', {}, () => {}],
  ['that blocks addresses', {}, gater => { void gater.block('127.0.0.0/8') }],
  ['that blocks a peer', {}, gater => { void gater.block(PEER) }],
  ['that blocks what is relayed', {}, gater => { void gater.block('/p2p-circuit') }],
  ['that blocks a relay', {}, gater => { void gater.block({ relay: RELAY }) }],
  ['that lets in nobody', { default: 'block' }, () => {}],
  ['that lets in one peer', { default: 'block' }, gater => { void gater.allow(PEER) }],
  ['that asks a function', {}, gater => { void gater.block({ name: 'broken', predicate: () => { throw new Error('no') } }) }]
]

describe.each(RULES)('a gater %s', (_, init, rules) => {
  participantSuite({
    setup: async () => {
      const clock = fakeClock()
      const module = service({ ...init, clock })
      rules(module)
      // it has nothing of a connection but what the clock waits for
      return { module, held: () => clock.pending }
    },
    teardown: async () => {}
  })
})

describe('with a datastore', () => {
  connectionGaterSuite({
    setup: async args => {
      const gater = service(args)
      await gater.start()
      return gater
    },
    teardown: async () => {}
  })
})

describe('the module', () => {
  it('stands in the stage of gates, is an allowlist, and says what it misses', () => {
    const gater = service()
    expect(gater[participantSymbol].stage).toBe('gate')
    expect(gater[allowlistSourceSymbol]).toBe(gater)
    expect(gater.status().missing).toEqual(['the gater is not started: rules are neither read nor kept', 'the node was not composed: nobody asks this gater, and connections that are open stay open; see createConnectionGater'])
  })

  it('offers block lists exactly where there is Node', () => {
    const gater = service()
    expect(isBlockListModule(gater)).toBe(true)
    const isNode = typeof (globalThis as { process?: { getBuiltinModule?: unknown } }).process?.getBuiltinModule === 'function'
    expect(gater[blockListSymbol].inbound !== undefined).toBe(isNode)
    expect(gater[blockListSymbol].outbound !== undefined).toBe(isNode)
  })

  it.each([[{ default: 'maybe' }, 'gater.default'], [{ typo: 1 }, 'gater has no option "typo"']])('is not made with options that are wrong: %o', (init, path) => {
    expect(() => service(init as object)).toThrow(path)
  })
})

/** All that a gater counts or tells */
interface Told {
  readonly gater: ConnectionGaterClass
  readonly told: string[]
  state (): unknown
}

function told (init: ConnectionGaterInit): Told {
  const lines: string[] = []
  const gater = new ConnectionGaterClass(parseInit({ clock: fakeClock(), wallClock: () => 1_700_000_000_000, random: () => 0.5, refusalLog: line => { lines.push(line) }, ...init }))
  gater.addEventListener('rule:hit', ({ detail }) => { lines.push(`hit ${detail.rule.id}`) })
  return { gater, told: lines, state: () => ({ lines: [...lines], status: gater.status(), rules: [...gater.rules()] }) }
}

describe('what would be decided', () => {
  it('is what is decided, and counts nothing, whatever the rules are', () => {
    const init = fc.record({ default: fc.constantFrom('allow' as const, 'block' as const), relayedUnknown: fc.constantFrom('allow' as const, 'refuse' as const) })
    let refused = 0
    fc.assert(fc.property(init, fc.array(rule, { maxLength: 30 }), fc.array(target, { minLength: 1, maxLength: 10 }), fc.constantFrom('none', 'blocks', 'allows', 'throws'), (options, rules, targets, predicate) => {
      const { gater, state } = told(options)
      for (const one of rules) void gater[one.action](textOf(one), { direction: one.direction })
      const odd = ({ peer }: GateTarget): boolean => {
        if (predicate === 'throws') throw new Error('no')
        return peer === OTHER
      }
      if (predicate !== 'none') void gater[predicate === 'allows' ? 'allow' : 'block']({ name: 'odd', predicate: odd })
      const before = state()
      const previews = targets.map(one => gater.preview(one))
      expect(previews.every(preview => preview?.message !== '')).toBe(true)
      expect(state()).toEqual(before)

      for (const [index, one] of targets.entries()) {
        const decision = gater.decide(one)
        const preview = previews[index]
        expect(decision === undefined).toBe(preview === undefined)
        expect([decision?.cause, decision?.rule?.id, decision?.message, decision?.permanent, decision?.retryAfter]).toEqual([preview?.cause, preview?.rule?.id, preview?.message, preview?.permanent, preview?.retryAfter])
        if (decision === undefined) continue
        refused++
        // the rule that is reported is among those that block
        const blocking = [...gater.blocking(one)].map(({ id }) => id)
        expect(blocking.length > 0).toBe(decision.rule !== undefined)
        if (decision.rule !== undefined) expect(blocking).toContain(decision.rule.id)
      }
    }), { numRuns: 500 })
    expect(refused).toBeGreaterThan(100)
  })

  it('is decided again when it is asked for: what changed in between counts', async () => {
    const { gater } = told({})
    const one: GateTarget = { direction: 'inbound', peer: PEER }
    expect(gater.preview(one)).toBe(undefined)
    await gater.block(PEER)
    expect(gater.preview(one)?.cause).toBe('peer')
    expect(gater.status().refusals).toEqual({})
    gater.decide(one)
    expect(gater.status().refusals).toEqual({ peer: 1 })
  })
})
