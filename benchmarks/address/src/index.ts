/**
 * @packageDocumentation
 *
 * What it costs to normalise the address of a connection: from a multiaddr whose components are parsed to the key,
 * the class and all groups, without any cache. See README.md.
 *
 * @example
 *
 * ```sh
 * npm run --silent bench -- address --json
 * ```
 */

import { parseIPv6 } from '@chainsafe/is-ip/parse'
import { normaliseAddress } from '@cordon/address'
import { benchmark, quartiles, rotate } from '@cordon/bench-harness'
import { multiaddr } from '@multiformats/multiaddr'
import type { NormalisedAddress } from '@cordon/address'
import type { Multiaddr } from '@multiformats/multiaddr'

const RELAY = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'
const PEER = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'

/** How many different addresses a row has, so that nothing can be remembered from one call to the next */
const ADDRESSES = 1_024

/** The issue: at most 1 µs, for the rows that a TCP listener sees */
const TARGET = { nsPerOp: 1_000, rows: ['ip4', 'ip6'] }

const FULL = { calls: 200_000, warmUp: 3, rounds: 15 }
const QUICK = { calls: 20_000, warmUp: 2, rounds: 3 }

/** What the rows write to, so that no call can be left out */
let sink = 0

/** Deterministic 16-bit numbers, a different one for each address and place */
function group (index: number, place: number): string {
  return (Math.imul(index * 8 + place + 1, 0x9e3779b1) >>> 16).toString(16)
}

function multiaddrs (render: (index: number) => string): Multiaddr[] {
  return Array.from({ length: ADDRESSES }, (_, index) => multiaddr(render(index)))
}

function readAll (address: NormalisedAddress): number {
  let length = address.key.length + address.share.length + address.transport.length + address.words.length

  for (const text of address.groups) {
    length += text.length
  }

  return length
}

/** A row: the call with one of its addresses */
type Call = (index: number) => number

function normalising (render: (index: number) => string): Call {
  const addresses = multiaddrs(render)

  return index => {
    const address = addresses[index]

    return address === undefined ? 0 : readAll(normaliseAddress(address))
  }
}

/** As a counter per group does it: V8 joins the parts of a text only when it becomes the key of a map */
function counting (render: (index: number) => string): Call {
  const addresses = multiaddrs(render)
  const known = new Map<string, number>()

  return index => {
    const address = addresses[index]
    let found = 0

    for (const text of address === undefined ? [] : normaliseAddress(address).groups) {
      found += known.get(text) ?? 0
    }

    return found
  }
}

const ip6 = (index: number): string => `2a00:${group(index, 0)}:${group(index, 1)}:${group(index, 2)}:${group(index, 3)}:${group(index, 4)}:${group(index, 5)}:${group(index, 6)}`
const ip4 = (index: number): string => `${(index % 90) + 11}.${index >>> 2 & 0xff}.${(index * 7) & 0xff}.${(index * 13) & 0xff}`

const ROWS: ReadonlyMap<string, Call> = new Map([
  ['ip4', normalising(index => `/ip4/${ip4(index)}/tcp/${1024 + index}`)],
  ['ip6', normalising(index => `/ip6/${ip6(index)}/tcp/${1024 + index}`)],
  ['ip6-mapped', normalising(index => `/ip6/::ffff:${ip4(index)}/tcp/${1024 + index}`)],
  ['relayed', normalising(index => `/ip4/${ip4(index)}/tcp/4001/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`)],
  ['dns', normalising(index => `/dns4/node-${index}.example.org/tcp/443/wss`)],
  ['ip4-as-map-keys', counting(index => `/ip4/${ip4(index)}/tcp/${1024 + index}`)],
  ['ip6-as-map-keys', counting(index => `/ip6/${ip6(index)}/tcp/${1024 + index}`)],
  // what it is compared with: parsing alone
  ['is-ip-parse-ip6', index => parseIPv6(TEXTS[index] ?? '')?.[15] ?? 0]
])

const TEXTS = Array.from({ length: ADDRESSES }, (_, index) => ip6(index))

/** CPU time, that of the garbage collector's threads included: what else runs on the machine does not count */
function nanoseconds (call: Call, calls: number): number {
  const start = process.cpuUsage()

  for (let index = 0; index < calls; index++) {
    sink += call(index % ADDRESSES)
  }

  const { user, system } = process.cpuUsage(start)

  return (user + system) * 1_000 / calls
}

benchmark('address', { maxSeconds: 120 }, async ({ report, quick, wanted }) => {
  const { calls, warmUp, rounds } = quick ? QUICK : FULL
  const rows = [...ROWS.keys()].filter(wanted)
  const samples = new Map<string, number[]>(rows.map(row => [row, []]))

  for (let round = -warmUp; round < rounds; round++) {
    for (const row of rotate(rows, Math.max(round, 0))) {
      const sample = nanoseconds(ROWS.get(row) ?? (() => 0), calls)

      if (round >= 0) {
        samples.get(row)?.push(sample)
      }
    }

    // signals are seen between rounds
    await new Promise(resolve => { setImmediate(resolve) })
  }

  for (const [row, sample] of samples) {
    const { q1, median: nsPerOp, q3 } = quartiles(sample)
    report.row({ row, nsPerOp, perSecond: Math.round(1e9 / nsPerOp), q1, q3 })

    if (TARGET.rows.includes(row) && nsPerOp > TARGET.nsPerOp) {
      report.missed(`${row} takes ${nsPerOp.toFixed(0)} ns, more than ${TARGET.nsPerOp}`)
    }
  }

  if (sink === 0) {
    report.invalid('nothing was measured')
  }
})
