import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { normaliseAddress } from '../src/index.ts'
import { TABLE } from './table.ts'
import type { NormalisedAddress } from '../src/index.ts'

const ROWS = TABLE.flatMap(([name, expected, spellings]) => spellings.map(([text, transport]) => ({ name, text, expected: { ...expected, transport } })))

function withoutWords ({ key, class: kind, family, groups, share, relay, transport }: NormalisedAddress): object {
  return { key, class: kind, family, groups, share, transport, ...(relay === undefined ? {} : { relay }) }
}

describe('spellings', () => {
  it('are at least 60, all different', () => {
    expect(new Set(ROWS.map(({ text }) => text)).size).toBe(ROWS.length)
    expect(ROWS.length).toBeGreaterThanOrEqual(60)
  })

  it.each(ROWS)('$name: $text', ({ text, expected }) => {
    expect(withoutWords(normaliseAddress(text))).toEqual(expected)
  })

  it.each(ROWS.filter(({ text }) => text.startsWith('/') && !text.includes('%eth0') && !text.includes('%25eth0')))('as a multiaddr and as bytes: $text', ({ text, expected }) => {
    const address = multiaddr(text)

    expect(withoutWords(normaliseAddress(address))).toEqual(expected)
    expect(withoutWords(normaliseAddress(address.bytes))).toEqual(expected)
  })

  it.each(ROWS)('idempotent: $text', ({ text }) => {
    const once = normaliseAddress(text)

    // a key tells nothing of the transport
    expect({ ...normaliseAddress(once.key), transport: once.transport }).toEqual(once)
  })

  it('keep different hosts apart', () => {
    const keys = TABLE.map(([, { key }]) => key)

    // the two rows of 192.0.2.1
    expect(new Set(keys).size).toBe(keys.length - 1)
  })
})
