import { InvalidRuleError, StoredRuleError } from '@cordon/interface-connection-gater'
import { MemoryDatastore } from 'datastore-core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_NOTE, MAX_REASON, MAX_SUBJECT } from '../src/constants.ts'
import { parseSubject, parseText } from '../src/rules/subject.ts'
import { decodeRule, encodeRule, keyOf } from '../src/store/codec.ts'
import { errorsOf } from './store-support.ts'
import { make, PEER } from './support.ts'
import type { Stored } from '../src/store/codec.ts'

/** Texts of all that a character can be, also halves of pairs, at their bounds as well as below */
function textOf (max: number): fc.Arbitrary<string> {
  const unit = fc.oneof(fc.constantFrom('\u0000', '\u001f', '"', '\\', '\ud800', '\udfff', '\u20ac', 'a'), fc.nat(0xffff).map(code => String.fromCharCode(code)))
  return fc.oneof(fc.array(unit, { maxLength: 40 }).map(units => units.join('')), unit.map(char => char.repeat(max)))
}

const subject = fc.oneof(
  fc.constantFrom('1.2.3.0/24', '2a00::/64', PEER, `/p2p/${PEER}/p2p-circuit`, '/p2p-circuit', '/tcp', '/ip4/1.2.3.0/ipcidr/24/ws', '/dns/*', '/unix', '/memory', `/unix/${'a'.repeat(MAX_SUBJECT - 6)}`),
  textOf(200).map(text => `/dns/${text}`), textOf(200).map(text => `/dns/*.${text}/wss`), textOf(200).map(text => `/memory/${text}`), textOf(MAX_SUBJECT - 6).map(text => `/unix/${text}`), textOf(62).map(text => `/onion3/${text}`)
)

const most = fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER)
const maybe = <T> (arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })

const stored: fc.Arbitrary<Omit<Stored, 'subject'>> = fc.oneof(
  fc.record({ action: fc.constantFrom('allow' as const, 'block' as const), direction: fc.constantFrom('any' as const, 'inbound' as const, 'outbound' as const), expires: maybe(most), reason: maybe(textOf(MAX_REASON)), note: maybe(textOf(MAX_NOTE)), hits: maybe(most), last: maybe(most), lifts: maybe(fc.constantFrom(['lane'] as const, ['lane', 'counts', 'buckets'] as const)) })
    .map(({ lifts, ...rest }) => ({ ...rest, origin: 'manual' as const, ...(rest.action === 'allow' && { lifts }) })),
  fc.record({ action: fc.constant('block' as const), direction: fc.constant('any' as const), origin: fc.constant('automatic' as const), expires: most, reason: maybe(textOf(MAX_REASON)), hits: maybe(most), last: maybe(most), score: fc.constantFrom(0, Number.MIN_VALUE, 100 / 3, Number.MAX_VALUE) })
)

function parsed (text: string): string | undefined {
  try {
    return parseText(text).text
  } catch (err) {
    expect(err).toBeInstanceOf(InvalidRuleError)
    return undefined
  }
}

describe('what is written', () => {
  it('is read as it was, whatever it is and however long', () => {
    fc.assert(fc.property(subject, stored, (given, rest) => {
      const text = parsed(given)
      fc.pre(text !== undefined)
      const rule: Stored = { ...rest, subject: text }
      const read = decodeRule(keyOf(`${rule.action} ${rule.direction} ${text}`), encodeRule(rule))
      expect(read.stored).toMatchObject(JSON.parse(JSON.stringify(rule)) as object)
      expect(read.subject.text).toBe(text)
    }), { numRuns: 3_000 })
  })

  it('is read as it was at the bounds of everything at once', () => {
    const { text } = parseText(`/unix/${'\u20ac'.repeat(56)}aa`)
    expect(text).toHaveLength(MAX_SUBJECT)
    for (const char of ['\u0000', '\ud800', '\u20ac']) {
      const rule: Stored = { action: 'allow', direction: 'outbound', subject: text, origin: 'manual', expires: Number.MAX_SAFE_INTEGER, reason: char.repeat(MAX_REASON), note: char.repeat(MAX_NOTE), lifts: ['lane', 'counts', 'buckets'], hits: Number.MAX_SAFE_INTEGER, last: Number.MAX_SAFE_INTEGER }
      expect(decodeRule(keyOf(`allow outbound ${text}`), encodeRule(rule)).stored).toMatchObject(rule)
    }
  })

  it('can be written: of a subject the text counts that will be read', async () => {
    const datastore = new MemoryDatastore()
    const { gater } = make({ datastore })
    await gater.start()
    for (const given of [`/unix/${'\u20ac'.repeat(170)}`, `/unix/${' '.repeat(400)}`, `/memory/${'\u20ac'.repeat(100)}`]) {
      const before = gater.status().rules.manual
      const rule = await gater.block(given, { reason: '\u0001'.repeat(MAX_REASON), note: '\u0001'.repeat(MAX_NOTE) }).catch((err: unknown) => err)
      if (rule instanceof Error) {
        expect(rule).toBeInstanceOf(InvalidRuleError)
        expect(gater.status().rules.manual).toBe(before)
      }
    }
    await expect(gater.block(`/unix/${'\u20ac'.repeat(170)}`)).rejects.toThrow(InvalidRuleError)
    await gater.block('1.2.3.4', { reason: '\u0001'.repeat(MAX_REASON), note: '\u0001'.repeat(MAX_NOTE) })
    await gater.stop()
    const { gater: second } = make({ datastore })
    const errors = errorsOf(second)
    await second.start()
    expect(errors).toEqual([])
    expect([...second.rules()].map(({ id, reason, note }) => [id, reason, note]).sort()).toEqual([...gater.rules()].map(({ id, reason, note }) => [id, reason, note]).sort())
  })

  it('can be exported as JSON and imported, at the bounds of everything at once', async () => {
    const { gater } = make()
    const { subject } = await gater.allow(`/unix/${'\u20ac'.repeat(56)}aa`, { direction: 'inbound', duration: 1_000, reason: '\u0001'.repeat(MAX_REASON), note: '\u0001'.repeat(MAX_NOTE), lifts: ['lane', 'counts', 'buckets'] })
    expect(subject).toHaveLength(MAX_SUBJECT)
    expect(await gater.loadList('copy', { format: 'json', trusted: true, content: [...gater.export('json')].join('') })).toMatchObject({ rules: 1, invalid: 0 })
  })

  it('has the same canonical text when it is read again', () => {
    fc.assert(fc.property(subject, given => {
      const text = parsed(given)
      if (text !== undefined) expect(parseSubject(text).text).toBe(text)
    }), { numRuns: 3_000 })
  })
})

describe('what nobody writes', () => {
  const good = { v: 1, action: 'block', direction: 'any', subject: '7.7.7.7/32', origin: 'automatic', expires: 9_000_000_000_000, score: 100 }
  const decode = (rule: typeof good): unknown => decodeRule(keyOf(`${rule.action} ${rule.direction} ${rule.subject}`), new TextEncoder().encode(JSON.stringify(rule)))

  it.each<[string, object]>([
    ['an automatic rule that allows', { action: 'allow' }], ['an automatic rule of one direction', { direction: 'inbound' }], ['an automatic rule without an end', { expires: undefined }],
    ['a score of the operator', { origin: 'manual' }], ['a block that lifts limits', { origin: 'manual', score: undefined, lifts: ['lane'] }]
  ])('is not read: %s', (_, change) => {
    expect(() => decode(good)).not.toThrow()
    expect(() => decode({ ...good, ...change })).toThrow(StoredRuleError)
  })
})
