import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { autoscale, goLimitsSchema, infiniteLimits, readLimits, writeLimits } from '../src/index.ts'
import { PEER_CIDS } from './fixtures/peer-cids.ts'

const PEER = '12D3KooWPFH2Bx2tPfw6RLxN8k2wh47GRXgkt9yrAHU37zFwHWzS'

// strict: a keyword that is misspelt is an error, and not a rule that is left out
const accepts = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(goLimitsSchema)

function isRead (json: unknown): boolean {
  try {
    readLimits(JSON.stringify(json))
    return true
  } catch {
    return false
  }
}

describe('the schema of the file of go-libp2p', () => {
  it.each([
    ['nothing', {}],
    ['a whole file', JSON.parse(writeLimits(autoscale({ memory: 2 ** 34, fileDescriptors: 1_000 })).text)],
    ['no limits', JSON.parse(writeLimits(infiniteLimits).text)],
    ['numbers of the old format', { System: { Conns: -1, Streams: -2, FD: 0, Memory: 1 } }],
    ['words', { System: { Conns: 'default', Streams: 'unlimited', Memory: 'blockAll' } }],
    ['memory as text', { Transient: { Memory: '9223372036854775807' } }],
    ['names', { Protocol: { '/x/1': { StreamsInbound: 1 } }, Service: { x: {} }, ServicePeer: { x: { ConnsOutbound: 2 } } }],
    ['a peer', { Peer: { [PEER]: { FD: 1 } } }],
    ...PEER_CIDS.map(([cid]): [string, unknown] => [`a peer as ${cid}`, { Peer: { [cid]: { FD: 1 } } }]),
    ['null for a scope', { System: null, Protocol: null, Peer: null, Service: { x: null } }],
    ['null for a count', { System: { Conns: null } }]
  ])('accepts %s', (_, json) => {
    expect([accepts(json), accepts.errors]).toEqual([true, null])
    expect(isRead(json)).toBe(true)
  })

  it.each([
    ['a scope that there is not', { Sistem: {} }],
    ['a limit that there is not', { System: { Connections: 1 } }],
    ['a limit that there is not, of a name', { Protocol: { '/x': { Connections: 1 } } }],
    ['less than blockAll', { System: { Conns: -3 } }],
    ['a fraction', { System: { Conns: 1.5 } }],
    ['a number as text', { System: { Conns: '7' } }],
    ['a fraction of memory as text', { System: { Memory: '7.5' } }],
    ['another word', { System: { Conns: 'Unlimited' } }],
    ['a scope that is no object', { System: 1 }],
    ['names that are no object', { Protocol: [] }],
    ['limits of a name that are no object', { Protocol: { '/x': 1 } }],
    ['null for memory', { System: { Memory: null } }],
    ['limits where there are names', { Protocol: { Conns: 1 } }],
    ['an empty name', { Service: { '': {} } }],
    ['a peer that is none', { Peer: { Conns: {} } }],
    ['no object', []],
    ['null', null]
  ])('refuses %s', (_, json) => {
    expect([accepts(json), isRead(json)]).toEqual([false, false])
  })
})
