import { InvalidRuleError, ListError, ListLoadError, StoredRuleError } from '@cordon/interface-connection-gater'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatPattern } from '../src/rules/pattern.ts'
import { parseSubject, parseText } from '../src/rules/subject.ts'
import { decodeRule, encodeRule, keyOf } from '../src/store/codec.ts'
import { rule } from './arbitraries.ts'
import { textOf } from './reference.ts'
import { make, OTHER, PEER } from './support.ts'
import type { ListFormat, Subject } from '@cordon/interface-connection-gater'

const FORMATS: readonly ListFormat[] = ['text', 'json', 'hosts']

/** The longest entry that is read is one of 8,192 characters, of which errors repeat a few */
const MAX_MESSAGE = 600

/** What lists are made of, and what has no place in them */
const WORDS = [
  '1.2.3.4', '10.0.0.0/8', '::/0', '2a00::/16', '::ffff:1.2.3.4', '0.0.0.0', '127.0.0.1', PEER, OTHER, 'node.example', '/dns/*.example', '/ip4/*/ws', '/p2p-circuit', '/tcp', 'allow', 'block', 'inbound', 'outbound', 'any',
  '"', '\\', '\\u0000', '[', ']', '{', '}', ',', ':', '"subject"', '"action"', '"expires"', '"rules"', '"__proto__"', '"constructor"', 'null', '1e999', '-0', '\n', '\r\n', '\u2028', ' ', '\t', '#', ';', '\0', '\uFEFF', 'ü', '/', '%', '*', 'x'.repeat(5_000)
] as const

const encoder = new TextEncoder()

/** Arbitrary bytes, or words with bytes between them that are no UTF-8 */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.array(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...WORDS).map(word => encoder.encode(word)) }, fc.uint8Array({ maxLength: 4 })), { maxLength: 40 }).map(parts => Uint8Array.from(parts.flatMap(part => [...part])))
)

/** Pieces end anywhere, also within a character */
async function * inPieces (content: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < content.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    yield content.subarray(at, at + size)
    at += size
  }
}

describe('Z6: whatever a list may hold', () => {
  it('as bytes in pieces: it is loaded but for what is said to be wrong, or not at all, and it does not matter where pieces end', async () => {
    await fc.assert(fc.asyncProperty(bytes, fc.constantFrom(...FORMATS), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }), async (content, format, sizes) => {
      const load = async (pieces: readonly number[]): Promise<unknown> => {
        const { gater } = make()
        try {
          const { rules, invalid, errors } = await gater.loadList('noise', { content: inPieces(content, pieces), format })
          expect(gater.status().rules.list).toBe(rules)
          expect(errors.length).toBe(Math.min(invalid, 100))
          for (const error of errors) {
            expect(error).toBeInstanceOf(ListError)
            expect(error.message.length).toBeLessThan(MAX_MESSAGE)
          }
          return { invalid, lines: errors.map(({ line }) => line), rules: [...gater.rules()].map(({ id }) => id).sort() }
        } catch (err) {
          expect(err).toBeInstanceOf(ListLoadError)
          expect(gater.status().rules.list).toBe(0)
          return 'not loaded'
        }
      }
      expect(await load(sizes)).toEqual(await load([content.length + 1]))
    }), { numRuns: 3_000 })
  })
})

describe('whatever somebody may call a subject', () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 600 }), fc.array(fc.constantFrom(...WORDS, '/ip4/', '/ip6/', '/ipcidr/', '/dns/', '/p2p/', '/unix/', '/memory/', '.', '1', 'f'), { maxLength: 8 }).map(parts => parts.join('')))

  it('as text: it is one, with a text that is read as the same, or the one error', () => {
    fc.assert(fc.property(text, given => {
      let parsed: ReturnType<typeof parseText>
      try {
        parsed = parseText(given)
      } catch (err) {
        expect(err).toBeInstanceOf(InvalidRuleError)
        expect((err as Error).message.length).toBeLessThan(MAX_MESSAGE)
        return
      }
      expect(parseText(parsed.text)).toEqual(parsed)
      expect(parsed.text).toMatch(/^[!-~]+$/)
      if (parsed.type === 'pattern') expect(formatPattern(parsed.pattern)).toBe(parsed.text)
    }), { numRuns: 20_000 })
  })

  it('as anything else', () => {
    const key = fc.constantFrom('peer', 'ip', 'cidr', 'pattern', 'relay', 'transport', 'relayed', 'predicate', 'name', '__proto__', 'toString')
    fc.assert(fc.property(fc.oneof(fc.anything(), fc.dictionary(key, fc.oneof(text, fc.boolean(), fc.anything()), { maxKeys: 3 })), given => {
      try {
        expect(parseSubject(given as Subject).text.length).toBeGreaterThan(0)
      } catch (err) {
        expect(err).toBeInstanceOf(InvalidRuleError)
      }
    }), { numRuns: 10_000 })
  })
})

describe('whatever a datastore may hold', () => {
  const stored = rule.map(one => ({ action: one.action, direction: one.direction, subject: parseText(textOf(one)).text, origin: 'manual' as const, reason: 'why', hits: 3, last: 1_700_000_000, expires: 1_800_000_000_000 }))

  it('is the rule that was written, or an error that says where', () => {
    fc.assert(fc.property(stored, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }), fc.option(fc.nat(400), { nil: undefined }), (given, flips, cut) => {
      const key = keyOf(`${given.action} ${given.direction} ${given.subject}`)
      const whole = encodeRule(given)
      const damaged = whole.slice(0, cut ?? whole.length)
      for (const [where, what] of flips) if (damaged.length > 0) damaged[where % damaged.length] = what
      try {
        const { stored: read, subject } = decodeRule(key, damaged)
        expect(`${read.action} ${read.direction} ${subject.text}`).toBe(`${given.action} ${given.direction} ${given.subject}`)
      } catch (err) {
        expect(err).toBeInstanceOf(StoredRuleError)
        expect(err).toMatchObject({ key })
        expect((err as Error).message.length).toBeLessThan(MAX_MESSAGE)
        expect(damaged).not.toEqual(whole)
      }
    }), { numRuns: 10_000 })
  })
})
