import { formatPrefix, PEER_ID_RANGES } from '@cordon/address'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readLine } from '../src/lists/entries.ts'
import { LineSplitter } from '../src/lists/lines.ts'
import { addPlain } from '../src/lists/plain.ts'
import { TextReader } from '../src/lists/text-reader.ts'
import { Layer } from '../src/rules/layer.ts'
import { OTHER, PEER } from './support.ts'
import type { Entry } from '../src/lists/lines.ts'

const encoder = new TextEncoder()

/** What the plain reader makes of a line; nothing where it leaves it to the other one */
function plain (line: string): string | undefined {
  const layer = new Layer(1)
  const bytes = encoder.encode(`7${line}7`)
  return addPlain(layer, bytes, 1, bytes.length - 1, 'block', 'inbound') ? rulesOf(layer) : undefined
}

/** What the general reader makes of it */
function general (line: string): string | undefined {
  const layer = new Layer(1)
  try {
    for (const { subject, action, direction } of readLine(line, { action: 'block', direction: 'inbound' })) layer.add(subject, action, direction)
  } catch {
    return undefined
  }
  return rulesOf(layer)
}

function rulesOf (layer: Layer): string {
  return [...layer.rules()].map(found => `${found.kind} ${found.variant} ${layer.textOf(found)}`).join()
}

const part = fc.oneof({ weight: 6, arbitrary: fc.nat(255).map(String) }, fc.constantFrom('', '00', '01', '256', '300', '0x1', '1e1', '-1', ' 1', '1 ', '٣', '999999999999', '4294967297'))
const length = fc.oneof({ weight: 4, arbitrary: fc.nat(32).map(String) }, fc.constantFrom('', '33', '032', '00', '08', '129', '+8', '8.', ' 8', '0'))
const address = fc.array(part, { minLength: 3, maxLength: 5 }).map(parts => parts.join('.'))
const range = fc.tuple(address, fc.constantFrom('', '/', '//'), length).map(([ip, slash, rest]) => slash === '' ? ip : `${ip}${slash}${rest}`)
const group = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 0xffff }).map(value => value.toString(16)) }, fc.constantFrom('', '', '0', '00', '2001', '2002', '3fff', '4000', 'FFFF', 'db8', '0db8', '12345', 'g', '1.2.3.4', '%1', ':'))
const first = fc.constantFrom('2001', '2001', '2a00', '2002', '3fff', '2001:0', '2001:db8', '1fff', '4000', 'fe80', '0064', '')
const length6 = fc.oneof({ weight: 4, arbitrary: fc.nat(128).map(String) }, fc.constantFrom('', '129', '064', '00', '-1', '1 '))
const range6 = fc.tuple(first, fc.array(group, { maxLength: 9 }), fc.constantFrom('', '', '::', ':'), fc.constantFrom('', '/', '/'), length6).map(([head, rest, tail, slash, length]) => `${[head, ...rest].join(':')}${tail}${slash === '' ? '' : `/${length}`}`)
const character = fc.constantFrom(...Array.from('123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'))
const peer = fc.oneof(fc.constantFrom(PEER, OTHER), fc.tuple(fc.constantFrom('1', '12D3KooW', 'Qm', 'Q', ''), fc.array(character, { minLength: 30, maxLength: 66, size: 'max' }), fc.constantFrom('', '', '', '0', 'O', 'I', 'l', '.', ' ', '/', 'é', '\0')).map(([head, body, odd]) => `${head}${body.join('')}${odd}`))
const around = fc.constantFrom('', '', '', ' ', '\t', '\r', '#', ';', ' # x', 'allow ', '/ip4/', '\uFEFF')
const line = fc.tuple(around, fc.oneof(range, range6, peer, fc.string({ maxLength: 70 })), around).map(parts => parts.join(''))

/** Texts that are one character away from a peer id, or lie beside one */
const NEARLY = PEER_ID_RANGES.flatMap(({ first, last }) => [first.slice(1), first.slice(0, -1), `${first}1`, `${last}z`, beside(first, -1), beside(last, 1), `${first.slice(0, 20)}0${first.slice(21)}`, `${first.slice(0, 20)}l${first.slice(21)}`])

/** The text in which the last digit that can be is one more or less */
function beside (text: string, by: 1 | -1): string {
  const digits = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
  const last = text.slice(-1)
  const next = digits[digits.indexOf(last) + by]
  return next === undefined ? `${beside(text.slice(0, -1), by)}${by === 1 ? '1' : 'z'}` : `${text.slice(0, -1)}${next}`
}

describe('a plain line', () => {
  it('is read as any other, and what is not plain is left alone', () => {
    fc.assert(fc.property(line, text => {
      const found = plain(text)
      if (found !== undefined) expect(found).toBe(general(text))
    }), { numRuns: 20_000 })
  })

  it('is every IPv4 address and range in its usual text', () => {
    fc.assert(fc.property(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)), fc.option(fc.integer({ min: 1, max: 32 }), { nil: undefined }), (parts, bits) => {
      const text = `${parts.join('.')}${bits === undefined ? '' : `/${bits}`}`
      expect(plain(text)).toBe(general(text))
      expect(plain(text)).toMatch(/^(ip|cidr) 4 [\d.]+\/\d+$/)
    }), { numRuns: 2_000 })
  })

  it('is every IPv6 address and range of global unicast that carries no IPv4 address, in its usual text', () => {
    fc.assert(fc.property(fc.integer({ min: 0x2003, max: 0x3fff }), fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 7, maxLength: 7 }), fc.option(fc.integer({ min: 1, max: 128 }), { nil: undefined }), (first, rest, bits) => {
      const [, ...words] = [0, 1, 2, 3, 4].map(index => index === 0 ? 0 : (([first, ...rest][index * 2 - 2] ?? 0) * 65_536 + ([first, ...rest][index * 2 - 1] ?? 0)))
      const text = `${formatPrefix({ family: 6, words, length: 128 }).slice(0, -4)}${bits === undefined ? '' : `/${bits}`}`
      expect(plain(text)).toBe(general(text))
      expect(plain(text)).toMatch(/^(ip|cidr) 4 [\da-f:]+\/\d+$/)
    }), { numRuns: 2_000 })
  })

  it.each([PEER, OTHER, ...PEER_ID_RANGES.flatMap(({ first, last }) => [first, last])])('is %s', id => {
    expect(plain(id)).toBe(`peer 4 ${id}`)
    expect(general(id)).toBe(`peer 4 ${id}`)
  })

  it.each(['0.0.0.0/0', '1.2.3.4/33', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.4/', '1.2.3.4/08', '1.2.3.4 ', '', '::1', '2001::1', '2001:0:1::', '2002:102:304::', '2002::/16', '2001::/32', '2a00:::1', '2a00:1', '2a00::1::', '2a00::/0', '2a00::/129', '2a00::/', '2a00:1:', '2a00:1:/32', '2a00:12345::', '2a00::1.2.3.4', '2a00::1%eth0', '1:2:3:4:5:6:7:8:9', '2a00:2:3:4:5:6:7:8:9', '2a00:2:3:4:5:6:7:8::', ...NEARLY])('is not "%s"', text => {
    expect(plain(text)).toBeUndefined()
  })

  it.each(NEARLY)('nor does the general reader take "%s"', text => {
    expect(general(text)).toBeUndefined()
  })
})

describe('a text', () => {
  /** Lines as they come out: those that were taken, and the others as entries */
  function read (text: string, size: number, isTaken: (line: string) => boolean): { readonly taken: string[], readonly left: Entry[] } {
    const taken: string[] = []
    const reader = new TextReader((bytes, start, end) => {
      const line = new TextDecoder().decode(bytes.slice(start, end))
      if (isTaken(line)) taken.push(line)
      return isTaken(line)
    })
    const left: Entry[] = []
    for (let at = 0; at < text.length; at += size) left.push(...reader.feed(text.slice(at, at + size)))
    left.push(...reader.end())
    return { taken, left }
  }

  const text = fc.array(fc.constantFrom('1.2.3.4', 'x', 'é', '\uD800', '', ' ', '\r', '\n', '\n', '\n', '\r\n', '#', 'ab'), { maxLength: 60, size: 'max' }).map(parts => parts.join(''))

  it('has the lines that it would have if none were taken, with their numbers, wherever pieces end', () => {
    fc.assert(fc.property(text, fc.integer({ min: 1, max: 100 }), fc.boolean(), (text, size, takesAll) => {
      const splitter = new LineSplitter()
      const lines = [...splitter.feed(text), ...splitter.end()]
      const isTaken = (line: string): boolean => line === '1.2.3.4' || (takesAll && line.length < 3)
      const { taken, left } = read(text, size, isTaken)
      const known = new Map(lines.map(({ line, value = '' }) => [line, value]))
      for (const { line, value = '' } of left) {
        expect(value).toBe(known.get(line))
        known.delete(line)
      }
      expect(taken).toEqual([...known.values()].map(value => value.replace(/\r$/, '')))
    }), { numRuns: 5_000 })
  })

  it('lets lines be taken that lie within one piece', () => {
    const { taken, left } = read('1.2.3.4\r\n1.2.3.4\nx\n1.2.3.4', 12, line => line === '1.2.3.4')
    expect(taken).toEqual(['1.2.3.4'])
    expect(left).toEqual([{ line: 2, value: '1.2.3.4' }, { line: 3, value: 'x' }, { line: 4, value: '1.2.3.4' }])
  })
})
