import type { CompleteLimits } from '../limits/defaults.ts'
import type { ScopeLimits } from '@cordon/interface-resource-manager'

const SERVICE = 'libp2p.ping'
const PROTOCOL = '/ipfs/ping/1.0.0'

/**
 * The limits of a js-libp2p node: go-libp2p's, but for ping. js-libp2p pings all its connections at once each 10 s and
 * cuts those whose ping fails (`ConnectionMonitor`, libp2p 3.3.11), so a ping that is refused costs a connection, here
 * or at the other side. Pings of some must not use up those of others, nor theirs ours: each peer has room for one on
 * each connection that it may have, on top of go-libp2p's, and in all there is no other bound than that of the system.
 */
export function forNodes (limits: CompleteLimits): CompleteLimits {
  const { connections } = limits.peerDefault
  return {
    ...limits,
    service: withPing(limits.service, SERVICE, endless),
    protocol: withPing(limits.protocol, PROTOCOL, endless),
    servicePeer: withPing(limits.servicePeer, SERVICE, ping => roomFor(ping, connections)),
    protocolPeer: withPing(limits.protocolPeer, PROTOCOL, ping => roomFor(ping, connections))
  }
}

function withPing (scopes: Readonly<Record<string, ScopeLimits>>, name: string, change: (ping: ScopeLimits) => ScopeLimits): Readonly<Record<string, ScopeLimits>> {
  const ping = scopes[name]
  return ping === undefined ? scopes : { ...scopes, [name]: change(ping) }
}

function endless (ping: ScopeLimits): ScopeLimits {
  return { ...ping, streams: Infinity, streamsInbound: Infinity, streamsOutbound: Infinity }
}

function roomFor (ping: ScopeLimits, connections: number): ScopeLimits {
  const streamsInbound = ping.streamsInbound + connections
  const streamsOutbound = ping.streamsOutbound + connections
  return { ...ping, streams: streamsInbound + streamsOutbound, streamsInbound, streamsOutbound }
}
