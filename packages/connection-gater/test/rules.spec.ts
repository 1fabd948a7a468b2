import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RuleBook } from '../src/rules/rule-book.ts'
import { parseText } from '../src/rules/subject.ts'
import { rule, target } from './arbitraries.ts'
import { naive, textOf } from './reference.ts'
import { make } from './support.ts'
import type { NaiveRule } from './reference.ts'
import type { CoreConnectionGater } from '@cordon/connection-gater'
import type { GateTarget } from '@cordon/interface-connection-gater'

function bookOf (rules: readonly NaiveRule[], seed = 1): RuleBook {
  const book = new RuleBook(seed)
  for (const one of rules) book.manual.add(parseText(textOf(one)), one.action, one.direction)
  return book
}

describe('rules', () => {
  it('decide as a scan over all of them does, and report the longest range', () => {
    fc.assert(fc.property(fc.array(rule, { maxLength: 40 }), fc.array(target, { minLength: 1, maxLength: 10 }), fc.integer(), (rules, targets, seed) => {
      const book = bookOf(rules, seed)
      for (const one of targets) {
        const expected = naive(rules, one)
        const { decision, found } = book.judge(one)
        expect(decision).toBe(expected.decision)
        if (found?.kind === 'cidr' || found?.kind === 'ip') expect(Number(book.describe(found).subject.split('/')[1])).toBe(expected.ranges)
      }
    }), { numRuns: 2_000 })
  })

  it('P14: their order does not matter, and one that blocks never admits more', () => {
    fc.assert(fc.property(fc.array(rule, { maxLength: 20 }), rule, target, fc.integer(), (rules, another, one, seed) => {
      const { decision } = bookOf(rules).judge(one)
      expect(bookOf([...rules].reverse(), seed).judge(one).decision).toBe(decision)
      const stricter = bookOf([...rules, { ...another, action: 'block' }]).judge(one).decision
      if (stricter === 'allow') expect(decision).toBe('allow')
      if (decision === 'block') expect(stricter).toBe('block')
    }), { numRuns: 2_000 })
  })

  it('P14: let nobody in, in all steps taken together, who would not be without one that blocks, nor whom none allows where the default blocks', async () => {
    const policies = fc.record({ default: fc.constantFrom('allow' as const, 'block' as const), relayedUnknown: fc.constantFrom('allow' as const, 'refuse' as const) })
    let admitted = 0
    await fc.assert(fc.asyncProperty(fc.array(rule, { maxLength: 10 }), rule, target, policies, async (rules, another, one, policy) => {
      const gaterOf = async (all: readonly NaiveRule[]): Promise<CoreConnectionGater> => {
        const { gater } = make(policy)
        for (const each of all) await gater[each.action](textOf(each), { direction: each.direction })
        return gater
      }
      // at first only the address is known, or of a dial only the peer
      const { direction, address, peer } = one
      const first: GateTarget = { direction, ...(direction === 'inbound' && address !== undefined && { address }), ...(direction === 'outbound' && peer !== undefined && { peer }) }
      const admits = (gater: CoreConnectionGater): boolean => [first, one].every(step => gater.decide(step) === undefined)
      const before = await gaterOf(rules)
      const isIn = admits(before)
      if (admits(await gaterOf([...rules, { ...another, action: 'block' }]))) expect(isIn).toBe(true)
      if (!isIn || policy.default === 'allow' || peer === undefined || address === undefined) return
      admitted++
      expect(before.verdict(one).decision).toBe('allow')
    }), { numRuns: 2_000 })
    expect(admitted).toBeGreaterThan(20)
  })

  it('are gone when they were removed, and nothing else is', () => {
    fc.assert(fc.property(fc.uniqueArray(rule, { maxLength: 40, selector: one => `${one.action} ${one.direction} ${parseText(textOf(one)).text}` }), fc.func(fc.boolean()), fc.array(target, { maxLength: 10 }), (rules, keep, targets) => {
      const book = bookOf(rules)
      const kept = rules.filter((_, index) => keep(index))
      for (const one of rules) {
        if (!kept.includes(one)) expect(book.manual.remove(parseText(textOf(one)), one.action, one.direction)).toBe(true)
      }
      expect(book.manual.size).toBe(kept.length)
      for (const one of targets) expect(book.judge(one).decision).toBe(naive(kept, one).decision)
      expect([...book.rules()].map(found => book.describe(found).id).sort()).toEqual(kept.map(one => `${one.action} ${one.direction} ${parseText(textOf(one)).text}`).sort())
    }), { numRuns: 1_000 })
  })

  it('have a text from which the same subject is read', () => {
    fc.assert(fc.property(rule, one => {
      const parsed = parseText(textOf(one))
      expect(parseText(parsed.text)).toEqual(parsed)
    }))
  })
})
