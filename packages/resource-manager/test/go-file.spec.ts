import { seededRandom } from '@cordon/testing'
import { describe, expect, it } from 'vitest'
import { readLimits, writeLimits } from '../src/index.ts'
import { findTwice } from '../src/limits/json-keys.ts'
import { canonicalPeer } from '../src/limits/peer-cid.ts'
import { PEER_CIDS } from './fixtures/peer-cids.ts'

const PEER = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'
const CID_OF_PEER = 'k51qzi5uqu5djdeculmppdmdegsm9a1zlj34dv6mgrehn35oc2105etrmoulxu'

const refusal = (message: string | RegExp): Error =>
  expect.objectContaining({ name: 'InvalidParametersError', message: typeof message === 'string' ? message : expect.stringMatching(message) as string }) as Error

describe('a key that is there twice in the file of go-libp2p', () => {
  it.each([
    ['{"System":{"Conns":1},"System":{"Streams":2}}', 'System'],
    ['{"System":{"Conns":1,"Conns":1}}', 'System.Conns'],
    ['{"Transient":{},"System":{"Conns":1,"FD":2,"Conns":3}}', 'System.Conns'],
    ['{"Protocol":{"/x":{"FD":1},"/x":{"FD":1}}}', 'Protocol["/x"]'],
    ['{"protocol":{"x":{},"x":{}}}', 'protocol["x"]'],
    ['{"Protocol":{"/a":{"FD":1},"/x":{"FD":1,"Conns":1,"FD":1}}}', 'Protocol["/x"].FD'],
    [`{"Peer":{"${PEER}":{},"${PEER}":{}}}`, `Peer["${PEER}"]`],
    // A and \u0041 are one key
    ['{"Service":{"A":{},"\\u0041":{}}}', 'Service["A"]'],
    ['{"System":{"\\u0043onns":1,"Conn\\u0073":2}}', 'System.Conns'],
    ['{"Service":{"\\"":{},"\\u0022":{}}}', 'Service["\\""]'],
    ['{"Service":{"\\\\":{},"\\u005c":{}}}', 'Service["\\\\"]'],
    ['{"Service":{"a\\"b":{},"c":{},"a\\"b":{}}}', 'Service["a\\"b"]'],
    ['{"Service":{"{":{},"[":{},",":{},"}":{},"{":{}}}', 'Service["{"]'],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
    ['{"":1,"":2}', '""'],
    [' {\n\t"System" : { "FD" : 1 , "FD" : 2 } } ', 'System.FD'],
    ['\ufeff{"System":{},"System":{}}', 'System'],
    // what no file may have comes first where it is there twice
    ['{"Sistem":[{"a":1,"a":2}],"Sistem":{}}', 'Sistem'],
    ['{"a b":{"c d":1,"c d":2}}', '"a b"["c d"]'],
    [`{"${'x'.repeat(100)}":1,"${'x'.repeat(100)}":2}`, `"${'x'.repeat(64)}"... (100 characters)`]
  ])('is an error with its path: %s', (text, path) => {
    expect(() => readLimits(text)).toThrow(refusal(`${path} is there twice, and nobody can tell which of them counts`))
  })

  it.each([
    '{"System":{"Conns":1},"Transient":{"Conns":1}}',
    '{"Service":{"Conns":{"Conns":1},"System":{"Conns":1}},"System":{}}',
    '{"Service":{"a":{},"A":{},"a\\\\":{},"a\\"":{},"\\"a\\":1,\\"a":{}}}',
    '{"Service":{"Memory":{"Memory":"1"}},"Protocol":{"\\\\\\"":{},"\\"\\\\":{}}}',
    '{"System":{"Memory":"unlimited","Conns":"unlimited"}}'
  ])('is not what is in another object, or is no key: %s', text => {
    expect(() => readLimits(text)).not.toThrow()
  })

  it.each<[string, readonly string[] | undefined]>([
    ['"a"', undefined],
    ['["a","a"]', undefined],
    ['[{"a":1},{"a":1}]', undefined],
    // lists are refused by whoever reads them
    ['{"a":[{"b":1,"b":2}],"c":["c","c"],"b":1}', undefined],
    ['{"a":[1,{"x":[]},"a"],"b":{"a":"a"},"a":1}', ['a']],
    ['{"a":{"b":{"c":{"d":1,"d":2}}}}', undefined],
    ['{"a":{"b":{"c":{"d":1},"d":1,"c":2}}}', ['a', 'b', 'c']],
    ['{"a":{"b":{"c":{"x":[{}]}},"b":2}}', ['a', 'b']],
    ['{"a":{},"b":[],"a":1}', ['a']]
  ])('is found in three objects, and in no list: %s', (text, path) => {
    expect(findTwice(text, 3)).toEqual(path)
  })

  it('is found in any text, written in any way', () => {
    const random = seededRandom(17)
    const spell = (key: string): string => random.chance(0.5) ? JSON.stringify(key) : `"${Array.from(key, letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
    const write = (depth: number, repeat: boolean): string => {
      const keys = random.shuffle(['a', 'b', '"', '\\', '{', ',', '}', '[']).slice(0, random.int(1, 6))
      const inner = random.int(0, keys.length - 1)
      const pairs = keys.map((key, index) => `${spell(key)}:${index === inner && depth < 3 ? write(depth + 1, repeat) : random.pick(['1', '"a"', '"\\""', '[{"a":1},"a"]', '{}'])}`)
      return `{${[...pairs, ...(repeat && (depth === 3 || random.chance(0.2)) ? [`${spell(keys[0] ?? '')}:1`] : [])].join(random.pick([',', ' ,\n']))}}`
    }
    for (let n = 0; n < 2_000; n++) {
      const [whole, broken] = [write(1, false), write(1, true)]
      expect([whole, findTwice(whole, 3)]).toEqual([whole, undefined])
      expect([broken, findTwice(broken, 3)]).not.toEqual([broken, undefined])
    }
  })
})

describe('a text that is made to be slow', () => {
  // with a second loop over what is left these take minutes
  it.each<[string, string]>([
    ['100,000 lists in lists', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['100,000 objects in objects', '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)],
    ['100,000 objects in a scope', `{"System":${'{"Conns":'.repeat(100_000)}1${'}'.repeat(100_000)}}`],
    ['100,000 brackets that do not end', '[{"a":'.repeat(50_000)],
    ['5 MB of quotes', `{"Service":{"${'\\"'.repeat(2_500_000)}":{}}}`],
    ['5 MB of backslashes', `{"Service":{"${'\\\\'.repeat(2_500_000)}":{}}}`],
    ['5 MB of one key', `{"${'x'.repeat(5_000_000)}":1}`],
    ['5 MB of one key, twice', `{"${'x'.repeat(2_500_000)}":1,"${'x'.repeat(2_500_000)}":1}`],
    ['5 MB of keys', `{"Service":{${Array.from({ length: 400_000 }, (_, n) => `"${n}":{}`).join()}}}`],
    ['5 MB of spaces', `{"System":${' '.repeat(5_000_000)}1}`]
  ])('is refused within seconds and with a short message: %s', (_, text) => {
    const started = performance.now()
    let thrown: unknown
    try {
      readLimits(text)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ name: 'InvalidParametersError' })
    expect((thrown as Error).message.length).toBeLessThan(2_000)
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  it('is read where it is fine: 5 MB of names', () => {
    const names = Array.from({ length: 90_000 }, (_, n) => `"/protocol/${n}":{"Streams":${n + 1},"StreamsInbound":"unlimited"}`)
    const text = `{"Protocol":{${names.join()}}}`
    expect(text.length).toBeGreaterThan(5_000_000)
    const started = performance.now()
    const { protocol = {} } = readLimits(text).limits
    expect(performance.now() - started).toBeLessThan(10_000)
    expect([Object.keys(protocol).length, protocol['/protocol/89999']]).toEqual([90_000, { streams: 90_000, streamsInbound: Infinity }])
  })
})

describe('a peer that is spelt as a CID', () => {
  it.each(PEER_CIDS)('%s is read as %s', (cid, peer) => {
    const { limits, warnings } = readLimits(`{"Peer":{"${cid}":{"Conns":3}}}`)
    expect([{ ...limits.peer }, warnings]).toEqual([{ [peer]: { connections: 3 } }, []])
    expect(writeLimits(limits).text).toBe(`{"Peer":{"${peer}":{"Conns":3}}}`)
  })

  it.each([
    ['content', 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'],
    ['one that is too short', CID_OF_PEER.slice(0, -1)],
    ['one that is too long', `${CID_OF_PEER}a`],
    ['one with a wrong digit', `${CID_OF_PEER.slice(0, -1)}-`],
    ['one in capitals', 'BAFZAAJAIAEJCA77UTBIDBETZ47ENFCT5FEYJMUPAWAGHOIEXEORDBGMNRV3ZZ2US']
  ])('is refused with how to convert it where it is %s', (_, cid) => {
    expect(canonicalPeer(cid)).toBe(cid)
    expect(() => readLimits(`{"Peer":{"${cid}":{}}}`)).toThrow(refusal(/^Peer\[".*\] names no peer: this looks like a CID.*; a peer must be spelt in base58, as PeerId\.toString\(\) does/))
  })

  it('is refused where the same peer is there in another spelling', () => {
    expect(() => readLimits(`{"Peer":{"${PEER}":{},"${CID_OF_PEER}":{}}}`)).toThrow(refusal(`Peer["${CID_OF_PEER}"] is a second ${PEER}; go-libp2p does not tell them apart`))
  })
})

// each of these was tried with go-libp2p v0.48.0
describe('null in the file of go-libp2p', () => {
  it.each<[string, object, string, string]>([
    ['{"System":null,"Transient":{"Conns":1}}', { transient: { connections: 1 } }, 'System', 'System is null, which is read as if it were not there'],
    ['{"Protocol":null}', {}, 'Protocol', 'Protocol is null, which is read as if it were not there'],
    ['{"Peer":null}', {}, 'Peer', 'Peer is null, which is read as if it were not there'],
    ['{"Protocol":{"/x":null}}', { protocol: { '/x': {} } }, 'Protocol["/x"]', 'Protocol["/x"] is null, which is read as {}'],
    ['{"System":{"Conns":null}}', { system: { connections: 0 } }, 'System.Conns', 'System.Conns is null, which is read as 0 and admits nothing, as in go-libp2p']
  ])('is read as there, with a warning: %s', (text, limits, path, message) => {
    const read = readLimits(text)
    expect([JSON.parse(JSON.stringify(read.limits)), read.warnings]).toEqual([limits, [{ path, message }]])
  })
})
