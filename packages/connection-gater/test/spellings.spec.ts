import { normaliseAddress } from '@cordon/address'
import { describe, expect, it } from 'vitest'
import { RuleBook } from '../src/rules/rule-book.ts'
import { parseSubject } from '../src/rules/subject.ts'
import { PEER } from './support.ts'

const V4 = ['192.0.2.1', '/ip4/192.0.2.1', '/ip4/192.0.2.1/tcp/4001', '//ip4/192.0.2.1/tcp/1', `/ip4/192.0.2.1/tcp/4001/p2p/${PEER}`, '/ip4/192.0.2.1/udp/4001/quic-v1/webtransport', '/ip4/192.0.2.1/tcp/443/tls/ws', '/dns4/192.0.2.1/tcp/1', '/dns4/0xc0.0.2.1/tcp/1', '/dns4/3221225985/tcp/1', '/dns4/0300.0.02.01/tcp/1', '::ffff:192.0.2.1', '::FFFF:192.0.2.1', '0:0:0:0:0:ffff:192.0.2.1', '0000:0000:0000:0000:0000:ffff:c000:0201', '::ffff:c000:201', '::ffff:c000:201%eth0', '[::ffff:c000:201]', '/ip6/::ffff:c000:201/tcp/1', '/ip6zone/eth0/ip6/::ffff:c000:201/tcp/1', '::192.0.2.1', '::ffff:0:192.0.2.1', '64:ff9b::c000:201', '/ip6/64:ff9b::c000:201/tcp/1/ws', '2002:c000:201::', '2002:c000:0201:ffff:1:2:3:4', '2001:0:4136:e378:8000:63bf:3fff:fdfe', '2001::3fff:fdfe']

const V6 = ['2001:db8::1', '2001:DB8::1', '2001:db8:0:0:0:0:0:1', '2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::0:1', '2001:db8::0.0.0.1', '/ip6/2001:DB8:0:0::1/tcp/1', '/ip6zone/eth0/ip6/2001:db8::1/tcp/1', '/dnsaddr/2001:db8::1']

const PEERS = ['QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N', 'bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe', '/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N', '/p2p/bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe']

describe.each([['IPv4', V4], ['IPv6', V6]])('P15: every spelling of an %s address', (_, spellings) => {
  it.each(spellings)('%s hits the rule about any other, and is the same rule', spelling => {
    const book = new RuleBook(1)
    expect(book.manual.add(parseSubject({ ip: spelling }), 'block', 'any')).toBe(true)
    for (const other of spellings) {
      expect(book.judge({ direction: 'inbound', address: normaliseAddress(other) }).decision).toBe('block')
      expect(book.manual.add(parseSubject({ ip: other }), 'block', 'any')).toBe(false)
    }
    expect(book.manual.size).toBe(1)
  })
})

describe('subjects', () => {
  it.each(PEERS)('have one text for a peer: %s', spelling => {
    expect(parseSubject(spelling).text).toBe(PEERS[0])
    expect(parseSubject({ peer: spelling }).text).toBe(PEERS[0])
  })

  it.each([
    ['192.0.2.77/24', 'cidr', '192.0.2.0/24'],
    ['::ffff:192.0.2.0/120', 'cidr', '192.0.2.0/24'],
    ['/ip4/192.0.2.0/ipcidr/24', 'cidr', '192.0.2.0/24'],
    ['/ip4/*', 'cidr', '0.0.0.0/0'],
    ['/ip6/*', 'cidr', '::/0'],
    ['/ip4/192.0.2.1', 'ip', '192.0.2.1/32'],
    ['[2001:db8::1]', 'ip', '2001:db8::1/128'],
    ['/dns4/Node.Example.', 'pattern', '/dns/node.example'],
    ['/dnsaddr/*.Node.Example', 'pattern', '/dns/*.node.example'],
    ['/dns/0x7f.1', 'ip', '127.0.0.1/32'],
    ['/dns/0x7f.1/ws', 'pattern', '/ip4/127.0.0.1/ws'],
    ['/dns/*', 'pattern', '/dns/*'],
    ['/ip6/2001:db8::/ipcidr/32/quic-v1', 'pattern', '/ip6/2001:db8::/ipcidr/32/quic'],
    ['/ip4/*/ws', 'pattern', '/ip4/*/ws'],
    ['/unix/tmp/socket', 'pattern', '/unix/tmp/socket'],
    ['/memory/name', 'pattern', '/memory/name'],
    ['/memory', 'transport', '/memory'],
    ['/webrtc-direct', 'transport', '/webrtc-direct'],
    ['/p2p-circuit', 'relayed', '/p2p-circuit'],
    [`/p2p/${PEERS[1]}/p2p-circuit`, 'relay', `/p2p/${PEERS[0]}/p2p-circuit`]
  ])('%s is of the kind %s with the text %s', (given, kind, text) => {
    expect(parseSubject(given)).toMatchObject({ kind, text })
    expect(parseSubject(text)).toEqual(parseSubject(given))
  })
})
