import type { AddressClass } from '../src/index.ts'

const RELAY = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'
const RELAY2 = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'
const RELAY2_CID = 'bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe'
const PEER = 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'
const ONION3 = 'vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd'
const CERTHASH = 'uEiDikp5KVUgkLta1EjUN-IKbHk-dUBg8VzKgf5nXxLK46w'

/** What a host is to be recognised as */
export interface Expected {
  key: string
  class: AddressClass
  family: 0 | 4 | 6
  groups: string[]
  share: string
  relay?: string
}

function ip4 (key: string, kind: AddressClass, net24: string, net16: string): Expected {
  return { key, class: kind, family: 4, groups: [`${key}/32`, `${net24}/24`, `${net16}/16`], share: `${key}/32` }
}

function ip6 (key: string, kind: AddressClass, net64: string, net56: string, net48: string): Expected {
  return { key, class: kind, family: 6, groups: [`${key}/128`, `${net64}/64`, `${net56}/56`, `${net48}/48`], share: kind === 'loopback' ? `${key}/128` : `${net64}/64` }
}

function named (key: string, kind: AddressClass, relay?: string): Expected {
  return { key, class: kind, family: 0, groups: [key], share: key, ...(relay === undefined ? {} : { relay }) }
}

const DOC4 = ip4('192.0.2.1', 'reserved', '192.0.2.0', '192.0.0.0')
const PUBLIC4 = ip4('8.8.4.4', 'public', '8.8.4.0', '8.8.0.0')
const LOOP4 = ip4('127.0.0.1', 'loopback', '127.0.0.0', '127.0.0.0')
const DOC6 = ip6('2001:db8::1', 'reserved', '2001:db8::', '2001:db8::', '2001:db8::')
const PUBLIC6 = ip6('2a00:1450:4001:81b::200e', 'public', '2a00:1450:4001:81b::', '2a00:1450:4001:800::', '2a00:1450:4001::')
const LOOP6 = ip6('::1', 'loopback', '::', '::', '::')
const LINK6 = ip6('fe80::1', 'link-local', 'fe80::', 'fe80::', 'fe80::')
const VIA_RELAY = named(`relay:${RELAY}`, 'relayed', RELAY)
const VIA_RELAY2 = named(`relay:${RELAY2}`, 'relayed', RELAY2)
const EXAMPLE = named('dns:node.example', 'dns')

/** One host a row: what it is, and every spelling with the transport that is told from it */
export const TABLE: ReadonlyArray<readonly [name: string, expected: Expected, spellings: ReadonlyArray<readonly [text: string, transport: string]>]> = [
  ['IPv4', DOC4, [
    ['192.0.2.1', 'unknown'],
    ['/ip4/192.0.2.1', 'unknown'],
    ['/ip4/192.0.2.1/tcp/4001', 'tcp'],
    ['/ip4/192.0.2.1/tcp/65535/', 'tcp'],
    ['//ip4/192.0.2.1/tcp/1', 'tcp'],
    [`/ip4/192.0.2.1/tcp/4001/p2p/${PEER}`, 'tcp'],
    [`/ip4/192.0.2.1/tcp/4001/ipfs/${PEER}`, 'tcp'],
    ['/ip4/192.0.2.1/ipcidr/24', 'unknown'],
    ['/ip4/192.0.2.1/udp/4001', 'unknown'],
    ['/ip4/192.0.2.1/udp/4001/quic', 'quic'],
    ['/ip4/192.0.2.1/udp/4001/quic-v1', 'quic'],
    ['/ip4/192.0.2.1/udp/4001/quic-v1/webtransport', 'webtransport'],
    [`/ip4/192.0.2.1/udp/4001/quic-v1/webtransport/certhash/${CERTHASH}/certhash/${CERTHASH}/p2p/${PEER}`, 'webtransport'],
    [`/ip4/192.0.2.1/udp/4001/webrtc-direct/certhash/${CERTHASH}`, 'webrtc-direct'],
    ['/ip4/192.0.2.1/tcp/80/ws', 'ws'],
    ['/ip4/192.0.2.1/tcp/443/wss', 'wss'],
    ['/ip4/192.0.2.1/tcp/443/tls/ws', 'wss'],
    ['/ip4/192.0.2.1/tcp/443/tls/sni/other.example/ws/http-path/x', 'wss'],
    ['/ip4/192.0.2.1/tcp/443/tls', 'tcp'],
    ['/ip4/192.0.2.1/tcp/443/tls/http', 'tcp'],
    // a name where resolvers take it for an address
    ['/dns4/192.0.2.1/tcp/1', 'tcp'],
    ['/dns/192.0.2.1./tcp/1', 'tcp'],
    ['/dns4/0xc0.0.2.1/tcp/1', 'tcp'],
    ['/dns4/3221225985/tcp/1', 'tcp'],
    ['/dns4/0300.0.02.01/tcp/1', 'tcp'],
    ['dns:192.0.2.1', 'unknown']
  ]],
  ['IPv4 in IPv6', DOC4, [
    ['::ffff:192.0.2.1', 'unknown'],
    ['::FFFF:192.0.2.1', 'unknown'],
    ['0:0:0:0:0:ffff:192.0.2.1', 'unknown'],
    ['0000:0000:0000:0000:0000:ffff:c000:0201', 'unknown'],
    ['::ffff:c000:201', 'unknown'],
    ['::ffff:c000:201%eth0', 'unknown'],
    ['[::ffff:c000:201]', 'unknown'],
    ['0::0:ffff:192.0.2.1', 'unknown'],
    ['/ip6/::ffff:192.0.2.1/tcp/1', 'tcp'],
    ['/ip6/::ffff:c000:201/tcp/1', 'tcp'],
    ['/ip6/::ffff:c000:201/udp/1/quic-v1', 'quic'],
    ['/ip6zone/eth0/ip6/::ffff:c000:201/tcp/1', 'tcp'],
    ['/dns6/::ffff:c000:201/tcp/1', 'tcp'],
    ['::192.0.2.1', 'unknown'],
    ['::c000:201', 'unknown'],
    ['/ip6/::c000:201/tcp/1', 'tcp'],
    ['::ffff:0:192.0.2.1', 'unknown'],
    ['/ip6/::ffff:0:c000:201/tcp/1', 'tcp'],
    ['64:ff9b::192.0.2.1', 'unknown'],
    ['64:ff9b::c000:201', 'unknown'],
    ['/ip6/64:ff9b::c000:201/tcp/1/ws', 'ws'],
    ['2002:c000:201::', 'unknown'],
    ['2002:c000:0201:ffff:1:2:3:4', 'unknown'],
    ['/ip6/2002:c000:201::1/tcp/1', 'tcp'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdfe', 'unknown'],
    ['2001::3fff:fdfe', 'unknown'],
    ['/ip6/2001:0:4136:e378:8000:63bf:3fff:fdfe/udp/1/quic-v1', 'quic']
  ]],
  ['public IPv4', PUBLIC4, [['/ip4/8.8.4.4/tcp/1', 'tcp'], ['2002:808:404::', 'unknown'], ['2001:0:1::f7f7:fbfb', 'unknown']]],
  ['loopback IPv4', LOOP4, [['127.0.0.1', 'unknown'], ['::ffff:7f00:1', 'unknown'], ['::127.0.0.1', 'unknown'], ['/dns4/0x7f.1/tcp/1', 'tcp'], ['/dns4/127.1/tcp/1', 'tcp'], ['/dns4/2130706433/tcp/1', 'tcp']]],
  ['another loopback IPv4', ip4('127.255.3.4', 'loopback', '127.255.3.0', '127.255.0.0'), [['/ip4/127.255.3.4/tcp/1', 'tcp']]],
  ['documentation IPv6', DOC6, [
    ['2001:db8::1', 'unknown'],
    ['2001:DB8::1', 'unknown'],
    ['2001:db8:0:0:0:0:0:1', 'unknown'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', 'unknown'],
    ['2001:db8::0:1', 'unknown'],
    ['2001:db8:0::0:0:1', 'unknown'],
    ['2001:db8::0.0.0.1', 'unknown'],
    ['/ip6/2001:DB8:0:0::1/tcp/1', 'tcp'],
    ['/ip6zone/eth0/ip6/2001:db8::1/tcp/1', 'tcp'],
    ['/dnsaddr/2001:db8::1', 'unknown']
  ]],
  ['public IPv6', PUBLIC6, [
    ['2a00:1450:4001:81b::200e', 'unknown'],
    ['/ip6/2a00:1450:4001:81b:0:0:0:200e/udp/443/quic-v1/webtransport', 'webtransport'],
    [`/ip6/2a00:1450:4001:81b::200e/udp/443/webrtc-direct/certhash/${CERTHASH}/p2p/${PEER}`, 'webrtc-direct'],
    ['/ip6/2A00:1450:4001:081B::200E/tcp/443/tls/ws', 'wss']
  ]],
  ['IPv6 with the run in the middle of the network', ip6('2001:4860:0:1::', 'public', '2001:4860:0:1::', '2001:4860::', '2001:4860::'), [['2001:4860:0:1::', 'unknown'], ['2001:4860:0:1:0:0:0:0', 'unknown']]],
  ['IPv6 with two runs of zeros', ip6('2a00:0:0:1::1', 'public', '2a00:0:0:1::', '2a00::', '2a00::'), [['2a00:0:0:1:0:0:0:1', 'unknown'], ['2a00::1:0:0:0:1', 'unknown'], ['2a00:0:0:1::1', 'unknown']]],
  ['IPv6 with two equal runs of zeros', ip6('2a00::1:0:0:2:3', 'public', '2a00:0:0:1::', '2a00::', '2a00::'), [['2a00::1:0:0:2:3', 'unknown'], ['2a00:0:0:1::2:3', 'unknown']]],
  ['IPv6 with a single zero', ip6('2a00:1:0:2:3:4:5:6', 'public', '2a00:1:0:2::', '2a00:1::', '2a00:1::'), [['2a00:1::2:3:4:5:6', 'unknown'], ['2a00:1:0:2:3:4:5:6', 'unknown'], ['2a00:1::2:3:4:0.5.0.6', 'unknown']]],
  ['loopback IPv6', LOOP6, [['::1', 'unknown'], ['0:0:0:0:0:0:0:1', 'unknown'], ['::0.0.0.1', 'unknown'], ['[::1]', 'unknown'], ['/ip6/::1/tcp/1', 'tcp'], ['/ip6/0:0::1/tcp/1/ws', 'ws']]],
  ['link-local IPv6', LINK6, [
    ['fe80::1', 'unknown'],
    ['fe80::1%eth0', 'unknown'],
    ['fe80::1%25en0', 'unknown'],
    ['FE80:0::1%12', 'unknown'],
    ['/ip6/fe80::1/tcp/1', 'tcp'],
    ['/ip6/fe80::1%eth0/tcp/1', 'tcp'],
    ['/ip6/fe80::1%25eth0/tcp/1', 'tcp'],
    ['/ip6zone/eth0/ip6/fe80::1/tcp/1', 'tcp'],
    ['/ip6zone/wlan0/ip6/fe80::1/udp/1/quic-v1', 'quic']
  ]],
  ['unspecified IPv4', ip4('0.0.0.0', 'unspecified', '0.0.0.0', '0.0.0.0'), [['/ip4/0.0.0.0/tcp/0', 'tcp'], ['::ffff:0:0', 'unknown']]],
  ['unspecified IPv6', ip6('::', 'unspecified', '::', '::', '::'), [['::', 'unknown'], ['/ip6/::/tcp/0', 'tcp'], ['0:0:0:0:0:0:0:0', 'unknown']]],
  ['translation inside one network', ip6('64:ff9b:1::102:304', 'private', '64:ff9b:1::', '64:ff9b:1::', '64:ff9b:1::'), [['64:ff9b:1::1.2.3.4', 'unknown']]],
  ['a relay', VIA_RELAY, [
    [`/p2p/${RELAY}/p2p-circuit`, 'circuit'],
    [`/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`, 'circuit'],
    [`/ip4/192.0.2.1/tcp/4001/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`, 'circuit'],
    [`/ip6/2001:db8::1/udp/4001/quic-v1/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`, 'circuit'],
    [`/dns4/relay.example/tcp/443/wss/p2p/${RELAY}/p2p-circuit`, 'circuit'],
    [`/ip4/192.0.2.1/tcp/4001/ipfs/${RELAY}/p2p-circuit/ipfs/${PEER}`, 'circuit'],
    [`/ip4/192.0.2.1/tcp/4001/p2p/${PEER}/p2p-circuit/p2p/${RELAY}/p2p-circuit/p2p/${RELAY2}`, 'circuit'],
    [`/ip4/192.0.2.1/tcp/4001/p2p/${RELAY}/p2p-circuit/webrtc/p2p/${PEER}`, 'webrtc']
  ]],
  ['a relay with an id that has two texts', VIA_RELAY2, [
    [`/ip4/192.0.2.1/tcp/1/p2p/${RELAY2}/p2p-circuit`, 'circuit'],
    [`/ip4/192.0.2.1/tcp/1/p2p/${RELAY2_CID}/p2p-circuit`, 'circuit'],
    [`relay:${RELAY2_CID}`, 'circuit']
  ]],
  ['a relay known by its address', named('relay:192.0.2.1', 'relayed'), [
    [`/ip4/192.0.2.1/tcp/4001/p2p-circuit/p2p/${PEER}`, 'circuit'],
    [`/ip6/::ffff:c000:201/tcp/1/ws/p2p-circuit/p2p/${PEER}`, 'circuit'],
    ['relay:::ffff:192.0.2.1', 'circuit']
  ]],
  ['a relay known by its name', named('relay:dns:relay.example', 'relayed'), [[`/dns/Relay.Example./tcp/443/wss/p2p-circuit/p2p/${PEER}`, 'circuit']]],
  ['a relay that is not told', named('none:circuit', 'relayed'), [['/p2p-circuit', 'circuit'], [`/p2p-circuit/p2p/${PEER}`, 'circuit'], ['none:circuit', 'circuit']]],
  ['DNS', EXAMPLE, [
    ['/dns/node.example/tcp/1', 'tcp'],
    ['/dns4/node.example/tcp/443/wss', 'wss'],
    ['/dns6/NODE.Example/tcp/443/tls/ws', 'wss'],
    ['/dns4/node.example./udp/1/quic-v1', 'quic'],
    [`/dnsaddr/node.example/p2p/${PEER}`, 'unknown'],
    ['dns:Node.EXAMPLE.', 'unknown'],
    ['/dns4/node.example.../tcp/1', 'tcp']
  ]],
  ['international DNS', named('dns:xn--bcher-kva.example', 'dns'), [['/dns4/bücher.example/tcp/1', 'tcp'], ['/dns4/BÜCHER.example./tcp/1', 'tcp'], ['/dns4/xn--bcher-kva.example/tcp/1', 'tcp']]],
  ['unix', named('unix:/tmp/node.sock', 'unix'), [['/unix/%2Ftmp%2Fnode.sock', 'unix'], [`/unix/%2ftmp%2fnode.sock/p2p/${PEER}`, 'unix'], ['unix:/tmp/node.sock', 'unix']]],
  ['memory', named('memory:a', 'memory'), [['/memory/a', 'memory'], [`/memory/a/p2p/${PEER}`, 'memory'], ['memory:a', 'memory']]],
  ['onion', named(`onion:${ONION3}`, 'none'), [[`/onion3/${ONION3}:1234`, 'unknown'], [`/onion3/${ONION3}:80/tcp/1`, 'tcp'], [`onion:${ONION3.toUpperCase()}`, 'unknown']]],
  ['garlic', named('garlic64:aBc', 'none'), [['/garlic64/aBc', 'unknown']]],
  ['a peer id alone', named(`p2p:${RELAY2}`, 'none'), [[`/p2p/${RELAY2}`, 'unknown'], [`/p2p/${RELAY2_CID}`, 'unknown'], [`/webrtc/p2p/${RELAY2}`, 'webrtc'], [`p2p:${RELAY2_CID}`, 'unknown']]],
  ['nothing', named('none:unknown', 'none'), [['/', 'unknown'], ['/tls', 'unknown'], ['none:unknown', 'unknown']]],
  ['WebRTC without a peer', named('none:webrtc', 'none'), [['/webrtc', 'webrtc'], ['none:webrtc', 'webrtc']]],
  ['ports alone', named('none:tcp', 'none'), [['/tcp/1', 'tcp'], ['/tcp/2', 'tcp']]]
]
