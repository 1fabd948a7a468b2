import { multiaddr } from '@multiformats/multiaddr'
import { fakeConnection, FakeRaw, fakeSecured, fakeStream, PEERS } from '../fakes.ts'
import type { AddressClass, CloseReason, ConnectionRecord, ConnectionState, Direction, NormalisedAddress, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { Connection, MessageStream, PeerId, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** An address and what it is normalised to */
export interface Remote {
  readonly name: string
  readonly multiaddr: string
  readonly address: NormalisedAddress
}

function remote (name: string, text: string, key: string, kind: AddressClass, transport: string, more: Partial<NormalisedAddress> = {}): Remote {
  return { name, multiaddr: text, address: { key, class: kind, family: 0, words: [], groups: [key], share: key, transport, ...more } }
}

const RELAY = String(PEERS[2])

/** Every kind of remote that a participant may meet; none of them may surprise it */
export const REMOTES: readonly Remote[] = [
  remote('IPv4', '/ip4/203.0.113.7/tcp/4001', '203.0.113.7', 'public', 'tcp', {
    family: 4, words: [0xcb007107], groups: ['203.0.113.7', '203.0.113.0/24', '203.0.0.0/16']
  }),
  remote('loopback', '/ip4/127.0.0.1/tcp/4001', '127.0.0.1', 'loopback', 'tcp', {
    family: 4, words: [0x7f000001], groups: ['127.0.0.1', '127.0.0.0/24', '127.0.0.0/16']
  }),
  remote('IPv6', '/ip6/2001:db8::1/tcp/4001/ws', '2001:db8::1', 'public', 'ws', {
    family: 6, words: [0x20010db8, 0, 0, 1], groups: ['2001:db8::1', '2001:db8::/64', '2001:db8::/56', '2001:db8::/48'], share: '2001:db8::/64'
  }),
  remote('a relayed one', `/ip4/192.0.2.1/tcp/4001/p2p/${RELAY}/p2p-circuit/p2p/${String(PEERS[0])}`, `relay:${RELAY}`, 'relayed', 'circuit', { relay: RELAY }),
  remote('memory', '/memory/1', 'memory:1', 'memory', 'memory'),
  remote('a socket file', '/unix/%2Ftmp%2Fnode.sock', 'unix:/tmp/node.sock', 'unix', 'unix'),
  remote('a name', '/dns4/example.org/tcp/4001', 'dns:example.org', 'dns', 'tcp'),
  remote('WebRTC without an address', '/webrtc', 'none:webrtc', 'none', 'webrtc')
]

let records = 0

/** A record as a lifecycle would show it, moved along by hand */
export class FakeRecord implements ConnectionRecord {
  readonly id = `record-${++records}`
  readonly direction: Direction
  readonly remoteAddr: Multiaddr
  readonly address: NormalisedAddress
  readonly raw: FakeRaw
  readonly openedAt = 0
  state: ConnectionState = 'new'
  remotePeer?: PeerId
  connection?: Connection
  reason?: CloseReason
  readonly #control = new AbortController()

  constructor ({ multiaddr: text, address }: Remote, direction: Direction) {
    this.direction = direction
    this.raw = new FakeRaw(text, direction, 'at-once')
    this.remoteAddr = multiaddr(text)
    this.address = address
  }

  get signal (): AbortSignal {
    return this.#control.signal
  }

  identify (peer: PeerId): void {
    this.state = 'handshaking'
    this.remotePeer = peer
  }

  upgrade (peer: PeerId): void {
    this.connection = fakeConnection(this.raw, peer)
  }

  end (reason: CloseReason): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.reason = reason
    this.#control.abort(reason)
  }

  close (reason: CloseReason): Promise<void> {
    this.end(reason)
    return Promise.resolve()
  }
}

/** A stream's record that can be moved along by hand */
export type FakeStreamRecord = { -readonly [K in keyof StreamRecord]: StreamRecord[K] }

export function streamOf (connection: ConnectionRecord, direction: Direction, made = true): FakeStreamRecord {
  const stream: Stream | undefined = made ? fakeStream(direction) : undefined
  return { id: `stream-${++records}`, connection, direction, openedAt: 0, ...(stream == null ? {} : { stream }) }
}

export function securedOf (record: ConnectionRecord): MessageStream {
  return fakeSecured(record.direction)
}
