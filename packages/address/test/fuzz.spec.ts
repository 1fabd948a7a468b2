import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normaliseAddress, normaliseIPBytes, parsePrefix } from '../src/index.ts'
import { TABLE } from './table.ts'
import type { NormalisedAddress } from '../src/index.ts'

const TEXTS = TABLE.flatMap(([, , spellings]) => spellings.map(([text]) => text))

const SEEDS: readonly Uint8Array[] = TEXTS.filter(text => text.startsWith('/') && !text.includes('%')).map(text => multiaddr(text).bytes)

/** Names of 255 characters are kept, each of which may be escaped, behind a scheme or two */
const MAX_KEY = 9 * 256

/** What was valid, with some of it changed, left out, repeated or cut off */
const mutated = fc.tuple(fc.constantFrom(...SEEDS), fc.constantFrom(...SEEDS), fc.array(fc.tuple(fc.constantFrom('flip', 'cut', 'drop', 'insert', 'repeat', 'splice'), fc.nat(400), fc.nat(255)), { maxLength: 12 })).map(([seed, other, steps]) => {
  let bytes = [...seed]
  for (const [step, where, what] of steps) {
    const at = bytes.length === 0 ? 0 : where % bytes.length
    if (step === 'flip') bytes[at] = what
    else if (step === 'cut') bytes = bytes.slice(0, at)
    else if (step === 'drop') bytes.splice(at, 1 + what % 4)
    else if (step === 'insert') bytes.splice(at, 0, ...Array.from({ length: 1 + what % 9 }, (_, index) => (what * 31 + index * 17) & 255))
    else if (step === 'repeat') bytes.splice(at, 0, ...bytes.slice(at, at + 1 + what))
    else bytes.splice(at, 0, ...other.slice(0, what))
  }
  return Uint8Array.from(bytes.slice(0, 4_096))
})

/** The same with characters */
const misspelt = fc.tuple(fc.constantFrom(...TEXTS), fc.array(fc.tuple(fc.nat(100), fc.constantFrom('', ':', '::', '/', '.', '%', '[', ']', '0', 'f', 'x', '/p2p-circuit', '\0', 'ü', '\uD800', '١', '..', ' ', '1'.repeat(300))), { maxLength: 5 })).map(([text, edits]) => edits.reduce((edited, [where, what]) => {
  const at = where % (edited.length + 1)
  return edited.slice(0, at) + what + edited.slice(at + (what === '' ? 1 : 0))
}, text))

/** What was found: a name of which Chromium's own form is not lower case */
const FOUND = [Uint8Array.from([54, 15, 36, 53, 70, 98, 195, 188, 41, 42])]

/** Whatever becomes of it, it is an address that can be used as a key, or the one error */
function use (read: () => NormalisedAddress): void {
  let address: NormalisedAddress
  try {
    address = read()
  } catch (error) {
    expect((error as Error).name).toBe('InvalidParametersError')
    expect((error as Error).message.length).toBeLessThan(300)
    return
  }
  const { key, groups, share, family, words, transport, relay = '' } = address
  expect(key).toMatch(/^[!-~]+$/)
  expect(key.length).toBeLessThanOrEqual(MAX_KEY)
  expect(groups).toContain(share)
  expect(words).toHaveLength({ 0: 0, 4: 1, 6: 4 }[family])
  expect(transport).toMatch(/^[a-z-]{2,16}$/)
  expect(relay.length).toBeLessThanOrEqual(128)
  expect({ ...normaliseAddress(key), transport }).toEqual({ ...address, transport })
}

describe('Z4: whatever a peer may send', () => {
  it('as bytes, of which some were a multiaddr once', () => {
    fc.assert(fc.property(fc.oneof({ weight: 4, arbitrary: mutated }, fc.uint8Array({ maxLength: 4_096 })), bytes => { use(() => normaliseAddress(bytes)) }), { numRuns: 20_000, examples: FOUND.map(bytes => [bytes]) })
  })

  it('as text, of which some was an address once', () => {
    fc.assert(fc.property(fc.oneof({ weight: 4, arbitrary: misspelt }, fc.string({ unit: 'binary', maxLength: 5_000 })), text => { use(() => normaliseAddress(text)) }), { numRuns: 20_000 })
  })

  it('as the bytes of an IP address, or too many of them', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 32 }), bytes => { use(() => normaliseIPBytes(bytes)) }), { numRuns: 5_000 })
  })

  it('as a prefix', () => {
    fc.assert(fc.property(misspelt, fc.constantFrom('', '/', '/0', '/24', '/32', '/48', '/128', '/129', '/-1', '/1e1', '/٣'), (text, length) => {
      try {
        const { words, family } = parsePrefix(text + length)
        expect(words).toHaveLength(family === 4 ? 1 : 4)
      } catch (error) {
        expect((error as Error).name).toBe('InvalidParametersError')
      }
    }), { numRuns: 10_000 })
  })
})
