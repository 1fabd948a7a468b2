// Everything that reads what others wrote, in a process of its own in which steps are counted: how often each block of
// our code was entered, as the engine counts for coverage.

import { Session } from 'node:inspector'
import { normaliseAddress, parsePrefix } from '@cordon/address'
import { serve } from '@cordon/bench-harness'
import { createConnectionGater } from '@cordon/connection-gater'
import type { ListFormat } from '@cordon/interface-connection-gater'
import type { Profiler } from 'node:inspector'

const PEER = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'

const encoder = new TextEncoder()

async function * onePiece (text: string): AsyncGenerator<Uint8Array> {
  yield encoder.encode(text)
}

/** A character at a time, of which the splitters must not look at what they have again and again */
async function * inPieces (text: string): AsyncGenerator<string> {
  for (const char of text) yield char
}

function list (format: ListFormat, content: (text: string) => AsyncIterable<string | Uint8Array>) {
  return async (text: string): Promise<unknown> => createConnectionGater().loadList('list', { content: content(text), format })
}

type Parser = (text: string) => unknown

/** Each is given a text of any length */
const ofAddresses: Readonly<Record<string, Parser>> = {
  'an address as text': text => normaliseAddress(text),
  'an address as bytes': text => normaliseAddress(encoder.encode(text)),
  'a name in bytes': text => normaliseAddress(named(text)),
  'a prefix': text => parsePrefix(text),
  'a subject': async text => createConnectionGater().block(text)
}

const ofLists: Readonly<Record<string, Parser>> = {
  'a list of lines': list('text', onePiece),
  'a list of lines, by the character': list('text', inPieces),
  'a hosts file': list('hosts', onePiece),
  JSON: list('json', onePiece),
  'JSON by the character': list('json', inPieces)
}

/** A multiaddr with one name in it, as long as it likes */
function named (text: string): Uint8Array {
  const bytes = encoder.encode(text)
  const length: number[] = []
  for (let rest = bytes.length; ; rest = Math.floor(rest / 128)) {
    length.push(rest % 128 + (rest >= 128 ? 128 : 0))
    if (rest < 128) break
  }
  // the code of `dns4`
  return Uint8Array.from([54, ...length, ...bytes])
}

/** What is repeated, after and before what stands still; each is the worst case of something */
type Worst = readonly [head: string, body: string, tail: string]

const ADDRESSES: readonly Worst[] = [
  ['', 'x', ''], ['', ' ', ''], ['', '\n', ''], ['', '\t#', ''], ['', '#', ''], ['', ':', ''], ['', '1:', ''], ['', '0', ''], ['', '.', ''], ['', '1.', ''], ['', '1', 'x'], ['1.2.3.4', '/', ''], ['1.2.3.4/', '1', ''], ['', '%', ''], ['::%', 'x', ''], ['[', '[', ']'],
  ['', '/', ''], ['', '/tcp/1', ''], ['', '/p2p-circuit', ''], ['', `/p2p/${PEER}/p2p-circuit`, ''], ['', '/ip6zone/x', '/ip6/::1'], ['/dns/', 'a.', 'x'], ['/dns/', '*.', 'x'], ['/dns/', '-', ''], ['/dns/', 'ü', ''], ['/dns/', '1.', '0x'], ['/unix/', 'a/', ''], ['/memory/', '%2F', ''], ['relay:', 'relay:', '1.2.3.4'], ['p2p:', 'Q', ''], ['none:', 'a', ''], ['dns:', '%C3', '']
]

const LISTS: readonly Worst[] = [
  ['', 'x', ''], ['', ' ', ''], ['', '\n', ''], ['', '#', ''], ['', '/', ''], ['', ':', ''],
  ['', '1.2.3.4\n', ''], ['', '::1 # no\n', ''], ['', `${PEER}\n`, ''], ['', 'nonsense\n', ''], ['', '/dns/a.example/tcp\n', ''], ['', 'block block ', ''], ['0.0.0.0', ' a', ''], ['', '0.0.0.0 a.example\n', ''], ['', '\r', ''], ['', '\u2028', ''],
  ['', '[', ''], ['', '{', ''], ['[', '"', ']'], ['["', '\\', '"]'], ['["', '\\"', '"]'], ['[', '"1.2.3.4",', '"::1"]'], ['[', '{"subject":"1.2.3.4"},', '"::1"]'], ['[', '[', ']]'], ['[', '{', '}]'], ['[', ',', ']'], ['{', '"rules"', ':[]}'], ['{"rules"', ' ', ':[]}'], ['{"rules":', '\n', '[]}'], ['{', '"rules" : ', '[]}'], ['[{"subject":"', 'x', '"}]'], ['[{', '"a":1,', '"b":1}]'], ['["1.2.3.4"]', ' ', '']
]

/** Every parser with everything that is the worst for one of its kind */
const CASES = [[ofAddresses, ADDRESSES] as const, [ofLists, LISTS] as const].flatMap(([parsers, all]) => Object.entries(parsers).flatMap(([name, parser]) => all.map(worst => ({ name, parser, worst }))))

function textOf ([head, body, tail]: Worst, length: number): string {
  return head + body.repeat(Math.max(1, Math.floor((length - head.length - tail.length) / body.length))) + tail
}

const session = new Session()
session.connect()

function post (method: string, params: object = {}): unknown {
  let answer: unknown
  // within one thread it is there when this returns
  session.post(method, params, (error, result) => {
    if (error != null) throw error
    answer = result
  })
  return answer
}

/** How many blocks of ours were entered since this was last asked */
function taken (): number {
  const { result } = post('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType
  return result.filter(({ url }) => url.includes('/packages/')).reduce((sum, { functions }) => sum + functions.reduce((all, { ranges }) => all + ranges.reduce((count, range) => count + range.count, 0), 0), 0)
}

/** What the parser throws is looked at elsewhere */
async function run (index: number, length: number): Promise<void> {
  const one = CASES[index]
  if (one === undefined) throw new RangeError('there is no such case')
  try {
    await one.parser(textOf(one.worst, length))
  } catch {}
}

const procedures = {
  cases (): string[] {
    return CASES.map(({ name, worst }) => `${name}: ${JSON.stringify(worst)}`)
  },

  /** How many steps a case takes with a text of each of these lengths */
  async steps (index: number, lengths: readonly number[]): Promise<number[]> {
    post('Profiler.enable')
    post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
    const counts: number[] = []
    taken()
    for (const length of lengths) {
      await run(index, length)
      counts.push(taken())
    }
    post('Profiler.stopPreciseCoverage')
    return counts
  },

  /** Only runs it: what takes its time within the engine, such as a pattern that tries everything, has no steps of ours */
  async run (index: number, length: number): Promise<void> {
    await run(index, length)
  }
}

export type Parsers = typeof procedures

serve(procedures)
