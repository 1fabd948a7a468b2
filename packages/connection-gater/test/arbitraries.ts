import { formatPrefix, normaliseAddress, normaliseIPBytes, prefixOf } from '@cordon/address'
import fc from 'fast-check'
import type { NaiveRule } from './reference.ts'
import type { GateTarget } from '@cordon/interface-connection-gater'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'

const PEERS = [
  '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9',
  'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N',
  'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'
] as const

const NAMES = ['node.example', 'a.node.example', 'b.a.node.example', 'other.test', 'example'] as const
const TRANSPORTS = ['tcp', 'ws', 'wss', 'quic'] as const

/** Few different bits, so that ranges and addresses meet */
const byte = fc.constantFrom(0, 1, 2, 127, 128, 255)
const bytes4 = fc.array(byte, { minLength: 4, maxLength: 4 })
const bytes6 = fc.array(byte, { minLength: 15, maxLength: 15 }).map(rest => [0x2a, ...rest])

const address = fc.oneof(bytes4, bytes6).map(bytes => normaliseIPBytes(Uint8Array.from(bytes)))

const range = fc.tuple(address, fc.nat(128)).map(([ip, length]) => {
  const prefix = prefixOf(ip, length % (ip.family === 4 ? 33 : 129))
  return prefix === undefined ? '0.0.0.0/0' : formatPrefix(prefix)
})

const what = fc.oneof(
  { weight: 6, arbitrary: range.map(value => ({ kind: 'range' as const, value })) },
  { weight: 2, arbitrary: fc.constantFrom(...PEERS).map(value => ({ kind: 'peer' as const, value })) },
  fc.constantFrom(...PEERS).map(value => ({ kind: 'relay' as const, value })),
  fc.constantFrom(...TRANSPORTS).map(value => ({ kind: 'transport' as const, value })),
  fc.constant({ kind: 'relayed' as const, value: '' }),
  fc.tuple(fc.constantFrom('name' as const, 'below' as const), fc.constantFrom(...NAMES), fc.option(fc.constantFrom(...TRANSPORTS), { nil: undefined }))
    .map(([kind, value, transport]) => ({ kind, value, ...(transport === undefined ? {} : { transport }) })),
  fc.tuple(range, fc.constantFrom(...TRANSPORTS)).map(([value, transport]) => ({ kind: 'at' as const, value, transport }))
)

export const rule: fc.Arbitrary<NaiveRule> = fc.record({
  action: fc.constantFrom('allow' as const, 'block' as const),
  direction: fc.constantFrom('any' as const, 'inbound' as const, 'outbound' as const),
  what
}).map(({ what, ...rest }) => ({ ...rest, ...what }))

const through: fc.Arbitrary<NormalisedAddress> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(address, fc.constantFrom('/tcp/1', '/tcp/1/ws', '/udp/1/quic-v1')).map(([{ key }, rest]) => normaliseAddress(`/ip${key.includes(':') ? 6 : 4}/${key}${rest}`)) },
  fc.constantFrom(...NAMES).map(name => normaliseAddress(`/dns4/${name}/tcp/443/wss`)),
  fc.constantFrom(...PEERS).map(peer => normaliseAddress(`/ip4/1.2.3.4/tcp/1/p2p/${peer}/p2p-circuit`)),
  fc.constant(normaliseAddress('/memory/x'))
)

export const target: fc.Arbitrary<GateTarget> = fc.record({
  direction: fc.constantFrom('inbound' as const, 'outbound' as const),
  address: through,
  peer: fc.constantFrom(...PEERS)
}, { requiredKeys: ['direction'] })
